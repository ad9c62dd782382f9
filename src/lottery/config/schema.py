"""The sections of ``params.yaml`` as frozen dataclasses: each key, its bounds, its meaning.

:class:`Params` at the end is all of them; :mod:`lottery.config.params` reads the file. ``corpora``
and ``tokens`` are in :mod:`lottery.config.text_schema`, ``export`` in
:mod:`lottery.config.export_schema`, ``transfer`` in :mod:`lottery.config.transfer_schema`.

To add a key: a field here, its value in ``params.yaml`` and every profile, in ``dvc.yaml`` the
params of the stages that read it, and in ``resume.TRAINING`` if it changes how a network trains.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lottery.config.bounds import (
    Levels,
    Name,
    ParameterKind,
    Positive,
    PositiveFloat,
    Rate,
    Seed,
    distinct,
)
from lottery.config.export_schema import Export
from lottery.config.text_schema import Corpus, Tokens
from lottery.config.transfer_schema import Transfer
from lottery.config.validation import STRICT


@dataclass(frozen=True, config=STRICT)
class Model:
    """``models.<name>``: the architecture."""

    vocabulary: Annotated[int, Field(ge=1, le=65_000)]
    """How many of the corpus's most frequent words have an embedding; the others are ``<unk>``."""
    dim: Annotated[int, Field(ge=1, le=10_000)]
    """Numbers per embedding; the same as in ``tokens.vectors`` if ``embedding`` is ``vectors``."""
    embedding: Literal["random", "vectors"]
    """How the embedding starts: drawn at random, or at ``tokens.vectors`` for the words that have
    one there."""
    embedding_std: PositiveFloat
    """The standard deviation of the normal distribution from which embeddings are drawn."""
    dropout: Annotated[float, Field(ge=0, le=0.99)]
    """The chance that a feature is set to zero in a training step: before the output layer, and
    before each layer of an LSTM."""
    options: dict[str, Any]
    """Settings that only this model has: ``Options`` in ``src/lottery/models/<name>.py``."""


@dataclass(frozen=True, config=STRICT)
class Batch:
    """``train.<model>.batch``: the size of a batch, either in documents or in tokens."""

    documents: Positive | None = None
    """Documents per batch."""
    tokens: Positive | None = None
    """The most tokens per batch, padding included: the number of documents times the length of the
    longest. A document that is longer is a batch by itself."""

    def __post_init__(self) -> None:
        if (self.documents is None) == (self.tokens is None):
            raise ValueError("give either 'documents' or 'tokens'")


@dataclass(frozen=True, config=STRICT)
class Train:
    """``train.<model>``, and ``train.<corpus>-<model>`` for what one cell overrides."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    """Epochs of each training: the dense run and each level."""
    lr: PositiveFloat
    """Adam's learning rate at the start."""
    schedule: Literal["constant", "linear"]
    """Whether the learning rate stays constant, or falls linearly to zero, step by step."""
    batch: Batch
    patience: Positive | None
    """Training stops after this many epochs without a lower validation loss, and the weights with
    the lowest one are used. null trains all epochs and uses the last weights."""


@dataclass(frozen=True, config=STRICT)
class Prune:
    """``prune``: how much each level prunes, of what, and how far."""

    rate: Rate
    """The share of the remaining weights that each level prunes."""
    levels: Annotated[int, Field(ge=1, le=254)] | None
    """How many levels to prune, not counting the dense run; null if ``until`` is given."""
    until: Rate | None
    """Prune until the first level of at least this sparsity; null if ``levels`` is given."""
    criterion: Name
    """How weights are ranked for pruning: a module of ``src/lottery/pruning/criteria``."""
    scope: Literal["local", "global"]
    """Whether ``rate`` applies to each tensor, or to all of them in one ranking."""
    parameters: Annotated[tuple[ParameterKind, ...], Field(min_length=1), AfterValidator(distinct)]
    """Which parameters are pruned. Sparsity is a share of all of them, pruned or not."""
    output: Literal["rate", "half", "whole"]
    """The output layer (weights and bias) is pruned like the rest, at half the rate, or not at all
    (``whole``). ``half`` and ``whole`` take it out of the one ranking of ``scope: global``."""

    def __post_init__(self) -> None:
        if (self.levels is None) == (self.until is None):
            raise ValueError("give either 'levels' or 'until', and null for the other")


@dataclass(frozen=True, config=STRICT)
class Rewind:
    """``rewind``: what late rewinding returns to, and how long a rewound network trains."""

    epoch: Annotated[int, Field(ge=0)]
    """Late rewinding returns to the dense run's weights after this many epochs."""
    budget: Literal["remaining", "full"]
    """A network rewound to an epoch trains the epochs after it (``remaining``), or all epochs
    again (``full``)."""


@dataclass(frozen=True, config=STRICT)
class Branch:
    """``branch``: the controls, which are single trainings."""

    levels: Levels
    """The levels of the winning ticket at which each of ``controls`` trains."""


@dataclass(frozen=True, config=STRICT)
class Connectivity:
    """``connectivity``: the loss along straight lines between trained networks."""

    levels: Levels
    """Two lines for each of these levels of the winning ticket: to it from the level before, and
    from it to the same ticket trained with another order of the data and other dropout."""
    points: Annotated[int, Field(ge=3, le=101)]
    """Networks evaluated on each line, including both its ends. Few give a lower bound of the
    barrier."""


Points = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """``evaluate``: when a ticket counts as matching, in percentage points of accuracy."""

    tolerance: Points
    """The ticket is chosen on validation: its mean accuracy over seeds may be this far below that
    of the dense run."""
    margin: Points
    """A claim that a ticket matches is supported if the test shows that its test accuracy is less
    than this far below that of the dense run."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Sections:
    """All of ``params.yaml`` except ``train``."""

    corpora: Annotated[dict[Name, Corpus], Field(min_length=1)]
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    """Each key is a module of ``src/lottery/models``."""
    strategies: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(distinct)]
    """The pruning runs: modules of ``src/lottery/pruning/strategies``. One must be
    ``winning_ticket``."""
    controls: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(distinct)]
    """Single trainings to compare with ``winning_ticket``: modules of
    ``src/lottery/pruning/controls``."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
    """Everything is trained once per seed; each seed has its own initial weights, dropout and data
    order, with batches of the same lengths at the same step in all seeds."""
    device: Literal["auto", "cpu", "cuda"]
    """Where to train; ``auto`` is a GPU if there is one, else the CPU."""
    threads: Annotated[int, Field(ge=1, le=1024)]
    """CPU threads per process. Seeds run side by side, one process each."""
    precision: Literal["float32", "tf32", "bfloat16"]
    """The number format that networks compute in; weights, optimizer and logits stay float32.
    ``tf32`` lets a GPU round the factors of float32 products to 10 bits, which is faster there; on
    a CPU it means float32."""
    tokens: Tokens
    prune: Prune
    rewind: Rewind
    branch: Branch
    connectivity: Connectivity
    transfer: Transfer
    evaluate: Evaluate
    export: Export


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Document(Sections):
    """``params.yaml`` as written: ``train`` still has separate entries for models and cells."""

    train: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Params(Sections):
    """All parameters, checked. ``train`` has one complete entry per cell, ``<corpus>-<model>``."""

    train: dict[str, Train]
