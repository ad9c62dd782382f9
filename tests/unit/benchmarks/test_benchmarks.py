"""The contenders of ``make bench`` train the same network on the same documents."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import ROOT

from benchmarks import accuracy, levels, picture, profile, race
from benchmarks.__main__ import RESULTS
from benchmarks.cells import CELLS, Cell, choose, texts
from benchmarks.contenders import ours, plain, study
from lottery.pruning import masks
from lottery.training import evaluation
from lottery.training.batches import Documents


def documents(cell: Cell, count: int = 128) -> Documents:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 30, count)
    ids = torch.from_numpy(random.integers(2, 500, lengths.sum()).astype(np.int32))
    starts = torch.from_numpy(np.cumsum(lengths) - lengths)
    labels = torch.from_numpy(random.integers(0, cell.classes, count))
    return Documents(ids, starts, torch.from_numpy(lengths), labels, lengths)


@pytest.mark.parametrize("cell", [CELLS["imdb-cnn"], CELLS["ag_news-lstm"]], ids=lambda c: c.name)
def test_plain_is_the_same_network(cell: Cell) -> None:
    split = documents(cell, 16)
    network = cell.network()
    expected = evaluation.logits(network, split)
    model = plain.network(cell, dict(network.named_parameters()), 0.0).eval()
    for tokens, lengths, labels in plain.data(split, 0):
        logits = model(tokens, lengths)
        numbers = [
            next(n for n, text in enumerate(texts(split)) if torch.equal(text, row[:size]))
            for row, size in zip(tokens, lengths.tolist(), strict=True)
        ]
        torch.testing.assert_close(logits.detach(), torch.from_numpy(expected[numbers]))
        assert torch.equal(labels, split.labels[numbers])


@pytest.mark.parametrize("contender", [ours, plain, study])
def test_every_contender_learns(contender: object) -> None:
    cell = CELLS["ag_news-cnn"]
    train = contender.load(cell, documents(cell))  # type: ignore[attr-defined]
    losses = [train() for _ in range(6)]
    assert losses[-1] < losses[0]


def test_documents_are_chosen_and_cut() -> None:
    split = documents(CELLS["imdb-cnn"])
    few = choose(split, np.array([5, 3]), most=4)
    assert [len(text) for text in texts(few)] == [min(4, split.lengths[n]) for n in (5, 3)]
    assert torch.equal(texts(few)[0], texts(split)[5][:4])
    assert few.labels.tolist() == split.labels[[5, 3]].tolist()


def test_a_row_of_the_race(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = CELLS["imdb-lstm"]
    monkeypatch.setattr(race, "sample", lambda cell, count: documents(cell, count * 64))
    seconds = {"study": [], "plain": [4.0, 6.0, 5.0], "plain_flush": [3.0, 3.0]}
    seconds |= {"ours": [1.0, 2.0, 1.5], "ours_bf16": [1.0]}
    row = race._row(cell, seconds, quick=True)
    assert row["study_over_ours"] is None
    assert row["plain_over_ours"] == pytest.approx(5 / 1.5)
    assert row["plain_over_ours_spread"] == [3.0, 4.0]
    assert row["plain_flush_over_ours"] == 2
    tokens = documents(cell, 64).lengths.sum()
    weights = 2 * 4 * 256 * (100 + 256) + 2 * 4 * 256 * (512 + 256)
    assert row["gflops"] == pytest.approx(6 * weights * tokens / 1.5 / 1e9)


@pytest.mark.parametrize(("name", "rounds"), [("ag_news-cnn", 3), ("imdb-lstm", 1)])
def test_contenders_are_timed_by_turns(
    monkeypatch: pytest.MonkeyPatch, name: str, rounds: int
) -> None:
    """A slow one takes one round of three with ``--quick``."""
    monkeypatch.setattr(race, "sample", lambda cell, count: documents(cell, 64))
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=race.serve, args=(theirs, "plain", 1))
    thread.start()
    seconds = race._seconds(CELLS[name], {"plain": ours}, 3, quick=True)
    ours.send(None)
    thread.join()
    assert len(seconds["plain"]) == rounds
    assert min(seconds["plain"]) > 0
    assert seconds["study"] == []


@pytest.mark.parametrize("part", profile.PARTS)
def test_the_parts_of_a_step_are_the_librarys(part: str) -> None:
    """They are named in a list here: a kernel that is renamed must be renamed there too."""
    for holder, name in profile.PARTS[part]:
        assert callable(getattr(holder, name))


def test_the_parts_of_a_step_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every function is as before afterwards."""
    cell = replace(CELLS["ag_news-cnn"], batches=2)
    monkeypatch.setitem(CELLS, cell.name, cell)
    monkeypatch.setattr(profile, "sample", lambda cell, count: documents(cell, count * 64))
    functions = [getattr(*entry) for parts in profile.PARTS.values() for entry in parts]
    row = profile._profile(cell.name, torch.float32)
    assert [getattr(*entry) for parts in profile.PARTS.values() for entry in parts] == functions
    assert {"products", "windows, forward", "windows, backward", "batch", "Adam"} < {
        *row["parts_ms"]
    }
    assert sum(row["parts_ms"].values()) == pytest.approx(row["step_ms"])


def test_a_pruning_run_and_a_whole_level(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = CELLS["ag_news-cnn"]
    monkeypatch.setattr(levels, "documents", lambda cell, split: documents(cell))
    pruned = levels.pruning_run(cell, 2, 0.5)
    sparsities = [masks.sparsity(pruned_at, level) for level, pruned_at in enumerate(pruned)]
    assert sparsities == pytest.approx([0, 0.4, 0.64], abs=1e-3)
    row = levels._whole_level(cell, 0.5)
    seconds = [row[key] for key in ("train_s", "validate_s", "prune_s", "save_s")]
    assert min(seconds) > 0
    assert row["outside_share"] == pytest.approx(sum(seconds[2:]) / sum(seconds))


@pytest.mark.parametrize("contender", ["plain", "float32"])
def test_the_accuracy_of_each_level(monkeypatch: pytest.MonkeyPatch, contender: str) -> None:
    """On documents whose class is in each of their words, so that it is learned at once."""
    cell = CELLS["ag_news-cnn"]
    split = documents(cell, 256)
    split.ids.copy_(2 + split.labels.repeat_interleave(split.sizes))
    monkeypatch.setattr(accuracy, "documents", lambda cell, name="train": split)
    training = accuracy.Training(cell.name, contender, levels=1, epochs=4, count=200)
    accuracies = list(accuracy._accuracies(training, 0))
    assert len(accuracies) == 2
    assert min(accuracies) > 90


def test_every_point_of_the_picture_is_inside_its_axes() -> None:
    """The axes of a row are shared: limits that are set before all is drawn leave points out."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["growth"]
    figure = picture.growth(rows)
    figure.canvas.draw()
    points = 0
    for panel in figure.axes:
        (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
        assert (left, low) == (0, 0)
        for line in panel.lines:
            x, y = line.get_data()
            points += len(x)
            assert max(x) <= right
            assert max(y) <= high
    assert points == 2 * len(rows)


def test_the_command_can_be_started() -> None:
    """``make bench`` with ``QUICK=1``: nothing is measured, only its help is printed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--quick" in done.stdout


SETTINGS = """
import importlib, multiprocessing, os
import torch
from benchmarks import race

class Contender:
    def load(cell, documents):
        values, factors = torch.full((1 << 20,), 1e-30), torch.full((1 << 20,), 1e-10)
        bits = (values * factors).view(torch.int32)  # each thread has a part of so many
        print(name, torch.get_num_threads(), not bits.any().item(), flush=True)
        return float

race.sample = lambda cell, steps: None
for name in race.CONTENDERS:
    if os.fork() == 0:  # a process of its own, as the race starts one, but already imported
        Contender.prepare = importlib.import_module(f"benchmarks.contenders.{name}").prepare
        race.importlib.import_module = lambda module: Contender
        ours, theirs = multiprocessing.Pipe()
        ours.send(("ag_news-cnn", 1))
        ours.send(None)
        race.serve(theirs, name, 2)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot flush subnormal numbers"
)
def test_each_contender_has_its_settings_alone() -> None:
    """Its threads, and whether subnormal numbers are zero in them."""
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_NUM_THREADS": "2"},
    )
    settings = {
        "study": "2 False",
        "plain": "2 False",
        "plain_flush": "2 True",
        "ours": "2 True",
        "ours_bf16": "2 True",
    }
    assert dict(line.split(" ", 1) for line in done.stdout.splitlines()) == settings
