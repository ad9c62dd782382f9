"""The time steps of a bidirectional LSTM layer of many networks: Triton kernels.

A program takes a few documents of one network through time in one direction: it adds the product of
the last hidden states to the gates, whose weights stream from the L2 cache, applies their functions
and writes the new states, which it reads at the next step. The backward direction is the same
program with positions mirrored in each document's length, so nothing is reversed, and a program
ends with the longest of its documents. ``of_x`` is the gradient of ``x``.
"""

import triton
import triton.language as tl


@triton.jit
def _sigmoid(value):  # type: ignore[no-untyped-def]
    return 1 / (1 + tl.exp(-value))


@triton.jit
def _tanh(value):  # type: ignore[no-untyped-def]
    # Near zero the relative error grows, but only the absolute one counts.
    return 2 / (1 + tl.exp(-2 * value)) - 1


@triton.jit
def _add_product(total, left, right, PRECISION: tl.constexpr):  # type: ignore[no-untyped-def]
    if PRECISION == "widened":
        total = tl.dot(left.to(tl.float32), right.to(tl.float32), total, input_precision="ieee")
    else:
        total = tl.dot(left, right, total, input_precision=PRECISION)
    return total


@triton.jit
def _documents(lengths, documents, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    """A program's network, its direction (0 or 1), its documents and their lengths."""
    network = tl.program_id(0) // 2
    side = tl.program_id(0) % 2
    rows = tl.program_id(1) * TILE + tl.arange(0, TILE)
    length = tl.load(lengths + network * documents + rows, mask=rows < documents, other=0)
    return network, side, rows, length


@triton.jit
def _position(step, side, length):  # type: ignore[no-untyped-def]
    """Where each document is at a time step, and where it was before. Outside the document if it
    has ended, or has not begun."""
    position = side * (length - 1) + (1 - 2 * side) * step
    return position, position - (1 - 2 * side)


@triton.jit
def _row(network, position, rows, longest, documents):  # type: ignore[no-untyped-def]
    """Each document's row of ``[networks, longest, documents]``."""
    return (network * longest + position).to(tl.int64) * documents + rows


@triton.jit
def forward(  # type: ignore[no-untyped-def]
    gates,
    weight,
    states,
    cells,
    lengths,
    longest,
    documents,
    HIDDEN: tl.constexpr,
    TILE: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Complete ``gates`` ``[networks, longest, documents, 2, 4, hidden]``, in place, by the product
    of the hidden states with ``weight`` ``[networks, 2, hidden, 4, hidden]`` and the gates'
    functions; write ``states`` and ``cells`` ``[networks, longest, documents, 2, hidden]``."""
    network, side, rows, length = _documents(lengths, documents, TILE)
    units = tl.arange(0, HIDDEN)
    weight += tl.program_id(0) * 4 * HIDDEN * HIDDEN
    cell = tl.zeros([TILE, HIDDEN], tl.float32)
    for step in range(tl.max(length, 0)):
        position, previous = _position(step, side, length)
        inside = ((position >= 0) & (position < length))[:, None]
        begun = ((previous >= 0) & (previous < length))[:, None]
        row = 2 * _row(network, position, rows, longest, documents)[:, None] + side
        before = 2 * _row(network, previous, rows, longest, documents)[:, None] + side
        gate = gates + row * 4 * HIDDEN + units[None, :]
        input_gate = tl.load(gate, mask=inside, other=0).to(tl.float32)
        forget_gate = tl.load(gate + HIDDEN, mask=inside, other=0).to(tl.float32)
        candidate = tl.load(gate + 2 * HIDDEN, mask=inside, other=0).to(tl.float32)
        output_gate = tl.load(gate + 3 * HIDDEN, mask=inside, other=0).to(tl.float32)
        for first in range(0, HIDDEN, DEPTH):
            depth = first + tl.arange(0, DEPTH)
            last = tl.load(states + before * HIDDEN + depth[None, :], mask=begun & inside, other=0)
            columns = weight + depth[:, None] * 4 * HIDDEN + units[None, :]
            input_gate = _add_product(input_gate, last, tl.load(columns), PRECISION)
            forget_gate = _add_product(forget_gate, last, tl.load(columns + HIDDEN), PRECISION)
            candidate = _add_product(candidate, last, tl.load(columns + 2 * HIDDEN), PRECISION)
            output_gate = _add_product(output_gate, last, tl.load(columns + 3 * HIDDEN), PRECISION)
        input_gate = _sigmoid(input_gate)
        forget_gate = _sigmoid(forget_gate)
        candidate = _tanh(candidate)
        output_gate = _sigmoid(output_gate)
        cell = tl.where(inside, forget_gate * cell + input_gate * candidate, cell)
        state = output_gate * _tanh(cell)
        dtype = gates.dtype.element_ty
        tl.store(gate, input_gate.to(dtype), mask=inside)
        tl.store(gate + HIDDEN, forget_gate.to(dtype), mask=inside)
        tl.store(gate + 2 * HIDDEN, candidate.to(dtype), mask=inside)
        tl.store(gate + 3 * HIDDEN, output_gate.to(dtype), mask=inside)
        tl.store(cells + row * HIDDEN + units[None, :], cell, mask=inside)
        tl.store(states + row * HIDDEN + units[None, :], state.to(dtype), mask=inside)
        tl.debug_barrier()  # the next step reads what all threads wrote


@triton.jit
def backward(  # type: ignore[no-untyped-def]
    gates,
    weight,
    of_states,
    cells,
    of_gates,
    lengths,
    longest,
    documents,
    HIDDEN: tl.constexpr,
    TILE: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write ``of_gates``, the gradient before the gates' functions, from ``of_states``; the last
    time step first. ``weight`` is ``[networks, 2, 4, hidden, hidden]``."""
    network, side, rows, length = _documents(lengths, documents, TILE)
    units = tl.arange(0, HIDDEN)
    weight += tl.program_id(0) * 4 * HIDDEN * HIDDEN
    of_cell = tl.zeros([TILE, HIDDEN], tl.float32)
    of_state = tl.zeros([TILE, HIDDEN], tl.float32)
    dtype = of_gates.dtype.element_ty
    steps = tl.max(length, 0)
    for number in range(steps):
        position, previous = _position(steps - 1 - number, side, length)
        inside = ((position >= 0) & (position < length))[:, None]
        begun = ((previous >= 0) & (previous < length))[:, None]
        row = 2 * _row(network, position, rows, longest, documents)[:, None] + side
        before = 2 * _row(network, previous, rows, longest, documents)[:, None] + side
        gate = gates + row * 4 * HIDDEN + units[None, :]
        of_gate = of_gates + row * 4 * HIDDEN + units[None, :]
        column = row * HIDDEN + units[None, :]
        of_state += tl.load(of_states + column, mask=inside, other=0).to(tl.float32)
        bent = _tanh(tl.load(cells + column, mask=inside, other=0))
        output_gate = tl.load(gate + 3 * HIDDEN, mask=inside, other=0).to(tl.float32)
        slope = of_state * bent * output_gate * (1 - output_gate)
        tl.store(of_gate + 3 * HIDDEN, slope.to(dtype), mask=inside)
        of_cell += of_state * output_gate * (1 - bent * bent)
        input_gate = tl.load(gate, mask=inside, other=0).to(tl.float32)
        candidate = tl.load(gate + 2 * HIDDEN, mask=inside, other=0).to(tl.float32)
        slope = of_cell * candidate * input_gate * (1 - input_gate)
        tl.store(of_gate, slope.to(dtype), mask=inside)
        slope = of_cell * input_gate * (1 - candidate * candidate)
        tl.store(of_gate + 2 * HIDDEN, slope.to(dtype), mask=inside)
        forget_gate = tl.load(gate + HIDDEN, mask=inside, other=0).to(tl.float32)
        cell_before = tl.load(
            cells + before * HIDDEN + units[None, :], mask=begun & inside, other=0
        )
        slope = of_cell * cell_before * forget_gate * (1 - forget_gate)
        tl.store(of_gate + HIDDEN, slope.to(dtype), mask=inside)
        of_cell = tl.where(inside, of_cell * forget_gate, 0)
        tl.debug_barrier()  # the product reads what all threads wrote
        of_state = tl.zeros([TILE, HIDDEN], tl.float32)
        for first in range(0, 4 * HIDDEN, DEPTH):
            depth = first + tl.arange(0, DEPTH)
            slopes = tl.load(of_gates + row * 4 * HIDDEN + depth[None, :], mask=inside, other=0)
            columns = weight + depth[:, None] * HIDDEN + units[None, :]
            of_state = _add_product(of_state, slopes, tl.load(columns), PRECISION)
