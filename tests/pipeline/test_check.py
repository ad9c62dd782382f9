"""The stages check and check_corpus: what cannot run is refused before any other stage starts."""

from pathlib import Path

import pytest
from helpers import SMOKE_STAGES, Repository, ran


def outputs(project: Repository) -> dict[Path, bytes]:
    """What the pipeline has written, but for what the checks write."""
    files = (
        path
        for folder in ("data", "metrics", "plots")
        for path in (project.path / folder).rglob("*")
        if path.is_file() and path.parent.name != "checks" and path.name != "checked.txt"
    )
    return {path: path.read_bytes() for path in files}


def refused_by(project: Repository, stage: str, *command: str) -> str:
    """The error of a DVC command that runs ``stage`` alone, which deletes nothing."""
    before = outputs(project)
    output = project.run("dvc", *command, check=False)
    assert ran(output) == [stage], output
    assert outputs(project) == before
    assert "Traceback" not in output
    (line,) = (line for line in output.splitlines() if line.startswith("error: "))
    return line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("prune.rate=2", "prune.rate: must be less than 1, got 2"),
        # Two processes each: tests/robustness/test_check.py has more cases, in this process.
        pytest.param(
            "prune.criterion=magnitud", "did you mean 'magnitude'?", marks=pytest.mark.slow
        ),
        pytest.param(
            "strategies=[late_rewinding]", "'winning_ticket' is missing", marks=pytest.mark.slow
        ),
        pytest.param(
            "controls=[reinit_same_mask,snap]",
            "controls.1: unknown control 'snap'",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "branch.levels=[3]",
            "branch.levels: 3, but the pruning runs of rotten_tomatoes-cnn end at level 2",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "tokens.vectors=null",
            "models.lstm.embedding: vectors, but tokens.vectors is null",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "+corpora.mine={source: mine.csv, text: a, label: b, split: c}",
            "train.mine-",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_experiment_is_refused_at_once(project: Repository, change: str, words: str) -> None:
    assert words in refused_by(project, "check", "exp", "run", "-S", change)


def test_a_claim_about_an_unknown_arm_is_refused(project: Repository) -> None:
    path = project.path / "claims.yaml"
    path.write_text(path.read_text().replace("of: [late_rewinding]", "of: [late_rewindin]"))
    line = refused_by(project, "check", "repro")
    assert "claims.yaml: " in line and "unknown strategy or control 'late_rewindin'" in line
    assert "did you mean 'late_rewinding'?" in line


@pytest.mark.slow
def test_a_removed_plug_in_is_refused(project: Repository) -> None:
    (project.path / "src/lottery/pruning/criteria/magnitude.py").unlink()
    before = outputs(project)
    output = project.run("dvc", "repro", check=False)
    assert ran(output) == ["code", "check"]
    assert "prune.criterion: unknown criterion 'magnitude'" in output
    changed = {path for path, content in before.items() if outputs(project).get(path) != content}
    assert {path.parent.name for path in changed} <= {"code"}


@pytest.mark.slow
def test_a_parameter_reruns_the_check_and_what_reads_it(project: Repository) -> None:
    """The check writes the same again, so nothing else reruns; nor if only a comment changes."""
    project.edit("params.yaml", "tolerance: 0.5", "tolerance: 0.6")
    assert set(project.changed()) == {"check", "select", "plot"}
    reran = project.repro()
    assert reran[:2] == ["check", "select"]
    assert set(reran) <= {"check", "select", "plot"}
    assert project.run("git", "status", "--porcelain", "data") == ""
    path = project.path / "params.yaml"
    path.write_text("# another comment\n" + path.read_text())
    assert project.repro() == []


@pytest.mark.slow
def test_claims_rerun_the_check_and_what_reads_them(project: Repository) -> None:
    path = project.path / "claims.yaml"
    path.write_text(path.read_text() + "\n# a comment\n")
    compared = {stage for stage in SMOKE_STAGES if stage.startswith("compare")}
    assert set(project.changed()) == {"check", "select", "plot"} | compared
    assert project.repro("tokenize@rotten_tomatoes") == ["check"]


@pytest.mark.slow
def test_a_users_file_is_checked_before_its_table_is_deleted(project: Repository) -> None:
    rows = "".join(f"good film {n},5\nbad film {n},1\n" for n in range(60))
    file = project.path / "reviews.csv"
    file.write_text(f"review,stars\n{rows}")
    project.edit(
        "params.yaml",
        "models:\n",
        "  mine: {source: reviews.csv, text: review, label: stars, test_fraction: 0.2}\nmodels:\n",
    )
    project.edit("params.yaml", "train:\n", "train:\n  mine-cnn: {}\n  mine-lstm: {}\n")
    assert project.repro("download@mine") == ["check", "check_corpus@mine", "download@mine"]
    file.write_text(f"review,rating\n{rows}")
    line = refused_by(project, "check_corpus@mine", "repro", "download@mine")
    assert "reviews.csv: no column 'stars'; its columns are review, rating" in line
    file.write_text(f"review,stars\n{rows}good film,5\n")
    assert project.repro("download@mine") == ["check_corpus@mine", "download@mine"]


def test_every_stage_comes_after_the_check(project: Repository) -> None:
    """All but the one that lists the code of the check itself."""
    lines = project.run("dvc", "dag", "--dot").replace('"', "").replace(";", "").splitlines()
    stages = {line.strip() for line in lines if line.strip() and "->" not in line}
    stages -= {"strict digraph {", "strict digraph  {", "}"}
    assert stages >= SMOKE_STAGES
    after: dict[str, set[str]] = {}
    for edge in (line for line in lines if "->" in line):
        first, _, second = edge.partition("->")
        after.setdefault(first.strip(), set()).add(second.strip())
    reached, following = set(), {"check"}
    while following:
        reached |= following
        following = {stage for name in following for stage in after.get(name, ())} - reached
    assert reached == stages - {"code"}
