"""What a run of the pipeline leaves: files, tables, figures, the page; and the same bytes again."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from helpers import (
    SMOKE_CELLS,
    SMOKE_CONTROL,
    SMOKE_PRUNING_RUNS,
    SMOKE_STAGES,
    SMOKE_STRATEGIES,
    Repository,
    RunStage,
    ran,
)
from independent import recompute

from lottery.report.names import cell_title, display_name
from lottery.training import splits


def test_every_stage_ran(finished: Repository) -> None:
    stages = json.loads((finished.path.parent / "ran.json").read_text())
    assert set(stages) == SMOKE_STAGES
    assert len(stages) == len(SMOKE_STAGES)


def test_nothing_reruns(project: Repository) -> None:
    assert project.repro() == []
    assert "up to date" in project.run("dvc", "status")
    assert project.run("git", "status", "--porcelain") == ""


def test_what_is_in_git_and_what_in_the_cache(project: Repository) -> None:
    tracked = project.run("git", "ls-files").splitlines()
    for cell in SMOKE_CELLS:
        assert f"metrics/{cell}.json" in tracked
        assert f"plots/curves/{cell}.csv" in tracked
        assert f"plots/figures/{cell}-accuracy.svg" in tracked
    large = ("data/tokens/", "data/dense/", "data/chains/", "data/logits/", "data/branches/")
    assert not [name for name in tracked if name.startswith(large) and ".gitignore" not in name]
    assert not [name for name in tracked if name.endswith((".parquet", ".safetensors", ".npy"))]
    remotes = project.run("dvc", "remote", "list")
    assert "storage" not in remotes


def test_results_are_tidy_and_complete(project: Repository) -> None:
    for cell in SMOKE_CELLS:
        levels = pd.read_csv(project.path / f"plots/curves/{cell}.csv")
        assert list(levels.level[levels.arm == SMOKE_CONTROL]) == [1, 1], "a row per seed"
        levels = levels[levels.arm != SMOKE_CONTROL]
        assert len(levels) == 2 * 2 * 3  # strategies x seeds x levels
        assert levels.groupby("level").sparsity.nunique().max() == 1
        assert levels.sparsity[levels.level == 2].iloc[0] == pytest.approx(0.75, abs=0.01)
        dense = levels[levels.level == 0].groupby("seed").test_accuracy
        assert (dense.nunique() == 1).all(), "all strategies start from the same dense run"
        metrics = json.loads((project.path / f"metrics/{cell}.json").read_text())
        assert list(metrics)[: 3 + len(SMOKE_STRATEGIES)] == [
            "majority",
            "linear_model",
            "dense",
            *SMOKE_STRATEGIES,
        ]
        assert metrics["majority"] == {"test_accuracy": round(levels.test_majority.iloc[0], 2)}
        epochs = pd.read_csv(project.path / f"plots/tables/{cell}-late_rewinding/epochs.csv")
        assert sorted(epochs.epoch[epochs.level == 1].unique()) == [2], "epochs k to T-1"
        assert sorted(epochs.epoch[epochs.level == 0].unique()) == [1, 2]
        # Each seed has a validation split of its own, in training and in evaluation alike.
        for name in (*SMOKE_STRATEGIES, SMOKE_CONTROL):
            folder = project.path / f"plots/tables/{cell}-{name}"
            trained, evaluated = (
                table.groupby(["level", "seed"]).validation_accuracy.last()
                for table in (pd.read_csv(folder / f"{file}.csv") for file in ("epochs", "levels"))
            )
            assert trained.to_dict() == pytest.approx(evaluated.to_dict())
        tensors = [
            pd.read_csv(project.path / f"plots/tables/{cell}-{name}/tensors.csv").drop(
                columns="arm"
            )
            for name in ("winning_ticket", SMOKE_CONTROL)
        ]
        both = tensors[1].merge(tensors[0])
        assert len(both) == len(tensors[1]), "the control keeps the ticket's counts"
        output_layer = tensors[0][tensors[0].parameter == "output_weight"].set_index("level")
        size = output_layer["size"].iloc[0]
        half = [size, once := size - size // 4, once - once // 4]  # the rate is a half
        for level, remaining in output_layer.remaining.items():
            assert remaining == half[level]
        lines = pd.read_csv(project.path / f"plots/tables/{cell}-connectivity/lines.csv")
        assert set(lines.kind) == {"levels", "orders"}
        ends = lines[(lines.kind == "levels") & (lines.level == 1) & (lines.alpha == 1)]
        ticket = levels[(levels.arm == "winning_ticket") & (levels.level == 1)]
        expected = 100 - ticket.set_index("seed").test_accuracy
        assert ends.set_index("seed").test_error.to_dict() == pytest.approx(expected.to_dict())
    page = (project.path / "plots/report.html").read_text()
    took = re.search(r"wall time of these results<[^1-9]*(\d+ min )?\d+ s: (.*)<", page)
    assert took, "the page does not say how long it took"
    for stage in ("tokenize", "train", "prune", "evaluate", "branch", "connectivity"):
        assert stage in took[2]
    assert "not run" not in took[2]
    claims = json.loads((project.path / "metrics/claims.json").read_text())["claims"]
    assert "supported" not in claims.values(), "two seeds of two levels show nothing"
    titles = (cell_title(cell) for cell in SMOKE_CELLS)
    for name in (*titles, display_name(SMOKE_CONTROL), "undecided"):
        assert name in page


def test_seeds_have_other_validation_documents(project: Repository) -> None:
    folder = project.path / "data/tokens/rotten_tomatoes"
    one, other, again = (splits.read(folder, "validation", seed) for seed in (0, 1, 0))
    assert one.labels.tolist() == again.labels.tolist()
    assert len(one.labels) == len(other.labels) == 120
    assert one.ids.tolist() != other.ids.tolist()


def test_pruning_never_opens_the_test_set(
    project: Repository, stage: RunStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (project.path / "data/tokens/rotten_tomatoes").glob("test.*"):
        path.unlink()
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path))
    assert "stopped:" not in stage("train", "rotten_tomatoes", "cnn")
    assert "stopped:" not in stage("prune", "rotten_tomatoes", "cnn", "winning_ticket")
    output = stage("evaluate", "rotten_tomatoes", "cnn", "winning_ticket")
    assert "test.ids.npy: not found" in output


@pytest.mark.parametrize("processes", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_the_same_bytes_again(project: Repository, tmp_path: Path, processes: str) -> None:
    """Trained again, whether the seeds run one after the other or side by side, as they did."""
    before = (project.path / "dvc.lock").read_text()
    for stage in (f"train@{SMOKE_CELLS[1]}", f"prune@{SMOKE_PRUNING_RUNS[-1]}"):
        output = project.run(
            *("dvc", "repro", "--force", "--no-run-cache", "-s", stage),
            LOTTERY_PROCESSES=processes,
            LOTTERY_CHECKPOINTS=str(tmp_path),
        )
        assert ran(output) == [stage]
    assert (project.path / "dvc.lock").read_text() == before


@pytest.mark.slow
def test_the_same_page_again(project: Repository, stage: RunStage) -> None:
    """In another process; twice, since it names the commit, and that was another."""
    assert project.repro("--force", "--no-run-cache", "-s", "plot") == ["plot"]
    files = [project.path / "plots/report.html", *(project.path / "plots/figures").iterdir()]
    before = {path: path.read_bytes() for path in files}
    assert "stopped:" not in stage("plot")
    assert {path: path.read_bytes() for path in files} == before


def test_plots_show_uses_our_template(project: Repository) -> None:
    project.run("dvc", "plots", "show", "-o", "drawn")
    page = (project.path / "drawn/index.html").read_text()
    assert "weights remaining (%)" in page
    assert page.count("late_rewinding") > 2


@pytest.mark.slow
def test_a_clone_with_pulled_data_is_clean(project: Repository, tmp_path: Path) -> None:
    remote = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {tmp_path / 'store'}\n"
    (project.path / ".dvc/config.local").write_text(remote)
    project.run("dvc", "push", "-q")
    (project.path / ".dvc/config.local").unlink()
    project.run("git", "clone", "-q", str(project.path), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    (clone.path / ".dvc/config.local").write_text(remote)
    clone.run("dvc", "pull", "-q")
    assert "up to date" in clone.run("dvc", "status")
    assert clone.repro() == []
    assert clone.run("git", "status", "--porcelain") == ""


def test_the_summary(project: Repository) -> None:
    output = project.run("tools.summary")
    assert "rotten_tomatoes" in output
    assert "mean of 2 seeds" in output
    assert "plots/figures/overview.png" in output
    assert re.search(r"^claim: \d+ claims: 0 supported, 0 contradicted, \d+ ", output, re.M)
    assert "plots/report.html" in output


def test_an_arm_whose_every_seed_failed(project: Repository, stage: RunStage) -> None:
    """It has no rows, and so no types; the other arms' numbers stay the same."""
    before = pd.read_csv(project.path / "plots/statistics/levels.csv")
    run = SMOKE_PRUNING_RUNS[1]
    for table in (project.path / "plots/tables" / run).glob("*.csv"):
        table.write_text(table.read_text().splitlines()[0] + "\n")
    failed = project.path / "plots/tables" / run / "failed.csv"
    failed.write_text("arm,seed,level,reason\nlate_rewinding,0,1,the loss is not finite\n")
    documents = project.path / "plots/documents" / f"{run}.csv"
    documents.write_text(documents.read_text().splitlines()[0] + "\n")
    for name in ("select", "plot"):
        assert "stopped" not in stage(name)
    after = pd.read_csv(project.path / "plots/statistics/levels.csv")
    of_run = (before.cell == SMOKE_CELLS[0]) & (before.arm == SMOKE_STRATEGIES[1])
    pd.testing.assert_frame_equal(after, before[~of_run].reset_index(drop=True))
    metrics = json.loads((project.path / f"metrics/{SMOKE_CELLS[0]}.json").read_text())
    assert metrics[SMOKE_STRATEGIES[1]]["failed_seeds"] == 1
    assert metrics[SMOKE_STRATEGIES[1]]["at_50"] is None


@pytest.mark.slow
def test_a_study_of_these_results(project: Repository) -> None:
    """Copied out of what DVC has run and rendered again, it has the same numbers and figures."""
    assert recompute.compare(project.path).disagreements == []
    assert "not run yet" not in project.run("tools.studies", "add", ".", "mine")
    study = project.path / "studies" / "mine"
    assert (study / "params.yaml").read_bytes() == (project.path / "params.yaml").read_bytes()
    for name in ("metrics", "plots/curves", "plots/statistics", "plots/figures"):
        files = [path for path in (project.path / name).iterdir() if path.is_file()]
        assert files
        for path in files:
            assert (study / name / path.name).read_bytes() == path.read_bytes(), path
