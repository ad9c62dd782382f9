"""The grid: its cells, arms and runs, each run's folders, and the stages by name."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from helpers import ROOT

from lottery.config import grid, params
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.config.transfer_schema import Pair

CELLS = ["rotten_tomatoes-cnn", "rotten_tomatoes-lstm"]
STRATEGIES = ["winning_ticket", "late_rewinding", "random_reinit"]


@pytest.fixture
def smoke() -> Params:
    return params.load(ROOT / "profiles" / "smoke.yaml")


def test_cells_are_every_corpus_with_every_model(smoke: Params) -> None:
    corpora = dict.fromkeys(("b_corpus", "a_corpus"), smoke.corpora["rotten_tomatoes"])
    cells = grid.cells(replace(smoke, corpora=corpora))
    assert [(cell.corpus, cell.model, cell.arm) for cell in cells] == [
        ("b_corpus", "cnn", ""),
        ("b_corpus", "lstm", ""),
        ("a_corpus", "cnn", ""),
        ("a_corpus", "lstm", ""),
    ]


def test_arms_are_strategies_and_then_controls(smoke: Params) -> None:
    assert grid.arms(smoke) == [*STRATEGIES, "reinit_same_mask"]


def test_runs_are_every_arm_of_every_cell(smoke: Params) -> None:
    runs = grid.runs(smoke)
    assert [run.name for run in runs] == [
        f"{cell}-{arm}" for cell in CELLS for arm in grid.arms(smoke)
    ]
    assert [run.cell for run in runs] == [cell for cell in CELLS for _ in grid.arms(smoke)]


def test_a_run_knows_its_folders(smoke: Params) -> None:
    """They are those in ``dvc.yaml``."""
    run = Run(smoke, "rotten_tomatoes", "cnn", "late_rewinding")
    assert run.name == "rotten_tomatoes-cnn-late_rewinding"
    assert run.cell == "rotten_tomatoes-cnn"
    assert run.tokens == Path("data/tokens/rotten_tomatoes")
    assert run.dense_folder == Path("data/dense/rotten_tomatoes-cnn"), "all arms share it"
    assert run.pruning_folder == Path("data/chains/rotten_tomatoes-cnn-late_rewinding")
    assert run.branch_folder == Path("data/branches/rotten_tomatoes-cnn-late_rewinding")
    assert run.logits_folder == Path("data/logits/rotten_tomatoes-cnn-late_rewinding")
    assert run.tables_folder == Path("plots/tables/rotten_tomatoes-cnn-late_rewinding")


@pytest.mark.parametrize(
    ("stage", "arm", "folders"),
    [
        ("train", "", ["dense_folder"]),
        ("prune", "late_rewinding", ["pruning_folder"]),
        ("evaluate", "late_rewinding", ["logits_folder", "tables_folder"]),
        ("branch", "snip", ["branch_folder", "tables_folder"]),
        ("connectivity", "connectivity", ["tables_folder"]),
        ("transfer", "transferred", ["branch_folder", "tables_folder"]),
    ],
)
def test_the_folders_are_the_outputs_in_dvc_yaml(
    smoke: Params, stage: str, arm: str, folders: list[str]
) -> None:
    run = Run(smoke, "rotten_tomatoes", "cnn", arm)
    definition = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    outputs = [*definition.get("outs", []), *definition.get("plots", [])]
    names = [name if isinstance(name, str) else next(iter(name)) for name in outputs]
    values = {"corpus": run.corpus, "model": run.model, "strategy": arm, "control": arm}
    values |= {"pair.to": run.corpus, "arm": arm}
    for key, value in values.items():
        names = [name.replace(f"${{item.{key}}}", value) for name in names]
    assert {Path(name) for name in names} >= {getattr(run, folder) for folder in folders}


def test_a_run_without_an_arm_is_named_like_its_cell(smoke: Params) -> None:
    cell = Run(smoke, "rotten_tomatoes", "lstm")
    assert cell.name == cell.cell == "rotten_tomatoes-lstm"


@pytest.fixture
def pair(smoke: Params) -> Params:
    """Tickets of ``rotten_tomatoes`` on ``other``."""
    corpora = {**smoke.corpora, "other": smoke.corpora["rotten_tomatoes"]}
    pairs = (Pair(**{"from": "rotten_tomatoes", "to": "other"}),)
    return replace(smoke, corpora=corpora, transfer=replace(smoke.transfer, pairs=pairs))


def test_a_target_has_the_transferred_arms_too(pair: Params) -> None:
    runs = grid.transfers(pair)
    assert {(run.cell, run.arm) for run in runs} == {
        (f"other-{model}", arm) for model in pair.models for arm in pair.transfer.arms
    }
    assert {run.source for run in runs} == {"rotten_tomatoes"}
    run = runs[0]
    assert run.source_ticket == Run(pair, "rotten_tomatoes", "cnn", "winning_ticket")
    assert run.winning_ticket == Run(pair, "other", "cnn", "winning_ticket")
    assert run.branch_folder == Path("data/branches/other-cnn-transferred")
    assert [run for run in grid.runs(pair) if run.source] == runs
    assert {run.tables_folder for run in runs} < grid.table_folders(pair)
    for cell in grid.cells(pair):
        names = [run.arm for run in grid.cell_runs(cell)]
        extra = [*pair.transfer.arms] if cell.corpus == "other" else []
        assert names == [*grid.arms(pair), *extra]


def test_whose_words_a_corpus_is_read_with(pair: Params, smoke: Params) -> None:
    assert grid.vocabulary_of(pair, "other") == "rotten_tomatoes"
    assert grid.vocabulary_of(pair, "rotten_tomatoes") == "rotten_tomatoes"
    of_target = replace(pair, transfer=replace(pair.transfer, vocabulary="target"))
    assert grid.vocabulary_of(of_target, "other") == "other"
    assert grid.vocabulary_of(smoke, "rotten_tomatoes") == "rotten_tomatoes"


def test_a_pair_has_stages_of_its_own(pair: Params, smoke: Params) -> None:
    settings = replace(pair, models={"cnn": pair.models["cnn"]})
    added = set(grid.stages(settings)) - set(
        grid.stages(replace(settings, transfer=smoke.transfer))
    )
    assert added == {
        "vocabulary-rotten_tomatoes-other",
        *(f"transfer-rotten_tomatoes-other-cnn-{arm}" for arm in pair.transfer.arms),
        *(f"compare_transfer-other-cnn-{arm}" for arm in pair.transfer.arms),
    }


def test_other_arms_of_a_cell(smoke: Params) -> None:
    run = Run(smoke, "rotten_tomatoes", "cnn", "snip")
    assert run.of_arm("late_rewinding") == Run(smoke, "rotten_tomatoes", "cnn", "late_rewinding")
    assert run.winning_ticket.arm == grid.WINNING_TICKET == "winning_ticket"
    assert run.winning_ticket.cell == run.cell
    assert run.connectivity.tables_folder == Path("plots/tables/rotten_tomatoes-cnn-connectivity")


def test_names_are_not_taken_apart(smoke: Params) -> None:
    """A corpus, a model or an arm may be called like a part of another."""
    settings = replace(
        smoke,
        corpora={"cnn": smoke.corpora["rotten_tomatoes"]},
        train={"cnn-cnn": smoke.train[CELLS[0]], "cnn-lstm": smoke.train[CELLS[1]]},
        strategies=("cnn",),
    )
    run = grid.cells(settings)[1].of_arm("cnn")
    assert (run.corpus, run.model, run.arm) == ("cnn", "lstm", "cnn")
    assert run.model_settings is settings.models["lstm"]
    assert run.train_settings is settings.train["cnn-lstm"]


def test_settings_are_those_of_the_model_and_the_cell(smoke: Params) -> None:
    for cell in grid.cells(smoke):
        assert cell.model_settings is smoke.models[cell.model]
        assert cell.train_settings is smoke.train[cell.cell]


def test_table_folders_are_those_of_arms_connectivity_and_baselines(smoke: Params) -> None:
    expected = {f"{cell}-{arm}" for cell in CELLS for arm in (*grid.arms(smoke), "connectivity")}
    expected |= {f"{corpus}-baseline" for corpus in smoke.corpora}
    assert grid.table_folders(smoke) == {Path("plots/tables", name) for name in expected}


def test_stages_up_to_the_tables(smoke: Params) -> None:
    """As the command line names their locks and times; what draws from the tables is not there."""
    settings = replace(smoke, strategies=("winning_ticket", "late_rewinding"))
    assert grid.stages(settings) == [
        "download-rotten_tomatoes",
        "tokenize-rotten_tomatoes",
        "baseline-rotten_tomatoes",
        "train-rotten_tomatoes-cnn",
        "train-rotten_tomatoes-lstm",
        "prune-rotten_tomatoes-cnn-winning_ticket",
        "prune-rotten_tomatoes-cnn-late_rewinding",
        "prune-rotten_tomatoes-lstm-winning_ticket",
        "prune-rotten_tomatoes-lstm-late_rewinding",
        "evaluate-rotten_tomatoes-cnn-winning_ticket",
        "evaluate-rotten_tomatoes-cnn-late_rewinding",
        "evaluate-rotten_tomatoes-lstm-winning_ticket",
        "evaluate-rotten_tomatoes-lstm-late_rewinding",
        "branch-rotten_tomatoes-cnn-reinit_same_mask",
        "branch-rotten_tomatoes-lstm-reinit_same_mask",
        "connectivity-rotten_tomatoes-cnn",
        "connectivity-rotten_tomatoes-lstm",
        "compare-rotten_tomatoes-cnn-winning_ticket",
        "compare-rotten_tomatoes-cnn-late_rewinding",
        "compare-rotten_tomatoes-lstm-winning_ticket",
        "compare-rotten_tomatoes-lstm-late_rewinding",
        "compare_control-rotten_tomatoes-cnn-reinit_same_mask",
        "compare_control-rotten_tomatoes-lstm-reinit_same_mask",
    ]


def test_every_stage_is_listed_or_spans_the_grid(pair: Params) -> None:
    """A stage that is added to ``dvc.yaml`` counts in a run's wall time too."""
    listed = {name.partition("-")[0] for name in grid.stages(pair)}
    defined = set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert defined - listed == {"code", "check", "check_corpus", "select", "plot", "export"}
    assert listed < defined
