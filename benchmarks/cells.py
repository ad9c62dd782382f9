"""The study's four cells at its sizes, and the real documents that contenders train on."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from lottery import models
from lottery.models import cnn, lstm
from lottery.models.cnn import Options as CNNOptions
from lottery.models.lstm import Options as LSTMOptions
from lottery.storage import token_arrays
from lottery.training import batches, initializers
from lottery.training.batches import Documents

ROOT = Path(__file__).parents[1]
WORKPLACE = ROOT / ".bench"
BATCH = 64
DIM = 100
POOL = 50
STD = 1.0


@dataclass(frozen=True)
class Cell:
    """One of the study's cells. The ``rows`` of the embedding are fixed, whatever the corpus's
    vocabulary; a round trains on ``batches`` batches of 64 documents, with ``--quick`` on
    ``quick``."""

    corpus: str
    model: str
    classes: int
    rows: int
    lr: float
    batches: int
    quick: int

    @property
    def name(self) -> str:
        return f"{self.corpus}-{self.model}"

    def options(self) -> CNNOptions | LSTMOptions:
        """The architecture's sizes."""
        if self.model == "cnn":
            return CNNOptions(filters=100, widths=(3, 4, 5))
        return LSTMOptions(hidden=256, layers=2)

    def module(self) -> ModuleType:
        """The library's module of the model."""
        return {"cnn": cnn, "lstm": lstm}[self.model]

    def network(self) -> Any:
        """The library's network with seed 0's weights."""
        network = self.module().build(self.options(), self.rows, DIM, models.outputs(self.classes))
        drawn = initializers.draw(network, torch.Generator().manual_seed(0), STD)
        for name, parameter in network.named_parameters():
            parameter.data.copy_(drawn[name])
        return network


CELLS = {
    cell.name: cell
    for cell in (
        Cell("imdb", "cnn", 2, 50_002, 0.005, batches=20, quick=10),
        Cell("ag_news", "cnn", 4, 50_002, 0.001, batches=40, quick=20),
        Cell("imdb", "lstm", 2, 25_002, 0.005, batches=2, quick=1),
        Cell("ag_news", "lstm", 4, 25_002, 0.001, batches=20, quick=4),
    )
}


def prepare() -> None:
    """Download and tokenize both corpora with the full profile, once, into ``.bench``.

    Ends the process if a stage fails.
    """
    WORKPLACE.mkdir(exist_ok=True)
    profile = (ROOT / "profiles" / "full.yaml").read_bytes()
    if not (WORKPLACE / "params.yaml").exists() or (
        (WORKPLACE / "params.yaml").read_bytes() != profile
    ):
        (WORKPLACE / "params.yaml").write_bytes(profile)
    downloads = os.environ.get("LOTTERY_DOWNLOADS", ROOT / "data" / "downloads")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LOTTERY_DOWNLOADS": str(downloads)}
    if "LOTTERY_MIRROR" in environment:
        environment["LOTTERY_MIRROR"] = str(Path(environment["LOTTERY_MIRROR"]).resolve())
    for corpus in sorted({cell.corpus for cell in CELLS.values()}):
        if token_arrays.exist(tokens(corpus)):
            continue
        for stage in ("download", "tokenize"):
            command = [sys.executable, "-m", f"stages.{stage}", corpus]
            if subprocess.run(command, cwd=WORKPLACE, env=environment, check=False).returncode:
                sys.exit(
                    f"error: {corpus}: the stage {stage} failed (see above), so there is no data"
                )


def tokens(corpus: str) -> Path:
    """The folder of a corpus's token arrays."""
    return WORKPLACE / "data" / "tokens" / corpus


def documents(cell: Cell, split: str = "train") -> Documents:
    """One split of the cell's corpus, on the CPU."""
    return batches.load(tokens(cell.corpus), split, cell.rows, torch.device("cpu"), seed=0)


def choose(split: Documents, chosen: np.ndarray, most: int | None = None) -> Documents:
    """The documents of ``split`` whose numbers are ``chosen``, cut after ``most`` tokens."""
    index = torch.from_numpy(chosen)
    sizes = split.sizes[index] if most is None else split.sizes[index].clamp(max=most)
    return Documents(
        split.ids, split.starts[index], sizes, split.labels[index], sizes.numpy().copy()
    )


def sample(cell: Cell, count: int) -> Documents:
    """``count`` batches of training documents, the same each time.

    They are drawn at random. But fewer than ten batches would then mix too many lengths: they are
    taken at even distances from a pool that is sorted by length.
    """
    train_set = documents(cell)
    drawn = np.random.default_rng(0).permutation(len(train_set))
    if count >= 10:
        return choose(train_set, drawn[: count * BATCH])
    pool = drawn[: POOL * BATCH]
    ranked = pool[np.argsort(train_set.lengths[pool], kind="stable")].reshape(POOL, BATCH)
    chosen = ranked[[int((number + 0.5) * POOL / count) for number in range(count)]]
    return choose(train_set, chosen.flatten())


def texts(split: Documents) -> list[torch.Tensor]:
    """Each document's ids, int64 ``[tokens]``, as a usual data loader has them."""
    pairs = zip(split.starts.tolist(), split.sizes.tolist(), strict=True)
    return [split.ids[start : start + size].long() for start, size in pairs]
