"""What a change to the parameters, the grid or the code reruns, and nothing else."""

import pandas as pd
import pytest
import yaml
from helpers import (
    SMOKE_CELLS,
    SMOKE_CONTROL,
    SMOKE_PRUNING_RUNS,
    SMOKE_STAGES,
    Repository,
    ran,
)


@pytest.mark.slow
def test_a_changed_rate_reruns_pruning_and_what_follows(project: Repository) -> None:
    output = project.run("dvc", "exp", "run", "-n", "gentler", "-S", "prune.rate=0.3")
    expected = {
        name
        for name in SMOKE_STAGES
        if name.split("@")[0]
        not in ("code", "check_corpus", "download", "tokenize", "baseline", "train")
    }
    assert set(ran(output)) == expected


def test_a_changed_rate_reruns_pruning(project: Repository) -> None:
    """And what follows from it, but not the dense runs."""
    project.edit("params.yaml", "rate: 0.5", "rate: 0.3")
    pruning = {f"prune@{run}" for run in SMOKE_PRUNING_RUNS}
    exports = {f"export@{cell}" for cell in SMOKE_CELLS}
    assert set(project.changed()) == {"check", *pruning, *exports, "plot"}


def test_a_cells_learning_rate_reruns_that_cell(project: Repository) -> None:
    cnn = SMOKE_CELLS[0]
    project.edit("params.yaml", f"{cnn}: {{lr: 0.01}}", f"{cnn}: {{lr: 0.02}}")
    stages = ("train", "prune", "branch", "connectivity", "export")
    of_the_cell = {name for name in SMOKE_STAGES if cnn in name and name.split("@")[0] in stages}
    assert set(project.changed()) == {"check", *of_the_cell, "plot"}


@pytest.mark.slow
def test_experiments_are_compared(project: Repository) -> None:
    output = project.run("dvc", "exp", "run", "-n", "lenient", "-S", "evaluate.tolerance=30")
    assert ran(output) == ["check", "select", "plot"]
    table = project.run("dvc", "exp", "show", "--md", "--only-changed")
    assert "lenient" in table
    assert "30" in table
    assert "evaluate.tolerance" in project.run("dvc", "params", "diff", "--md")
    rows = project.run("dvc", "metrics", "diff", "--all", "--md").strip().splitlines()
    assert 2 < len(rows) <= 40, "a screen; fourteen of them are claims"
    metrics = project.run("dvc", "metrics", "show", "--md")
    assert "winning_ticket.at_50" in metrics
    project.run("dvc", "plots", "diff", "main", "-o", "compared")
    page = (project.path / "compared/index.html").read_text()
    assert "late_rewinding" in page
    assert "strokeDash" in page
    assert "weights remaining (%)" in page, "our own template draws it"


@pytest.mark.slow
def test_a_changed_figure_reruns_plot_only(project: Repository) -> None:
    path = project.path / "src/lottery/report/figures.py"
    whole = path.read_text()
    path.write_text(whole + "def\n")
    last = project.run("stages.code", check=False).strip().splitlines()[-1]
    assert last.startswith("error: ") and "figures.py" in last
    path.write_text(whole)
    project.edit("src/lottery/report/styles.py", '"#0072B2"', '"#0072B3"')
    assert project.repro() == ["code", "plot"]
    changed = project.run("git", "diff", "--name-only", "data").split()
    assert changed == ["data/code/plot.json"]


def remove_from_grid(project: Repository, model: str, *strategies: str) -> None:
    """Take a model and ``strategies`` out of params.yaml."""
    path = project.path / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    del settings["models"][model], settings["train"][model]
    del settings["train"][f"rotten_tomatoes-{model}"]
    for strategy in strategies:
        settings["strategies"].remove(strategy)
    path.write_text(yaml.safe_dump(settings, sort_keys=False))


@pytest.mark.slow
def test_a_shrunk_grid_leaves_no_orphan(project: Repository) -> None:
    remove_from_grid(project, "lstm", "late_rewinding")
    assert project.repro() == ["check", "select", f"export@{SMOKE_CELLS[0]}", "plot"]
    assert "late_rewinding" not in (project.path / "plots/report.html").read_text()
    assert not (project.path / f"plots/tickets/{SMOKE_CELLS[1]}").exists()
    plots = ("curves", "documents", "figures", "tables", "tickets")
    for folder in ("metrics", *(f"plots/{name}" for name in plots)):
        names = [path.name for path in (project.path / folder).iterdir()]
        assert names
        assert not [name for name in names if "lstm" in name or "late_rewinding" in name]
    assert project.repro() == []
    assert "up to date" in project.run("dvc", "status")


@pytest.mark.slow
def test_a_second_corpus_from_a_file(project: Repository) -> None:
    rows = [
        f"{word} film number {n},{stars}"
        for n in range(60)
        for word, stars in (("good", 5), ("bad", 1))
    ]
    (project.path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows) + "\n")
    project.edit(
        "params.yaml",
        "models:\n",
        "  my_reviews:\n    {source: reviews.csv, text: review, label: stars, test_fraction: 0.2}\n"
        "models:\n",
    )
    project.edit("params.yaml", "train:\n", "train:\n  my_reviews-cnn: {}\n  my_reviews-lstm: {}\n")
    reran = project.repro("train@my_reviews-cnn")
    corpus = [f"{stage}@my_reviews" for stage in ("check_corpus", "download", "tokenize")]
    assert reran == ["check", *corpus, "train@my_reviews-cnn"]
    (project.path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows[2:]) + "\n")
    assert "modified:           reviews.csv" in project.run("dvc", "status")


def add_arms(project: Repository) -> None:
    """Add a strategy and a control, a file each, and name them in params.yaml."""
    folder = project.path / "src/lottery/pruning"
    for kind, file, old, new, name in (
        ("strategies", "winning_ticket", "dense.init", "dense.rewind", "rewind_and_start_over"),
        ("controls", "reinit_same_mask", "dense.fresh(ticket.level)", "dense.final", "final"),
    ):
        text = (folder / kind / f"{file}.py").read_text()
        assert text.count(old) == 1
        (folder / kind / f"{name}.py").write_text(text.replace(old, new))
    project.edit("params.yaml", "late_rewinding]", "late_rewinding, rewind_and_start_over]")
    project.edit("params.yaml", f"[{SMOKE_CONTROL}]", f"[{SMOKE_CONTROL}, final]")


def stages_of_the_arms(cell: str) -> set[str]:
    strategy = f"{cell}-rewind_and_start_over"
    of_strategy = {f"{stage}@{strategy}" for stage in ("prune", "evaluate", "compare")}
    return {*of_strategy, f"branch@{cell}-final", f"compare_control@{cell}-final"}


def assert_arms_are_in_the_results(project: Repository, cell: str) -> None:
    assert "rewind_and_start_over" in (project.path / f"metrics/{cell}.json").read_text()
    curves = pd.read_csv(project.path / f"plots/curves/{cell}.csv")
    assert "final" in set(curves.arm)


@pytest.mark.slow
def test_new_arms_are_a_file_each_and_one_cells_rate_reruns_it(project: Repository) -> None:
    """A strategy and a control run in both cells, and nothing else where nothing else changed."""
    cnn, lstm = SMOKE_CELLS
    add_arms(project)
    project.edit("params.yaml", f"{cnn}: {{lr: 0.01}}", f"{cnn}: {{lr: 0.02}}")
    of_the_cell = {name for name in SMOKE_STAGES if cnn in name}
    of_the_arms = stages_of_the_arms(cnn) | stages_of_the_arms(lstm)
    assert set(project.repro()) == {
        *(*of_the_cell, *of_the_arms),
        *("code", "check", "select", f"export@{lstm}", "plot"),
    }
    assert_arms_are_in_the_results(project, cnn)


def test_tools_profile_does_not_overwrite_edits(project: Repository) -> None:
    output = project.run("tools.profile", "full")
    assert "the profile 'full'" in output
    assert "imdb" in (project.path / "params.yaml").read_text()
    project.run("tools.profile", "smoke")
    assert project.run("git", "status", "--porcelain") == ""
    project.edit("params.yaml", "rate: 0.5", "rate: 0.4")
    output = project.run("tools.profile", "full", check=False)
    assert "params.yaml has been edited" in output
    assert "rate: 0.4" in (project.path / "params.yaml").read_text()
