"""Dropout of many networks at once, each from its own generator as if it were trained alone."""

from collections.abc import Sequence

import torch

from lottery.training.lockstep.feed import Batch


class Dropout:
    """Dropout of ``share`` of the values, the first axis of which is the network's.

    One 64-bit draw decides four values, as in :mod:`lottery.training.dropout`.
    """

    def __init__(self, generators: Sequence[torch.Generator], share: float) -> None:
        self._generators, self._share = generators, share
        self._threshold = round(share * 2**16) - 2**15

    def of_documents(self, values: torch.Tensor) -> torch.Tensor:
        """``values`` ``[networks, documents, features]`` after dropout."""
        if self._share == 0:
            return values
        draws = self._draw([values[0].numel()] * len(values), values.device)
        return self._apply(values, draws[:, : values[0].numel()].view(values.shape))

    def of_tokens(self, values: torch.Tensor, batch: Batch) -> torch.Tensor:
        """``values`` ``[networks, longest, documents, features]`` after dropout.

        A value meets the draw that it meets where its network is trained alone.
        """
        if self._share == 0:
            return values
        rows, counts = batch.rows
        features = values.shape[3]
        draws = self._draw([count * features for count in counts], values.device)
        most = max(counts)
        by_row = draws[:, : most * features].reshape(-1, features)
        first = most * torch.arange(len(counts), device=rows.device)
        return self._apply(values, by_row[rows + first[:, None, None]])

    def _draw(self, counts: Sequence[int], device: torch.device) -> torch.Tensor:
        """int16 ``[networks, most]``; of each network the first ``counts`` are drawn."""
        bits = torch.empty(len(counts), -(-max(counts) // 4), dtype=torch.int64, device=device)
        for row, count, generator in zip(bits, counts, self._generators, strict=True):
            row[: -(-count // 4)].random_(-(2**63), None, generator=generator)
        return bits.view(torch.int16)

    def _apply(self, values: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        keep = (draws >= self._threshold).to(values.dtype)
        return values * keep.mul_(1 / (1 - self._share))


NONE = Dropout((), 0.0)
"""Where no network is trained."""
