"""What the run store records beside checkpoints: who trained, what diverged, what was left out."""

import socket
from pathlib import Path

import pytest
import torch

from lottery.experiment import failures
from lottery.pipeline.reporter import Reporter, Saved
from lottery.pipeline.run_store import Entry, RunCheckpointer
from lottery.pruning.control import NotForThisModelError
from lottery.training.loop import Diverged, Plan

HOST = socket.gethostname()
WEIGHTS = {"a": torch.ones(2)}


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(tmp_path, {}, {})


def opened(entry: Entry, trained_by: str = "stage prune") -> RunCheckpointer:
    return RunCheckpointer(entry, 0.0, trained_by, Reporter(lambda report: None))


def diverged(level: int) -> Diverged:
    plan = Plan(0, level, range(1), 1, 0.1, "linear", None, 0.0, None)  # type: ignore[arg-type]
    return Diverged(plan, 0, "the loss of batch 3 of 9")


def test_each_level_says_who_trained_it(entry: Entry) -> None:
    opened(entry).save("level-001", WEIGHTS, {})
    assert entry.trained_by() == [f"stage prune on {HOST}"]
    checkpointer = opened(entry, "make precompute")
    checkpointer.save("rewind", WEIGHTS, {})
    checkpointer.save("level-002", WEIGHTS, {})
    assert entry.trained_by() == [f"stage prune on {HOST}", f"make precompute on {HOST}"]
    assert checkpointer.levels_trained == 1
    assert entry.done([1, 2, 3]) == [1, 2]
    assert entry.nothing_to_train([1, 2])
    assert not entry.nothing_to_train([1, 2, 3])


def test_what_is_saved_is_reported_but_not_the_epochs(entry: Entry) -> None:
    reports: list[Saved] = []
    checkpointer = RunCheckpointer(entry, 0.0, "a test", Reporter(reports.append))  # type: ignore[arg-type]
    for name in ("epoch", "rewind", "level-000"):
        checkpointer.save(name, WEIGHTS, {})
    names = [report.path.name.split(".")[0] for report in reports]
    assert names == ["rewind", "level-000", "trained_by"]
    assert all(report.path.exists() for report in reports)


def test_what_diverged_is_not_trained_again(entry: Entry) -> None:
    """The same error comes again, at that level and not before; other runs do not know of it."""
    with pytest.raises(Diverged) as first, opened(entry).recorded():
        raise diverged(2)
    again = opened(entry)
    assert again.read("level-001") is None
    with pytest.raises(Diverged) as second, again.recorded():
        again.read("level-002")
    assert failures.of(second.value) == failures.of(first.value)
    assert entry.nothing_to_train([1, 2, 3])
    assert not entry.nothing_to_train([1])


def test_a_damaged_record_of_divergence_is_as_none(entry: Entry) -> None:
    (entry.folder / "diverged-level-001.json").write_text('{"level": 1')
    assert opened(entry).read("level-001") is None


def test_a_control_that_makes_no_sense_has_nothing_to_train(entry: Entry) -> None:
    with pytest.raises(NotForThisModelError), opened(entry).recorded():
        raise NotForThisModelError("no flow")
    assert entry.nothing_to_train([1, 2])
