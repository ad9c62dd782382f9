"""Stages without DVC: their order, what reruns, when they stop, and what they need.

The stages of these tests write a line into each output and train nothing.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers import ROOT, write_tokens

from lottery.config import strict_yaml
from lottery.storage import files, paths
from tools import dvc_stages, run_stages, stage_clock, stage_records
from tools.stage_clock import Clock

CORPUS = "rotten_tomatoes"
CELLS = [f"{CORPUS}-cnn", f"{CORPUS}-lstm"]
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path

kind = Path(__file__).stem
line = " ".join([kind, *sys.argv[1:]])
def note(text):
    with open("ran.txt", "a") as file:
        file.write(text + chr(10))
def end(*of_signal):
    note("terminated " + line)
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
note(line)
if os.environ.get("FAIL") == kind:
    sys.exit("error: a reason")
if os.environ.get("SLEEP") == kind:
    time.sleep(600)
for out in json.loads(Path("outs.json").read_text()).get(line, []):
    path = Path(out)
    table = "seed\\n0\\n1\\n" if out.startswith("plots/tables") else "rows\\n"
    if path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table)
    else:
        path.mkdir(parents=True, exist_ok=True)
        (path / "levels.csv").write_text(table)
"""


class Tree:
    """A repository of the smoke profile with token arrays, in the working directory."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        for name in ("dvc.yaml", "claims.yaml"):
            (root / name).write_bytes((ROOT / name).read_bytes())
        profile = (ROOT / "profiles/smoke.yaml").read_text()
        (root / "params.yaml").write_text(profile.replace(", random_reinit]", "]"))
        self.stages = dvc_stages.load(root)
        self.names = [stage.name for stage in dvc_stages.from_tokens(self.stages)]
        outs = {" ".join([s.kind, *s.arguments]): s.outs for s in self.stages}
        files.write_json(root / "outs.json", outs)
        for kind in {stage.kind for stage in self.stages}:
            files.write_text(root / "stages" / f"{kind}.py", SCRIPT)
            files.write_text(root / "data" / "code" / f"{kind}.json", "{}")
        for path in {dep for stage in self.stages for dep in stage.deps if dep.endswith(".py")}:
            files.write_text(root / path, "")
        write_tokens(root / "data" / "tokens" / CORPUS)

    def run(self, *arguments: str) -> tuple[Any, str]:
        """The exit status of ``python -m tools.run_stages``, and what it printed."""
        sys.argv = ["run_stages", *arguments]
        with pytest.raises(SystemExit) as end:
            run_stages.main()
        output = "".join(self.capsys.readouterr())
        return (end.value.code, output) if isinstance(end.value.code, int) else (1, str(end.value))

    def ran(self) -> list[str]:
        """The stages that ran since this was last called, but for ``code``."""
        path = self.root / "ran.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line for line in lines if line != "code"]

    def names_of(self, ran: list[str]) -> list[str]:
        """The stages of lines such as ``train rotten_tomatoes cnn``, as DVC has them."""
        return [line.replace(" ", "@", 1).replace(" ", "-") for line in ran]

    def change(self, section: str, key: str, value: Any) -> None:
        document = yaml.safe_load((self.root / "params.yaml").read_text())
        document[section][key] = value
        (self.root / "params.yaml").write_text(yaml.safe_dump(document))


@pytest.fixture
def tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Tree:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [])
    monkeypatch.delenv("LOTTERY_CHECKPOINTS", raising=False)
    return Tree(tmp_path, capsys)


def test_stages_are_those_of_dvcs_lock() -> None:
    """Of the committed run: names, commands, and what each reads and writes."""
    stages = dvc_stages.load(ROOT)
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    assert {stage.name for stage in stages} == set(lock)
    for stage in stages:
        entry = lock[stage.name]
        assert stage.cmd == entry["cmd"]
        for kind, listed in (("deps", stage.deps), ("outs", stage.outs)):
            assert sorted(listed) == sorted(item["path"] for item in entry[kind])
        if stage.kind != "check":  # which has all parameters
            assert set(stage.params) == set(entry.get("params", {}).get("params.yaml", {}))
    kinds = dict.fromkeys(stage.kind for stage in dvc_stages.from_tokens(stages))
    assert list(kinds) == [
        *("train", "prune", "evaluate", "branch", "connectivity", "compare", "compare_control"),
    ]


def test_a_transfer_needs_both_corpora(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    (tmp_path / "params.yaml").write_bytes((ROOT / "profiles/transfer.yaml").read_bytes())
    stages = dvc_stages.from_tokens(dvc_stages.load(tmp_path))
    of_pair = [stage for stage in stages if stage.kind == "transfer"]
    assert of_pair[0].name == "transfer@pair0-cnn-transferred"
    assert of_pair[0].arguments == ["newsgroups", "reuters_r8", "cnn", "transferred"]
    assert {stage.cell for stage in of_pair} == {"reuters_r8-cnn"}
    needed = dvc_stages.chosen(stages, [of_pair[0].name], [])
    assert [stage.name for stage in needed if stage.kind == "train"] == [
        *("train@newsgroups-cnn", "train@reuters_r8-cnn"),
    ]


def test_digests_are_dvcs() -> None:
    """Of all committed files and folders that ``dvc.lock`` has, but what code writes of itself."""
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    entries = [
        entry
        for name in ("select", "plot")
        for entry in lock[name]["outs"] + lock[name]["deps"]
        if entry["path"].startswith(("plots", "metrics")) and entry["path"] != "plots/report.html"
    ]
    assert {"nfiles" in entry for entry in entries} == {True}
    for entry in entries:
        measured = stage_records.measure(ROOT / entry["path"])
        assert {**measured, "path": entry["path"]} == entry


def test_only_what_changed_runs_again(tree: Tree) -> None:
    status, output = tree.run()
    assert status == 0, output
    assert tree.names_of(tree.ran()) == tree.names, "in DVC's order"
    assert f"{len(tree.names)} of {len(tree.names)} stages are done; study.tar.gz (" in output
    assert tree.run()[0] == 0
    assert tree.ran() == []
    tree.change("prune", "rate", 0.4)
    assert tree.run()[0] == 0
    # What they write is the same again, so nothing after them runs.
    assert {line.split()[0] for line in tree.ran()} == {"prune"}
    weights = tree.root / "data" / "dense" / CELLS[0] / "levels.csv"
    weights.write_text("changed")
    status, output = tree.run("--list")
    assert (status, tree.ran()) == (0, [])
    assert f"pending  train@{CELLS[0]}\n" in output and f"done     train@{CELLS[1]}\n" in output
    tree.run()
    assert tree.ran() == [f"train {CORPUS} cnn"], "which wrote what was there before"
    (tree.root / "data" / "tokens" / CORPUS / "another").write_text("")
    assert f"pending  train@{CELLS[1]}\n" in tree.run("--list")[1], "its input has changed"
    document = strict_yaml.read_yaml(paths.PARAMS)
    lock = stage_records.read(stage_records.FILE, "")
    assert (
        lock["prune@" + CELLS[0] + "-winning_ticket"]["params"]["params.yaml"]["prune"]
        == (document["prune"])
    )


def test_named_stages_and_what_they_depend_on(tree: Tree) -> None:
    status, output = tree.run("evaluate", "--cells", CELLS[1])
    assert status == 0
    ran = tree.ran()
    assert [line.split()[0] for line in ran] == ["train"] + ["prune"] * 2 + ["evaluate"] * 2
    assert {line.split()[2] for line in ran} == {"lstm"}
    assert "5 of 5 stages are done; study.tar.gz: not written: nothing to pack yet" in output
    assert not (tree.root / "study.tar.gz").exists()
    status, _ = tree.run(f"branch@{CELLS[1]}-reinit_same_mask")
    assert status == 0
    assert tree.ran() == [f"branch {CORPUS} lstm reinit_same_mask"]
    status, output = tree.run("compare", "--cells", CELLS[1])
    assert status == 0
    assert f"kB) has {CELLS[1]}; not run yet: reinit_same_mask, connectivity; where" in output


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["prunes"], "error: stage 'prunes': not one that token arrays suffice for; did you mean"),
        (["tokenize"], "error: stage 'tokenize': not one that token arrays suffice for"),
        (["--cells", "imdb-cnn"], "error: cell 'imdb-cnn': not one"),
    ],
)
def test_a_name_that_there_is_not(tree: Tree, arguments: list[str], line: str) -> None:
    status, output = tree.run(*arguments)
    assert status == 1
    assert output.startswith(line) and output.count("\n") == 0
    assert tree.ran() == []


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
def test_seconds_are_a_positive_number(tree: Tree, text: str) -> None:
    assert tree.run("--seconds", text)[0] == 2


def test_it_stops_when_the_seconds_are_over(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEEP", "prune")
    ran = tree.root / "ran.txt"
    with monkeypatch.context() as patch:
        patch.setattr(Clock, "left_s", lambda clock: 9.0 * ("prune" not in ran.read_text()))
        ran.write_text("")
        status, output = tree.run("--seconds", "10")
    assert status == run_stages.STOPPED
    first = f"prune {CORPUS} cnn winning_ticket"
    assert tree.ran()[-2:] == [first, f"terminated {first}"], "politely"
    assert f"2 of {len(tree.names)} stages are done" in output
    assert (
        "finished work is saved: to go on, run 'python -m tools.run_stages --seconds 10'" in output
    )
    monkeypatch.delenv("SLEEP")
    assert tree.run()[0] == 0
    assert tree.names_of(tree.ran()) == tree.names[2:]


def test_a_stage_that_fails(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "branch")
    status, output = tree.run()
    assert status == 1
    assert f"error: stage branch@{CELLS[0]}-reinit_same_mask failed" in output
    assert tree.ran()[-1] == f"branch {CORPUS} cnn reinit_same_mask"


def test_a_stage_that_stops_halfway_counts_as_not_run(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if its outputs are those of before."""
    assert tree.run("train")[0] == 0
    tree.ran()
    tree.change("rewind", "epoch", 0)
    monkeypatch.setenv("FAIL", "train")
    assert tree.run("train")[0] == 1
    tree.change("rewind", "epoch", 1)
    monkeypatch.delenv("FAIL")
    tree.ran()
    assert tree.run("train")[0] == 0
    assert tree.ran() == [f"train {CORPUS} cnn"]


TOKENS = f"data/tokens/{CORPUS}"
FILES = ("report.json", "train.ids.npy", "test.offsets.npy", "vectors.npy", "covered.npy")


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def truncate(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-20])


def mix(root: Path) -> None:
    """A split's arrays are of two copies."""
    labels = root / TOKENS / "test.labels.npy"
    np.save(labels, np.load(labels)[:-1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *((remove(f"{TOKENS}/{name}"), [f"{TOKENS}/{name}: not found"]) for name in FILES),
        (remove(f"{TOKENS}/vocabulary.txt"), [f"{TOKENS}/vocabulary.txt"]),
        (truncate(f"{TOKENS}/validation.ids.npy"), [f"{TOKENS}/validation.ids.npy: damaged"]),
        (mix, [f"{TOKENS}/test.*.npy: offsets, ids and labels do not fit together"]),
    ],
)
def test_token_arrays_that_are_not_whole(
    tree: Tree, change: Callable[[Path], None], words: list[str]
) -> None:
    """Refused before any stage runs, with the file and the command that makes it elsewhere."""
    change(tree.root)
    status, output = tree.run()
    assert status == 1
    way_out = f"run 'dvc repro tokenize@{CORPUS}' with this params.yaml, and copy {TOKENS} here"
    for word in (*words, "on the machine that has the texts", way_out):
        assert word in output, output
    assert output.startswith("error: ") and "\n" not in output
    assert tree.ran() == []


def test_a_file_of_the_project_that_is_missing(tree: Tree) -> None:
    (tree.root / "src/lottery/models/lstm.py").unlink()
    status, output = tree.run()
    assert status == 1
    assert output.startswith("error: src/lottery/models/lstm.py: not found; copy all files that")
    assert tree.run("train", "--cells", CELLS[0])[0] == 0, "which does not need it"


@pytest.mark.parametrize("text", ["[]", "stages: {a: 1}", "stages: {a: {deps: [1]}}", "{", ""])
def test_records_that_are_damaged(tree: Tree, text: str) -> None:
    files.write_text(stage_records.FILE, text)
    status, output = tree.run()
    assert status == 1
    assert output.startswith(f"error: {stage_records.FILE}: not ") and "\n" not in output


def test_a_pipeline_that_is_not_ours(tree: Tree) -> None:
    (tree.root / "dvc.yaml").write_text("stages: {train: {matrix: {corpus: '${nothing}'}}}")
    status, output = tree.run()
    assert status == 1
    assert output.startswith("error: dvc.yaml: not the stages of this project")


def test_the_time_left_is_that_of_stages_like_them(tree: Tree) -> None:
    for name, seconds in (
        ("train-rotten_tomatoes-cnn", 100.0),
        ("prune-rotten_tomatoes-cnn-a", 9.0),
    ):
        files.write_json(paths.TIMES / f"{name}.json", {"seconds": seconds, "done": True})
    stages = {stage.name: stage for stage in tree.stages}
    train = [stages[f"train@{cell}"] for cell in CELLS]
    assert stage_clock.seconds_of(train, tree.stages) == (100.0, 1)
    now = [0.0]
    clock = Clock(1000, lambda: now[0])
    now[0] = 200.0
    assert clock.left_s() == 1000 - stage_clock.RESERVE_S - 200
    assert clock.sentence(train, tree.stages) == (
        "3 min so far, at least 2 min of stages left, stops in 13 min"
    )
    assert clock.sentence(train[:1], tree.stages).startswith("3 min so far, about 2 min of stages")
    assert Clock(None).left_s() == float("inf")
    assert Clock(20, lambda: 0.0).left_s() == 18, "at most a tenth is kept for packing"
