"""Where files are, relative to the root of the repository.

The folders of a run are in :class:`lottery.config.grid.Run`.
"""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
CLAIMS = Path("claims.yaml")
METRICS = Path("metrics")
CORPUS_REPORTS = Path("data/corpora")
TABLES = Path("plots/tables")
DOCUMENTS = Path("plots/documents")
CURVES = Path("plots/curves")
TICKETS = Path("plots/tickets")
"""What the stage export says of each cell's file; apart from the files, which are not in git."""
STATISTICS = Path("plots/statistics")
FIGURES = Path("plots/figures")
REPORT = Path("plots/report.html")
CHECKED_PARAMS = Path("data/checks/params.txt")
"""Written once the parameters and claims are checked. Its content never changes."""
FINGERPRINT = "fingerprint.json"
"""In the folder of a run's checkpoints: the parameters, inputs and code that decide them."""
LOCKS = Path(".lottery/locks")
"""One lock per stage. It is in the working tree, because an experiment in a temporary tree has its
own outputs."""
TIMES = Path(".lottery/times")
"""How long each stage took. Not an output of any stage, since no two runs take equally long."""


def downloads() -> Path:
    """The folder of downloaded files: a cache between runs, not an output of any stage.

    ``LOTTERY_DOWNLOADS`` if it is set, else ``data/downloads`` of the main checkout.
    """
    folder = os.environ.get("LOTTERY_DOWNLOADS")
    return Path(folder) if folder else _main_checkout() / "data" / "downloads"


def checkpoints() -> Path:
    """The folder of the runs' checkpoints: outside DVC's outputs, which DVC deletes.

    ``LOTTERY_CHECKPOINTS`` if it is set, else ``.lottery/checkpoints`` of the main checkout.
    """
    folder = os.environ.get("LOTTERY_CHECKPOINTS")
    return Path(folder) if folder else _main_checkout() / ".lottery" / "checkpoints"


def compiled() -> Path:
    """The folder of what Numba has compiled, where that cannot be beside the source."""
    return _main_checkout() / ".lottery" / "numba"


def _main_checkout() -> Path:
    """The root, also where DVC runs an experiment in a temporary tree: it sets ``DVC_ROOT``."""
    return Path(os.environ.get("DVC_ROOT", "."))


def code(stage: str) -> Path:
    """The digests of the code that a stage runs."""
    return Path(f"data/code/{stage}.json")


def checked_corpus(corpus: str) -> Path:
    """Written once a corpus's own file is checked. Its content never changes."""
    return Path(f"data/checks/corpus-{corpus}.txt")


def corpus_table(corpus: str) -> Path:
    """The table of a corpus's documents."""
    return Path(f"data/raw/{corpus}.parquet")


def provenance(corpus: str) -> Path:
    """The record of where a corpus table came from."""
    return Path(f"data/raw/{corpus}.json")


def tokens(corpus: str) -> Path:
    """The folder of a corpus's token arrays, vocabulary and vectors."""
    return Path(f"data/tokens/{corpus}")


def corpus_report(corpus: str) -> Path:
    """The report on a corpus: which of its documents are used, duplicates, tokens."""
    return CORPUS_REPORTS / f"{corpus}.json"


def metrics(name: str) -> Path:
    """The results of a cell, or of ``claims``, small enough to read in a review."""
    return METRICS / f"{name}.json"


def curves(cell: str) -> Path:
    """A cell's accuracy by arm, seed and level."""
    return CURVES / f"{cell}.csv"


def documents(name: str) -> Path:
    """What the test documents add to the uncertainty of an arm's contrasts."""
    return DOCUMENTS / f"{name}.csv"


def ticket(cell: str) -> Path:
    """The file that classifies text as the cell's ticket, or as its dense network."""
    return Path(f"data/tickets/{cell}.ticket")


def ticket_tables(cell: str) -> Path:
    """The folder of tables about that file, and about what pruning costs."""
    return TICKETS / cell


def seed(folder: Path, seed: int) -> Path:
    """The folder of one seed in a run's ``folder``."""
    return folder / f"seed-{seed}"
