"""The sections of ``params.yaml`` as frozen dataclasses: each key, its bounds, what it means.

``Document`` at the end is the whole file; :mod:`lottery.params` reads it.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lottery import strict

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=100)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Rate = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
ParameterKind = Literal["embedding", "weights", "biases"]


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("the same entry stands twice")
    return values


@dataclass(frozen=True, config=strict.CONFIG)
class Corpus:
    """``corpora.<name>``: where the documents come from."""

    source: str
    """A module of ours (``src/lottery/corpora/<name>.py``), or your CSV, TSV, JSONL or Parquet."""
    dedupe: bool = True
    """Whether a text that stands twice is kept once, in training if it is there."""
    split: str | None = None
    """Of ``imdb``: ``study`` or ``official``. Of a file: the column with ``train`` or ``test``."""
    text: str | None = None
    """Of a file: the column with the documents."""
    label: str | None = None
    """Of a file: the column with the classes."""
    test_fraction: Rate | None = None
    """Of a file without ``split``: the share that is drawn for testing."""

    @property
    def is_file(self) -> bool:
        """Whether ``source`` is a table of the user's rather than a module of ours."""
        return not self.source.endswith(".py")

    def __post_init__(self) -> None:
        if self.is_file:
            if self.text is None or self.label is None:
                raise ValueError("a file needs both 'text' and 'label': the names of its columns")
            if (self.split is None) == (self.test_fraction is None):
                raise ValueError("a file needs either 'split' (a column) or 'test_fraction'")
        elif self.text or self.label or self.test_fraction:
            raise ValueError("'text', 'label' and 'test_fraction' are for a file of your own")


@dataclass(frozen=True, config=strict.CONFIG)
class Tokens:
    """``tokens``: from the canonical table to arrays."""

    max_tokens: Positive | None
    """Tokens read of each document; all of them if null."""
    documents: Annotated[int, Field(ge=20)] | None
    """Documents kept of the corpus's training split, before validation is cut off; all if null."""
    vocabulary: Annotated[int, Field(ge=1, le=65_000)]
    """Words beside ``<unk>`` and ``<pad>``; ids are 16 bits wide."""
    validation_fraction: Rate
    """Of the training split, class by class."""
    split_seed: Seed
    """Draws the parts; the networks' ``seeds`` leave them alone."""
    vectors: Literal["glove.6B.50d", "glove.6B.100d"] | None
    """For models with ``embedding: vectors``; null fetches none."""


@dataclass(frozen=True, config=strict.CONFIG)
class Model:
    """``models.<name>``: the architecture; ``options`` are the model's own."""

    vocabulary: Annotated[int, Field(ge=1, le=65_000)]
    """The corpus's most frequent words that have a row of the embedding; the rest is ``<unk>``."""
    dim: Annotated[int, Field(ge=1, le=10_000)]
    """Of a word's vector; that of ``tokens.vectors`` where ``embedding`` is ``vectors``."""
    embedding: Literal["random", "vectors"]
    """Where it starts: drawn, or for the words that they have, at the vectors."""
    embedding_std: PositiveFloat
    """Of the normal distribution that its rows are drawn from."""
    dropout: Annotated[float, Field(ge=0, le=0.99)]
    """The chance that a feature is left out in a training step: in front of the output layer, and
    between the layers of an LSTM."""
    options: dict[str, Any]


@dataclass(frozen=True, config=strict.CONFIG)
class Batch:
    """``train.<model>.batch``: the size of a batch, as one of the two."""

    documents: Positive | None = None
    """How many."""
    tokens: Positive | None = None
    """Documents times the longest one's tokens, at most; a longer document is a batch by itself."""

    def __post_init__(self) -> None:
        if (self.documents is None) == (self.tokens is None):
            raise ValueError("give one of 'documents' and 'tokens'")


@dataclass(frozen=True, config=strict.CONFIG)
class Train:
    """``train.<model>``, with what ``train.<corpus>-<model>`` does differently."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    """Of each training: the dense one and one a level."""
    lr: PositiveFloat
    """Adam's learning rate at the start."""
    schedule: Literal["constant", "linear"]
    """The rate stays, or falls evenly, step by step, to zero."""
    batch: Batch
    patience: Positive | None
    """Epochs without a lower validation loss before training stops and the best state is restored;
    null trains all epochs and keeps the last state."""


@dataclass(frozen=True, config=strict.CONFIG)
class Prune:
    """``prune``: how much goes at each level, and how far."""

    rate: Rate
    """The share of what is alive that goes at each level."""
    levels: Annotated[int, Field(ge=1, le=254)] | None
    """How many beside the dense one."""
    until: Rate | None
    """A sparsity: the chain ends at the first level that reaches it."""
    criterion: Name
    """What a weight is worth: a module of ``src/lottery/pruning/criteria``."""
    scope: Literal["local", "global"]
    """The rate holds of each tensor, or of all together in one ranking."""
    parameters: Annotated[tuple[ParameterKind, ...], Field(min_length=1), AfterValidator(_distinct)]
    """What is pruned at all; sparsity is of all weights, pruned or not."""

    def __post_init__(self) -> None:
        if (self.levels is None) == (self.until is None):
            raise ValueError("give one of 'levels' and 'until', and null for the other")


@dataclass(frozen=True, config=strict.CONFIG)
class Rewind:
    """``rewind``: what late rewinding returns to."""

    epoch: Annotated[int, Field(ge=0)]
    """The epochs of dense training after which its weights are kept for it."""
    budget: Literal["remaining", "full"]
    """A level trains the epochs that are left after it, or all of them."""


Levels = Annotated[tuple[Annotated[int, Field(ge=1, le=254)], ...], AfterValidator(_distinct)]


@dataclass(frozen=True, config=strict.CONFIG)
class Branch:
    """``branch``: the single trainings beside the winning ticket."""

    levels: Levels
    """Where each of ``controls`` departs from it."""


@dataclass(frozen=True, config=strict.CONFIG)
class Connectivity:
    """``connectivity``: the straight lines between trained networks."""

    levels: Levels
    """From the level before to each of these, and between two data orders of each."""
    points: Annotated[int, Field(ge=3, le=101)]
    """Networks that are evaluated on a line, both its ends among them."""


Points = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


@dataclass(frozen=True, config=strict.CONFIG)
class Evaluate:
    """``evaluate``: when a ticket counts as matching, in points of accuracy below dense."""

    tolerance: Points
    """On validation, averaged over seeds: by this the ticket is chosen."""
    margin: Points
    """On test: more than this is what a claim of matching has to rule out."""


@dataclass(frozen=True, config=strict.CONFIG)
class Document:
    """``params.yaml`` as written: the cells' training settings are still in layers."""

    corpora: Annotated[dict[Name, Corpus], Field(min_length=1)]
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    strategies: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_distinct)]
    """Chains: modules of ``src/lottery/pruning/strategies``, one of them ``winning_ticket``."""
    controls: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_distinct)]
    """Single trainings beside it: modules of ``src/lottery/pruning/controls``."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)]
    """A trial of everything each: initial weights, order of documents, dropout."""
    device: Literal["auto", "cpu", "cuda"]
    """``auto`` is a GPU where there is one."""
    threads: Annotated[int, Field(ge=1, le=1024)]
    """Of a process; seeds run side by side, a process each."""
    precision: Literal["float32", "bfloat16"]
    """What the networks compute in; weights, optimiser and logits stay float32."""
    tokens: Tokens
    train: dict[str, dict[str, Any]]
    prune: Prune
    rewind: Rewind
    branch: Branch
    connectivity: Connectivity
    evaluate: Evaluate
