"""One bidirectional LSTM layer of many networks on a GPU: two Triton kernels, forward and backward.

What is not recurrent is one product over all networks. A program takes a few documents of one
network through time in one direction: it adds the product of the last hidden states to the gates,
whose weights stream from the L2 cache, applies their functions and writes the new states, which it
reads at the next step. The backward direction is the same program with positions mirrored in each
document's length, so nothing is reversed, and a program ends with the longest of its documents.

``of_x`` is the gradient of ``x``. On a CPU, Triton's interpreter runs the kernels for the tests
(``TRITON_INTERPRET=1``).
"""

from typing import Any

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

TILE = 16
"""Documents per program: the fewest that a GPU's matrix units take."""
_STAGES = 2
_LARGEST = 512
"""The most hidden units: a program's gates must fit into its registers."""


def fits(hidden: int) -> bool:
    """Whether the kernels take that many hidden units."""
    return hidden <= _LARGEST


def bidirectional(
    inputs: torch.Tensor,
    lengths: torch.Tensor,
    weight_ih: torch.Tensor,
    weight_hh: torch.Tensor,
    bias: torch.Tensor,
    tile: int = TILE,
) -> torch.Tensor:
    """The hidden states of both directions, ``[networks, longest, documents, 2 hidden]``, zero
    behind a document's end.

    ``inputs`` are ``[networks, longest, documents, n]``, ``lengths`` int64 ``[networks,
    documents]``, ``weight_ih`` ``[networks, 2, 4 hidden, n]``, ``weight_hh`` ``[networks, 2, 4
    hidden, hidden]``, ``bias`` ``[networks, 2, 4 hidden]``, gates in PyTorch's order. All float32,
    whose factors are rounded to TF32 where PyTorch may do that, or all bfloat16, where cell states
    and sums are float32. ``tile`` documents are one program: 16, 32 or 64.
    """
    hidden = weight_hh.shape[3]
    size = triton.next_power_of_2(max(16, hidden))
    missing = size - hidden
    if missing:  # units whose weights are zero, and so their states
        ends = (0, 0, 0, missing)
        weight_ih = F.pad(weight_ih.unflatten(2, (4, hidden)), ends).flatten(2, 3)
        weight_hh = F.pad(weight_hh.unflatten(2, (4, hidden)), (0, missing, *ends[2:])).flatten(
            2, 3
        )
        bias = F.pad(bias.unflatten(2, (4, hidden)), (0, missing)).flatten(2, 3)
    states: torch.Tensor = _Bidirectional.apply(
        inputs, lengths.int().contiguous(), weight_ih, weight_hh, bias, tile
    )
    return states[..., :hidden].flatten(3)


class _Bidirectional(torch.autograd.Function):
    """States ``[networks, longest, documents, 2, hidden]``, hidden a power of two."""

    @staticmethod
    def forward(ctx, inputs, lengths, weight_ih, weight_hh, bias, tile):  # type: ignore[no-untyped-def]
        networks, longest, documents, _ = inputs.shape
        hidden = weight_hh.shape[3]
        columns = weight_ih.flatten(1, 2).transpose(1, 2)
        gates = torch.baddbmm(bias.flatten(1)[:, None], inputs.flatten(1, 2), columns)
        states = inputs.new_zeros(networks, longest, documents, 2, hidden)
        cells = torch.empty(states.shape, dtype=torch.float32, device=states.device)
        by_state = weight_hh.transpose(2, 3).contiguous()
        arrays = (gates, by_state, states, cells, lengths)
        _launch(_forward, arrays, states.shape, tile, min(32, hidden))
        ctx.tile = tile
        ctx.save_for_backward(inputs, lengths, weight_ih, weight_hh, gates, states, cells)
        return states

    @staticmethod
    def backward(ctx, of_states):  # type: ignore[no-untyped-def]
        inputs, lengths, weight_ih, weight_hh, gates, states, cells = ctx.saved_tensors
        _, _, documents, _, hidden = states.shape
        of_gates = torch.zeros_like(gates)
        arrays = (gates, weight_hh.contiguous(), of_states.contiguous(), cells, of_gates, lengths)
        _launch(_backward, arrays, states.shape, ctx.tile, min(64, 4 * hidden))
        of_inputs = torch.bmm(of_gates, weight_ih.flatten(1, 2)).view(inputs.shape)
        of_weight_ih = torch.bmm(of_gates.transpose(1, 2), inputs.flatten(1, 2))
        sides = of_gates.unflatten(2, (2, -1))
        rows = states.flatten(1, 2)
        # A document's row of the time step before is `documents` rows up, or, backward, down.
        forwards = sides[:, documents:, 0].transpose(1, 2) @ rows[:, :-documents, 0]
        backwards = sides[:, :-documents, 1].transpose(1, 2) @ rows[:, documents:, 1]
        return (
            of_inputs,
            None,
            of_weight_ih.view(weight_ih.shape),
            torch.stack([forwards, backwards], 1),
            of_gates.sum(1, dtype=torch.float32).to(of_gates.dtype).unflatten(1, (2, -1)),
            None,
        )


def _launch(
    kernel: Any, arrays: tuple[torch.Tensor, ...], shape: torch.Size, tile: int, depth: int
) -> None:
    """Run ``kernel`` for states of ``shape``, with ``depth`` columns of a product at a time."""
    networks, longest, documents, _, hidden = shape
    # 256 units of 16 documents in bfloat16 just fit into the registers of 8 warps, by ptxas for an
    # H100: 255 of each thread, none spilled.
    warps = tile // 2
    precision = "tf32" if torch.backends.cuda.matmul.allow_tf32 else "ieee"
    if not arrays[0].is_cuda:  # the interpreter would multiply the bits of bfloat16
        precision = "widened"
    with torch.cuda.device_of(arrays[0]):
        kernel[(2 * networks, triton.cdiv(documents, tile))](
            *arrays, longest, documents, hidden, tile, depth, precision,
            num_warps=warps, num_stages=_STAGES,
        )  # fmt: skip


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
def _forward(  # type: ignore[no-untyped-def]
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
def _backward(  # type: ignore[no-untyped-def]
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
