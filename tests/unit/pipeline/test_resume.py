"""Which run is gone on with: one of the same parameters, inputs, code and kind of processor.

A stage is run up to where it asks for what an earlier process has done, and the folder that it is
given there is compared: whatever the facts are called, two runs with one folder are one run.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, write_tokens

from lottery import params as parameters
from lottery import paths, runs
from lottery.cells import Cell
from lottery.params import Params
from lottery.pruning import masks
from lottery.sections import Batch
from lottery.training import checkpoints, device
from lottery.training.progress import Progress
from stages import _branch, _cell, _chain, _connectivity, _dense, _progress

CORPUS, MODEL = "rotten_tomatoes", "cnn"
CELL = paths.cell(CORPUS, MODEL)
Change = Callable[[Params], Params]


class Asked(Exception):
    """Stands in for the training that would follow."""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a stage is run: tokens, a dense run of two seeds and their chains."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOTTERY_PROGRESS", str(tmp_path / "progress"))
    # Threads and determinism are the process's: the tests' are left as they are.
    monkeypatch.setattr(device, "prepare", lambda name, threads: torch.device("cpu"))
    write_tokens(paths.tokens(CORPUS))
    for seed in (0, 1):
        write_ticket(settings(), seed)
    return tmp_path


def write_ticket(params: Params, seed: int) -> None:
    """Untrained weights as the dense run, and the record of a chain of two levels."""
    init = _cell.load(params, CORPUS, MODEL).draw(seed, "init", 0)
    dense = paths.seed(paths.dense(CORPUS, MODEL), seed)
    for state in _cell.STATES:
        checkpoints.save(init, dense / f"{state}.safetensors")
    record = runs.record_of(init)
    for level in (1, 2):
        record = masks.prune(init, record, level, 0.5, "local", init.keys())
    chain = paths.seed(paths.chain(CORPUS, MODEL, parameters.BRANCHED), seed)
    checkpoints.save(record, paths.record(chain))
    for level in (1, 2):
        checkpoints.save(masks.survivors(init, record, level), paths.level(chain, level))


def settings() -> Params:
    return parameters.load(ROOT / "profiles" / "smoke.yaml")


def folder_of(run: Callable[[Params], object], params: Params) -> Path:
    """Where ``run`` would look for what an earlier process has done."""
    asked: list[Path] = []
    original = _progress.kept

    @contextmanager
    def noted(*arguments: Any) -> Iterator[Progress]:
        with original(*arguments) as progress:
            asked.append(progress.folder)
            raise Asked
        yield progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "kept", noted)
        # The code is the same all along, and digesting it takes most of the time.
        patch.setattr(_progress, "_code", dict, raising=False)
        with pytest.raises(Asked):
            run(params)
    return asked[0]


def train(params: Params, seed: int = 0) -> None:
    _dense.train(params, CORPUS, MODEL, Path("out"), seed)


def prune(params: Params, seed: int = 0, strategy: str = "winning_ticket") -> None:
    _chain.prune(params, CORPUS, MODEL, strategy, Path("out"), seed)


def branch(params: Params, seed: int = 0, control: str = "reinit_same_mask") -> None:
    _branch.branch(params, CORPUS, MODEL, control, Path("out"), seed)


def connect(params: Params, seed: int = 0) -> None:
    _connectivity.connect(params, CORPUS, MODEL, seed)


STAGES: dict[str, Callable[..., None]] = {
    "train": train,
    "prune": prune,
    "branch": branch,
    "connectivity": connect,
}


def top(**changes: Any) -> Change:
    return lambda params: replace(params, **changes)


def within(section: str, **changes: Any) -> Change:
    return lambda params: replace(params, **{section: replace(getattr(params, section), **changes)})


def of_entry(section: str, name: str, **changes: Any) -> Change:
    """One model's settings, or one cell's training."""

    def change(params: Params) -> Params:
        entries = dict(getattr(params, section))
        entries[name] = replace(entries[name], **changes)
        return top(**{section: entries})(params)

    return change


TRAINING: dict[str, Change] = {
    "threads": top(threads=2),
    "precision": top(precision="bfloat16"),
    "embedding_std": of_entry("models", MODEL, embedding_std=0.2),
    "dropout": of_entry("models", MODEL, dropout=0.1),
    "epochs": of_entry("train", CELL, epochs=3),
    "lr": of_entry("train", CELL, lr=0.02),
    "schedule": of_entry("train", CELL, schedule="constant"),
    "batch": of_entry("train", CELL, batch=Batch(documents=33)),
    "batch in tokens": of_entry("train", CELL, batch=Batch(tokens=32)),
    "patience": of_entry("train", CELL, patience=1),
    "rewind.epoch": within("rewind", epoch=0),
}
"""What decides how any network of a cell trains."""
SHAPES: dict[str, Change] = {
    "vocabulary": of_entry("models", MODEL, vocabulary=40),
    "dim": of_entry("models", MODEL, dim=21),
    "filters": of_entry("models", MODEL, options={"filters": 11, "widths": [3, 4, 5]}),
    "widths": of_entry("models", MODEL, options={"filters": 10, "widths": [3, 4]}),
    "embedding": of_entry("models", MODEL, embedding="vectors", dim=6),
}
"""As well, but another network has another dense run: only that can be asked for it."""
PRUNING: dict[str, Change] = {
    "prune.rate": within("prune", rate=0.4),
    "prune.criterion": within("prune", criterion="random"),
    "prune.scope": within("prune", scope="global"),
}
BUDGET: dict[str, Change] = {"rewind.budget": within("rewind", budget="full")}
PRUNED: dict[str, Change] = {
    "prune.parameters": within("prune", parameters=("embedding", "weights"))
}
AMOUNTS: dict[str, Change] = {
    "more levels": within("prune", levels=5),
    "until": within("prune", levels=None, until=0.9),
    "branch.levels": within("branch", levels=(2, 1)),
    "connectivity.levels": within("connectivity", levels=(2,)),
    "connectivity.points": within("connectivity", points=5),
    "evaluate.tolerance": within("evaluate", tolerance=1.5),
    "evaluate.margin": within("evaluate", margin=1.5),
    "seeds": top(seeds=(0, 1, 2, 3)),
    "strategies": top(strategies=("winning_ticket",)),
    "controls": top(controls=("reinit_same_mask", "snip")),
    "another model": of_entry("models", "lstm", dropout=0.4),
    "another cell": of_entry("train", f"{CORPUS}-lstm", lr=0.5),
    "device": top(device="cpu"),
}
"""How far a run goes and what is made of it; ``auto`` is this machine's CPU already."""

MATTERS = {
    "train": TRAINING | SHAPES,
    "prune": TRAINING | PRUNING | PRUNED | BUDGET,
    "branch": TRAINING | PRUNED | BUDGET,
    "connectivity": TRAINING | PRUNED | BUDGET,
}
IS_NOTHING = {
    "train": AMOUNTS | PRUNING | PRUNED | BUDGET,
    "prune": AMOUNTS,
    # What they depart from is in the chain's record, which is one of the inputs.
    "branch": AMOUNTS | PRUNING,
    "connectivity": AMOUNTS | PRUNING,
}


@pytest.mark.parametrize("stage", STAGES)
def test_what_changes_the_result_is_another_run(tree: Path, stage: str) -> None:
    run = STAGES[stage]
    folders = {"nothing": folder_of(run, settings())}
    for name, change in MATTERS[stage].items():
        folders[name] = folder_of(run, change(settings()))
    by_folder: dict[Path, list[str]] = {}
    for name, folder in folders.items():
        by_folder.setdefault(folder, []).append(name)
    assert [names for names in by_folder.values() if len(names) > 1] == []


@pytest.mark.parametrize("stage", STAGES)
def test_what_does_not_is_the_same_run(tree: Path, stage: str) -> None:
    run = STAGES[stage]
    expected = folder_of(run, settings())
    changed = {
        name: folder_of(run, change(settings())) for name, change in IS_NOTHING[stage].items()
    }
    assert {name for name, folder in changed.items() if folder != expected} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_seed_is_a_run_of_its_own(tree: Path, stage: str) -> None:
    """Also where both seeds have the same dense run and the same record."""
    for kind in (paths.dense(CORPUS, MODEL), paths.chain(CORPUS, MODEL, parameters.BRANCHED)):
        shutil.rmtree(paths.seed(kind, 1))
        shutil.copytree(paths.seed(kind, 0), paths.seed(kind, 1))
    first, second = (folder_of(partial(STAGES[stage], seed=n), settings()) for n in (0, 1))
    assert first != second


def test_stages_strategies_and_controls_do_not_mix(tree: Path) -> None:
    calls: list[Callable[..., None]] = [
        train,
        connect,
        *(partial(prune, strategy=name) for name in ("winning_ticket", "late_rewinding")),
        *(partial(branch, control=name) for name in ("reinit_same_mask", "shuffled_mask")),
    ]
    assert len({folder_of(run, settings()) for run in calls}) == len(calls)


DENSE = paths.seed(paths.dense(CORPUS, MODEL), 0)
RECORD = paths.record(paths.seed(paths.chain(CORPUS, MODEL, parameters.BRANCHED), 0))
TOKENS = [
    paths.tokens(CORPUS) / f"{part}.{kind}.npy"
    for part in ("train", "validation")
    for kind in ("ids", "offsets", "labels")
]
STATES = [DENSE / f"{state}.safetensors" for state in ("init", "rewind", "final")]
INPUTS = {
    "train": TOKENS,
    "prune": [*TOKENS, *STATES],
    "branch": [*TOKENS, *STATES, RECORD],
    "connectivity": [*TOKENS, *STATES, RECORD],
}


def alter(path: Path) -> None:
    """Other content that can be read in its place."""
    if path.suffix == ".npy":
        values = np.load(path)
        values[1] = {"ids": 3, "offsets": values[1] + 1, "labels": 0}[path.stem.split(".")[1]]
        np.save(path, values)
        return
    dtype = torch.uint8 if path == RECORD else torch.float32
    tensors = checkpoints.load(path, dtype=dtype)
    tensors["output_bias"][0] = 1
    checkpoints.save(tensors, path)


@pytest.mark.parametrize("stage", STAGES)
def test_other_inputs_are_another_run(tree: Path, stage: str) -> None:
    run = STAGES[stage]
    folders = [folder_of(run, settings())]
    for path in INPUTS[stage]:
        before = path.read_bytes()
        alter(path)
        assert path.read_bytes() != before
        folders.append(folder_of(run, settings()))
        path.write_bytes(before)
    assert len(set(folders)) == len(folders)
    assert folder_of(run, settings()) == folders[0]


def test_vectors_are_an_input_of_a_model_that_reads_them(tree: Path) -> None:
    random = settings()
    reading = of_entry("models", MODEL, embedding="vectors", dim=6)(random)
    before = [folder_of(train, params) for params in (random, reading)]
    for name in ("vectors", "covered"):
        path = paths.tokens(CORPUS) / f"{name}.npy"
        values = np.load(path)
        values[-1] = ~values[-1] if name == "covered" else values[-1] + 1
        np.save(path, values)
        after = [folder_of(train, params) for params in (random, reading)]
        assert after[0] == before[0], "a model with a random embedding does not read them"
        assert after[1] != before[1]
        before = after


@pytest.mark.parametrize("stage", STAGES)
def test_another_processor_is_another_run(
    tree: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Its instructions give sums another order."""
    run = STAGES[stage]
    folders = [folder_of(run, settings())]
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    folders.append(folder_of(run, settings()))
    monkeypatch.setattr("platform.machine", lambda: "another")
    folders.append(folder_of(run, settings()))
    assert len(set(folders)) == 3


class Elsewhere:
    """Documents that say they lie on a GPU, for a machine that has none."""

    def __init__(self) -> None:
        self.device = torch.device("cuda")


@pytest.mark.parametrize("stage", STAGES)
def test_a_gpu_is_another_processor(
    tree: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    run, load = STAGES[stage], _cell.load
    folders = [folder_of(run, settings())]

    def loaded(*arguments: Any) -> Cell:
        cell = load(*arguments)
        elsewhere: Any = Elsewhere()
        return replace(cell, train_part=replace(cell.train_part, ids=elsewhere))

    monkeypatch.setattr(_cell, "load", loaded)
    for name in ("one kind", "another kind"):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        folders.append(folder_of(run, settings()))
    assert len(set(folders)) == 3


@pytest.mark.parametrize("package", ["torch", "numpy", "numba", "safetensors", "python"])
def test_another_version_is_another_run(
    tree: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    before = folder_of(train, settings())
    version = metadata.version
    if package == "python":
        monkeypatch.setattr("platform.python_version", lambda: "3.0.0")
    else:
        monkeypatch.setattr(
            metadata, "version", lambda name: "0" if name == package else version(name)
        )
    assert folder_of(train, settings()) != before


def test_what_is_in_the_folder_is_gone_on_with(tree: Path) -> None:
    """The folder is what identifies a run: the same facts read what was written."""
    progress_of: Callable[..., AbstractContextManager[Progress]] = _progress.kept
    with progress_of("cell", 0, {"threads": 1}) as progress:
        progress.keep("level-001", {"a": torch.ones(1)}, {})
    with progress_of("cell", 0, {"threads": 1}) as progress:
        assert progress.read("level-001") is not None
    for run, seed, threads in (("cell", 0, 2), ("cell", 1, 1), ("other", 0, 1)):
        with progress_of(run, seed, {"threads": threads}) as progress:
            assert progress.read("level-001") is None
