"""The report page in a real browser: widths, colors, names, silence.

Chromium is driven by its DevTools protocol over a web socket: aiohttp comes with DVC.
"""

import asyncio
import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from report_content import CELLS, HOSTILE, nothing, realistic

from lottery.report.content import Content
from lottery.report.page import render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on PATH")
# name, width, scheme, medium; a page of A4 is 794 wide, its margins of 14 mm leave 688.
VIEWS = [
    ("phone", 390, "light", "screen"),
    ("narrow", 360, "dark", "screen"),
    ("laptop", 1280, "light", "screen"),
    ("laptop-dark", 1280, "dark", "screen"),
    ("tablet", 1001, "light", "screen"),
    ("wide", 1440, "light", "screen"),
    ("print", 688, "dark", "print"),
]
# Relative luminance and contrast as WCAG 2.2 defines them, of every text that is drawn.
MEASURE = """
(() => {
  const summaries = [...document.querySelectorAll('summary')].filter(
    (e) => e.checkVisibility()).length;
  const height = document.documentElement.scrollHeight;
  const bottom = (selector) => document.querySelector(selector)?.getBoundingClientRect().bottom;
  const parse = (color) => {
    const numbers = color.match(/[\\d.]+/g).map(Number);
    return {rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1};
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const {rgb, alpha} = parse(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const inTitle = element.closest('title, style, script');
    if (inTitle || !walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = parse(element.closest('svg') ? style.fill : style.color).rgb;
    const [one, two] = [luminance(ink), luminance(behind(element))].sort((a, b) => b - a);
    texts.push([(one + 0.05) / (two + 0.05), walk.currentNode.data.trim().slice(0, 40)]);
  }
  document.querySelectorAll('details').forEach((e) => { e.open = true; });
  const overflowing = [...document.querySelectorAll('.scroll, td, th, figure')].filter(
    (e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1);
  const names = (selector) => [...document.querySelectorAll(selector)].filter(
    (e) => !e.closest('[aria-hidden]')).map((e) => e.getAttribute('aria-label') || '');
  return {
    inner: document.documentElement.clientWidth,
    scroll: document.documentElement.scrollWidth,
    overflowing: overflowing.map((e) => e.className + ' ' + e.textContent.trim().slice(0, 60)),
    worst: texts.sort((a, b) => a[0] - b[0]).slice(0, 5),
    texts: texts.length,
    figures: names('svg'),
    roles: [...document.querySelectorAll('svg:not([aria-hidden])')].map(
      (e) => e.getAttribute('role')),
    headers: [...document.querySelectorAll('th')].filter((e) => !e.scope).length,
    summaries,
    answer: bottom('.answer'),
    figure: bottom('figcaption'),
    height,
    page: getComputedStyle(document.body).backgroundColor,
    scripts: document.scripts.length,
    images: document.images.length,
  };
})()
"""


class Browser:
    """One tab; ``events`` has everything that it reports."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.sent = 0
        self.events: list[dict[str, Any]] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.sent += 1
        await self.socket.send_json({"id": self.sent, "method": method, "params": params})
        while (message := await self.receive()).get("id") != self.sent:
            pass
        assert "error" not in message, message
        return message["result"]

    async def receive(self) -> dict[str, Any]:
        message = json.loads((await self.socket.receive(timeout=60)).data)
        if "method" in message:
            self.events.append(message)
        return message

    async def show(self, url: str, width: int, scheme: str, medium: str) -> dict[str, Any]:
        """Load ``url`` under these conditions and measure it."""
        self.events.clear()
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=medium, features=features)
        await self.call("Page.navigate", url=url)
        while (await self.receive()).get("method") != "Page.loadEventFired":
            pass
        answer = await self.call("Runtime.evaluate", expression=MEASURE, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"]["value"] | {"events": list(self.events)}


async def visit(port: int, url: str, views: list[Any]) -> dict[str, dict[str, Any]]:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            targets = await answer.json(content_type=None)
        pages = (target for target in targets if target["type"] == "page")
        address = next(pages)["webSocketDebuggerUrl"]
        async with session.ws_connect(address, max_msg_size=0) as socket:
            browser = Browser(socket)
            for domain in ("Page", "Runtime", "Log", "Network"):
                await browser.call(f"{domain}.enable")
            return {name: await browser.show(url, *how) for name, *how in views}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a headless Chromium, started for these tests."""
    folder = tmp_path_factory.mktemp("chromium")
    quiet = ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox"]
    options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", *quiet]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(CHROMIUM), *options, "about:blank"], stderr=log, stdout=log)
    try:
        yield asyncio.run(listening(folder / "DevToolsActivePort", process))
    finally:
        process.terminate()
        process.wait(20)


async def listening(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        if file.exists() and file.read_text().count("\n"):
            return int(file.read_text().split()[0])
        assert process.poll() is None, (file.parent / "log").read_text()[-2000:]
        await asyncio.sleep(0.1)
    raise AssertionError("chromium did not start within a minute")


@pytest.fixture(scope="module", params=["realistic", "hostile", "empty"])
def seen(
    request: pytest.FixtureRequest, port: int, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """A page's measurements in every view."""
    contents = {"realistic": realistic, "empty": lambda: Content(**nothing()), "hostile": hostile}
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render(contents[request.param]()), encoding="utf-8")
    views = VIEWS if request.param == "realistic" else [VIEWS[1], VIEWS[-1]]
    return asyncio.run(visit(port, file.as_uri(), views))


def hostile() -> Content:
    """Long and hostile words where a user's words may come."""
    content = realistic(1)
    long = HOSTILE + 12 * "unbroken" + 30 * " word"
    return dataclasses.replace(
        content,
        claims=content.claims.assign(sentence=long),
        provenance={long: long},
        data=[{**row, "note": long, "corpus": long} for row in content.data],
    )


def test_nothing_is_wider_than_the_page(seen: dict[str, dict[str, Any]]) -> None:
    for name, view in seen.items():
        assert view["scroll"] <= view["inner"], name
        # On a screen a wide table scrolls in its own box; paper cannot scroll.
        boxes = [
            box for box in view["overflowing"] if name == "print" or not box.startswith("scroll")
        ]
        assert not boxes, (name, boxes)


def test_silence(seen: dict[str, dict[str, Any]]) -> None:
    for name, view in seen.items():
        reported = {event["method"] for event in view["events"]}
        complaints = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
        assert not reported & complaints
        requests = [
            event["params"]["request"]["url"]
            for event in view["events"]
            if event["method"] == "Network.requestWillBeSent"
        ]
        files = [url for url in requests if not url.startswith("data:")]
        assert len(files) == 1 and files[0].startswith("file://"), (name, files)
        assert view["scripts"] == view["images"] == 0


def test_figures_have_names_and_headers_a_scope(seen: dict[str, dict[str, Any]]) -> None:
    for view in seen.values():
        assert view["figures"]
        assert all(len(label) > 10 for label in view["figures"])
        assert set(view["roles"]) == {"img"}
        assert view["headers"] == 0


def test_text_can_be_read(seen: dict[str, dict[str, Any]]) -> None:
    for name, view in seen.items():
        assert view["texts"] >= 10
        assert view["worst"][0][0] >= 4.5, (name, view["worst"])


def test_schemes_and_paper(seen: dict[str, dict[str, Any]]) -> None:
    assert seen["print"]["page"] == "rgb(255, 255, 255)"
    assert not seen["print"]["summaries"], "paper has no fold to open"
    assert seen["narrow"]["page"] == "rgb(20, 23, 26)"
    if "laptop" in seen:
        assert seen["laptop"]["page"] == "rgb(252, 252, 251)"
        assert seen["laptop"]["texts"] == seen["laptop-dark"]["texts"]
        assert seen["laptop"]["summaries"] > 10


def test_the_answer_is_on_the_first_screen(seen: dict[str, dict[str, Any]]) -> None:
    """And on a laptop the top of the first figure; the page is short, its details are folded."""
    if "laptop" not in seen:
        return
    laptop, phone = seen["laptop"], seen["phone"]
    assert laptop["answer"] < 500
    assert laptop["figure"] < 600
    assert laptop["height"] < 2 * len(CELLS) * 768
    assert phone["answer"] < 1000
    assert phone["figure"] < 1500
