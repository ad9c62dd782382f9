"""Batches: every document once, the order a pure function, what is read is what was written."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import write_tokens
from hypothesis import given
from hypothesis import strategies as st

from lottery.errors import LotteryError
from lottery.storage.token_arrays import PAD, UNK
from lottery.training import batches


def documents(count: int) -> SimpleNamespace:
    """The size of a batch, in documents."""
    return SimpleNamespace(documents=count, tokens=None)


LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=300).map(np.array)


@given(lengths=LENGTHS, size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_order_is_pure_and_complete(lengths: np.ndarray, size: int, seed: int, epoch: int) -> None:
    order = batches.order(lengths, documents(size), seed, epoch)
    assert sorted(np.concatenate(order)) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in order)
    np.random.seed(seed)  # the process's global state plays no part  # noqa: NPY002
    again = batches.order(lengths, documents(size), seed, epoch)
    assert all(np.array_equal(one, other) for one, other in zip(order, again, strict=True))


@given(lengths=LENGTHS, tokens=st.integers(1, 400), seed=st.integers(0, 9))
def test_batches_of_a_number_of_tokens(lengths: np.ndarray, tokens: int, seed: int) -> None:
    order = batches.order(lengths, SimpleNamespace(documents=None, tokens=tokens), seed, 0)
    assert sorted(np.concatenate(order)) == list(range(len(lengths)))
    for batch in order:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens


SIZES = st.one_of(
    st.integers(1, 40).map(documents),
    st.integers(1, 400).map(lambda tokens: SimpleNamespace(documents=None, tokens=tokens)),
)


@given(
    lengths=LENGTHS,
    size=SIZES,
    seeds=st.tuples(st.integers(0, 2**31), st.integers(0, 2**31)),
    epoch=st.integers(0, 9),
    sequence=st.integers(0, 1),
)
def test_all_seeds_have_the_same_lengths_at_each_step(
    lengths: np.ndarray, size: SimpleNamespace, seeds: tuple[int, int], epoch: int, sequence: int
) -> None:
    one, other = (batches.order(lengths, size, seed, epoch, sequence) for seed in seeds)
    assert sorted(np.concatenate(other)) == list(range(len(lengths)))
    steps = [[lengths[batch].tolist() for batch in order] for order in (one, other)]
    assert steps[0] == steps[1]


@given(
    lengths=st.integers(1, 300).flatmap(
        lambda count: st.tuples(
            *[st.lists(st.integers(1, 50), min_size=count, max_size=count).map(np.array)] * 2
        )
    ),
    size=st.integers(1, 40),
)
def test_seeds_of_other_documents_have_batches_of_the_same_ranks(
    lengths: tuple[np.ndarray, np.ndarray], size: int
) -> None:
    """The longest document of a batch is of the same rank by length, whatever its length is."""
    orders = [batches.order(values, documents(size), n, 0) for n, values in enumerate(lengths)]
    assert [len(batch) for batch in orders[0]] == [len(batch) for batch in orders[1]]
    # Documents whose lengths are their ranks show at which ranks each step reads.
    ranks = np.concatenate(batches.order(np.arange(len(lengths[0])), documents(size), 0, 0))
    for values, order in zip(lengths, orders, strict=True):
        numbers = np.concatenate(order)
        assert sorted(numbers) == list(range(len(values)))
        assert values[numbers].tolist() == np.sort(values)[ranks].tolist()


def test_seeds_draw_among_the_documents_of_a_length() -> None:
    """Each as often as any other; a length that occurs once leaves no choice."""
    lengths = np.array([1, 1, 1, 1, 7])
    times = np.zeros((5, 5))
    for seed in range(1000):
        numbers = np.concatenate(batches.order(lengths, documents(2), seed, 0))
        times[np.arange(5), numbers] += 1
    single = times[:, 4] > 0
    assert single.sum() == 1
    assert times[single, 4] == 1000
    assert (abs(times[~single, :4] - 250) < 70).all()  # their standard deviation is 14


def test_another_sequence_has_other_lengths_at_each_step() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, 4000)
    one, other = (
        [int(lengths[batch].max()) for batch in batches.order(lengths, documents(32), 0, 0, number)]
        for number in (0, 1)
    )
    assert np.mean(np.array(one) == np.array(other)) < 0.1


def test_order_differs_by_seed_and_epoch_and_groups_lengths() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, 4000)
    orders = {
        tuple(np.concatenate(batches.order(lengths, documents(32), seed, epoch)))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4
    padded = sum(len(b) * lengths[b].max() for b in batches.order(lengths, documents(32), 0, 0))
    assert padded < 1.1 * lengths.sum()


@pytest.mark.parametrize("size", [(2, None), (None, 60)])
def test_batches_do_not_come_by_length(size: tuple[int | None, int | None]) -> None:
    """They are made up by length, and then shuffled, in each epoch in another way."""
    limit = SimpleNamespace(documents=size[0], tokens=size[1])
    lengths = np.arange(1, 41)
    orders = [
        tuple(int(lengths[batch].max()) for batch in batches.order(lengths, limit, 0, epoch))
        for epoch in range(4)
    ]
    assert len(set(orders)) == 4
    for longest in orders:
        assert list(longest) != sorted(longest)
        assert sorted(longest) == sorted(orders[0])


@given(lengths=LENGTHS, tokens=st.integers(1, 400))
def test_evaluation_batches_are_bounded(lengths: np.ndarray, tokens: int) -> None:
    result = list(batches.by_length(lengths, tokens))
    assert sorted(np.concatenate(result)) == list(range(len(lengths)))
    for batch in result:
        assert lengths[batch].max() == lengths[batch[-1]]
        assert len(batch) == 1 or len(batch) * lengths[batch[-1]] <= tokens


@given(lengths=LENGTHS, tokens=st.integers(1, 400))
def test_a_batch_of_tokens_is_filled_before_the_next(lengths: np.ndarray, tokens: int) -> None:
    """The document that comes next would not have fitted."""
    for batch, following in itertools.pairwise(batches.by_length(lengths, tokens)):
        assert (len(batch) + 1) * lengths[following[0]] > tokens


@pytest.mark.parametrize(("tokens", "sizes"), [(20, [4, 4, 2]), (19, [3, 3, 3, 1]), (4, [1] * 10)])
def test_a_batch_takes_as_many_tokens_as_its_limit(tokens: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in batches.by_length(np.full(10, 5), tokens)] == sizes


def write_ids(folder: Path, ids: list[int], vocabulary: int) -> None:
    """Training documents of one token each, in two classes."""
    write_tokens(folder, words=vocabulary)
    np.save(folder / "train.ids.npy", np.array(ids, np.uint16))
    np.save(folder / "train.offsets.npy", np.arange(len(ids) + 1))
    np.save(folder / "train.labels.npy", np.arange(len(ids)) % 2)


@pytest.mark.parametrize("rows", [3, 4, 9, 10])
def test_ids_stay_inside_the_embedding(tmp_path: Path, rows: int) -> None:
    """An id equal to the number of rows is the first outside it."""
    write_ids(tmp_path, list(range(10)), 10)
    loaded = batches.load(tmp_path, "train", rows, torch.device("cpu"), 0)
    assert loaded.ids.tolist() == [number if number < rows else UNK for number in range(10)]


def test_an_id_or_label_just_past_the_last_is_refused(tmp_path: Path) -> None:
    write_ids(tmp_path, [2, 9], 10)
    batches.load(tmp_path, "train", 5, torch.device("cpu"), 0)
    write_ids(tmp_path, [2, 10], 10)
    with pytest.raises(LotteryError, match="contains the id 10, but the vocabulary has 10 words"):
        batches.load(tmp_path, "train", 5, torch.device("cpu"), 0)
    write_ids(tmp_path, [2, 9], 10)
    for label in (2, -1):
        np.save(tmp_path / "train.labels.npy", np.array([0, label]))
        with pytest.raises(LotteryError, match=f"contains label {label}, but there are 2 classes"):
            batches.load(tmp_path, "train", 5, torch.device("cpu"), 0)


def test_a_batch_is_the_documents_padded_at_the_end(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path)
    ids, offsets = (np.load(folder / f"train.{kind}.npy") for kind in ("ids", "offsets"))
    limit = 30
    documents = batches.load(folder, "train", limit, torch.device("cpu"), 0)
    index = torch.tensor([5, 0, 17])
    longest = int(documents.lengths[index].max()) + 2
    tokens, lengths = documents.batch(index, longest)
    for number, row, length in zip(index.tolist(), tokens, lengths, strict=True):
        document = ids[offsets[number] : offsets[number + 1]]
        expected = np.where(document < limit, document, UNK)
        assert row[:length].tolist() == expected.tolist()
        assert (row[length:] == PAD).all()
        assert len(row) == longest


@pytest.mark.parametrize("kind", ["ids", "offsets", "labels"])
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, kind: str) -> None:
    folder = write_tokens(tmp_path)
    path = folder / f"train.{kind}.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(LotteryError, match="do not fit together"):
        batches.load(folder, "train", 30, torch.device("cpu"), 0)
    if kind == "labels":
        np.save(path, np.full(90, 7))
        with pytest.raises(
            LotteryError, match=r"labels\.npy: contains label 7, but there are 2 classes"
        ):
            batches.load(folder, "train", 30, torch.device("cpu"), 0)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(LotteryError, match=f"{kind}.npy: damaged"):
        batches.load(folder, "train", 30, torch.device("cpu"), 0)
    path.unlink()
    with pytest.raises(LotteryError, match="not found"):
        batches.load(folder, "train", 30, torch.device("cpu"), 0)
