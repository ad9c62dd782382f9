"""The section ``transfer`` of ``params.yaml``: which tickets are trained on which other corpus.

:mod:`lottery.config.schema` has the other sections, and says how to add a key.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lottery.config.bounds import Levels, Name, distinct
from lottery.config.validation import STRICT


@dataclass(frozen=True, config=STRICT)
class Pair:
    """One of ``transfer.pairs``: ``{from: <corpus>, to: <another corpus>}``."""

    source: Annotated[Name, Field(alias="from")]
    """The corpus whose winning tickets are taken."""
    target: Annotated[Name, Field(alias="to")]
    """The corpus that they are trained on."""


@dataclass(frozen=True, config=STRICT)
class Transfer:
    """``transfer``: winning tickets of one corpus, trained on another."""

    pairs: Annotated[tuple[Pair, ...], AfterValidator(distinct)]
    """None is an empty list. A corpus has one part: it is a source, or the target of one source.
    To have it in two, list it in ``corpora`` under two names."""
    arms: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(distinct)]
    """What of a ticket is taken: modules of ``src/lottery/pruning/transfers``."""
    levels: Levels
    """The levels of the source's winning ticket that are trained on the target."""
    vocabulary: Literal["source", "target"]
    """Whose words the target's documents are read with. ``source``: the source's, in all that is
    trained on the target, so that a ticket applies as it is; other words are ``<unk>``. ``target``:
    its own. Words that the source has too take over its mask and weights; of the others, as large a
    share as in the source's embedding remains, drawn at random."""
