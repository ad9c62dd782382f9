"""One file over HTTP: goes on after a broken connection, renamed only when it is whole."""

import time
from pathlib import Path

import requests
from tqdm import tqdm

from lottery.errors import LotteryError

TIMEOUT_S = (10, 60)
"""Seconds to connect, and to wait for the next bytes."""
CHUNK_BYTES = 1 << 16
"""What a broken connection may lose."""
MIRROR_HINT = (
    "if this machine cannot reach it, set LOTTERY_MIRROR to a folder or address that holds "
    "the file and a SHA256SUMS"
)


def download(url: str, target: Path, attempts: int = 5, backoff_s: float = 1.0) -> None:
    """Fetch ``url`` to ``target``; the bytes of a broken try are kept in ``<target>.part``, and
    beside them which version of the file they are of.

    Each further try asks for the missing range and waits twice as long, from ``backoff_s``
    seconds. Raises LotteryError if the address cannot be had.
    """
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(attempts):
        try:
            _once(url, part)
        except (requests.ConnectionError, requests.Timeout, _Broken) as error:
            if attempt == attempts - 1:
                raise LotteryError(f"{url}: {_reason(error)}; {MIRROR_HINT}") from None
            time.sleep(backoff_s * 2**attempt)
        except requests.RequestException as error:
            raise LotteryError(f"{url}: {_reason(error)}; {MIRROR_HINT}") from None
        else:
            part.replace(target)
            part.with_name(part.name + ".version").unlink()
            return


class _Broken(requests.RequestException):
    """The server stopped early or asks to be tried again."""


def _once(url: str, part: Path) -> None:
    # A part goes on only if the server vouches that it is still the same file.
    seen = part.with_name(part.name + ".version")
    version = seen.read_text(encoding="utf-8") if part.exists() and seen.exists() else ""
    have = part.stat().st_size if version else 0
    headers = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
    headers["Accept-Encoding"] = "identity"  # a packed body has other offsets
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
        _check_address(url, answer)
        if answer.status_code == 416:  # the part is longer than the file: not its beginning
            part.unlink()
            raise _Broken("the file changed at its address")
        if answer.status_code >= 500 or answer.status_code == 429:
            raise _Broken(f"the server answers {answer.status_code} {answer.reason}")
        answer.raise_for_status()
        resumed = answer.status_code == 206
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise _Broken("the server sent another range than was asked for")
        have = have if resumed else 0
        if not resumed:
            part.unlink(missing_ok=True)
            tag = answer.headers.get("ETag", "")
            strong = "" if tag.startswith("W/") else tag
            seen.write_text(strong or answer.headers.get("Last-Modified", ""), encoding="utf-8")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            try:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
            except requests.exceptions.ChunkedEncodingError as error:
                raise _Broken(f"the connection broke ({error})") from None
        if total is not None and part.stat().st_size < total:
            raise _Broken(f"the connection ended after {part.stat().st_size} of {total} bytes")


def _check_address(url: str, answer: requests.Response) -> None:
    """A redirect must not lead from https to something that anybody on the way can rewrite."""
    if url.startswith("https:") and not answer.url.startswith("https:"):
        part = f"{url}: redirects to {answer.url}, which is not https; refused"
        raise LotteryError(part)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    return str(error)
