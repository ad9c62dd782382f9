"""What tests share: small corpora and networks, and a copy of the project as a real repository."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import strategies as st
from torch import nn

from lottery.config import plugins
from lottery.errors import LotteryError
from lottery.experiment import cell as cells
from lottery.experiment.cell import Cell, Settings
from lottery.experiment.replicate import DenseRun, Level, OnEpoch, Replicate
from lottery.models import Weights, cnn, lstm
from lottery.pruning.criteria import magnitude
from lottery.pruning.criterion import Criterion
from lottery.pruning.strategy import Strategy
from lottery.storage import files
from lottery.training import loop
from lottery.training.loop import EpochMetrics

ROOT = Path(__file__).resolve().parents[1]
MODELS: dict[str, tuple[Any, Any]] = {
    "cnn": (cnn, cnn.Options(filters=4, widths=(3, 4, 5))),
    "lstm": (lstm, lstm.Options(hidden=5, layers=2)),
}
MakeCell = Callable[..., Cell]
"""The fixture ``make_cell``."""


def refused(call: Callable[[], object], *words: str) -> None:
    """``call`` raises LotteryError in one line that contains all of ``words``."""
    with pytest.raises(LotteryError) as error:
        call()
    line = str(error.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def quiet(metrics: EpochMetrics) -> None:
    """Nothing after an epoch."""


def write_tokens(
    folder: Path, classes: int = 2, words: int = 60, documents: int = 90, seed: int = 0
) -> Path:
    """Token arrays of documents whose label shows in their words, so that there is a signal."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "validation", "test"):
        labels = np.arange(documents) % classes
        lengths = random.integers(1, 14, documents)
        texts = [random.integers(2, words, length) for length in lengths]
        for text, label in zip(texts, labels, strict=True):
            text[0] = 2 + label
        np.save(folder / f"{split}.ids.npy", np.concatenate(texts).astype(np.uint16))
        np.save(folder / f"{split}.offsets.npy", np.concatenate([[0], lengths.cumsum()]))
        np.save(folder / f"{split}.labels.npy", labels.astype(np.int64))
    names = [f"class {number}" for number in range(classes)]
    files.write_json(folder / "report.json", {"classes": names, "vocabulary": words})
    (folder / "vocabulary.txt").write_text("".join(f"word{number}\n" for number in range(words)))
    np.save(folder / "vectors.npy", random.normal(size=(words, 6)).astype(np.float32))
    np.save(folder / "covered.npy", (np.arange(words) % 3 == 2))
    return folder


def make_network(rows: int, seed: int) -> nn.Module:
    """A small CNN whose weights, biases and embedding are all drawn, and none is zero."""
    module, options = MODELS["cnn"]
    model: nn.Module = module.build(options, rows, 6, 2)
    generator = torch.Generator().manual_seed(seed)
    for value in model.parameters():
        value.data.uniform_(0.1, 1, generator=generator)
    return model


def new_cell(folder: Path, model: str = "cnn", classes: int = 2, **changes: Any) -> Cell:
    """A cell over synthetic tokens in ``folder``: ``new_cell(path, "lstm", epochs=2, rate=0.5)``.

    ``changes`` are keys of the sections ``models.<model>``, ``train``, ``prune`` and ``rewind``.
    """
    module, options = MODELS[model]
    sections = {
        "model": SimpleNamespace(
            vocabulary=50, dim=6, embedding="random", embedding_std=0.5, dropout=0.3
        ),
        "train": SimpleNamespace(
            epochs=2,
            lr=0.02,
            schedule="linear",
            batch=SimpleNamespace(documents=16, tokens=None),
            patience=None,
        ),
        "prune": SimpleNamespace(
            rate=0.4,
            levels=3,
            until=None,
            scope="local",
            parameters=("embedding", "weights", "biases"),
            output="rate",
        ),
        "rewind": SimpleNamespace(epoch=1, budget="remaining"),
    }
    for name, value in changes.items():
        section = next(section for section in sections.values() if hasattr(section, name))
        setattr(section, name, value)
    settings = Settings(**sections)  # type: ignore[arg-type]
    tokens = write_tokens(folder / f"tokens-{classes}", classes)
    network = cells.build(module, options, settings.model, tokens)
    return cells.load(network, tokens, settings, torch.device("cpu"), 0)


def with_prune(cell: Cell, **changes: Any) -> Cell:
    """The same cell with other keys of the section ``prune``."""
    prune = SimpleNamespace(**{**vars(cell.settings.prune), **changes})
    return replace(cell, settings=replace(cell.settings, prune=prune))  # type: ignore[arg-type]


class Repository:
    """A copy of this project as a real Git and DVC repository, with the smoke profile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """What a command at the root printed: of Git, or else a Python module.

        Raises AssertionError if it fails, unless ``check`` is False.
        """
        done = subprocess.run(
            [sys.executable, "-m", *command] if command[0] != "git" else list(command),
            cwd=self.path,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    @staticmethod
    def environment() -> dict[str, str]:
        """The caller's, with this Python first on the path and an identity for Git.

        One seed at a time: that takes half as much of a machine that other tests share.
        """
        return {
            **os.environ,
            "LOTTERY_PROCESSES": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
            "DVC_NO_ANALYTICS": "1",
        }

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace one piece of a file."""
        path = self.path / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} appears {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def commit(self, message: str) -> None:
        """Commit all that Git does not ignore."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)

    def repro(self, *arguments: str, **environment: str) -> list[str]:
        """Run ``dvc repro``; the names of the stages that ran, in order."""
        return ran(self.run("dvc", "repro", *arguments, **environment))

    def changed(self) -> dict[str, Any]:
        """What ``dvc status`` says of each stage that it does not find up to date, by its name."""
        changed: dict[str, Any] = json.loads(self.run("dvc", "status", "--json"))
        return changed

    TRAINED = ("data/dense", "data/chains", "data/branches", "data/logits")
    RESULTS = (*TRAINED, "metrics", "plots/tables", "plots/curves", "plots/statistics")

    def digests(self, *folders: str) -> dict[str, str]:
        """The digest of every file in ``folders``, by its path."""
        return {
            str(path.relative_to(self.path)): files.digest(path)
            for folder in folders
            for path in sorted((self.path / folder).rglob("*"))
            if path.is_file()
        }

    def untrained(self, path: Path) -> "Repository":
        """A copy with token arrays, and nothing that was trained from them: in DVC's cache
        neither."""
        copy = self.copy(path)
        for folder in (*self.TRAINED, "plots", "metrics", ".lottery", ".dvc/cache"):
            shutil.rmtree(copy.path / folder)
        return copy

    def copy(self, path: Path) -> "Repository":
        """A copy in ``path``, DVC's cache included: nothing in it depends on where it is."""

        def temporary(folder: str, names: list[str]) -> set[str]:
            return {"tmp"} & set(names) if Path(folder).name == ".dvc" else set()

        shutil.copytree(self.path, path, symlinks=True, ignore=temporary)
        return Repository(path)


NOT_ON_A_GPU_MACHINE = (
    "dvc",
    "matplotlib",
    "pandas",
    "pydantic",
    "rich",
    "scipy",
    "sklearn",
    "torchtext",
    "yaml",
)
"""Packages that a machine with a GPU may lack: what is to run there must not import them."""

RunStage = Callable[..., str]
"""The fixture ``stage``."""


def ran(output: str) -> list[str]:
    """The stages that DVC says it ran, in order."""
    lines = [line for line in output.splitlines() if line.startswith("Running stage '")]
    return [line.split("'")[1] for line in lines]


SMOKE_CELLS = ["rotten_tomatoes-cnn", "rotten_tomatoes-lstm"]
SMOKE_STRATEGIES = ["winning_ticket", "late_rewinding"]
SMOKE_CONTROL = "reinit_same_mask"
SMOKE_PRUNING_RUNS = [f"{cell}-{strategy}" for cell in SMOKE_CELLS for strategy in SMOKE_STRATEGIES]
SMOKE_TRAINING_RUNS = 20
"""Two cells of five runs (dense, two strategies, a control, another order) with two seeds."""
SMOKE_STAGES = {
    "code",
    "check",
    "check_corpus@rotten_tomatoes",
    "download@rotten_tomatoes",
    "tokenize@rotten_tomatoes",
    "baseline@rotten_tomatoes",
    *(f"train@{cell}" for cell in SMOKE_CELLS),
    *(f"{stage}@{run}" for stage in ("prune", "evaluate") for run in SMOKE_PRUNING_RUNS),
    *(f"branch@{cell}-{SMOKE_CONTROL}" for cell in SMOKE_CELLS),
    *(f"connectivity@{cell}" for cell in SMOKE_CELLS),
    *(f"compare@{run}" for run in SMOKE_PRUNING_RUNS),
    *(f"compare_control@{cell}-{SMOKE_CONTROL}" for cell in SMOKE_CELLS),
    "select",
    *(f"export@{cell}" for cell in SMOKE_CELLS),
    "plot",
}
"""The grid of :func:`make_repository`, and the stages that DVC runs of it."""


def make_repository(path: Path) -> Repository:
    """Copy what Git has of the project (and what it would add) to ``path`` and commit it.

    With the smoke profile, less one strategy: each is 4 more stages of seconds to run.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    results = ("dvc.lock", "metrics/", "plots/", "data/")
    for name in filter(None, listed.split("\0")):
        if name.startswith(results) or not (ROOT / name).is_file():
            continue
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    # What Numba has compiled, which is a minute's work; the index first, so that it lacks no file.
    for kind in ("nbi", "nbc"):
        for compiled in (ROOT / "src").rglob(f"__pycache__/*.{kind}"):
            target = path / compiled.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(compiled, target)
    repository = Repository(path)
    shutil.copy2(ROOT / "profiles" / "smoke.yaml", path / "params.yaml")
    repository.edit("params.yaml", "late_rewinding, random_reinit]", "late_rewinding]")
    shutil.copy2(path / "params.yaml", path / "profiles" / "smoke.yaml")
    repository.run("git", "init", "-q", "-b", "main")
    # The downloads are elsewhere, so a cache of DVC's own is all that is shared: nothing.
    repository.commit("the project")
    return repository


def trainings(output: str) -> int:
    """How many ``tools.precompute`` says that it did."""
    (count,) = re.findall(r"^precompute: (\d+) trainings;", output, re.MULTILINE)
    return int(count)


def level_digests(store: Path) -> dict[str, str]:
    """The digest of the tensors of each finished level, by its folder in the store and its name.

    The digest in the name of the file covers the seconds that it took, too."""
    digests = {}
    for path in sorted(store.rglob("level-*.safetensors")):
        tensors = safetensors.torch.load_file(path)
        content = b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))
        name = f"{path.parent.relative_to(store)}/{path.name.split('.')[0]}"
        digests[name] = hashlib.sha256(content).hexdigest()
    return digests


def group_sizes(store: Path) -> dict[str, set[int]]:
    """How many networks trained together at the levels of a run, by its folder in a run store; 1
    for one alone."""
    sizes: dict[str, set[int]] = {}
    for path in store.rglob("level-*.safetensors"):
        with safetensors.safe_open(path, "pt") as file:
            metadata = json.loads(file.metadata()["metadata"])
        run = path.relative_to(store).parts[0]
        sizes.setdefault(run, set()).add(metadata.get("networks", 1))
    return sizes


def same(one: Weights, other: Weights) -> bool:
    """Whether both have the same tensors under the same names."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def load_strategy(name: str) -> Strategy:
    """The registered strategy ``name``."""
    start: Strategy = plugins.load("lottery.pruning.strategies", name, "strategy").start
    return start


def pruning_run(
    cell: Cell,
    name: str,
    dense: DenseRun,
    seed: int = 0,
    criterion: Criterion = magnitude.score,
    **prune: Any,
) -> list[Level]:
    """All levels of the strategy ``name``; ``prune`` are other keys of that section."""
    replicate = Replicate(with_prune(cell, **prune), seed)
    return list(replicate.pruning_run(load_strategy(name), criterion, dense))


class Stopped(Exception):
    """Stands in for a kill."""


def stop_after(count: int) -> OnEpoch:
    """Stops a run in the epoch after the first ``count`` that this process trains."""
    epochs = iter(range(count))

    def on_epoch(metrics: EpochMetrics) -> None:
        if next(epochs, None) is None:
            raise Stopped

    return on_epoch


Result = TypeVar("Result")


def interrupted(run: Callable[[OnEpoch], Result], every: int) -> Result:
    """``run`` to its end, stopped each time ``every`` more epochs are trained."""
    for _ in range(200):
        try:
            return run(stop_after(every))
        except Stopped:
            continue
    raise AssertionError("the run never ends")


class TrainingCall(NamedTuple):
    """What one call of ``loop.train`` starts from."""

    weights: Weights
    masks: dict[str, torch.Tensor]
    plan: loop.Plan


def record_training(monkeypatch: pytest.MonkeyPatch) -> list[TrainingCall]:
    """The calls of ``loop.train`` from now on."""
    calls: list[TrainingCall] = []
    train = loop.train

    def recorded(model, splits, masks, plan, *arguments):  # type: ignore[no-untyped-def]
        calls.append(TrainingCall(loop.copy_weights(model), masks, plan))
        return train(model, splits, masks, plan, *arguments)

    monkeypatch.setattr(loop, "train", recorded)
    return calls


TicketRun = tuple[DenseRun, list[Level]]
_TICKET_RUNS: dict[object, TicketRun] = {}


def winning_ticket(cell: Cell) -> TicketRun:
    """A dense run of seed 0 and the levels of its winning ticket; trained once for equal cells."""
    shapes = tuple((name, value.shape) for name, value in cell.model.named_parameters())
    key = (shapes, str(cell.settings))
    if key not in _TICKET_RUNS:
        dense = Replicate(cell, 0).dense_run()
        _TICKET_RUNS[key] = dense, pruning_run(cell, "winning_ticket", dense)
    return _TICKET_RUNS[key]


Tensors = Sequence[torch.Tensor]
FLOAT_BOUNDS = {torch.float64: 1e-10, torch.float32: 1e-5}
"""How far a kernel may be from plain PyTorch, by dtype."""


def assert_same_gradients(
    kernel: Callable[[Tensors], torch.Tensor],
    reference: Callable[[Tensors], torch.Tensor],
    leaves: Tensors,
) -> None:
    """Both give the same values, and the same gradient of each of ``leaves``, to rounding."""
    bound = FLOAT_BOUNDS[leaves[0].dtype]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    one, other = kernel(leaves), reference(leaves)
    torch.testing.assert_close(one, other, atol=bound, rtol=bound)
    slopes = torch.randn(one.shape, generator=torch.Generator().manual_seed(5), dtype=one.dtype)
    slopes[torch.rand(one.shape, generator=torch.Generator().manual_seed(6)) < 0.3] = 0
    for mine, theirs in zip(
        torch.autograd.grad(one, leaves, slopes),
        torch.autograd.grad(other, leaves, slopes),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, atol=bound, rtol=bound)


class BatchShape(NamedTuple):
    """A batch of documents of ``lengths`` int64, padded to ``longest``, that reads ``distinct``
    rows of an embedding; ``seed`` decides the values."""

    lengths: torch.Tensor
    longest: int
    distinct: int
    dim: int
    seed: int


@st.composite
def batch_shapes(draw: st.DrawFn) -> BatchShape:
    """Documents from one token to longer than all filters, with a tail that is padding only."""
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    return BatchShape(
        lengths=torch.tensor(lengths),
        longest=max(lengths) + draw(st.integers(0, 3)),
        distinct=draw(st.integers(1, 12)),
        dim=draw(st.integers(1, 20)),
        seed=draw(st.integers(0, 1000)),
    )


def draw_batch(
    batch: BatchShape,
    dtype: torch.dtype,
    widths: Sequence[int] = (),
    filters: int = 0,
    density: float = 1.0,
) -> tuple[Tensors, torch.Tensor]:
    """Embeddings, then the weights of one convolution per width; and the indices of the tokens.
    About ``density`` of the values are not zero."""
    generator = torch.Generator().manual_seed(batch.seed)
    sizes = [(batch.distinct, batch.dim)]
    sizes += [(filters, width, batch.dim) for width in widths]
    leaves = []
    for size in sizes:
        values = torch.randn(size, generator=generator, dtype=torch.float64)
        values[torch.rand(size, generator=generator) >= density] = 0
        leaves.append(values.to(dtype))
    shape = (len(batch.lengths), batch.longest)
    return leaves, torch.randint(batch.distinct, shape, generator=generator)
