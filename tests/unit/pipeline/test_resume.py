"""Which checkpoints a run resumes from: those of its fingerprint and its provenance, and no others.

A job is run up to where it asks for its checkpoints, and the folder that it gets is compared. The
folder's name has two parts: the fingerprint of parameters, inputs and code, and the provenance:
machine, threads, versions.
"""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import ROOT, refused, write_tokens

from lottery.config import grid, params, plugins
from lottery.config.grid import Run
from lottery.config.schema import Batch, Params
from lottery.experiment import replicate, run_files
from lottery.experiment.replicate import DenseRun, Level
from lottery.experiment.run_files import RunFiles
from lottery.pipeline import build, code_digests, resume
from lottery.pipeline.jobs import branch, connectivity, prune, train, transfer
from lottery.pipeline.reporter import Reporter
from lottery.pruning import masks
from lottery.storage import paths, tensors
from lottery.training import device
from lottery.training.checkpointing import Checkpointer

CORPUS, MODEL, SOURCE = "rotten_tomatoes", "cnn", "other"
CELL = f"{CORPUS}-{MODEL}"
Change = Callable[[Params], Params]


class Stopped(Exception):
    """Instead of the training that would follow."""


@dataclass(frozen=True)
class Job:
    """A stage's work for one seed, and the arm that it is tried with."""

    run_seed: Callable[[Run, Path, int, Reporter], object]
    arm: str = ""
    source: str = ""

    def run(self, settings: Params) -> Run:
        return Run(settings, CORPUS, MODEL, self.arm, self.source)


JOBS = {
    "train": Job(train.run_seed),
    "prune": Job(prune.run_seed, grid.WINNING_TICKET),
    "branch": Job(branch.run_seed, "reinit_same_mask"),
    "connectivity": Job(connectivity.run_seed),
    "transfer": Job(transfer.run_seed, "transferred", SOURCE),
}


@dataclass(frozen=True)
class Key:
    """What the name of a folder of checkpoints is made of."""

    fingerprint: str
    provenance: str


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working tree in which every job can start: tokens, dense runs and pruning runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))
    # Threads and determinism are settings of the process: the tests do not change them.
    monkeypatch.setattr(device, "prepare", lambda *arguments: torch.device("cpu"))
    settings = smoke()
    settings.train[f"{SOURCE}-{MODEL}"] = settings.train[CELL]
    for corpus in (CORPUS, SOURCE):
        write_tokens(paths.tokens(corpus))
        for seed in (0, 1):
            write_runs(Run(settings, corpus, MODEL).winning_ticket, seed)
    return tmp_path


def write_runs(ticket: Run, seed: int) -> None:
    """Untrained weights as the dense run, and a pruning run of two levels."""
    cell = build.load_cell(ticket, seed)
    shapes, init = build.shapes(cell.model), cell.draw(seed, "init", 0)
    history = [{"epoch": 1.0, "train_loss": 0.5}]
    dense = RunFiles(paths.seed(ticket.dense_folder, seed), shapes)
    dense.write_dense(DenseRun(init, init, init, init, history))
    pruned_at, levels = replicate.pruned_at_dense(init), []
    for number in (1, 2):
        pruned_at = masks.prune(init, pruned_at, number, dict.fromkeys(init, 0.5), "local")
        levels.append(Level(number, pruned_at, init, history))
    RunFiles(paths.seed(ticket.pruning_folder, seed), shapes).write_levels(levels)


def smoke() -> Params:
    return params.load(ROOT / "profiles" / "smoke.yaml")


def folder_of(job: Job, settings: Params, seed: int = 0) -> Path:
    """The folder of checkpoints that ``job`` would resume from."""
    folders: list[Path] = []
    checkpointer = resume.checkpointer

    @contextmanager
    def stopping(*arguments: Any) -> Iterator[Checkpointer]:
        with checkpointer(*arguments) as checkpoints:
            folders.append(checkpoints.folder)
            raise Stopped
        yield checkpoints

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resume, "checkpointer", stopping)
        with pytest.raises(Stopped):
            job.run_seed(job.run(settings), Path("out"), seed, Reporter(lambda report: None))
    return folders[0]


def key_of(job: Job, settings: Params) -> Key:
    return Key(*folder_of(job, settings).name.split("-"))


def top(**changes: Any) -> Change:
    return lambda settings: replace(settings, **changes)


def within(section: str, **changes: Any) -> Change:
    return lambda settings: replace(
        settings, **{section: replace(getattr(settings, section), **changes)}
    )


def of_entry(section: str, name: str, **changes: Any) -> Change:
    """One model's settings, or one cell's training."""

    def change(settings: Params) -> Params:
        entries = dict(getattr(settings, section))
        entries[name] = replace(entries[name], **changes)
        return top(**{section: entries})(settings)

    return change


TRAINING: dict[str, Change] = {
    "precision": top(precision="bfloat16"),
    "precision tf32": top(precision="tf32"),
    "embedding_std": of_entry("models", MODEL, embedding_std=0.2),
    "dropout": of_entry("models", MODEL, dropout=0.1),
    "epochs": of_entry("train", CELL, epochs=3),
    "lr": of_entry("train", CELL, lr=0.02),
    "schedule": of_entry("train", CELL, schedule="constant"),
    "batch": of_entry("train", CELL, batch=Batch(documents=33)),
    "batch in tokens": of_entry("train", CELL, batch=Batch(tokens=32)),
    "patience": of_entry("train", CELL, patience=1),
}
"""What decides how any network of a cell trains."""
SHAPES: dict[str, Change] = {
    "vocabulary": of_entry("models", MODEL, vocabulary=40),
    "dim": of_entry("models", MODEL, dim=21),
    "filters": of_entry("models", MODEL, options={"filters": 11, "widths": [3, 4, 5]}),
    "widths": of_entry("models", MODEL, options={"filters": 10, "widths": [3, 4]}),
    "embedding": of_entry("models", MODEL, embedding="vectors", dim=6),
}
"""These too, but another network needs another dense run: only ``train`` can be tried with it."""
PRUNING: dict[str, Change] = {
    "prune.rate": within("prune", rate=0.4),
    "prune.criterion": within("prune", criterion="random"),
    "prune.scope": within("prune", scope="global"),
}
EPOCH: dict[str, Change] = {"rewind.epoch": within("rewind", epoch=0)}
BUDGET: dict[str, Change] = {"rewind.budget": within("rewind", budget="full")}
PRUNED: dict[str, Change] = {
    "prune.parameters": within("prune", parameters=("embedding", "weights")),
    "prune.output": within("prune", output="rate"),
}
AMOUNTS: dict[str, Change] = {
    "more levels": within("prune", levels=5),
    "until": within("prune", levels=None, until=0.9),
    "branch.levels": within("branch", levels=(2, 1)),
    "transfer.levels": within("transfer", levels=(2, 1)),
    "connectivity.levels": within("connectivity", levels=(2,)),
    "connectivity.points": within("connectivity", points=5),
    "evaluate.tolerance": within("evaluate", tolerance=1.5),
    "evaluate.margin": within("evaluate", margin=1.5),
    "export": within("export", strategy="late_rewinding", values="int8"),
    "seeds": top(seeds=(0, 1, 2, 3)),
    "strategies": top(strategies=("winning_ticket",)),
    "controls": top(controls=("reinit_same_mask", "snip")),
    "another model": of_entry("models", "lstm", dropout=0.4),
    "another cell": of_entry("train", f"{CORPUS}-lstm", lr=0.5),
    "device": top(device="cpu"),
}
"""How far a run goes and what is made of it; ``device: auto`` means the CPU where no GPU is."""

MATTERS = {
    "train": TRAINING | SHAPES | EPOCH,
    "prune": TRAINING | EPOCH | PRUNING | PRUNED | BUDGET,
    "branch": TRAINING | EPOCH | PRUNED | BUDGET,
    "connectivity": TRAINING,
    "transfer": TRAINING | EPOCH | BUDGET,
}
DOES_NOT_MATTER = {
    "train": AMOUNTS | PRUNING | PRUNED | BUDGET,
    "prune": AMOUNTS,
    # The dense run and the ticket that they depart from are among the inputs.
    "branch": AMOUNTS | PRUNING,
    "connectivity": AMOUNTS | PRUNING | PRUNED | EPOCH | BUDGET,
    "transfer": AMOUNTS | PRUNING | PRUNED,
}


@pytest.mark.parametrize("stage", JOBS)
def test_what_changes_the_result_changes_the_fingerprint(tree: Path, stage: str) -> None:
    keys = {"nothing": key_of(JOBS[stage], smoke())}
    for name, change in MATTERS[stage].items():
        keys[name] = key_of(JOBS[stage], change(smoke()))
    by_fingerprint: dict[str, list[str]] = {}
    for name, key in keys.items():
        by_fingerprint.setdefault(key.fingerprint, []).append(name)
    assert [names for names in by_fingerprint.values() if len(names) > 1] == []
    assert len({key.provenance for key in keys.values()}) == 1


@pytest.mark.parametrize("stage", JOBS)
def test_what_does_not_change_the_result_changes_nothing(tree: Path, stage: str) -> None:
    expected = folder_of(JOBS[stage], smoke())
    folders = {
        name: folder_of(JOBS[stage], change(smoke()))
        for name, change in DOES_NOT_MATTER[stage].items()
    }
    assert {name for name, folder in folders.items() if folder != expected} == set()


@pytest.mark.parametrize("stage", JOBS)
def test_seeds_do_not_share_checkpoints(tree: Path, stage: str) -> None:
    """Nor where both seeds have the same dense run and the same ticket."""
    ticket = Run(smoke(), CORPUS, MODEL).winning_ticket
    for folder in (ticket.dense_folder, ticket.pruning_folder):
        shutil.rmtree(paths.seed(folder, 1))
        shutil.copytree(paths.seed(folder, 0), paths.seed(folder, 1))
    first, second = (folder_of(JOBS[stage], smoke(), seed) for seed in (0, 1))
    assert first != second


def test_stages_strategies_and_controls_do_not_mix(tree: Path) -> None:
    jobs = [
        *JOBS.values(),
        replace(JOBS["prune"], arm="late_rewinding"),
        replace(JOBS["branch"], arm="shuffled_mask"),
        replace(JOBS["transfer"], arm="transferred_late"),
    ]
    assert len({folder_of(job, smoke()) for job in jobs}) == len(jobs)
    assert len({key_of(job, smoke()).fingerprint for job in jobs}) == len(jobs)


TICKET = Run(smoke(), CORPUS, MODEL).winning_ticket
OF_SOURCE = Run(smoke(), SOURCE, MODEL).winning_ticket
PRUNED_AT = run_files.pruned_at_path(paths.seed(TICKET.pruning_folder, 0))
TOKENS = [
    paths.tokens(CORPUS) / f"{split}.{kind}.npy"
    for split in ("train", "validation")
    for kind in ("ids", "offsets", "labels")
]
STATES = [
    run_files.state_path(paths.seed(TICKET.dense_folder, 0), state)
    for state in ("init", "rewind", "final")
]
SOURCES = [
    *(run_files.state_path(paths.seed(OF_SOURCE.dense_folder, 0), state.stem) for state in STATES),
    run_files.pruned_at_path(paths.seed(OF_SOURCE.pruning_folder, 0)),
    OF_SOURCE.vocabulary,
]
INPUTS = {
    "train": TOKENS,
    "prune": [*TOKENS, *STATES],
    "branch": [*TOKENS, *STATES, PRUNED_AT],
    "connectivity": [*TOKENS, *STATES, PRUNED_AT],
    "transfer": [*TOKENS, *STATES, PRUNED_AT, *SOURCES, TICKET.vocabulary],
}


def alter(path: Path) -> None:
    """Write other content that can be read in its place."""
    if path.suffix == ".npy":
        values = np.load(path)
        values[1] = {"ids": 3, "offsets": values[1] + 1, "labels": 0}[path.stem.split(".")[1]]
        np.save(path, values)
        return
    if path.suffix == ".txt":
        path.write_text(path.read_text().replace("word5\n", "another\n"))
        return
    dtype = torch.uint8 if path.stem == PRUNED_AT.stem else torch.float32
    content = tensors.load(path, dtype=dtype)
    content["output_bias"][0] = 1
    tensors.save(content, path)


def test_the_weights_after_the_last_epoch_are_an_input(tree: Path) -> None:
    """They are there only where training can end with other weights."""
    keys = [key_of(JOBS["prune"], smoke())]
    path = run_files.state_path(STATES[0].parent, run_files.LAST)
    path.write_bytes(STATES[0].read_bytes())
    keys.append(key_of(JOBS["prune"], smoke()))
    alter(path)
    keys.append(key_of(JOBS["prune"], smoke()))
    assert len({key.fingerprint for key in keys}) == 3


@pytest.mark.parametrize("stage", JOBS)
def test_other_inputs_change_the_fingerprint(tree: Path, stage: str) -> None:
    keys = [key_of(JOBS[stage], smoke())]
    for path in INPUTS[stage]:
        before = path.read_bytes()
        alter(path)
        assert path.read_bytes() != before
        keys.append(key_of(JOBS[stage], smoke()))
        path.write_bytes(before)
    assert len({key.fingerprint for key in keys}) == len(keys)
    assert len({key.provenance for key in keys}) == 1
    assert key_of(JOBS[stage], smoke()) == keys[0]


def test_vectors_are_an_input_of_a_model_that_reads_them(tree: Path) -> None:
    random = smoke()
    reading = of_entry("models", MODEL, embedding="vectors", dim=6)(random)
    before = [folder_of(JOBS["train"], settings) for settings in (random, reading)]
    for name in ("vectors", "covered"):
        path = paths.tokens(CORPUS) / f"{name}.npy"
        values = np.load(path)
        values[-1] = ~values[-1] if name == "covered" else values[-1] + 1
        np.save(path, values)
        after = [folder_of(JOBS["train"], settings) for settings in (random, reading)]
        assert after[0] == before[0], "a model with a random embedding does not read them"
        assert after[1] != before[1]
        before = after


def check_provenance_only(keys: list[Key]) -> None:
    """Each provenance is another one, of one and the same fingerprint."""
    assert len({key.provenance for key in keys}) == len(keys)
    assert len({key.fingerprint for key in keys}) == 1


@pytest.mark.parametrize("stage", JOBS)
def test_the_number_of_threads_is_provenance(tree: Path, stage: str) -> None:
    """Sums are split by thread."""
    changes = [top(threads=count) for count in (1, 2, 3)]
    check_provenance_only([key_of(JOBS[stage], change(smoke())) for change in changes])


@pytest.mark.parametrize("stage", JOBS)
def test_the_processor_is_provenance(
    tree: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Its instructions give sums another order."""
    job = JOBS[stage]
    keys = [key_of(job, smoke())]
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    keys.append(key_of(job, smoke()))
    monkeypatch.setattr("platform.machine", lambda: "another")
    keys.append(key_of(job, smoke()))
    check_provenance_only(keys)


@pytest.mark.parametrize("stage", JOBS)
def test_the_kind_of_gpu_is_provenance(
    tree: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """``prepare`` is the tests' and still gives the CPU, so that no GPU is needed."""
    job = JOBS[stage]
    keys = [key_of(job, top(device="cpu")(smoke()))]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in ("one kind", "another kind"):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        keys.append(key_of(job, smoke()))
        assert key_of(job, top(device="cuda")(smoke())) == keys[-1], "auto takes the GPU"
    check_provenance_only(keys)


@pytest.mark.parametrize("package", ["torch", "numpy", "numba", "safetensors", "python"])
def test_versions_are_provenance(tree: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    keys = [key_of(JOBS["train"], smoke())]
    version = metadata.version
    if package == "python":
        monkeypatch.setattr("platform.python_version", lambda: "3.0.0")
    else:
        monkeypatch.setattr(
            metadata, "version", lambda name: "0" if name == package else version(name)
        )
    keys.append(key_of(JOBS["train"], smoke()))
    check_provenance_only(keys)


def test_a_run_resumes_from_its_key_only(tree: Path) -> None:
    """What was saved is read with the same parameters, inputs, code and provenance, and with no
    other; both are recorded beside it."""
    run, other_rate = JOBS["train"].run(smoke()), of_entry("train", CELL, lr=0.02)(smoke())
    with resume.checkpointer("train", run, 0) as checkpointer:
        checkpointer.save("level-001", {"a": torch.ones(1)}, {})
    with resume.checkpointer("train", run, 0) as checkpointer:
        assert checkpointer.read("level-001") is not None
    recorded = {
        path.name: json.loads(path.read_text()) for path in checkpointer.folder.glob("*.json")
    }
    assert recorded == {
        "fingerprint.json": resume.fingerprint_of("train", run, 0),
        "provenance.json": resume.provenance_of(run),
        "trained_by.json": {"level-001": f"stage train on {socket.gethostname()}"},
    }
    others = [
        ("train", JOBS["train"].run(top(threads=2)(smoke())), 0),
        ("train", JOBS["train"].run(other_rate), 0),
        ("train", run, 1),
        ("prune", JOBS["prune"].run(smoke()), 0),
    ]
    for stage, other, seed in others:
        with resume.checkpointer(stage, other, seed) as checkpointer:
            assert checkpointer.read("level-001") is None


@pytest.mark.parametrize("text", ["", "-1", "often", "nan"])
def test_a_bad_interval_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(resume.VARIABLE, text)
    refused(lambda: folder_of(JOBS["train"], smoke()), resume.VARIABLE, repr(text))


@pytest.fixture
def source(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the code whose text, and so imports, can be changed."""
    for folder in ("src/lottery", "stages"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digests, "ROOT", tree)
    resume._closure_digests.cache_clear()
    yield tree
    resume._closure_digests.cache_clear()


def changed_by(source: Path, file: str, settings: Params | None = None) -> set[str]:
    """The stages whose fingerprint changes with the text of ``file``."""
    path, settings = source / file, settings or smoke()
    fingerprints = []
    text = path.read_text()
    for version in (text, f"{text}# changed\n"):
        path.write_text(version)
        resume._closure_digests.cache_clear()
        fingerprints.append(
            {name: resume.fingerprint_of(name, job.run(settings), 0) for name, job in JOBS.items()}
        )
    path.write_text(text)
    before, after = fingerprints
    return {name for name in JOBS if before[name] != after[name]}


EVERY_STAGE = set(JOBS)


@pytest.mark.parametrize(
    "file",
    [
        "experiment/replicate.py",
        "training/loop.py",
        "training/device.py",
        "training/evaluation.py",
        "training/optimizers.py",
        "training/initializers.py",
        "training/rng.py",
        "kernels/lazy_adam.py",
        "kernels/conv_maxpool.py",
        "pruning/masks.py",
        "models/__init__.py",
        "models/cnn.py",
        "storage/token_arrays.py",
    ],
)
def test_the_code_of_training_changes_the_fingerprint(source: Path, file: str) -> None:
    assert changed_by(source, f"src/lottery/{file}") == EVERY_STAGE


@pytest.mark.parametrize(
    "file",
    [
        "src/lottery/report/page.py",
        "src/lottery/report/styles.py",
        "src/lottery/analysis/claims.py",
        "src/lottery/config/schema.py",
        "src/lottery/corpora/imdb.py",
        "src/lottery/data/text/tokenize.py",
        "src/lottery/pipeline/workers.py",
        "src/lottery/pipeline/resume.py",
        "src/lottery/pipeline/jobs/prune.py",
        "src/lottery/config/transfer_schema.py",
        "src/lottery/storage/csv_tables.py",
        "stages/train.py",
        "stages/prune.py",
    ],
)
def test_reports_stages_and_executors_do_not(source: Path, file: str) -> None:
    assert changed_by(source, file) == set()


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("models/lstm.py", set()),
        ("kernels/lstm.py", set()),
        ("pruning/strategies/winning_ticket.py", {"prune"}),
        ("pruning/strategies/late_rewinding.py", set()),
        ("pruning/criteria/magnitude.py", {"prune"}),
        ("pruning/criteria/random.py", set()),
        ("pruning/controls/reinit_same_mask.py", {"branch"}),
        ("pruning/controls/shuffled_mask.py", set()),
        ("pruning/transfers/transferred.py", {"transfer"}),
        ("pruning/transfers/transferred_late.py", set()),
        ("pruning/transfer.py", {"transfer"}),
        ("experiment/transfer.py", {"transfer"}),
    ],
)
def test_of_plugins_only_the_chosen_one_does(source: Path, file: str, stages: set[str]) -> None:
    assert changed_by(source, f"src/lottery/{file}") == stages


def test_another_criterion_is_covered_when_it_is_chosen(source: Path) -> None:
    settings = within("prune", criterion="random")(smoke())
    folder = "src/lottery/pruning/criteria"
    assert changed_by(source, f"{folder}/random.py", settings) == {"prune"}
    assert changed_by(source, f"{folder}/magnitude.py", settings) == set()


ROOMS = {"experiment", "training", "models", "kernels", "pruning", "storage"}
"""Those that training is in, and the one below them that it reads and writes through."""


@pytest.mark.parametrize("stage", JOBS)
def test_the_fingerprint_covers_the_rooms_of_training_only(tree: Path, stage: str) -> None:
    code = resume.fingerprint_of(stage, JOBS[stage].run(smoke()), 0)["code"]
    files = [Path(path).relative_to("src/lottery") for path in code]
    assert {file.parts[0] for file in files if len(file.parts) > 1} == ROOMS
    assert {file.name for file in files if len(file.parts) == 1} == {
        "__init__.py",
        "errors.py",
        "metrics.py",
    }


def test_the_fingerprint_does_not_depend_on_what_is_imported(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only on the imports in the text: an executor may have loaded anything."""
    before = resume.fingerprint_of("train", JOBS["train"].run(smoke()), 0)
    for package in ("lottery.models", "lottery.pruning.strategies", "lottery.corpora"):
        for name in plugins.names(package):
            plugins.load(package, name, "module")
    resume._closure_digests.cache_clear()
    assert resume.fingerprint_of("train", JOBS["train"].run(smoke()), 0) == before
