"""Addresses and mirrors that lie, stall, break off or never end: a real server on this machine."""

import contextlib
import datetime
import hashlib
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from helpers import refused

from lottery.data.sources import fetch, http

CONTENT = random.Random(0).randbytes(700_000)
PAGE = b"<!DOCTYPE html><title>Not here</title>"


class Handler(BaseHTTPRequestHandler):
    """Hands each request to ``server.answer``."""

    server: Any

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        with contextlib.suppress(OSError):  # the client has hung up
            self.server.answer(self)

    def send(self, body: bytes, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


Answer = Callable[[Handler], object]
Serve = Callable[..., Any]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that calls ``answer`` for every request; over TLS with a ``context``."""
    running = []

    def start(answer: Answer, context: ssl.SSLContext | None = None) -> Any:
        httpd: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        httpd.answer, httpd.requests = answer, []
        if context:
            httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        httpd.url = f"http{'s' if context else ''}://127.0.0.1:{httpd.server_port}/"
        threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
        running.append(httpd)
        return httpd

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


@pytest.fixture(autouse=True)
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOTTERY_DOWNLOADS", str(tmp_path / "downloads"))
    monkeypatch.delenv("LOTTERY_MIRROR", raising=False)
    monkeypatch.setattr(http.download, "__defaults__", (3, 0.01))
    return tmp_path / "downloads"


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz"])
def test_an_error_page_is_never_the_digest_first_seen(
    serve: Serve, downloads: Path, name: str
) -> None:
    """Where no digest is published, the first is recorded: it must be an archive's."""
    server = serve(lambda request: request.send(PAGE))
    call = lambda: fetch.official(name, server.url, None)  # noqa: E731
    refused(call, f"{name}.rejected", "archive", "LOTTERY_MIRROR")
    assert not (downloads / f"{name}.sha256").exists()
    assert not (downloads / name).exists()


def test_an_error_page_for_a_file_with_a_digest(serve: Serve, downloads: Path) -> None:
    server = serve(lambda request: request.send(PAGE))
    refused(lambda: fetch.official("a.zip", server.url, "00"), "a.zip.rejected: MD5 is")
    assert not (downloads / "a.zip").exists()


def test_an_error_page_for_a_mirrors_list(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not pass for a mirror that lists nothing, for which the official address is next."""
    mirror, address = (serve(lambda request: request.send(PAGE)) for _ in range(2))
    monkeypatch.setenv("LOTTERY_MIRROR", mirror.url)
    call = lambda: fetch.official("a.zip", address.url, None)  # noqa: E731
    refused(call, "SHA256SUMS: line 1: expected a SHA-256", "LOTTERY_MIRROR")
    assert not address.requests


def test_a_body_shorter_than_it_says(serve: Serve, downloads: Path) -> None:
    server = serve(lambda request: request.send(CONTENT[:1000], Content_Length=5000))
    refused(lambda: fetch.official("a", server.url, md5(CONTENT[:1000])), "/a: ", "1000", "broke")
    assert len(server.requests) == 3
    assert [path.name for path in downloads.iterdir() if path.suffix != ".lock"] == [
        "a.part",
        "a.part.version",
    ]


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,a", "//["])
def test_a_redirect_to_something_else(serve: Serve, downloads: Path, target: str) -> None:
    server = serve(lambda request: request.send(b"", 302, Location=target))
    refused(lambda: fetch.official("a", server.url, None), server.url, "LOTTERY_MIRROR")
    assert not (downloads / "a").exists()


def test_redirects_without_end(serve: Serve) -> None:
    server = serve(lambda request: request.send(b"", 302, Location=request.path))
    refused(lambda: fetch.official("a", server.url, None), "redirects", "LOTTERY_MIRROR")


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for this machine that is made here and trusted for one test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    this_machine = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(this_machine, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "both.pem").write_bytes(pem + secret)
    (tmp_path / "trusted.pem").write_bytes(pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "trusted.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


def test_https_never_passes_through_http(
    serve: Serve, tls: ssl.SSLContext, downloads: Path
) -> None:
    """Neither at the end of the redirects nor on the way to an address with https again."""
    good = serve(lambda request: request.send(CONTENT), tls)
    plain = serve(lambda request: request.send(CONTENT))
    back = serve(lambda request: request.send(b"", 302, Location=good.url))
    assert fetch.official("a", good.url, None).path.read_bytes() == CONTENT
    for middle in (plain, back):
        target = middle.url
        first = serve(lambda request, to=target: request.send(b"", 302, Location=to), tls)
        call = lambda url=first.url: fetch.official("b", url, None)  # noqa: E731
        refused(call, f"redirects to {target}", "not https", "LOTTERY_MIRROR")
        assert not (downloads / "b").exists()


def endless(request: Handler) -> None:
    request.send(b"")
    for _ in range(3000):  # 300 MB: not endless, so that a defect fails and does not hang
        request.wfile.write(bytes(100_000))


def test_an_endless_body(serve: Serve, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(endless)
    target = downloads / "a"
    call = lambda: http.download(server.url + "a", target, max_bytes=1 << 20)  # noqa: E731
    refused(call, "/a: more than 1048576 bytes", "LOTTERY_MIRROR")
    assert len(server.requests) == 1, "it is not tried again"
    assert not list(downloads.glob("*.part")), "it must not fill the disk"
    monkeypatch.setenv("LOTTERY_MIRROR", server.url)
    refused(lambda: fetch.official("a", "x", None), "SHA256SUMS: more than 1048576 bytes")


def test_a_size_that_is_announced_and_refused(serve: Serve, downloads: Path) -> None:
    server = serve(lambda request: request.send(b"", Content_Length=100 << 30))
    refused(lambda: fetch.official("a", server.url, None), "more than 4294967296 bytes")


def test_a_connection_dropped_at_random_bytes(serve: Serve, downloads: Path) -> None:
    """More drops than tries: each goes on from the very byte, none gives up while it gets on."""
    generator, drops = random.Random(0), [90_001]
    while drops[-1] < len(CONTENT) - 150_000:
        drops.append(drops[-1] + generator.randrange(70_000, 150_000))
    coming = list(drops)

    def answer(request: Handler) -> None:
        wanted = request.headers.get("Range", "bytes=0-")
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        size = len(CONTENT)
        status, headers = 200, {"ETag": '"1"', "Content_Length": size - start}
        if start:
            status = 206
            headers["Content_Range"] = f"bytes {start}-{size - 1}/{size}"
        end = coming.pop(0) if coming else size
        request.send(CONTENT[start:end], status, **headers)

    server = serve(answer)
    assert fetch.official("a", server.url, md5(CONTENT)).path.read_bytes() == CONTENT
    assert len(drops) > 3, "as many tries as there are without progress"
    ranges = [wanted for _, wanted in server.requests]
    assert ranges == [None, *(f"bytes={drop}-" for drop in drops)]


def test_a_trickle(serve: Serve, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that keep coming, too slowly ever to end, and in time for every timeout of a socket."""
    stop = threading.Event()

    def answer(request: Handler) -> None:
        request.send(b"", Content_Length=10**6)
        for _ in range(400):  # eight seconds
            request.wfile.write(b".")
            if stop.wait(0.02):
                return

    server = serve(answer)
    monkeypatch.setattr(http, "SLOW_S", 0.2)
    began = time.monotonic()
    refused(lambda: fetch.official("a", server.url, None), "bytes arrived in", "LOTTERY_MIRROR")
    assert time.monotonic() - began < 5
    assert len(server.requests) == 3
    stop.set()


def test_silence(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()

    def answer(request: Handler) -> None:
        request.send(b"some", Content_Length=1000)
        stop.wait(5)

    server = serve(answer)
    monkeypatch.setattr(http, "TIMEOUT_S", (0.2, 0.2))
    refused(lambda: fetch.official("a", server.url, None), "timed out", "LOTTERY_MIRROR")
    stop.set()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\x00\xff" * 50 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe/\r\n\r\n",
    ],
)
def test_answers_that_are_no_http(serve: Serve, downloads: Path, answer: bytes) -> None:
    server = serve(lambda request: request.wfile.write(answer))
    refused(lambda: fetch.official("a", server.url, None), server.url, "LOTTERY_MIRROR")
    assert not (downloads / "a").exists()
