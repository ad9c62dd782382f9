"""How long the stages take, and how long there is."""

import time
from collections.abc import Callable, Sequence
from statistics import mean

from lottery.progress import about
from lottery.storage import timings
from tools.dvc_stages import Stage

RESERVE_S = 15.0
"""Of the seconds that there are: for a stage to stop, and for packing. At most a tenth of them."""


class Clock:
    """Tells when to stop: ``seconds`` from now, or never if that is None.

    ``clock`` returns seconds.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._start = clock, clock()
        self.end = None
        if seconds is not None:
            self.end = self._start + seconds - min(RESERVE_S, seconds / 10)

    def so_far_s(self) -> float:
        """The seconds since the start."""
        return self._clock() - self._start

    def left_s(self) -> float:
        """The seconds until a stage has to stop."""
        return float("inf") if self.end is None else self.end - self._clock()

    def sentence(self, pending: Sequence[Stage], every: Sequence[Stage]) -> str:
        """``12 min so far, about 40 min of stages left, stops in 48 min``: the time that
        ``pending`` take, by what was measured of ``every`` stage."""
        estimate, unmeasured = seconds_of(pending, every)
        pieces = [f"{about(self.so_far_s())} so far"]
        if estimate >= 1:
            least = "at least" if unmeasured else "about"
            pieces.append(f"{least} {about(estimate)} of stages left")
        return ", ".join([*pieces, *([] if self.end is None else [self.limit()])])

    def limit(self) -> str:
        """``stops in 48 min``."""
        return f"stops in {about(self.left_s())}" if self.end is not None else "without a limit"


def seconds_of(pending: Sequence[Stage], every: Sequence[Stage]) -> tuple[float, int]:
    """About how many seconds ``pending`` take: each the mean of the stages among ``every`` of its
    kind and model that have run. And how many of them there is no such stage for."""
    measured: dict[tuple[str, str | None], list[float]] = {}
    for stage in every:
        name = "-".join([stage.kind, *stage.arguments])
        record = timings.read(timings.TIMES / f"{name}.json")
        if record.get("done"):
            measured.setdefault((stage.kind, stage.model), []).append(record["seconds"])
    means = [mean(of) for s in pending if (of := measured.get((s.kind, s.model)))]
    return sum(means), len(pending) - len(means)
