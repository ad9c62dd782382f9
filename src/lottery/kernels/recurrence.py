"""One bidirectional LSTM layer over packed documents (Hochreiter and Schmidhuber 1997).

*Packed*: documents by falling length, their tokens time step by time step, so the rows of a time
step are the first so many documents and there is no padding anywhere. The inputs' products are one
large one a direction, those of the states one a time step; what lies between is one compiled loop.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from numba import prange

from lottery.kernels import loop, products
from lottery.kernels.scalars import array, narrow, sigmoid, tanh, widen

Step = tuple[int, int]
"""A time step's first row and its number of rows."""


def bidirectional(
    inputs: torch.Tensor, steps: Sequence[int], weights: Sequence[torch.Tensor]
) -> torch.Tensor:
    """The states of both directions, ``[rows, 2 hidden]``, of packed ``inputs`` ``[rows, n]``.

    ``steps`` are the documents alive at each time step, never more than before; rows beyond their
    sum are ignored, and zero in the result. ``weights`` are ``weight_ih`` ``[4 hidden, n]``,
    ``weight_hh`` ``[4 hidden, hidden]`` and two biases ``[4 hidden]`` (gates in PyTorch's order) of
    the forward direction, then of the backward one. float64, float32, or bfloat16, where carries
    and sums between steps are float32.
    """
    states: torch.Tensor = _Bidirectional.apply(inputs, steps, *weights)
    return states


def order(steps: Sequence[int], reverse: bool) -> list[Step]:
    """First row and rows of each time step, in the order in which a direction goes through them."""
    firsts = accumulate(steps, initial=0)
    found = list(zip(firsts, steps, strict=False))
    return found[::-1] if reverse else found


class _Bidirectional(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, steps, *weights):  # type: ignore[no-untyped-def]
        hidden = weights[1].shape[1]
        states = inputs.new_empty(len(inputs), 2 * hidden)
        states[sum(steps) :] = 0
        saved = [
            _run(inputs, order(steps, bool(side)), weights[4 * side :][:4], states, side * hidden)
            for side in (0, 1)
        ]
        ctx.steps = steps
        ctx.save_for_backward(inputs, *weights, *saved[0], *saved[1])
        return states

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        inputs, *rest = ctx.saved_tensors
        weights, saved = rest[:8], rest[8:]
        hidden = weights[1].shape[1]
        gradient = gradient.contiguous()
        found: list[torch.Tensor] = []
        total = None
        for side in (0, 1):
            steps = order(ctx.steps, bool(side))[::-1]
            weight_ih, weight_hh, _, _ = weights[4 * side :][:4]
            gates, cells, before = saved[3 * side :][:3]
            of_gates = _run_back(gradient, steps, weight_hh, gates, cells, side * hidden)
            of_inputs = products.linear(of_gates, weight_ih.T)
            total = of_inputs if total is None else total.add_(of_inputs)
            of_bias = of_gates.sum(0)
            found += [
                products.transposed(of_gates, inputs),
                products.transposed(of_gates, before),
                of_bias,
                of_bias.clone(),
            ]
        return total, None, *found


def _run(
    inputs: torch.Tensor,
    steps: Sequence[Step],
    weights: Sequence[torch.Tensor],
    states: torch.Tensor,
    column: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Write one direction's states from ``column`` on. Returns what its gradient needs: the gates
    after their functions, and each row's cell and state before its step."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    hidden = weight_hh.shape[1]
    documents = max(rows for _, rows in steps)
    gates = products.linear(inputs, weight_ih)
    bias = array((bias_ih + bias_hh).to(_carry(inputs)))
    cells = inputs.new_empty(len(inputs), hidden, dtype=_carry(inputs))
    before = inputs.new_empty(len(inputs), hidden)
    before[sum(rows for _, rows in steps) :] = 0
    state = inputs.new_zeros(documents, hidden)
    cell = array(inputs.new_zeros(documents, hidden, dtype=_carry(inputs)))
    recurrent = inputs.new_zeros(documents, 4 * hidden)  # the first step's states are zero
    packed = products.packed(weight_hh, documents)
    arrays = [array(tensor) for tensor in (gates, cells, before, states, state)]
    for number, (first, rows) in enumerate(steps):
        if number:
            recurrent = products.linear(state[:rows], packed)
        _step(first, rows, column, array(recurrent), bias, cell, *arrays)
    return gates, cells, before


def _run_back(
    gradient: torch.Tensor,
    steps: Sequence[Step],
    weight_hh: torch.Tensor,
    gates: torch.Tensor,
    cells: torch.Tensor,
    column: int,
) -> torch.Tensor:
    """One direction's gradient of the gates, from that of its states, through its steps."""
    hidden = weight_hh.shape[1]
    documents = max(rows for _, rows in steps)
    found = torch.empty_like(gates)
    found[sum(rows for _, rows in steps) :] = 0
    carried = array(gates.new_zeros(documents, hidden, dtype=_carry(gates)))
    recurrent = gates.new_zeros(0, hidden)
    packed = products.packed(weight_hh.T.contiguous(), documents)
    arrays = [array(tensor) for tensor in (gradient, gates, cells, found)]
    for number, (first, rows) in enumerate(steps):
        _step_back(first, rows, column, array(recurrent), carried, *arrays)
        if number + 1 < len(steps):
            recurrent = products.linear(found[first : first + rows], packed)
    return found


def _carry(values: torch.Tensor) -> torch.dtype:
    return torch.float32 if values.dtype == torch.bfloat16 else values.dtype


# Every array of a row is a view of its own, from zero on: only then LLVM vectorises the loops; nor
# may they make whole numbers of 64 bits from a float, for which AVX2 has no instruction.


@loop
def _step(  # type: ignore[no-untyped-def]
    first, rows, column, recurrent, bias, cell, gates, cells, before, states, state
):
    hidden = cell.shape[1]
    for document in prange(rows):
        row = first + document
        for part in range(4):
            gate = gates[row, part * hidden : (part + 1) * hidden]
            added = recurrent[document, part * hidden : (part + 1) * hidden]
            constant = bias[part * hidden : (part + 1) * hidden]
            if part == 2:
                for unit in range(hidden):
                    total = widen(gate[unit]) + widen(added[unit]) + constant[unit]
                    gate[unit] = narrow(tanh(total), gate[unit])
            else:
                for unit in range(hidden):
                    total = widen(gate[unit]) + widen(added[unit]) + constant[unit]
                    gate[unit] = narrow(sigmoid(total), gate[unit])
        enter = gates[row, :hidden]
        forget = gates[row, hidden : 2 * hidden]
        new = gates[row, 2 * hidden : 3 * hidden]
        leave = gates[row, 3 * hidden :]
        own = cell[document]
        cell_before = cells[row]
        for unit in range(hidden):
            cell_before[unit] = own[unit]
        for unit in range(hidden):
            own[unit] = widen(forget[unit]) * own[unit] + widen(enter[unit]) * widen(new[unit])
        out = state[document]
        state_before = before[row]
        for unit in range(hidden):
            state_before[unit] = out[unit]
        for unit in range(hidden):
            out[unit] = narrow(widen(leave[unit]) * tanh(own[unit]), out[unit])
        kept = states[row, column : column + hidden]
        for unit in range(hidden):
            kept[unit] = out[unit]


@loop
def _step_back(  # type: ignore[no-untyped-def]
    first, rows, column, recurrent, carried, gradient, gates, cells, found
):
    hidden = carried.shape[1]
    for document in prange(rows):
        row = first + document
        enter = gates[row, :hidden]
        forget = gates[row, hidden : 2 * hidden]
        new = gates[row, 2 * hidden : 3 * hidden]
        leave = gates[row, 3 * hidden :]
        cell_before = cells[row]
        carry = carried[document]
        into = gradient[row, column : column + hidden]
        total = np.empty_like(carry)
        squashed = np.empty_like(carry)
        for unit in range(hidden):
            total[unit] = widen(into[unit])
        if document < len(recurrent):
            later = recurrent[document]
            for unit in range(hidden):
                total[unit] += widen(later[unit])
        for unit in range(hidden):
            squashed[unit] = tanh(
                widen(forget[unit]) * cell_before[unit] + widen(enter[unit]) * widen(new[unit])
            )
        of_leave = found[row, 3 * hidden :]
        for unit in range(hidden):
            gate = widen(leave[unit])
            value = total[unit] * squashed[unit] * gate * (1 - gate)
            of_leave[unit] = narrow(value, of_leave[unit])
        for unit in range(hidden):
            slope = widen(leave[unit]) * (1 - squashed[unit] * squashed[unit])
            carry[unit] = carry[unit] + total[unit] * slope
        of_enter = found[row, :hidden]
        for unit in range(hidden):
            gate = widen(enter[unit])
            value = carry[unit] * widen(new[unit]) * gate * (1 - gate)
            of_enter[unit] = narrow(value, of_enter[unit])
        of_new = found[row, 2 * hidden : 3 * hidden]
        for unit in range(hidden):
            gate = widen(new[unit])
            value = carry[unit] * widen(enter[unit]) * (1 - gate * gate)
            of_new[unit] = narrow(value, of_new[unit])
        of_forget = found[row, hidden : 2 * hidden]
        for unit in range(hidden):
            gate = widen(forget[unit])
            value = carry[unit] * cell_before[unit] * gate * (1 - gate)
            of_forget[unit] = narrow(value, of_forget[unit])
        for unit in range(hidden):
            carry[unit] = carry[unit] * widen(forget[unit])
