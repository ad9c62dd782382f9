"""The section ``export`` of ``params.yaml``: which network of each cell becomes a file."""

from typing import Literal

from pydantic.dataclasses import dataclass

from lottery.config.bounds import Name
from lottery.config.validation import STRICT


@dataclass(frozen=True, config=STRICT)
class Export:
    """``export``: the file ``data/tickets/<cell>.ticket`` of each cell."""

    strategy: Name
    """Whose ticket is exported, of the first seed; one of ``strategies``. Where it has no ticket,
    the dense network is exported."""
    values: Literal["float32", "float16", "int8"]
    """How the weights are stored: the fewer bits, the smaller and the less exact."""
