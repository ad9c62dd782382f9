"""Studies: copied out of the clone that ran them, and rendered again from their tables."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from helpers import ROOT, refused
from study_clone import CELL, CORPUS, MODEL, Clone

from lottery.storage import paths
from tools import studies, study_copy, study_provenance

README = "# Studies\n\nText.\n\n" + studies.BEGIN + "old\n" + studies.END + "\nMore.\n"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a repository with one study of the old layout, where the test runs."""
    root = tmp_path / "home"
    (root / "studies" / "old").mkdir(parents=True)
    (root / "studies" / "README.md").write_text(README)
    (root / "studies" / "old" / "params.yaml").write_text("an older schema")
    monkeypatch.chdir(root)
    return root


def run(home: Path, *arguments: str) -> tuple[int, str]:
    """The exit status of ``python -m tools.studies`` in ``home``, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.studies", *arguments],
        cwd=home,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_study_is_copied_and_rendered_the_same_again(clone: Clone, home: Path) -> None:
    clone_before = contents(clone.root)
    status, output = run(home, "add", str(clone.root), "mine")
    assert status == 0, output
    study = home / "studies" / "mine"
    assert contents(clone.root) == clone_before, "nothing is written into the clone"
    first = contents(study)
    assert first["params.yaml"] == clone_before["params.yaml"]
    assert first["claims.yaml"] == (ROOT / "claims.yaml").read_bytes()
    assert "train@another-cell" not in yaml.safe_load(first["dvc.lock"])["stages"]
    names = {name.split("/")[0] for name in first}
    assert names == {
        *("params.yaml", "claims.yaml", "dvc.lock", "provenance.json", "published.csv"),
        *("data", "metrics", "plots"),
    }
    assert {name for name in first if name.startswith("data/")} == {
        f"data/raw/{CORPUS}.json",
        f"data/corpora/{CORPUS}.json",
    }
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=clone.root, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert json.loads(first["provenance.json"])["commit"] == commit
    assert commit.encode() in first["plots/report.html"], "the study's commit, not today's"
    (study / paths.REPORT).write_text("an earlier renderer's")
    assert list(studies.render_all()) == [
        "studies/mine: changed: plots/report.html",
        "studies/old: left as it is: an older study, without claims.yaml",
    ]
    assert contents(study) == first
    table = study / f"plots/tables/{CELL}-winning_ticket/levels.csv"
    changed = pd.read_csv(table).assign(test_accuracy=50.0)
    changed.to_csv(table, index=False)
    output = next(studies.render_all())
    for name in ("curves", "statistics", "report.html"):
        assert f"plots/{name}" in output


def test_arms_are_added_as_they_finish(clone: Clone, home: Path) -> None:
    """A strategy is not finished; then it is, but not the controls and connectivity."""
    study, control = home / "studies" / "mine", clone.document["controls"][0]
    strategy = clone.document["strategies"][-1]
    assert strategy != "winning_ticket"
    clone.write_lock(without=(strategy,))
    assert studies.add(clone.root, "mine") == [strategy]
    document = yaml.safe_load((study / "params.yaml").read_text())
    assert document["strategies"] == clone.document["strategies"][:-1]
    assert document["controls"] == clone.document["controls"]
    assert not (study / paths.TABLES / f"{CELL}-{strategy}").exists()
    clone.write_lock(without=("branch@", "connectivity@"))
    for path in (clone.tables(control), clone.tables("connectivity")):
        shutil.rmtree(path)
    status, output = run(home, "add", str(clone.root), "mine")
    assert status == 0, output
    missing = [*clone.document["controls"], "connectivity"]
    assert f"copied from {clone.root}; not run yet: {', '.join(missing)}" in output
    words = ", ".join(missing).replace("_", " ")
    assert json.loads((study / "provenance.json").read_text())["not run yet"].startswith(words)
    assert "not run yet" in (study / paths.REPORT).read_text()
    contrasts = pd.read_csv(study / paths.STATISTICS / "contrasts.csv")
    of_control = contrasts[contrasts.against == control]
    assert set(of_control.finding) == {"not tested"}
    assert set(of_control.reason) == {f"{control} was not run".replace("_", " ")}
    assert set(contrasts.finding[contrasts.against == "dense"]) != {"not tested"}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("lock", "prune@"), f"stage prune@{CELL}-winning_ticket has not been run with these"),
        (("seeds", [7, 8]), f"stage tokenize@{CORPUS} has not been run with these parameters"),
        (("stages", None), "dvc.lock: lists no stages; run 'dvc repro' there"),
        (("params", None), "params.yaml: expected a mapping"),
        (("rows", None), "levels.csv: has the seeds"),
        (("table", None), "not found; run 'dvc repro' there"),
        (("machine", None), "; a study is of one machine"),
        (("git", None), "not a Git repository"),
    ],
)
def test_a_study_that_is_not_whole(
    clone: Clone, home: Path, change: tuple[str, Any], line: str
) -> None:
    """Refused in one line; an earlier study of that name stays."""
    (home / "studies" / "mine").mkdir()
    (home / "studies" / "mine" / "earlier").write_text("")
    kind, value = change
    if kind == "lock":
        clone.write_lock(without=(value,))
    elif kind == "seeds":
        clone.document["seeds"] = value
        clone.write_params()
    elif kind == "stages":
        (clone.root / "dvc.lock").write_text("schema: '2.0'")
    elif kind == "params":
        (clone.root / "params.yaml").write_text("[]")
    elif kind == "rows":
        table = clone.tables("winning_ticket") / "levels.csv"
        rows = pd.read_csv(table)
        rows[rows.seed != rows.seed.max()].to_csv(table, index=False)
    elif kind == "table":
        shutil.rmtree(clone.tables("winning_ticket"))
    elif kind == "git":
        shutil.rmtree(clone.root / ".git")
    else:
        machines = ("x86_64 AVX2", "x86_64 AVX512")
        for seed, device in zip(clone.document["seeds"], machines, strict=False):
            write_checkpoint(clone, seed, device)
    refused(lambda: studies.add(clone.root, "mine"), line)
    assert [path.name for path in (home / "studies" / "mine").iterdir()] == ["earlier"]


def write_checkpoint(clone: Clone, seed: int, device: str) -> None:
    folder = clone.root / ".lottery" / "checkpoints" / CELL / f"seed-{seed}" / "key"
    folder.mkdir(parents=True)
    (folder / paths.FINGERPRINT).write_text("{}")
    made = {"device": device, "threads": 1, "versions": {"torch": "2.13.0"}}
    (folder / study_provenance.FILE).write_text(json.dumps(made))


def test_the_machine_and_the_times_are_those_of_the_clone(clone: Clone, home: Path) -> None:
    for seed in clone.document["seeds"]:
        write_checkpoint(clone, seed, "x86_64 AVX2")
    write_checkpoint(clone, 999, "of a seed that this study does not have")
    times = clone.root / paths.TIMES
    times.mkdir(parents=True)
    (times / f"train-{CELL}.json").write_text('{"seconds": 3700, "done": true}')
    studies.add(clone.root, "mine")
    record = json.loads((home / "studies" / "mine" / "provenance.json").read_text())
    assert record["trained on"] == "x86_64 AVX2, 1 threads, torch 2.13.0"
    assert record["wall time of these results"].startswith("1 h 1 min 40 s: train")
    assert not list((home / "studies" / "mine").rglob(".lottery"))


def test_transferred_arms_are_added_as_they_finish(clone: Clone, home: Path) -> None:
    """A study that trains its own tickets on itself, to have a pair with one corpus."""
    arms = ["transferred", "transferred_mask"]
    pair = {"from": CORPUS, "to": CORPUS}
    clone.document["transfer"] = {
        **{"pairs": [pair], "arms": arms, "levels": [2], "vocabulary": "source"}
    }
    clone.write_params()
    control = clone.document["controls"][0]
    shutil.copytree(clone.tables(control), clone.tables(arms[0]))
    measured = clone.root / paths.documents(f"{CELL}-{control}")
    header = measured.read_text().splitlines()[0]
    (clone.root / paths.documents(f"{CELL}-{arms[0]}")).write_text(header + "\n")
    levels = clone.tables(arms[0]) / "levels.csv"
    levels.write_text(levels.read_text().replace(control, arms[0]))
    clone.write_lock(without=(arms[1],))
    assert studies.add(clone.root, "mine") == [arms[1]]
    study = home / "studies" / "mine"
    assert study_copy.load(study / "params.yaml").transfer.arms == (arms[0],)
    studies.render(study)
    table = pd.read_csv(study / paths.STATISTICS / "transfers.csv")
    assert set(table.arm) == {arms[0]}
    clone.write_lock(without=("transfer@",))
    assert studies.add(clone.root, "mine") == arms
    studies.render(study)
    assert pd.read_csv(study / paths.STATISTICS / "transfers.csv").empty


def test_a_study_that_is_older_than_some_keys(clone: Clone, home: Path) -> None:
    """It is as it was before them, and its own parameters stay as they ran."""
    del clone.document["connectivity"], clone.document["tokens"]["resplit"]
    clone.write_params()
    assert studies.add(clone.root, "mine") == []
    study = home / "studies" / "mine"
    assert (study / "params.yaml").read_bytes() == (clone.root / "params.yaml").read_bytes()
    settings = study_copy.load(study / "params.yaml")
    assert not settings.tokens.resplit
    assert settings.models.keys() == {MODEL}
    clone.document["tokens"]["unknown"] = 1
    clone.write_params()
    refused(lambda: studies.add(clone.root, "mine"), "params.yaml: tokens.unknown")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "A"])
def test_a_name_is_one_folder(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["studies", "add", ".", name])
    with pytest.raises(SystemExit) as end:
        studies.main()
    assert end.value.code == 2
    assert "expected a name such as ag_news-cnn" in capsys.readouterr().err


def test_the_table_in_the_readme(home: Path) -> None:
    row = {
        **dict.fromkeys(studies.reference.HEADLINE, float("nan")),
        **{"study": "ag", "arm": "winning_ticket", "published_dense": 89.18, "dense": 88.5},
        **{"published_sparsity": 0.893, "no_ticket": "not run", "differences": "8 seeds"},
    }
    lines = studies.published_table([pd.DataFrame([row])]).splitlines()
    assert len(lines) == 3
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| ag | winning ticket | 89.18 | – | 89.3 % | 88.50 | not run |")
    list(studies.render_all())
    text = (home / "studies" / "README.md").read_text()
    assert text == README.replace(
        "old\n", "No study here with a `claims.yaml` has a cell of the 2020 study.\n"
    )
    (home / "studies" / "README.md").write_text("# Studies\n")
    status, output = run(home)
    assert status == 1
    assert "studies/README.md: lacks the lines" in output
