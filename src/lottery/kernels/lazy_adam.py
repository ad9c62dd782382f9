"""Adam on a CPU (Kingma and Ba 2015, algorithm 1), also for a table of which few rows are read.

A batch reads a few thousand of the embedding's fifty thousand rows. The others have no gradient,
yet dense Adam moves them, because their momentum continues. Without a gradient both moments only
decay, so the sum of those moves depends only on the step of the last gradient; a row catches up
when it is next read. The results differ from dense Adam's by rounding, and by epsilon's part in
that sum, which is exact to first order only: that matters for gradients near epsilon in the very
first steps.
"""

import math

import numpy as np
import torch
from numba import prange

from lottery.kernels import jit, loop, matmul
from lottery.kernels.scalars import array

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
_WINDOW = 400
"""Steps after a gradient in which the momentum still moves a weight: 0.9005**400 is 1e-18."""


class Schedule:
    """The factors of Adam's steps, and what a row owes since the step of its last gradient.

    ``moves[s]`` is the sum of the factors by which a row moves at the steps after ``s`` up to now,
    if its last gradient came at ``s``: times its momentum, over ``sqrt(v) + shifts[s] * epsilon``.
    """

    def __init__(self) -> None:
        self.now = 0
        self.moves, self._shifted, self.shifts = np.zeros((3, _WINDOW))
        gaps = np.arange(_WINDOW, 0, -1)
        self._decay = (BETA1 / math.sqrt(BETA2)) ** gaps
        self._growth = BETA2 ** (-gaps / 2)

    def restart(self, now: int) -> None:
        """Start at step ``now``, where every row is up to date: no earlier step owes anything."""
        self.now = now
        size = len(self.moves)
        while size <= now:
            size *= 2
        self.moves, self._shifted, self.shifts = np.zeros((3, size))

    def advance(self, lr: float) -> tuple[float, float]:
        """The factors of the momentum and of epsilon in the next step, which is now the current."""
        self.now += 1
        if self.now == len(self.moves):
            self.moves, self._shifted, self.shifts = (
                np.concatenate([sums, np.zeros_like(sums)])
                for sums in (self.moves, self._shifted, self.shifts)
            )
        correction = math.sqrt(1 - BETA2**self.now)
        factor = lr * correction / (1 - BETA1**self.now)
        window = slice(max(0, self.now - _WINDOW), self.now)
        count = window.stop - window.start
        added = factor * self._decay[-count:]
        self.moves[window] += added
        self._shifted[window] += added * correction * self._growth[-count:]
        # With a rate of zero nothing moves, and any shift above zero will do.
        self.shifts[window] = 1
        moved = self.moves[window] > 0
        np.divide(self._shifted[window], self.moves[window], out=self.shifts[window], where=moved)
        return factor, correction


class LazyTable:
    """A table ``[rows, dim]`` (float32) and Adam's moments, brought up to date where it is read."""

    def __init__(self, table: torch.Tensor, mask: torch.Tensor, schedule: Schedule) -> None:
        self.schedule = schedule
        self._table, self._mask = array(table), array(mask)
        self._remaining = self._mask.any(1)
        self._first = np.zeros_like(self._table)
        self._second = np.zeros_like(self._table)
        self._last = np.zeros(len(self._table), np.int64)
        self._ids = np.arange(0)
        self._read = torch.empty(0)

    def read(self, ids: np.ndarray) -> torch.Tensor:
        """The rows ``ids`` (distinct) as a tensor that collects a gradient; below them rows of
        zeros, up to a multiple of :data:`lottery.kernels.matmul.ROWS`."""
        self._ids = ids
        read = np.empty((matmul.rounded(len(ids)), self._table.shape[1]), self._table.dtype)
        read[len(ids) :] = 0
        self._bring_up_to_date(ids, read)
        self._read = torch.from_numpy(read).requires_grad_()
        return self._read

    def step(self, factor: float, correction: float) -> None:
        """Take Adam's step on the rows last read, by their gradient; masked weights become zero.

        ``factor`` and ``correction`` come from :meth:`Schedule.advance`.
        """
        gradient = self._read.grad
        assert gradient is not None
        arrays = (self._table, self._first, self._second, self._mask, self._remaining, self._last)
        _step_rows(self._ids, self.schedule.now, factor, correction, *arrays, array(gradient))

    def finish(self) -> None:
        """Bring every row up to date."""
        nowhere = np.empty((0, self._table.shape[1]), np.float32)
        self._bring_up_to_date(np.arange(len(self._table)), nowhere)
        self.mark_up_to_date()

    def mark_up_to_date(self) -> None:
        """Declare that every row is as it is after the current step."""
        self._last[:] = self.schedule.now

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Adam's first and second, up to date after :meth:`finish`; they share memory with it."""
        return torch.from_numpy(self._first), torch.from_numpy(self._second)

    def _bring_up_to_date(self, ids: np.ndarray, read: np.ndarray) -> None:
        """Bring the rows ``ids`` up to date, and copy as many as there is room for to ``read``."""
        schedule = self.schedule
        arrays = (self._table, self._first, self._second, self._remaining, self._last)
        _catch_up(ids, *arrays, schedule.now, schedule.moves, schedule.shifts, read)


def dense_step(
    weights: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    mask: torch.Tensor,
    gradient: torch.Tensor,
    factor: float,
    correction: float,
) -> None:
    """Take Adam's step on all of ``weights`` (1-D, in place); masked weights become zero.

    ``factor`` and ``correction`` come from :meth:`Schedule.advance`.
    """
    arrays = [array(tensor) for tensor in (weights, first, second, mask, gradient)]
    _dense_step(factor, correction, *arrays)


@loop
def _catch_up(  # type: ignore[no-untyped-def]
    ids, table, first, second, remaining, last, now, moves, shifts, read
):
    for number in prange(len(ids)):
        row = ids[number]
        if not remaining[row]:  # a row that is pruned altogether stays zero
            if number < len(read):
                read[number] = 0
            continue
        weights, momentum, squares = table[row], first[row], second[row]
        since = last[row]
        gap = now - since
        if gap > 0:
            move = np.float32(moves[since])
            shift = np.float32(shifts[since] * EPSILON)
            decay1, decay2 = np.float32(BETA1**gap), np.float32(BETA2**gap)
            for index in range(weights.size):
                weights[index] -= move * momentum[index] / (np.sqrt(squares[index]) + shift)
            for index in range(weights.size):
                momentum[index] *= decay1
            for index in range(weights.size):
                squares[index] *= decay2
            last[row] = now
        if number < len(read):
            out = read[number]
            for index in range(weights.size):
                out[index] = weights[index]


@jit(inline="always")
def _adam(factor, epsilon, weights, momentum, squares, mask, slopes):  # type: ignore[no-untyped-def]
    for index in range(weights.size):
        slope = slopes[index] if mask[index] else np.float32(0)
        momentum[index] += np.float32(1 - BETA1) * (slope - momentum[index])
        squares[index] = np.float32(BETA2) * squares[index] + np.float32(1 - BETA2) * slope * slope
        weights[index] -= factor * momentum[index] / (np.sqrt(squares[index]) + epsilon)


@loop
def _step_rows(  # type: ignore[no-untyped-def]
    ids, now, factor, correction, table, first, second, mask, remaining, last, gradient
):
    scale, epsilon = np.float32(factor), np.float32(correction * EPSILON)
    for number in prange(len(ids)):
        row = ids[number]
        if not remaining[row]:
            continue
        _adam(scale, epsilon, table[row], first[row], second[row], mask[row], gradient[number])
        last[row] = now


@loop
def _dense_step(factor, correction, weights, first, second, mask, gradient):  # type: ignore[no-untyped-def]
    scale, epsilon = np.float32(factor), np.float32(correction * EPSILON)
    size = 4096
    for part in prange((len(weights) + size - 1) // size):
        chunk = slice(part * size, (part + 1) * size)
        w, m, v = weights[chunk], first[chunk], second[chunk]
        _adam(scale, epsilon, w, m, v, mask[chunk], gradient[chunk])
