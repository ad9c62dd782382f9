"""``make check``: what can be known before the first stage is refused before it, in one line."""

import copy
import errno
import gzip
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from lottery import models
from lottery.data.sources import header, tabular
from lottery.errors import LotteryError
from lottery.experiment import pruning, replicate
from lottery.models import cnn
from lottery.pipeline import run_end
from lottery.pruning import rates

SMOKE = yaml.safe_load((ROOT / "profiles" / "smoke.yaml").read_text())
OTHER = {"corpora.other": SMOKE["corpora"]["rotten_tomatoes"]}
PAIR = [{"from": "rotten_tomatoes", "to": "other"}]
OWN = {"source": "own.csv", "text": "review", "label": "stars", "test_fraction": 0.3}
Check = Callable[..., str]


def module(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What ``python -m name`` prints, in this process; one line, ``error: ...``, if it fails."""
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.delitem(sys.modules, name, raising=False)
    try:
        runpy.run_module(name, run_name="__main__")
    except SystemExit as end:
        line = str(end.code)
        assert line.startswith("error: ") and line.isprintable(), line
        return line
    return capsys.readouterr().out


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """What ``python -m tools.check`` prints of the smoke profile with some keys changed.

    ``check({"prune.rate": 2})``; the working directory is an empty folder with the claims.
    """
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "src/lottery/corpora", tmp_path / "src/lottery/corpora")
    shutil.copy(ROOT / "claims.yaml", tmp_path)

    def run(changes: dict[str, Any], **environment: str) -> str:
        document = copy.deepcopy(SMOKE)
        for name, value in changes.items():
            *path, key = name.split(".")
            section = document
            for step in path:
                section = section[step]
            section[key] = value
        for corpus in document["corpora"]:
            for model in document["models"]:
                document["train"].setdefault(f"{corpus}-{model}", {})
        Path("params.yaml").write_text(yaml.safe_dump(document))
        for variable, text in environment.items():
            monkeypatch.setenv(variable, text)
        return module("tools.check", monkeypatch, capsys)

    return run


def write(name: str, content: str = "review,stars\ngood,1\nbad,0\n") -> None:
    Path(name).write_text(content)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"branch.levels": [1, 3]},
            "branch.levels: 3, but the pruning runs of rotten_tomatoes-cnn end at level 2",
        ),
        (
            {"connectivity.levels": [3]},
            "connectivity.levels: 3, but the pruning runs of rotten_tomatoes-cnn end",
        ),
        (
            {"prune.levels": None, "prune.until": 0.74, "branch.levels": [3]},
            "branch.levels: 3, but the pruning runs of rotten_tomatoes-lstm end at level 2",
        ),
        (
            {"prune.levels": None, "prune.until": 0.9, "prune.parameters": ["biases"]},
            "prune.until: 0.9 is more than the share of what is pruned among all weights",
        ),
        ({"tokens.vectors": None}, "models.lstm.embedding: vectors, but tokens.vectors is null"),
        ({"models.lstm.dim": 100}, "models.lstm.dim: 100, but the vectors of tokens.vectors"),
        ({"tokens.vectors": "glove.6B.100d"}, "(glove.6B.100d) have 100 numbers; use dim: 100"),
        ({"prune.rate": 2}, "prune.rate: must be less than 1, got 2"),
        ({"prune.criterion": "magnitud"}, "unknown criterion 'magnitud'; did you mean 'magnitude'"),
        ({"strategies": ["late_rewinding"]}, "strategies: 'winning_ticket' is missing"),
        (
            {"export.strategy": "winning_tickets"},
            "export.strategy: 'winning_tickets' is not listed under strategies; did you mean 'win",
        ),
        ({"export.values": "float8"}, "export.values: must be 'float32', 'float16' or 'int8'"),
        ({"controls": ["connectivity"]}, "controls.0: unknown control 'connectivity'"),
        (
            {"corpora.rotten_tomatoes.split": "official"},
            "corpora.rotten_tomatoes.split: 'official' is not one of its splits",
        ),
        ({"corpora.own": OWN}, "corpora.own.source: own.csv not found"),
        (
            {"transfer.pairs": [{"from": "rotten_tomatoes", "to": "rotten_tomatoes"}]},
            "transfer.pairs.0: both are 'rotten_tomatoes'; name two corpora",
        ),
        (
            {"transfer.pairs": [{"from": "rotten_tomato", "to": "rotten_tomatoes"}]},
            "transfer.pairs.0.from: unknown corpus 'rotten_tomato'; did you mean 'rotten_tomatoes'",
        ),
        (
            {"transfer.pairs": [{"from": "rotten_tomatoes", "to": "other"}]},
            "transfer.pairs.0.to: unknown corpus 'other'",
        ),
        (
            {**OTHER, "transfer.pairs": [{"from": "rotten_tomatoes", "too": "other"}]},
            "transfer.pairs.0.too: unknown key; did you mean 'to'",
        ),
        (
            {**OTHER, "transfer.pairs": PAIR, "transfer.levels": [2, 3]},
            "transfer.levels: 3, but the pruning runs of other-cnn end at level 2",
        ),
        (
            {**OTHER, "transfer.pairs": PAIR, "transfer.levels": []},
            "transfer.levels: empty; name the levels",
        ),
        (
            {**OTHER, "transfer.pairs": [*PAIR, {"from": "other", "to": "rotten_tomatoes"}]},
            "transfer.pairs.1.from: 'other' is also transfer.pairs.0.to; a corpus is either a",
        ),
        (
            {**OTHER, "transfer.pairs": [*PAIR, dict(*PAIR)]},
            "transfer.pairs: the same entry appears",
        ),
        (
            {"transfer.arms": ["transfered"]},
            "transfer.arms.0: unknown transferred arm 'transfered'",
        ),
        ({"transfer.arms": []}, "transfer.arms: empty; expected at least one entry"),
        ({"transfer.vocabulary": "both"}, "transfer.vocabulary: must be 'source' or 'target'"),
        ({"transfer": None}, "transfer: must be a mapping"),
    ],
)
def test_parameters_that_cannot_run(check: Check, changes: dict[str, Any], words: str) -> None:
    assert words in check(changes)


def test_parameters_that_can_run(check: Check) -> None:
    """At the last level, and where only the size of the vocabulary will tell."""
    assert check({"branch.levels": [2], "connectivity.levels": [2]}) == ""
    small = {"prune.levels": None, "prune.until": 0.74, "branch.levels": [2]}
    assert check(small) == ""
    assert check({"tokens.vectors": "glove.6B.100d", "models.lstm.dim": 100}) == ""
    assert check({"tokens.vectors": None, "models.lstm.embedding": "random"}) == ""
    assert check({**OTHER, "transfer.pairs": PAIR, "transfer.levels": [1, 2]}) == ""
    assert check({**small, "prune.until": 0.9, "prune.parameters": ["weights", "biases"]}) == ""


def test_a_gpu_that_is_not_there(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = check({"device": "cuda"})
    assert "device: cuda, but torch finds no GPU here; use auto or cpu" in line


def test_a_number_of_processes_that_is_none(check: Check) -> None:
    assert "LOTTERY_PROCESSES: expected a positive integer" in check({}, LOTTERY_PROCESSES="two")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "of: [late_rewinding]",
            "of: [late]",
            ": unknown strategy or control 'late'",
        ),
        (
            "against: [reinit_same_mask]",
            "against: [nobody]",
            "winning_beats_same_mask: unknown strategy",
        ),
        ("id: late_beats_initial", "id: both_tasks_match", "appears twice"),
    ],
)
def test_claims_that_cannot_be_tested(check: Check, old: str, new: str, words: str) -> None:
    path = Path("claims.yaml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    line = check({})
    assert "claims.yaml: " in line
    assert words in line


def test_claims_that_are_missing(check: Check) -> None:
    Path("claims.yaml").unlink()
    assert "claims.yaml: not found" in check({})


def test_a_tab_in_the_parameters(
    check: Check, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """YAML has no tabs; the line says where to replace one, in the stage too."""
    text = (ROOT / "profiles/smoke.yaml").read_text()
    number = text.splitlines().index("branch: {levels: [1]}") + 1
    Path("params.yaml").write_text(text.replace("branch: {levels", "branch:\t{levels"))
    words = f"params.yaml: not valid YAML: line {number}: a tab where YAML allows none; replace it"
    handler = signal.getsignal(signal.SIGTERM)
    try:
        for name in ("tools.check", "stages.check"):
            assert words in module(name, monkeypatch, capsys)
    finally:
        signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize(
    ("name", "content", "keys", "words"),
    [
        (
            "own.csv",
            b"review,rating\na,1\n",
            {},
            "no column 'stars'; its columns are review, rating",
        ),
        ("own.csv", b"a,b\n", {"text": "b", "label": "c"}, "no column 'c'"),
        (
            "own.csv",
            b"review,stars\na,1\n",
            {"split": "part", "test_fraction": None},
            "no column 'part'",
        ),
        ("own.csv", b"", {}, "cannot be parsed"),
        ("own.csv", b"caf\xe9,stars\na,1\n", {}, "line 1: not UTF-8"),
        ("own.csv", gzip.compress(b"review,stars\n", mtime=0), {}, "rename it to own.csv.gz"),
        ("own.csv.gz", b"review,stars\n", {}, "the name says gzip, but it is not packed"),
        ("own.csv.gz", gzip.compress(b"review\n" * 99, mtime=0)[:20], {}, "truncated or damaged"),
        ("own.tsv", b"review,stars\na,1\n", {}, "no column 'review'; its columns are review,stars"),
        ("own.jsonl", b'\n{"review": "a"}\n', {}, "no column 'stars'; its columns are review"),
        ("own.jsonl", b"[1, 2]\n", {}, "line 1 is not a JSON object"),
        ("own.jsonl", b"\n{review: 1}\n", {}, "line 2 is not valid JSON"),
        ("own.parquet", b"PAR1 and no more", {}, "not a Parquet file"),
        ("own.xlsx", b"PK\x03\x04", {}, "a zip file; unpack it, or save the spreadsheet as CSV"),
    ],
)
def test_files_that_cannot_be_read(
    check: Check, name: str, content: bytes, keys: dict[str, Any], words: str
) -> None:
    Path(name).write_bytes(content)
    line = check({"corpora.own": {**OWN, "source": name, **keys}})
    assert f"{name}: " in line
    assert words in line


def refusing(name: str) -> Callable[..., Any]:
    """``Path.open`` for a user who may not read the file ``name``."""
    original = Path.open

    def refuse(path: Path, *arguments: Any, **keywords: Any) -> Any:
        if path.name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path, *arguments, **keywords)

    return refuse


def test_a_file_of_another_user(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    write("own.csv")
    Path("own.csv").chmod(0)
    if os.access("own.csv", os.R_OK):  # root may read everything: refuse as the system would
        monkeypatch.setattr(Path, "open", refusing("own.csv"))
    assert "own.csv: cannot be read: Permission denied" in check({"corpora.own": OWN})


NAMES = st.lists(
    st.text(st.characters(categories=["L", "N"], include_characters=" \"',;"), min_size=1).filter(
        lambda name: name.strip() == name and name != '"' and not name.startswith(("'", '"'))
    ),
    min_size=2,
    max_size=4,
    unique=True,
)


@given(names=NAMES, kind=st.sampled_from([*tabular.READERS, ".parquet"]), packed=st.booleans())
def test_a_header_is_what_the_reader_finds(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], kind: str, packed: bool
) -> None:
    folder = tmp_path_factory.mktemp("header")
    frame = pd.DataFrame([["a text", "1", "2", "3"][: len(names)]] * 2, columns=names)
    path = folder / f"own{kind}"
    if kind == ".parquet":
        frame.to_parquet(path)
    elif kind == ".jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        frame.to_csv(path, index=False, sep="," if kind == ".csv" else "\t")
    if packed and kind != ".parquet":
        path.rename(folder / "plain")
        path = folder / f"own{kind}.gz"
        path.write_bytes(gzip.compress((folder / "plain").read_bytes()))
    assert header.names(path, names) == list(tabular.read(path, names).columns)


def test_only_the_beginning_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it ends in the middle of a letter, or of a long line."""
    monkeypatch.setattr(header, "SIZE", 20)
    (tmp_path / "a.csv").write_text("review,stars\n" + "é" * 50 + ",1\n")
    assert header.names(tmp_path / "a.csv", []) == ["review", "stars"]
    (tmp_path / "a.jsonl").write_text(json.dumps({"review": "x" * 50, "stars": 1}) + "\n")
    assert header.names(tmp_path / "a.jsonl", ["review", "stars"]) == ["review", "stars"]


@given(
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=5),
    fixed=st.integers(0, 100),
    rate=st.integers(1, 99).map(lambda percent: percent / 100),
    until=st.integers(1, 99).map(lambda percent: percent / 100),
    output=st.sampled_from(["rate", "half"]),
    scope=st.sampled_from(["local", "global"]),
)
def test_no_run_ends_after_its_bound(
    sizes: list[int], fixed: int, rate: float, until: float, output: str, scope: str
) -> None:
    named = {str(number): size for number, size in enumerate(sizes)}
    shares = rates.of_parameters(named, rate, {"1"}, output)
    bound = rates.levels_until_at_most(named, fixed, shares, until)
    try:
        last = rates.levels_until(named, fixed, shares, until, scope)
    except ValueError:
        assert bound == rates.MAX_LEVEL
    else:
        assert last <= bound <= rates.MAX_LEVEL


def test_the_bound_is_near_for_large_tensors() -> None:
    sizes, shares = {"a": 10_000, "b": 50_000}, {"a": 0.65, "b": 0.65}
    assert rates.levels_until(sizes, 0, shares, 0.95, "local") == 3
    assert rates.levels_until_at_most(sizes, 0, shares, 0.95) == 3


@given(
    rows=st.integers(2, 400),
    outputs=st.integers(1, 40),
    rate=st.sampled_from([0.2, 0.5, 0.65]),
    output=st.sampled_from(list(rates.OUTPUT)),
)
def test_the_corners_bound_every_network(rows: int, outputs: int, rate: float, output: str) -> None:
    """Whatever the vocabulary and the number of classes turn out to be."""
    options, dim = cnn.Options(filters=3, widths=(2, 3)), 4
    prune: Any = SimpleNamespace(
        rate=rate,
        levels=None,
        until=0.8,
        scope="local",
        output=output,
        parameters=("embedding", "weights"),
    )
    corners = [run_end.sizes(cnn, options, r, dim, o) for r in (2, 400) for o in (1, 40)]
    network = cnn.build(options, rows, dim, outputs)
    pruned_at = replicate.pruned_at_dense({n: p.data for n, p in network.named_parameters()})
    try:
        last = pruning.levels(pruned_at, prune, models.output_layer(network))
    except LotteryError:  # a tensor so small that it never shrinks
        last = rates.MAX_LEVEL
    assert last <= run_end.last_level(corners, prune)


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def test_a_file_that_experiments_will_miss(check: Check) -> None:
    """A note, not a refusal: nothing else needs the file to be tracked."""
    write("own.csv")
    changes = {"corpora.own": OWN}
    assert check(changes) == "", "no Git, no experiments"
    git("init", "-q")
    line = check(changes)
    assert line.startswith("note: corpora.own.source: neither Git nor DVC tracks own.csv")
    assert "'dvc exp run --temp'" in line and "'dvc add own.csv'" in line
    Path("own.csv.dvc").write_text("outs: []\n")
    assert "note: " in check(changes), "Git does not track the .dvc file yet"
    git("add", "own.csv.dvc")
    assert check(changes) == ""
    git("rm", "-q", "--cached", "own.csv.dvc")
    git("add", "own.csv")
    assert check(changes) == ""


def test_an_experiment_in_a_folder_of_its_own_lacks_the_file(check: Check, tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.mkdir()
    (main / "own.csv").write_text("review,stars\n")
    line = check({"corpora.own": OWN}, DVC_ROOT=str(main))
    assert "own.csv not found: an experiment in a folder of its own has only the files" in line
    assert "'dvc add own.csv'" in line
