"""One file over HTTP: goes on after a broken connection, renamed only when it is whole."""

import time
from collections.abc import Iterator
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from lottery.errors import LotteryError

TIMEOUT_S = (10, 60)
"""Seconds to connect, and to wait for the next bytes."""
CHUNK_BYTES = 1 << 16
"""Read at most at once; what has arrived is written, so a broken connection loses nothing."""
SLOW_S = 60.0
SLOW_BYTES = 1 << 16
"""Fewer bytes than these in that many seconds are a trickle that would never end."""
MAX_BYTES = 4 << 30
"""Of a file: the largest of ours, GloVe, has 0.9 GB. An endless one must not fill the disk."""
MIRROR_HINT = (
    "if this machine cannot reach it, set LOTTERY_MIRROR to a folder or address that holds "
    "the file and a SHA256SUMS"
)


def download(
    url: str, target: Path, attempts: int = 5, backoff_s: float = 1.0, *, most: int = MAX_BYTES
) -> None:
    """Fetch ``url`` to ``target``; the bytes of a broken try are kept in ``<target>.part``, and
    beside them which version of the file they are of.

    Each further try asks for the missing range and waits twice as long, from ``backoff_s``
    seconds; ``attempts`` of them may bring nothing that counts, one after the other. Raises
    LotteryError if the address cannot be had, or gives more than ``most`` bytes.
    """
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    failed, furthest = 0, 0
    while True:
        try:
            _once(url, part, most)
        except (requests.ConnectionError, requests.Timeout, _Broken) as error:
            # A try that got further begins a new row: a large file may need many connections.
            have = part.stat().st_size if part.exists() else 0
            failed = 1 if have >= furthest + SLOW_BYTES else failed + 1
            furthest = max(furthest, have)
            if failed >= attempts:
                raise LotteryError(f"{url}: {_reason(error)}; {MIRROR_HINT}") from None
            time.sleep(backoff_s * 2 ** (failed - 1))
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # ValueError: requests parses the address of a redirect as it comes.
            raise LotteryError(f"{url}: {_reason(error)}; {MIRROR_HINT}") from None
        else:
            part.replace(target)
            part.with_name(part.name + ".version").unlink()
            return


class _Broken(requests.RequestException):
    """The server stopped early or asks to be tried again."""


def _once(url: str, part: Path, most: int) -> None:
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
        _check_size(url, part, total or 0, most)
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            for chunk in _arriving(answer.raw):
                have += len(chunk)
                _check_size(url, part, have, most)
                file.write(chunk)
                bar.update(len(chunk))
        if total is not None and have < total:
            raise _Broken(f"the connection ended after {have} of {total} bytes")


def _arriving(body: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body's bytes as they come in. Raises _Broken if they break off or only trickle."""
    began, count = time.monotonic(), 0
    while True:
        try:
            # Not decoded: an archive that is announced as packed is wanted as it is.
            chunk = body.read1(CHUNK_BYTES, decode_content=False)
        except urllib3.exceptions.TimeoutError:
            raise _Broken("timed out") from None
        except urllib3.exceptions.HTTPError as error:
            raise _Broken(f"the connection broke ({error.args[0]})") from None
        if not chunk:
            return
        yield chunk
        count += len(chunk)
        now = time.monotonic()
        if now - began >= SLOW_S:
            if count < SLOW_BYTES:
                raise _Broken(f"only {count} bytes came in {now - began:.0f} seconds")
            began, count = now, 0


def _check_size(url: str, part: Path, size: int, most: int) -> None:
    if size > most:
        part.unlink(missing_ok=True)
        raise LotteryError(f"{url}: more than {most} bytes; refused; {MIRROR_HINT}")


def _check_address(url: str, answer: requests.Response) -> None:
    """A redirect must not lead from https to something that anybody on the way can rewrite, not
    even for one of its steps."""
    for step in (*answer.history, answer):
        if url.startswith("https:") and not step.url.startswith("https:"):
            raise LotteryError(
                f"{url}: redirects to {step.url}, which is not https; refused; {MIRROR_HINT}"
            )


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    return str(error)
