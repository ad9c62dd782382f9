"""The batches of many networks at once.

Networks with the same documents, seed and sequence share a *stream* of batches: its tokens are
looked up once. Seeds meet batches of the same lengths at the same step
(:mod:`lottery.training.batches`), so there is little padding between streams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from lottery.errors import LotteryError
from lottery.kernels import matmul
from lottery.kernels.distinct import distinct
from lottery.kernels.padding import padded
from lottery.storage.token_arrays import PAD
from lottery.training import batches
from lottery.training.batches import Documents
from lottery.training.loop import Plan


@dataclass(frozen=True)
class Batch:
    """A batch of each network, on the device but for ``sizes``.

    ``tokens`` int64 ``[networks, documents, longest]``, padded at the end; ``lengths`` and
    ``labels`` int64 ``[networks, documents]``; ``sizes`` are the lengths as a NumPy array.
    ``words`` int64 ``[networks, distinct]`` are the different tokens, padded too, and ``indices``
    int64 ``[networks, documents, longest]`` each token's index among them.
    """

    tokens: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    sizes: np.ndarray
    words: torch.Tensor
    indices: torch.Tensor

    @cached_property
    def inside(self) -> torch.Tensor:
        """Which of the tokens are no padding: bool ``[networks, documents, longest]``."""
        positions = torch.arange(self.tokens.shape[2], device=self.tokens.device)
        return positions < self.lengths[:, :, None]

    @cached_property
    def rows(self) -> tuple[torch.Tensor, list[int]]:
        """Each token's row where a network alone keeps its tokens as rows, int64 ``[networks,
        longest, documents]``, and how many rows each network has there.

        Packed (:mod:`lottery.kernels.lstm`), or document by document, each as long as the longest.
        """
        longest = self.tokens.shape[2]
        positions = torch.arange(longest, device=self.lengths.device)
        if is_packed(self.tokens.device):
            rank = self.lengths.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
            steps = self.inside.sum(1)
            rows = (steps.cumsum(1) - steps)[:, :, None] + rank[:, None, :]
            counts = [matmul.rounded(int(count)) for count in self.sizes.sum(1)]
        else:
            lengths = torch.from_numpy(self.sizes.max(1)).to(self.lengths.device)
            numbers = torch.arange(self.tokens.shape[1], device=self.lengths.device)
            rows = lengths[:, None, None] * numbers + positions[:, None]
            counts = [int(count) * self.sizes.shape[1] for count in self.sizes.max(1)]
        return rows.where(self.inside.transpose(1, 2), 0), counts


def is_packed(device: torch.device) -> bool:
    """Whether a network alone keeps its tokens without padding on that device."""
    return device.type == "cpu"


class Feed:
    """One split of the corpus for each of a group's networks.

    Raises LotteryError for networks with different numbers of documents.
    """

    def __init__(self, splits: Sequence[Documents], device: torch.device) -> None:
        self.splits, self.device = splits, device
        if len({len(split) for split in splits}) > 1:
            raise LotteryError("networks with different numbers of documents train in no lockstep")
        self._ids = {id(split): split.ids.cpu().numpy() for split in splits}
        self._starts = {id(split): split.starts.cpu().numpy() for split in splits}
        self._labels = {id(split): split.labels.cpu().numpy() for split in splits}
        self._scratch = np.empty(0, np.int64)

    def epoch(self, plans: Sequence[Plan], epoch: int) -> list[list[np.ndarray]]:
        """The batches of an epoch, document numbers by network.

        Raises LotteryError where batches of the same step differ in their number of documents.
        """
        orders_of: dict[object, list[np.ndarray]] = {}
        orders = []
        for split, plan in zip(self.splits, plans, strict=True):
            key = (id(split), plan.seed, plan.sequence)
            if key not in orders_of:
                orders_of[key] = batches.order(
                    split.lengths, plan.batch, plan.seed, epoch, plan.sequence
                )
            orders.append(orders_of[key])
        if len({tuple(map(len, order)) for order in orders_of.values()}) > 1:
            raise LotteryError("networks whose batches differ in size train in no lockstep")
        return [list(step) for step in zip(*orders, strict=True)]

    def by_length(self, tokens: int) -> Iterator[list[np.ndarray]]:
        """Batches of all documents by length, of at most ``tokens`` padded tokens per network."""
        ranked = [np.argsort(split.lengths, kind="stable") for split in self.splits]
        pairs = zip(self.splits, ranked, strict=True)
        longest = np.max([split.lengths[order] for split, order in pairs], 0)
        for batch in batches.by_length(longest, tokens):
            yield [order[batch] for order in ranked]

    def batch(self, index: Sequence[np.ndarray]) -> Batch:
        """The documents ``index`` of each network, which are equally many."""
        numbers: dict[tuple[int, int], int] = {}
        streams = []
        for split, documents in zip(self.splits, index, strict=True):
            streams.append(numbers.setdefault((id(split), id(documents)), len(numbers)))
        firsts = [streams.index(number) for number in range(len(numbers))]
        chosen = [(self.splits[first], index[first]) for first in firsts]
        sizes = np.stack([split.lengths[documents] for split, documents in chosen])
        tokens = self._tokens(chosen, sizes)
        words, indices = self._distinct(tokens)
        labels = np.stack([self._labels[id(split)][documents] for split, documents in chosen])
        chosen_by = self._to_device(torch.tensor(streams))

        def by_network(array: np.ndarray) -> torch.Tensor:
            return self._to_device(torch.from_numpy(array))[chosen_by]

        return Batch(
            by_network(tokens),
            by_network(sizes),
            by_network(labels),
            sizes[streams],
            by_network(words),
            by_network(indices),
        )

    def _tokens(
        self, chosen: Sequence[tuple[Documents, np.ndarray]], sizes: np.ndarray
    ) -> np.ndarray:
        longest = int(sizes.max())
        return np.stack(
            [
                padded(
                    self._ids[id(split)], self._starts[id(split)][documents], of_batch, longest, PAD
                )
                for (split, documents), of_batch in zip(chosen, sizes, strict=True)
            ]
        )

    def _distinct(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if (highest := int(tokens.max())) >= len(self._scratch):
            self._scratch = np.full(highest + 1, -1)
        pairs = [distinct(torch.from_numpy(batch), self._scratch) for batch in tokens]
        words = np.full((len(pairs), matmul.rounded(max(len(ids) for ids, _ in pairs))), PAD)
        for row, (ids, _) in zip(words, pairs, strict=True):
            row[: len(ids)] = ids
        return words, np.stack([indices.numpy() for _, indices in pairs])

    def _to_device(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cpu":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)
