"""The training runs of a grid: each once, after those that it needs."""

from collections import Counter

import pytest
from helpers import ROOT

from lottery.config import params
from lottery.config.schema import Params
from lottery.pipeline import resume, training_runs


def profile(name: str) -> Params:
    return params.load(ROOT / "profiles" / f"{name}.yaml")


@pytest.mark.parametrize("name", ["smoke", "quick", "transfer", "full"])
def test_each_run_comes_once_and_after_those_that_it_needs(name: str) -> None:
    names: list[str] = []
    for run in training_runs.of_grid(profile(name)):
        assert set(run.needs) <= set(names)
        assert run.name not in names
        assert run.stage in resume.TRAINING
        names.append(run.name)


def test_the_stages_of_the_smoke_profile_have_their_seeds() -> None:
    """Two cells with two seeds, three strategies, a control, and one level of connectivity."""
    runs = training_runs.of_grid(profile("smoke"))
    assert Counter(run.stage for run in runs) == {
        "train": 4,
        "prune": 12,
        "branch": 4,
        "connectivity": 4,
    }
    assert {run.seed for run in runs} == {0, 1}


def test_a_transferred_arm_needs_the_tickets_of_both_corpora() -> None:
    runs = training_runs.of_grid(profile("transfer"))
    (first, *_) = [run for run in runs if run.stage == "transfer"]
    ticket = f"cnn-winning_ticket seed {first.seed}"
    assert first.needs == (f"prune reuters_r8-{ticket}", f"prune newsgroups-{ticket}")


def test_outputs_are_where_the_stages_write_them() -> None:
    folders = {run.stage: str(run.seed_folder) for run in training_runs.of_grid(profile("smoke"))}
    assert folders["train"] == "data/dense/rotten_tomatoes-lstm/seed-1"
    assert folders["prune"] == "data/chains/rotten_tomatoes-lstm-random_reinit/seed-1"
