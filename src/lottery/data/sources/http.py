"""Download one file over HTTP: resumes a broken connection, and appears only when complete."""

import time
from collections.abc import Iterator
from pathlib import Path

import requests
import urllib3

from lottery import progress
from lottery.errors import LotteryError

TIMEOUT_S = (10, 60)
"""Seconds to connect, and to wait for the next bytes."""
CHUNK_BYTES = 1 << 16
"""The most to read at once. What has arrived is written, so a broken connection loses nothing."""
SLOW_S = 60.0
SLOW_BYTES = 1 << 16
"""A connection is too slow if fewer bytes than these arrive in that many seconds."""
MAX_BYTES = 4 << 30
"""Of a file: the largest of ours, GloVe, has 0.9 GB. An endless one must not fill the disk."""
MIRROR_HINT = (
    "if this machine cannot reach it, set LOTTERY_MIRROR to a folder or address that contains "
    "the file and a SHA256SUMS"
)


def download(
    url: str,
    target: Path,
    attempts: int = 5,
    backoff_s: float = 1.0,
    *,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Fetch ``url`` to ``target``.

    The bytes of a broken connection stay in ``<target>.part``, and the version of the file that
    they belong to is in ``<target>.part.version``. Each further attempt asks only for the rest,
    after ``backoff_s`` seconds, then twice as many, and so on. It gives up after ``attempts`` in a
    row that bring almost nothing. Raises LotteryError if the file cannot be fetched, or has more
    than ``max_bytes`` bytes.
    """
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    failed_attempts, furthest = 0, 0
    while True:
        try:
            _attempt(url, part, max_bytes)
        except (requests.ConnectionError, requests.Timeout, _Broken) as error:
            # Progress resets the count: a large file may need many connections.
            size = part.stat().st_size if part.exists() else 0
            failed_attempts = 1 if size >= furthest + SLOW_BYTES else failed_attempts + 1
            furthest = max(furthest, size)
            if failed_attempts >= attempts:
                raise LotteryError(f"{url}: {_reason(error)}; {MIRROR_HINT}") from None
            time.sleep(backoff_s * 2 ** (failed_attempts - 1))
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # ValueError: requests does not check the address of a redirect before it parses it.
            raise LotteryError(f"{url}: {_reason(error)}; {MIRROR_HINT}") from None
        else:
            part.replace(target)
            _version_note(part).unlink()
            return


class _Broken(requests.RequestException):
    """The connection broke, or the server asks to try again."""


def _version_note(part: Path) -> Path:
    """The file that says which version of the remote file ``part`` is the beginning of."""
    return part.with_name(part.name + ".version")


def _attempt(url: str, part: Path, max_bytes: int) -> None:
    """Append to ``part`` until it is complete. Raises _Broken if another attempt may help."""
    note = _version_note(part)
    # Resume only where the server can tell whether it is still the same file.
    version = note.read_text(encoding="utf-8") if part.exists() and note.exists() else ""
    size = part.stat().st_size if version else 0
    headers = {"Range": f"bytes={size}-", "If-Range": version} if size else {}
    headers["Accept-Encoding"] = "identity"  # in a compressed body, offsets are different
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        _check_redirects(url, response)
        resumed = _is_resumed(response, part, size)
        if not resumed:
            size = 0
            part.unlink(missing_ok=True)
            note.write_text(_version(response), encoding="utf-8")
        length = response.headers.get("Content-Length")
        total = size + int(length) if length and length.isdigit() else None
        _check_size(url, part, total or 0, max_bytes)
        with (
            part.open("ab" if resumed else "wb") as file,
            progress.counting(f"download {part.stem}", total, "MB", size, 10**6) as advance,
        ):
            for chunk in _chunks(response.raw):
                size += len(chunk)
                _check_size(url, part, size, max_bytes)
                file.write(chunk)
                advance(len(chunk))
        if total is not None and size < total:
            raise _Broken(f"the connection ended after {size} of {total} bytes")


def _is_resumed(response: requests.Response, part: Path, size: int) -> bool:
    """Whether the response has the bytes from ``size`` on, and not the whole file.

    Removes ``part`` and raises _Broken if it is not the beginning of the file on the server.
    """
    if response.status_code == 416:  # the part is longer than the file
        part.unlink(missing_ok=True)
        raise _Broken("the file at this address has changed")
    if response.status_code >= 500 or response.status_code == 429:
        raise _Broken(f"the server answered {response.status_code} {response.reason}")
    response.raise_for_status()
    if response.status_code != 206:
        return False
    if not response.headers.get("Content-Range", "").startswith(f"bytes {size}-"):
        part.unlink(missing_ok=True)
        raise _Broken("the server sent another range than the one requested")
    return True


def _version(response: requests.Response) -> str:
    """What identifies this version of the file to the server; empty if nothing does."""
    tag = response.headers.get("ETag", "")
    strong = "" if tag.startswith("W/") else tag
    return strong or response.headers.get("Last-Modified", "")


def _chunks(body: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the body's bytes as they arrive. Raises _Broken if they stop or arrive too slowly."""
    start, count = time.monotonic(), 0
    while True:
        try:
            # Not decoded: an archive that the server declares as compressed is wanted as it is.
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
        if now - start >= SLOW_S:
            if count < SLOW_BYTES:
                raise _Broken(f"only {count} bytes arrived in {now - start:.0f} seconds")
            start, count = now, 0


def _check_size(url: str, part: Path, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        part.unlink(missing_ok=True)
        raise LotteryError(f"{url}: more than {max_bytes} bytes; refused; {MIRROR_HINT}")


def _check_redirects(url: str, response: requests.Response) -> None:
    """Raise LotteryError if a redirect leads from https to http, even for one step: there anybody
    on the way could change the file."""
    for step in (*response.history, response):
        if url.startswith("https:") and not step.url.startswith("https:"):
            raise LotteryError(
                f"{url}: redirects to {step.url}, which is not https; refused; {MIRROR_HINT}"
            )


def _reason(error: Exception) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    return str(error)
