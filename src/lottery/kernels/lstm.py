"""One bidirectional LSTM layer over packed documents (Hochreiter and Schmidhuber 1997).

*Packed*: documents by falling length, their tokens time step by time step, so the rows of a time
step are the first so many documents and there is no padding anywhere. The product of the inputs is
one large one per direction, that of the hidden states one per time step; what lies between is one
compiled loop, in :mod:`lottery.kernels.lstm_step`. ``of_x`` is the gradient of ``x``.
"""

from collections.abc import Sequence
from itertools import accumulate

import torch

from lottery.kernels import lstm_step, matmul
from lottery.kernels.scalars import array, sum_dtype

Step = tuple[int, int]
"""A time step's first row and its number of rows."""


def bidirectional(
    inputs: torch.Tensor, steps: Sequence[int], weights: Sequence[torch.Tensor]
) -> torch.Tensor:
    """The hidden states of both directions, ``[rows, 2 hidden]``, of packed ``inputs``
    ``[rows, n]``.

    ``steps`` says how many documents have a token at each time step, never more than before; rows
    beyond their sum are ignored, and zero in the result. ``weights`` are ``weight_ih``
    ``[4 hidden, n]``, ``weight_hh`` ``[4 hidden, hidden]`` and two biases ``[4 hidden]`` (gates in
    PyTorch's order) of the forward direction, then of the backward one. float64, float32, or
    bfloat16, where cell states and sums between steps are float32.
    """
    states: torch.Tensor = _Bidirectional.apply(inputs, steps, *weights)
    return states


def _step_rows(steps: Sequence[int], reverse: bool) -> list[Step]:
    """The time steps in the order in which a direction goes through them."""
    firsts = accumulate(steps, initial=0)
    forwards = list(zip(firsts, steps, strict=False))
    return forwards[::-1] if reverse else forwards


class _Bidirectional(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, steps, *weights):  # type: ignore[no-untyped-def]
        hidden = weights[1].shape[1]
        states = inputs.new_empty(len(inputs), 2 * hidden)
        states[sum(steps) :] = 0
        saved: list[torch.Tensor] = []
        for side in (0, 1):
            rows = _step_rows(steps, bool(side))
            saved += _run(inputs, rows, weights[4 * side :][:4], states, side * hidden)
        ctx.steps = steps
        ctx.save_for_backward(inputs, *weights, *saved)
        return states

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        inputs, *rest = ctx.saved_tensors
        weights, saved = rest[:8], rest[8:]
        hidden = weights[1].shape[1]
        gradient = gradient.contiguous()
        inputs_gradient = None
        weight_gradients: list[torch.Tensor] = []
        for side in (0, 1):
            rows = _step_rows(ctx.steps, bool(side))[::-1]
            weight_ih, weight_hh, _, _ = weights[4 * side :][:4]
            gates, cell_before, state_before = saved[3 * side :][:3]
            of_gates = _run_back(gradient, rows, weight_hh, gates, cell_before, side * hidden)
            of_inputs = matmul.linear(of_gates, weight_ih.T)
            inputs_gradient = (
                of_inputs if inputs_gradient is None else inputs_gradient.add_(of_inputs)
            )
            of_bias = of_gates.sum(0)
            weight_gradients += [
                matmul.transposed(of_gates, inputs),
                matmul.transposed(of_gates, state_before),
                of_bias,
                of_bias.clone(),
            ]
        return inputs_gradient, None, *weight_gradients


def _run(
    inputs: torch.Tensor,
    steps: Sequence[Step],
    weights: Sequence[torch.Tensor],
    states: torch.Tensor,
    column: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What one direction's gradient needs: of each row the gates after their functions, and the
    cell state and the hidden state before its step. The direction's hidden states are written to
    ``states`` from ``column`` on."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    hidden = weight_hh.shape[1]
    documents = max(rows for _, rows in steps)
    dtype = sum_dtype(inputs)
    gates = matmul.linear(inputs, weight_ih)
    bias = array((bias_ih + bias_hh).to(dtype))
    cell_before = inputs.new_empty(len(inputs), hidden, dtype=dtype)
    state_before = inputs.new_empty(len(inputs), hidden)
    state_before[sum(rows for _, rows in steps) :] = 0
    state = inputs.new_zeros(documents, hidden)
    cell_state = array(inputs.new_zeros(documents, hidden, dtype=dtype))
    recurrent = inputs.new_zeros(documents, 4 * hidden)  # the first step's states are zero
    packed = matmul.packed(weight_hh, documents)
    arrays = [array(tensor) for tensor in (gates, cell_before, state_before, states, state)]
    for number, (first, rows) in enumerate(steps):
        if number:
            recurrent = matmul.linear(state[:rows], packed)
        lstm_step.forward(first, rows, column, array(recurrent), bias, cell_state, *arrays)
    return gates, cell_before, state_before


def _run_back(
    gradient: torch.Tensor,
    steps: Sequence[Step],
    weight_hh: torch.Tensor,
    gates: torch.Tensor,
    cell_before: torch.Tensor,
    column: int,
) -> torch.Tensor:
    """One direction's gradient of the gates, from that of its hidden states, last step first."""
    hidden = weight_hh.shape[1]
    documents = max(rows for _, rows in steps)
    of_gates = torch.empty_like(gates)
    of_gates[sum(rows for _, rows in steps) :] = 0
    of_cell_state = array(gates.new_zeros(documents, hidden, dtype=sum_dtype(gates)))
    recurrent = gates.new_zeros(0, hidden)
    packed = matmul.packed(weight_hh.T.contiguous(), documents)
    arrays = [array(tensor) for tensor in (gradient, gates, cell_before, of_gates)]
    for number, (first, rows) in enumerate(steps):
        lstm_step.backward(first, rows, column, array(recurrent), of_cell_state, *arrays)
        if number + 1 < len(steps):
            recurrent = matmul.linear(of_gates[first : first + rows], packed)
    return of_gates
