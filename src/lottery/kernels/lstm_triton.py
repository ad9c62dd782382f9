"""One bidirectional LSTM layer of many networks on a GPU, by the Triton kernels of
:mod:`lottery.kernels.lstm_triton_steps`.

What is not recurrent is one product over all networks.

``of_x`` is the gradient of ``x``. On a CPU, Triton's interpreter runs the kernels for the tests
(``TRITON_INTERPRET=1``).
"""

from typing import Any

import torch
import torch.nn.functional as F
import triton

from lottery.kernels import lstm_triton_steps

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
        _launch(lstm_triton_steps.forward, arrays, states.shape, tile, min(32, hidden))
        ctx.tile = tile
        ctx.save_for_backward(inputs, lengths, weight_ih, weight_hh, gates, states, cells)
        return states

    @staticmethod
    def backward(ctx, of_states):  # type: ignore[no-untyped-def]
        inputs, lengths, weight_ih, weight_hh, gates, states, cells = ctx.saved_tensors
        _, _, documents, _, hidden = states.shape
        of_gates = torch.zeros_like(gates)
        arrays = (gates, weight_hh.contiguous(), of_states.contiguous(), cells, of_gates, lengths)
        _launch(lstm_triton_steps.backward, arrays, states.shape, ctx.tile, min(64, 4 * hidden))
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
