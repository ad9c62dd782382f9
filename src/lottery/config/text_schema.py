"""The sections of ``params.yaml`` about text, ``corpora`` and ``tokens``: each key, its bounds, its
meaning. :mod:`lottery.config.schema` has the others, and says how to add a key."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from lottery.config.bounds import Name, Positive, Rate, Seed
from lottery.config.validation import STRICT


@dataclass(frozen=True, config=STRICT)
class Corpus:
    """``corpora.<name>``: where the documents come from."""

    source: str
    """A corpus module (``src/lottery/corpora/<name>.py``), or your own CSV, TSV, JSONL or Parquet
    file; all but Parquet may be packed with gzip, as ``.csv.gz``."""
    dedupe: bool = True
    """Whether documents with the same words are used once (the first one: in training, if there is
    one), and none of them if their classes differ. With ``false`` all are used; either way they are
    counted."""
    split: str | None = None
    """For ``imdb``: ``study`` or ``official``. For a file: the column that says ``train`` or
    ``test``. Validation documents are drawn from training (``tokens.validation_fraction``)."""
    text: str | None = None
    """For a file: the column with the documents."""
    label: str | None = None
    """For a file: the column with the classes; at least 2, at most 10,000 different ones."""
    test_fraction: Rate | None = None
    """For a file without ``split``: the share of the documents that is drawn for testing."""

    @property
    def is_file(self) -> bool:
        """Whether ``source`` is the user's own file, and not a corpus module."""
        return not self.source.endswith(".py")

    def __post_init__(self) -> None:
        if self.is_file:
            if self.text is None or self.label is None:
                raise ValueError("a file needs both 'text' and 'label': the names of its columns")
            if (self.split is None) == (self.test_fraction is None):
                raise ValueError("a file needs either 'split' (a column) or 'test_fraction'")
        elif self.text or self.label or self.test_fraction:
            raise ValueError("'text', 'label' and 'test_fraction' are only for a file of your own")


@dataclass(frozen=True, config=STRICT)
class Tokens:
    """``tokens``: how a corpus table becomes token arrays."""

    tokenizer: Name
    """How a text becomes words, a module of ``src/lottery/data/text/tokenizers``: ``basic_english``
    splits at spaces and ASCII punctuation; ``unicode`` at the word boundaries of any language, and
    Chinese, Japanese, Thai, Lao, Khmer and Burmese into characters; ``character`` everything."""
    max_tokens: Positive | None
    """How many tokens of each document are used, from its start; null uses all."""
    documents: Annotated[int, Field(ge=20)] | None
    """How many documents of the training split are used, validation included; null uses all."""
    vocabulary: Annotated[int, Field(ge=1, le=65_000)]
    """Words, not counting ``<unk>`` and ``<pad>``. At most 65,000, since ids are 16 bits wide."""
    validation_fraction: Rate
    """The share of each class's training documents that is set apart for validation."""
    split_seed: Seed
    """Decides which documents go to validation."""
    vectors: Literal["glove.6B.50d", "glove.6B.100d"] | None
    """The word vectors for models with ``embedding: vectors``; null fetches none."""
    resplit: bool
    """Whether each of ``seeds`` draws a validation split of its own, from ``split_seed`` and the
    seed; the vocabulary is then of training and validation together. Else all have the same."""
