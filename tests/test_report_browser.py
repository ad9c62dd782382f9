"""The report page in a real browser: widths, colours, names, silence.

Chromium is driven by its DevTools protocol over a web socket: aiohttp comes with DVC.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on PATH"),
    pytest.mark.xdist_group("browser"),
]
# name, width, scheme, medium; a page of A4 is 794 wide, its margins of 14 mm leave 688.
VIEWS = [
    ("phone", 390, "light", "screen"),
    ("narrow", 360, "dark", "screen"),
    ("laptop", 1280, "light", "screen"),
    ("laptop-dark", 1280, "dark", "screen"),
    ("wide", 1440, "light", "screen"),
    ("print", 688, "dark", "print"),
]
# Relative luminance and contrast as WCAG 2.2 defines them, of every text that is drawn.
MEASURE = """
(() => {
  const parse = (colour) => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    return {rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1};
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
    hidden: [...document.querySelectorAll('details > div')].filter((e) => !e.offsetHeight).length,
    page: getComputedStyle(document.body).backgroundColor,
    scripts: document.scripts.length,
    images: document.images.length,
  };
})()
"""


class Browser:
    """One tab; everything it says is kept in ``events``."""

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
        address = next(own["webSocketDebuggerUrl"] for own in targets if own["type"] == "page")
        async with session.ws_connect(address, max_msg_size=0) as socket:
            browser = Browser(socket)
            for domain in ("Page", "Runtime", "Log", "Network"):
                await browser.call(f"{domain}.enable")
            return {name: await browser.show(url, *how) for name, *how in views}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a headless Chromium of our own listens."""
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
