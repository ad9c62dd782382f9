"""The steps of an LSTM for several documents side by side, compiled by Numba, without PyTorch.

Documents are the last dimension: a weight that is not pruned is read once for all of them, and
vectors of the processor hold one number of each.
"""

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from lottery.tickets.kernels import jit
from lottery.tickets.lstm import LANES, LIMIT, TANH_SCALE

# Of 2**x between -1/2 and 1/2, where it differs by 8e-8 of its value.
_C0, _C1, _C2, _C3, _C4, _C5 = (
    Chebyshev.interpolate(np.exp2, 5, [-0.5, 0.5]).convert(kind=Polynomial).coef.astype(np.float32)
)


@jit
def first_layer(  # type: ignore[no-untyped-def]
    rows, slots, firsts, column, starts, gates_of, values, bias, lengths, backwards, outputs, last
):
    """One direction of the first layer for up to LANES documents, longest first.

    The gates get ``bias`` and the part of a word's row in ``rows`` that begins at ``column``.
    ``starts``, ``gates_of`` and ``values`` are the recurrent weights by unit. The states go to
    ``outputs`` ``[steps, hidden, LANES]``, or nowhere if it is ``[steps, 0, LANES]``, the last ones
    to ``last`` ``[hidden, LANES]``.
    """
    table, bases = rows.reshape(-1), np.zeros(LANES, np.uintp)
    gates = np.zeros((bias.size, LANES), np.float32)
    cell = np.zeros((bias.size // 4, LANES), np.float32)
    state = np.zeros((bias.size // 4, LANES), np.float32)
    for number in range(len(outputs)):
        step = len(outputs) - 1 - number if backwards else number
        active = _active(step, lengths)
        for lane in range(len(lengths)):
            if step < lengths[lane]:
                bases[lane] = slots[firsts[lane] + step] * rows.shape[1] + column
        for gate in range(np.uintp(bias.size)):
            for lane in range(active):
                gates[gate, lane] = table[bases[lane] + gate] + bias[gate]
        _step(active, gates, starts, gates_of, values, cell, state)
        _finish_step(step, active, lengths, backwards, cell, state, outputs[step], last)


@jit
def next_layer(  # type: ignore[no-untyped-def]
    inputs,
    input_starts,
    input_gates,
    input_values,
    starts,
    gates_of,
    values,
    bias,
    lengths,
    backwards,
    outputs,
    last,
):
    """One direction of a later layer, whose ``inputs`` are ``[steps, 2 hidden, LANES]``."""
    gates = np.zeros((bias.size, LANES), np.float32)
    cell = np.zeros((bias.size // 4, LANES), np.float32)
    state = np.zeros((bias.size // 4, LANES), np.float32)
    for number in range(len(outputs)):
        step = len(outputs) - 1 - number if backwards else number
        active = _active(step, lengths)
        for gate in range(bias.size):
            for lane in range(active):
                gates[gate, lane] = bias[gate]
        _add_product(active, input_starts, input_gates, input_values, inputs[step], gates)
        _step(active, gates, starts, gates_of, values, cell, state)
        _finish_step(step, active, lengths, backwards, cell, state, outputs[step], last)


@jit
def _active(step, lengths):  # type: ignore[no-untyped-def]
    """How many lanes to compute: of the documents longer than ``step``, in whole vectors."""
    count = 0
    while count < len(lengths) and lengths[count] > step:
        count += 1
    return np.uintp((count + 7) // 8 * 8)


@jit
def _add_product(active, starts, gates_of, values, vectors, gates):  # type: ignore[no-untyped-def]
    """Add to ``gates`` a sparse matrix times ``vectors``; its entries are by column, so that one
    after the other goes to another gate and need not wait."""
    for column in range(len(starts) - 1):
        for entry in range(starts[column], starts[column + 1]):
            value, gate = values[entry], np.uintp(gates_of[entry])
            for lane in range(active):
                gates[gate, lane] += value * vectors[column, lane]


@jit
def _step(active, gates, starts, gates_of, values, cell, state):  # type: ignore[no-untyped-def]
    """One step of the cells, whose gates are in the order input, forget, cell, output, and scaled:
    see :data:`lottery.tickets.lstm.SIGMOID_SCALE`."""
    _add_product(active, starts, gates_of, values, state, gates)
    hidden, one, scale = np.uintp(len(cell)), np.float32(1), np.float32(TANH_SCALE)
    for unit in range(hidden):
        for lane in range(active):
            # sigmoid(i) tanh(g) and sigmoid(o) tanh(c), each with one division.
            i, f = _exp2(gates[unit, lane]), _exp2(gates[hidden + unit, lane])
            g = _exp2(gates[np.uintp(2) * hidden + unit, lane])
            value = cell[unit, lane] / (one + f) + (one - g) / ((one + i) * (one + g))
            cell[unit, lane] = value
            o, c = _exp2(gates[np.uintp(3) * hidden + unit, lane]), _exp2(scale * value)
            state[unit, lane] = (one - c) / ((one + o) * (one + c))


@jit
def _finish_step(  # type: ignore[no-untyped-def]
    step, active, lengths, backwards, cell, state, output, last
):
    """Write the states to ``output``, unless that is empty, and those of documents that end here to
    ``last``."""
    for lane in range(active):
        length = lengths[lane] if lane < len(lengths) else 0
        if step >= length:  # a lane without a document, or nothing of it has been read yet
            cell[:, lane] = 0
            state[:, lane] = 0
        elif step == (0 if backwards else length - 1):
            last[:, lane] = state[:, lane]
    for unit in range(len(output)):
        for lane in range(active):
            output[unit, lane] = state[unit, lane]


@jit
def _exp2(value):  # type: ignore[no-untyped-def]
    """2**value in float32, to 2e-7; ``value`` is limited to :data:`LIMIT` on both sides."""
    value = min(max(value, np.float32(-LIMIT)), np.float32(LIMIT))
    # The nearest whole number: next to 1.5 * 2**23 a float32 has no bits for a fraction, and the
    # number is in the lowest bits.
    shifted = value + np.float32(12582912)
    rest = value - (shifted - np.float32(12582912))
    series = _C5 * rest + _C4
    series = series * rest + _C3
    series = series * rest + _C2
    series = series * rest + _C1
    series = series * rest + _C0
    number = np.float32(shifted).view(np.int32) + np.int32(127)
    return series * np.int32(number << np.int32(23)).view(np.float32)
