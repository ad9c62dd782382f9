"""Every artefact's path, once, relative to the root of the repository."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
METRICS = Path("metrics")
TABLES = Path("plots/tables")
CLAIMS = Path("claims.yaml")
CURVES = Path("plots/curves")
STATISTICS = Path("plots/statistics")
REPORT = Path("plots/report.html")
FIGURES = Path("plots/figures")


def downloads() -> Path:
    """Where fetched archives are kept between runs: a cache, not an output of any stage.

    ``LOTTERY_DOWNLOADS`` if set; else under the main checkout, which DVC names in ``DVC_ROOT``
    when it runs an experiment in a temporary tree.
    """
    own = os.environ.get("LOTTERY_DOWNLOADS")
    return Path(own) if own else Path(os.environ.get("DVC_ROOT", ".")) / "data" / "downloads"


def progress() -> Path:
    """Where runs keep what they have done: outside DVC's outputs, which it deletes.

    ``LOTTERY_PROGRESS`` if set; else under the main checkout, as :func:`downloads`.
    """
    own = os.environ.get("LOTTERY_PROGRESS")
    return Path(own) if own else Path(os.environ.get("DVC_ROOT", ".")) / ".progress"


def code(stage: str) -> Path:
    """Which code the stage runs."""
    return Path(f"data/code/{stage}.json")


def table(corpus: str) -> Path:
    """The canonical table."""
    return Path(f"data/raw/{corpus}.parquet")


def provenance(corpus: str) -> Path:
    """Where the canonical table came from."""
    return Path(f"data/raw/{corpus}.json")


def tokens(corpus: str) -> Path:
    """The token arrays, the vocabulary and its vectors."""
    return Path(f"data/tokens/{corpus}")


def cell(corpus: str, model: str) -> str:
    """The name of a cell of the grid."""
    return f"{corpus}-{model}"


def dense(corpus: str, model: str) -> Path:
    """The dense runs of all seeds."""
    return Path(f"data/dense/{cell(corpus, model)}")


def chain(corpus: str, model: str, strategy: str) -> Path:
    """The pruning chains of all seeds."""
    return Path(f"data/chains/{cell(corpus, model)}-{strategy}")


def branch(corpus: str, model: str, control: str) -> Path:
    """One control's trainings of all seeds."""
    return Path(f"data/branches/{cell(corpus, model)}-{control}")


def logits(corpus: str, model: str, strategy: str) -> Path:
    """Every document's logits at every level."""
    return Path(f"data/logits/{cell(corpus, model)}-{strategy}")


def tables(corpus: str, model: str, strategy: str) -> Path:
    """The tidy tables of one strategy in one cell."""
    return TABLES / f"{cell(corpus, model)}-{strategy}"


def connectivity(corpus: str, model: str) -> Path:
    """The straight lines between one cell's trained networks."""
    return TABLES / f"{cell(corpus, model)}-connectivity"


def metrics(cell: str) -> Path:
    """The figures of one cell that a review reads."""
    return METRICS / f"{cell}.json"


def curves(cell: str) -> Path:
    """Accuracy by strategy, seed and level."""
    return CURVES / f"{cell}.csv"


def seed(run: Path, seed: int) -> Path:
    """One seed's part of a dense run or of a chain."""
    return run / f"seed-{seed}"


def level(seed_directory: Path, level: int) -> Path:
    """The trained surviving weights of one level."""
    return seed_directory / f"level-{level:03d}.safetensors"


def record(seed_directory: Path, level: int | None = None) -> Path:
    """What went at which level of a chain; or before the one ``level`` that a branch trains."""
    own = "removed_at" if level is None else f"removed_at-{level:03d}"
    return seed_directory / f"{own}.safetensors"
