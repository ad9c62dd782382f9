"""The grid of ``params.yaml``: its cells, its runs, and the folders that they write.

A cell is a corpus and a model. An arm is a strategy, a control or, in the cells of a corpus that is
the target of a transfer, a transferred arm. The loops over them are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lottery.storage import paths

if TYPE_CHECKING:  # reading params.yaml needs pydantic, which training does without
    from lottery.config.schema import Model, Params, Train

WINNING_TICKET = "winning_ticket"
"""The strategy from whose tickets controls and connectivity start."""


@dataclass(frozen=True)
class Run:
    """One arm of one cell, for all seeds; without an ``arm``, the cell's dense run."""

    params: Params
    corpus: str
    model: str
    arm: str = ""
    source: str = ""
    """Of a transferred arm, the corpus whose tickets it trains; else empty."""

    @property
    def cell(self) -> str:
        """The name of the cell."""
        return f"{self.corpus}-{self.model}"

    @property
    def name(self) -> str:
        """The name of the run: the cell's, followed by the arm's if there is one."""
        return f"{self.cell}-{self.arm}" if self.arm else self.cell

    @property
    def model_settings(self) -> Model:
        """``models.<model>``."""
        return self.params.models[self.model]

    @property
    def train_settings(self) -> Train:
        """``train.<model>``, overridden by ``train.<cell>``."""
        return self.params.train[self.cell]

    @property
    def tokens(self) -> Path:
        """The folder of the corpus's token arrays."""
        return paths.tokens(self.corpus)

    @property
    def vocabulary(self) -> Path:
        """The file of the words that the corpus is read with."""
        return self.tokens / "vocabulary.txt"

    @property
    def dense_folder(self) -> Path:
        """The folder of the dense runs of all seeds; every arm of the cell starts from them."""
        return Path("data/dense", self.cell)

    @property
    def pruning_folder(self) -> Path:
        """The folder of a strategy's pruning runs of all seeds."""
        return Path("data/chains", self.name)

    @property
    def branch_folder(self) -> Path:
        """The folder of the trainings of all seeds of a control or a transferred arm."""
        return Path("data/branches", self.name)

    @property
    def logits_folder(self) -> Path:
        """The folder of every document's logits at every level of a strategy."""
        return Path("data/logits", self.name)

    @property
    def tables_folder(self) -> Path:
        """The folder of the arm's tidy tables."""
        return paths.TABLES / self.name

    def of_arm(self, arm: str) -> Run:
        """Another arm of the same cell."""
        return Run(self.params, self.corpus, self.model, arm)

    @property
    def winning_ticket(self) -> Run:
        """The run from whose tickets the controls of this cell start."""
        return self.of_arm(WINNING_TICKET)

    @property
    def source_ticket(self) -> Run:
        """The run whose tickets a transferred arm trains: the source's, with the same model."""
        return Run(self.params, self.source, self.model, WINNING_TICKET)

    @property
    def connectivity(self) -> Run:
        """The lines between the cell's trained tickets, which have a folder of tables as an arm."""
        return self.of_arm("connectivity")


def cells(params: Params) -> list[Run]:
    """Every cell, as a run without an arm."""
    return [Run(params, corpus, model) for corpus in params.corpora for model in params.models]


def arms(params: Params) -> list[str]:
    """The names of the arms that every cell has, strategies first."""
    return [*params.strategies, *params.controls]


def sources(params: Params) -> dict[str, str]:
    """The source of each corpus that is the target of a transfer, by the target's name."""
    return {pair.target: pair.source for pair in params.transfer.pairs}


def vocabulary_of(params: Params, corpus: str) -> str:
    """The corpus whose words ``corpus`` is read with: itself, or the source of its transfer."""
    if params.transfer.vocabulary == "target":
        return corpus
    return sources(params).get(corpus, corpus)


def transfers(params: Params) -> list[Run]:
    """Every transferred arm of every cell that has them."""
    return [
        Run(params, target, model, arm, source)
        for target, source in sources(params).items()
        for model in params.models
        for arm in params.transfer.arms
    ]


def runs(params: Params) -> list[Run]:
    """Every arm of every cell."""
    of_cells = [cell.of_arm(arm) for cell in cells(params) for arm in arms(params)]
    return of_cells + transfers(params)


def cell_runs(cell: Run) -> list[Run]:
    """Every arm of one cell."""
    return [run for run in runs(cell.params) if run.cell == cell.cell]


def vocabulary_folder(corpus: str) -> Path:
    """The folder of what a corpus's vocabulary depends on, beside its own documents.

    It has ``checked.txt``, which never changes; and, of the target of a transfer, ``source.json``,
    with the digest of its source's vocabulary. So the stage tokenize can depend on it for every
    corpus.
    """
    return Path("data/vocabularies", corpus)


def baseline_folder(corpus: str) -> Path:
    """The folder of a corpus's baseline table, beside those of the arms."""
    return paths.TABLES / f"{corpus}-baseline"


def table_folders(params: Params) -> set[Path]:
    """Every folder of ``plots/tables`` that belongs to the grid."""
    connectivity = {cell.connectivity.tables_folder for cell in cells(params)}
    baselines = {baseline_folder(corpus) for corpus in params.corpora}
    return {run.tables_folder for run in runs(params)} | connectivity | baselines


def stages(params: Params) -> list[str]:
    """The stages up to the tables, as the command line names them: ``<stage>-<arguments>``."""
    pruning_runs = [cell.of_arm(arm) for cell in cells(params) for arm in params.strategies]
    controls = [cell.of_arm(arm) for cell in cells(params) for arm in params.controls]
    pairs = [f"{source}-{target}" for target, source in sources(params).items()]
    return [
        *(f"{stage}-{corpus}" for stage in ("download", "tokenize") for corpus in params.corpora),
        *(f"vocabulary-{pair}" for pair in pairs),
        *(f"baseline-{corpus}" for corpus in params.corpora),
        *(f"train-{cell.name}" for cell in cells(params)),
        *(f"{stage}-{run.name}" for stage in ("prune", "evaluate") for run in pruning_runs),
        *(f"branch-{run.name}" for run in controls),
        *(f"connectivity-{cell.name}" for cell in cells(params)),
        *(f"transfer-{run.source}-{run.name}" for run in transfers(params)),
        *(f"compare-{run.name}" for run in pruning_runs),
        *(f"compare_control-{run.name}" for run in controls),
        *(f"compare_transfer-{run.name}" for run in transfers(params)),
    ]
