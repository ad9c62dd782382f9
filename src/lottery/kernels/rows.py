"""Adam on a CPU (Kingma and Ba 2015, algorithm 1), and for a table of which a batch reads few rows.

A batch reads a few thousand of the embedding's fifty thousand rows; the others have no gradient,
yet dense Adam moves them, because their momentum goes on. With no gradient both moments only decay,
so those moves are a sum that depends on the step of the last gradient alone: they are made up for
when the row is next read. What differs from dense Adam is rounding, and epsilon's part in that sum,
which is exact to first order: it counts for gradients near epsilon in the first steps of all.
"""

import math
from typing import Any

import numpy as np
import torch
from numba import prange

from lottery.kernels import jit, loop, products
from lottery.kernels.scalars import array

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
_WINDOW = 400
"""Steps after a gradient in which the momentum still moves a weight: 0.9005**400 is 1e-18."""


class Schedule:
    """The factors of Adam's steps, and what each earlier step still owes.

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
        """Be at step ``now`` with no row behind: no earlier step owes anything."""
        self.now = now
        size = len(self.moves)
        while size <= now:
            size *= 2
        self.moves, self._shifted, self.shifts = np.zeros((3, size))

    def advance(self, lr: float) -> tuple[float, float]:
        """Begin the next step; returns the factor of the momentum and that of epsilon in it."""
        self.now += 1
        if self.now == len(self.moves):
            self.moves, self._shifted, self.shifts = (
                np.concatenate([own, np.zeros_like(own)])
                for own in (self.moves, self._shifted, self.shifts)
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


class Rows:
    """A table ``[rows, dim]`` (float32) and Adam's moments, brought up to date where it is read."""

    def __init__(self, table: torch.Tensor, mask: torch.Tensor, schedule: Schedule) -> None:
        self.schedule = schedule
        self._table, self._mask = array(table), array(mask)
        self._alive = self._mask.any(1)
        self._first = np.zeros_like(self._table)
        self._second = np.zeros_like(self._table)
        self._last = np.zeros(len(self._table), np.int64)
        self._ids = np.arange(0)
        self._read = torch.empty(0)

    def read(self, ids: np.ndarray) -> torch.Tensor:
        """The rows ``ids`` (distinct) as a tensor that collects a gradient, and zeros below, up to
        a number of rows that products are prepared for."""
        self._ids = ids
        read = np.empty((products.rounded(len(ids)), self._table.shape[1]), self._table.dtype)
        read[len(ids) :] = 0
        _catch_up(ids, *self._state(), read)
        self._read = torch.from_numpy(read).requires_grad_()
        return self._read

    def step(self, factor: float, correction: float) -> None:
        """Adam's step on the rows last read, by their gradient; masked weights become zero."""
        gradient = self._read.grad
        assert gradient is not None
        moments = (self._table, self._first, self._second, self._mask, self._alive, self._last)
        _update_rows(self._ids, self.schedule.now, factor, correction, *moments, array(gradient))

    def finish(self) -> None:
        """Bring every row up to date."""
        everything = np.arange(len(self._table))
        _catch_up(everything, *self._state(), np.empty((0, self._table.shape[1]), np.float32))
        self.up_to_date()

    def up_to_date(self) -> None:
        """Every row is as it is after the last step."""
        self._last[:] = self.schedule.now

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Adam's first and second, of :meth:`finish`; they share memory."""
        return torch.from_numpy(self._first), torch.from_numpy(self._second)

    def _state(self) -> tuple[Any, ...]:
        schedule = self.schedule
        own = (self._table, self._first, self._second, self._alive, self._last)
        return *own, schedule.now, schedule.moves, schedule.shifts


def update(
    weights: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    mask: torch.Tensor,
    gradient: torch.Tensor,
    factor: float,
    correction: float,
) -> None:
    """Adam's step on all of ``weights`` (1-D, in place); masked weights become zero."""
    arrays = [array(tensor) for tensor in (weights, first, second, mask, gradient)]
    _update(factor, correction, *arrays)


def distinct(tokens: torch.Tensor, scratch: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
    """The different ``tokens`` (int64 ``[documents, longest]``), in order of their first place, and
    for each token its number among them. ``scratch`` is int64 ``[rows]``, -1 before and after."""
    places = torch.empty_like(tokens)
    return _distinct(array(tokens), scratch, array(places)), places


@jit
def _distinct(tokens, scratch, places):  # type: ignore[no-untyped-def]
    found = np.empty(min(tokens.size, scratch.size), np.int64)
    count = 0
    for document in range(len(tokens)):
        for position in range(tokens.shape[1]):
            token = tokens[document, position]
            if scratch[token] < 0:
                scratch[token] = count
                found[count] = token
                count += 1
            places[document, position] = scratch[token]
    for number in range(count):
        scratch[found[number]] = -1
    return found[:count]


@loop
def _catch_up(ids, table, first, second, alive, last, now, moves, shifts, read):  # type: ignore[no-untyped-def]
    for number in prange(len(ids)):
        row = ids[number]
        if not alive[row]:  # a word that is pruned altogether stays zero
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
            for place in range(weights.size):
                weights[place] -= move * momentum[place] / (np.sqrt(squares[place]) + shift)
            for place in range(weights.size):
                momentum[place] *= decay1
            for place in range(weights.size):
                squares[place] *= decay2
            last[row] = now
        if number < len(read):
            out = read[number]
            for place in range(weights.size):
                out[place] = weights[place]


@jit(inline="always")
def _adam(factor, epsilon, weights, momentum, squares, alive, slopes):  # type: ignore[no-untyped-def]
    for place in range(weights.size):
        slope = slopes[place] if alive[place] else np.float32(0)
        momentum[place] += np.float32(1 - BETA1) * (slope - momentum[place])
        squares[place] = np.float32(BETA2) * squares[place] + np.float32(1 - BETA2) * slope * slope
        weights[place] -= factor * momentum[place] / (np.sqrt(squares[place]) + epsilon)


@loop
def _update_rows(ids, now, factor, correction, table, first, second, mask, alive, last, gradient):  # type: ignore[no-untyped-def]
    scale, epsilon = np.float32(factor), np.float32(correction * EPSILON)
    for number in prange(len(ids)):
        row = ids[number]
        if not alive[row]:
            continue
        _adam(scale, epsilon, table[row], first[row], second[row], mask[row], gradient[number])
        last[row] = now


@loop
def _update(factor, correction, weights, first, second, mask, gradient):  # type: ignore[no-untyped-def]
    scale, epsilon = np.float32(factor), np.float32(correction * EPSILON)
    size = 4096
    for part in prange((len(weights) + size - 1) // size):
        own = slice(part * size, (part + 1) * size)
        _adam(scale, epsilon, weights[own], first[own], second[own], mask[own], gradient[own])
