"""The contenders of ``make bench`` train the same network on the same documents."""

import numpy as np
import pytest
import torch

from benchmarks import race
from benchmarks.cells import CELLS, Cell, choose, texts
from benchmarks.contenders import ours, plain, study
from lottery.batches import Documents
from lottery.training import loop


def documents(cell: Cell, count: int = 128) -> Documents:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 30, count)
    ids = torch.from_numpy(random.integers(2, 500, lengths.sum()).astype(np.int32))
    starts = torch.from_numpy(np.cumsum(lengths) - lengths)
    labels = torch.from_numpy(random.integers(0, cell.classes, count))
    return Documents(ids, starts, torch.from_numpy(lengths), labels, lengths)


@pytest.mark.parametrize("cell", [CELLS["imdb-cnn"], CELLS["ag_news-lstm"]], ids=lambda c: c.name)
def test_plain_is_the_same_network(cell: Cell) -> None:
    own = documents(cell, 16)
    network = cell.network()
    expected = loop.logits(network, own)
    model = plain.network(cell, dict(network.named_parameters()), 0.0).eval()
    for tokens, lengths, labels in plain.data(own, 0):
        found = model(tokens, lengths)
        where = [
            next(n for n, text in enumerate(texts(own)) if torch.equal(text, row[:size]))
            for row, size in zip(tokens, lengths.tolist(), strict=True)
        ]
        torch.testing.assert_close(found.detach(), torch.from_numpy(expected[where]))
        assert torch.equal(labels, own.labels[where])


@pytest.mark.parametrize("contender", [ours, plain, study])
def test_every_contender_learns(contender: object) -> None:
    cell = CELLS["ag_news-cnn"]
    train = contender.load(cell, documents(cell))  # type: ignore[attr-defined]
    losses = [train() for _ in range(6)]
    assert losses[-1] < losses[0]


def test_documents_are_chosen_and_cut() -> None:
    own = documents(CELLS["imdb-cnn"])
    few = choose(own, np.array([5, 3]), most=4)
    assert [len(text) for text in texts(few)] == [min(4, own.lengths[n]) for n in (5, 3)]
    assert torch.equal(texts(few)[0], texts(own)[5][:4])
    assert few.labels.tolist() == own.labels[[5, 3]].tolist()


def test_a_row_of_the_race(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = CELLS["imdb-lstm"]
    monkeypatch.setattr(race, "some", lambda cell, count: documents(cell, count * 64))
    seconds = {"study": [], "plain": [4.0, 6.0, 5.0], "ours": [1.0, 2.0, 1.5], "ours_bf16": [1.0]}
    row = race._row(cell, seconds, quick=True)
    assert row["study_over_ours"] is None
    assert row["plain_over_ours"] == pytest.approx(5 / 1.5)
    assert row["plain_over_ours_spread"] == [3.0, 4.0]
    tokens = documents(cell, 64).lengths.sum()
    weights = 2 * 4 * 256 * (100 + 256) + 2 * 4 * 256 * (512 + 256)
    assert row["gflops"] == pytest.approx(6 * weights * tokens / 1.5 / 1e9)
