"""Each stage by its command line: help, errors in one line, and earlier outputs left alone."""

import shutil
from pathlib import Path

import pytest
from helpers import SMOKE_STAGES, Repository, RunStage


def test_errors_leave_earlier_outputs_alone(project: Repository, stage: RunStage) -> None:
    cell = ["rotten_tomatoes", "cnn"]
    cases = [
        ("  rate: 0.5", "  raet: 0.5", ["prune", *cell, "winning_ticket"], "prune.raet"),
        ("corpora/rotten_tomatoes.py", "corpora/rt.py", ["download", cell[0]], "'rt'"),
        ("vocabulary: 2000\n  v", "vocabulary: 0\n  v", ["tokenize", cell[0]], "tokens.vocab"),
        ("dim: 50", "dim: 51", ["train", "rotten_tomatoes", "lstm"], "dim is 51"),
    ]
    for old, new, command, message in cases:
        text = (project.path / "params.yaml").read_text()
        project.edit("params.yaml", old, new)
        output = stage(*command)
        (project.path / "params.yaml").write_text(text)
        last = output.strip().splitlines()[-1]
        assert last.startswith("error: ")
        assert message in last
        assert "Traceback" not in output
    assert "up to date" in project.run("dvc", "status")
    assert not list(project.path.rglob("*.tmp"))


def test_unknown_names_on_the_command_line(stage: RunStage) -> None:
    for arguments, message in (
        (["train", "rotten_tomatos", "cnn"], "did you mean 'rotten_tomatoes'"),
        (["train", "rotten_tomatoes", "gru"], "model 'gru' is not in params.yaml"),
        (
            ["prune", "rotten_tomatoes", "cnn", "winning"],
            "strategy 'winning' is not in params.yaml",
        ),
    ):
        output = stage(*arguments)
        assert message in output
        assert "Traceback" not in output
    debug = stage("train", "nothing", "cnn", "--debug")
    assert "Traceback" in debug


@pytest.mark.parametrize("name", sorted({name.split("@")[0] for name in SMOKE_STAGES}))
def test_help(stage: RunStage, name: str) -> None:
    output = stage(name, "--help")
    assert f"usage: python -m stages.{name}" in output
    assert "--debug" in output


def test_an_incomplete_pruning_run_is_refused(project: Repository, stage: RunStage) -> None:
    evaluate = ["evaluate", "rotten_tomatoes", "cnn", "winning_ticket"]
    seed = project.path / "data/chains/rotten_tomatoes-cnn-winning_ticket/seed-0"
    (seed / "level-002.safetensors").unlink()
    assert "level-002.safetensors: not found" in stage(*evaluate)
    table = project.path / "plots/tables/rotten_tomatoes-cnn-winning_ticket/levels.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    output = stage("select")
    assert "levels.csv: winning_ticket: a level is missing for at least one seed" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("file", "content", "name"),
    [
        ("data/tokens/rotten_tomatoes/vectors.npy", b"\x93NUMPY", "train"),
        ("data/tokens/rotten_tomatoes/covered.npy", b"", "train"),
        ("data/tokens/rotten_tomatoes/report.json", b"{", "train"),
        ("data/tokens/rotten_tomatoes/train.labels.npy", b"\x93NUMPY", "train"),
        ("data/dense/rotten_tomatoes-lstm/seed-0/init.safetensors", b"torn", "prune"),
        ("data/chains/rotten_tomatoes-lstm-late_rewinding/seed-1/tensors.csv", b"", "evaluate"),
        ("plots/tables/rotten_tomatoes-lstm-late_rewinding/levels.csv", b"", "select"),
        ("plots/curves/rotten_tomatoes-lstm.csv", b"", "plot"),
        ("data/raw/rotten_tomatoes.parquet", b"PAR1", "tokenize"),
    ],
)
def test_damaged_files_are_named(
    project: Repository, stage: RunStage, file: str, content: bytes, name: str
) -> None:
    arm = ["rotten_tomatoes", "lstm", "late_rewinding"]
    count = {"tokenize": 1, "train": 2, "prune": 3, "evaluate": 3}.get(name, 0)
    path = project.path / file
    path.unlink()  # a link into the cache, perhaps: not to be written through
    path.write_bytes(content)
    last = stage(name, *arm[:count]).strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert file in last
    assert "dvc repro" in last


@pytest.mark.slow
def test_a_read_only_source_without_a_home(project: Repository, tmp_path: Path) -> None:
    """Numba compiles into .lottery then, in each process; a file stands for the folder that cannot
    be written, since root can write any."""
    compiled = project.path / "src/lottery/kernels/__pycache__"
    aside = compiled.rename(project.path / ".lottery" / "compiled")
    compiled.write_text("")
    homeless = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    try:
        output = project.run(
            *("stages.train", "rotten_tomatoes", "cnn"),
            LOTTERY_PROCESSES="2",
            LOTTERY_CHECKPOINTS=str(tmp_path),
            **homeless,
        )
        assert "Traceback" not in output
        assert list((project.path / ".lottery/numba").rglob("*.nbi"))
        assert "Traceback" not in project.run("tools.check", **homeless)
    finally:
        compiled.unlink()
        aside.rename(compiled)


TRAIN = ("train", "rotten_tomatoes", "cnn")


def limited(
    project: Repository,
    limit: str,
    size: int,
    stage: tuple[str, ...] = TRAIN,
    checkpoints: str = ".lottery/checkpoints",
) -> str:
    """What a stage prints under one of the kernel's limits, in bytes."""
    code = (
        "import resource, runpy, signal, sys\n"
        "import torch\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.{limit}, ({size}, {size}))\n"
        f"sys.argv = {list(stage)}\n"
        f"runpy.run_module('stages.{stage[0]}', run_name='__main__')\n"
    )
    (project.path / "limited.py").write_text(code)
    return project.run("limited", check=False, LOTTERY_CHECKPOINTS=checkpoints)


def test_out_of_memory(project: Repository) -> None:
    project.edit("params.yaml", "dim: 20", "dim: 10000")
    output = limited(project, "RLIMIT_DATA", 300_000_000)
    assert output.strip().splitlines()[-1].startswith("error: out of memory")
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("stage", "size", "folder", "first"),
    [
        (TRAIN, 20_000, "data/dense", ".lottery/empty"),
        (TRAIN, 20_000, "data/dense", "data/dense"),
        (
            ("evaluate", "rotten_tomatoes", "cnn", "winning_ticket"),
            1_000,
            "data/logits",
            "data/logits",
        ),
        (("select",), 1_000, "plots/curves", "plots/statistics"),
        (("plot",), 10_000, "plots/figures", "plots"),
    ],
)
def test_a_full_disk(
    project: Repository,
    tmp_path: Path,
    stage: tuple[str, ...],
    size: int,
    folder: str,
    first: str,
) -> None:
    """A limit on the size of files, which the kernel enforces as it would a full disk.

    Training writes a checkpoint first, or, where all of them are there, its results.
    """
    before = tmp_path / folder
    shutil.copytree(project.path / folder, before)
    checkpoints = first if first.startswith(".lottery") else ".lottery/checkpoints"
    output = limited(project, "RLIMIT_FSIZE", size, stage, checkpoints)
    last = output.strip().splitlines()[-1]
    assert last.startswith(f"error: {first}/"), output
    assert "File too large; make room and run again" in last
    assert "Traceback" not in output
    for path in (path for path in before.rglob("*") if path.is_file()):
        after = project.path / folder / path.relative_to(before)
        assert after.read_bytes() == path.read_bytes()
    assert not list(project.path.rglob("*.tmp"))
