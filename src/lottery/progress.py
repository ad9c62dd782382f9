"""Progress on stderr: in a terminal one line that is redrawn, in a log a plain line at times.

A terminal is treated as a log where rich, which draws the line, is not installed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

FIRST_S, EVERY_S = 60.0, 300.0
"""In a log: after how long without a line one says how far the work is; the first, the others."""
REDRAWN_S = 0.5
"""In a terminal: how often the line is drawn."""
BAR = range(10, 41)
"""How many columns the bar may have. Where there are fewer, it is left out."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Status:
    """How far a piece of work is."""

    name: str
    details: tuple[str, ...]
    """The most important first. A terminal that is too narrow shows only the first ones."""
    share: float
    """Of the work that is done, 0 to 1."""
    left_s: float | None = None
    """About how many seconds it still takes, if that can be told."""


class Display:
    """Shows what ``status()`` returns for as long as the ``with`` block runs.

    In a terminal a line is redrawn; else a line is printed once a minute has passed, and then every
    five. What ``notice()`` returns is printed unless it is None. Both are called from another
    thread. ``clock`` returns seconds.
    """

    def __init__(
        self,
        status: Callable[[], Status],
        notice: Callable[[], str | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._status, self._notice, self._clock = status, notice, clock
        self._start = self._last = clock()
        self._pause = FIRST_S
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._lock = threading.Lock()
        can_draw = os.environ.get("TERM") != "dumb" and find_spec("rich") is not None
        self.is_terminal = sys.stderr.isatty() and can_draw
        self._live: Live | None = None

    def __enter__(self) -> Display:
        if self.is_terminal:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(file=sys.stderr),
                auto_refresh=False,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._live:
            with contextlib.suppress(OSError):
                self._draw(self._live)
                self._live.stop()

    def line(self, text: str) -> None:
        """Print ``text``, above the line that is redrawn."""
        with contextlib.suppress(OSError), self._lock:  # a closed stderr stops no training
            if self._live:
                from rich.text import Text

                self._live.console.print(Text(text), soft_wrap=True)
            else:
                print(text, file=sys.stderr, flush=True)
            self._last, self._pause = self._clock(), EVERY_S

    def tick(self) -> None:
        """Draw the line again; in a log, print one if it is time to."""
        if notice := self._notice():
            self.line(notice)
        if self._live:
            with contextlib.suppress(OSError), self._lock:
                self._draw(self._live)
        elif self._clock() - self._last >= self._pause:
            self.line(sentence(self._status(), self._clock() - self._start))

    def _run(self) -> None:
        while not self._stop.wait(REDRAWN_S):
            self.tick()

    def _draw(self, live: Live) -> None:
        elapsed = self._clock() - self._start
        live.update(drawn(self._status(), elapsed, live.console.width), refresh=True)


def sentence(status: Status, elapsed_s: float) -> str:
    """``status`` as a line of a log."""
    left = "" if status.left_s is None else f", about {about(status.left_s)} left"
    details = "".join(f"{detail}, " for detail in status.details)
    return f"{status.name}: {details}{about(elapsed_s)} so far{left}"


def drawn(status: Status, elapsed_s: float, width: int) -> Table:
    """``status`` as a line of a terminal with ``width`` columns: name, bar, details, times."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    name, bar, rest = fitted(status, elapsed_s, width)
    table = Table.grid(padding=(0, 1, 0, 0))
    pieces = [Text(name, style="bold", no_wrap=True), Text(rest, no_wrap=True)]
    table.add_row(*pieces)
    if bar:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_row(pieces[0], ProgressBar(1.0, status.share, width=bar), pieces[1])
    return table


def fitted(status: Status, elapsed_s: float, width: int) -> tuple[str, int, str]:
    """What fits into ``width`` columns: the name, the bar's columns (0: no bar), and the rest.

    The bar is left out first, then the last details, then the time so far, then the other details.
    The time left stays; the name is cut.
    """
    left = [] if status.left_s is None else [f"about {about(status.left_s)} left"]
    details, so_far = list(status.details), [clock(elapsed_s)]
    room = width - len(status.name) - 1
    while len(rest := " ".join([*details, *so_far, *left])) > room and (details or so_far):
        if so_far and len(details) <= 2:
            so_far = []
        else:
            details.pop()
    name = status.name
    if len(name) + 1 + len(rest) > width:
        name = name[: max(0, width - len(rest) - 2)] + "…"
    bar = width - len(name) - len(rest) - 2
    return name, min(bar, BAR.stop - 1) if bar >= BAR.start else 0, rest


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``: hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """The time in one unit, as one says it of a time that is not known exactly."""
    if seconds < 99.5:
        return f"{max(0, seconds):.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@contextmanager
def counting(
    name: str, total: int | None, unit: str, start: int = 0, per_unit: int = 1
) -> Iterator[Callable[[int], None]]:
    """A function that is told how many more are done, while a :class:`Display` shows how many.

    ``start`` of ``total`` were done before; ``unit`` has ``per_unit`` of them: 10**6 bytes for MB.
    """
    done, began = start, time.monotonic()

    def status() -> Status:
        shares = f"{done // per_unit}/{total // per_unit}" if total else f"{done // per_unit}"
        if not total or done == start:
            return Status(name, (f"{shares} {unit}",), 0)
        left = (time.monotonic() - began) / (done - start) * (total - done)
        return Status(name, (f"{shares} {unit}",), done / total, left)

    def advance(count: int) -> None:
        nonlocal done
        done += count

    with Display(status):
        yield advance


def track(items: Iterable[Item], name: str, unit: str, total: int) -> Iterator[Item]:
    """``items``, of which there are ``total``, while a :class:`Display` shows how many are done."""
    with counting(name, total, unit) as advance:
        for item in items:
            yield item
            advance(1)
