"""The last level that a pruning run can have, before the sizes of its network are known.

How many words and classes a corpus has is known only once its documents are read. So the smallest
and the largest network that it could have stand for all.
"""

from itertools import product
from types import ModuleType
from typing import Any

import torch

from lottery import corpora, models
from lottery.config import grid
from lottery.config.grid import Run
from lottery.config.schema import Prune
from lottery.errors import LotteryError
from lottery.experiment import pruning
from lottery.models import EMBEDDING
from lottery.pruning import rates
from lottery.storage.token_arrays import SPECIALS

Sizes = tuple[dict[str, int], tuple[str, ...]]
"""How many weights each tensor of a network has, and which of them are its output layer."""


def check(cell: Run, module: ModuleType, options: Any) -> None:
    """Raise LotteryError for a level that no pruning run of the cell can reach, and for a sparsity
    that no level reaches. ``module`` and ``options`` are the model's."""
    settings, model = cell.params, cell.model_settings
    last = settings.prune.levels
    if last is None:
        words = min(settings.tokens.vocabulary, model.vocabulary)
        classes = corpora.most_classes(settings.corpora[cell.corpus])
        networks = [
            sizes(module, options, len(SPECIALS) + row, model.dim, models.outputs(output))
            for row, output in product((1, words), (2, classes))
        ]
        last = last_level(networks, settings.prune)
    levels = {key: getattr(settings, key).levels for key in ("branch", "connectivity")}
    if cell.corpus in {name for pair in grid.sources(settings).items() for name in pair}:
        levels["transfer"] = settings.transfer.levels
    for key, of_key in levels.items():
        for level in of_key:
            if level > last:
                raise LotteryError(
                    f"{key}.levels: {level}, but the pruning runs of {cell.name} end at level "
                    f"{last}; choose a lower one, or prune further"
                )


def sizes(module: ModuleType, options: Any, rows: int, dim: int, outputs: int) -> Sizes:
    """The sizes of a network, the padding row not counted."""
    with torch.device("meta"):  # shapes without memory
        network = module.build(options, rows, dim, outputs)
    counts = {name: parameter.numel() for name, parameter in network.named_parameters()}
    return {**counts, EMBEDDING: counts[EMBEDDING] - dim}, models.output_layer(network)


def last_level(networks: list[Sizes], prune: Prune) -> int:
    """A level at or after the last one of a pruning run until ``prune.until``, for each of the
    ``networks`` and any whose tensors are between theirs.

    Whether a level is certain to reach the sparsity is linear in the size of a tensor, so what
    holds at both ends holds between them. Raises LotteryError if no level of any of them reaches
    it.
    """
    assert prune.until is not None
    bounds, reachable = [], False
    for counts, output_layer in networks:
        shares = pruning.rates(counts, prune, output_layer)
        shrinking = {name: counts[name] for name, share in shares.items() if share}
        total = sum(counts.values())
        reachable |= sum(shrinking.values()) >= prune.until * total
        fixed = total - sum(shrinking.values())
        bounds.append(rates.levels_until_at_most(shrinking, fixed, shares, prune.until))
    if not reachable:
        raise LotteryError(
            f"prune.until: {prune.until} is more than the share of what is pruned among all "
            "weights; lower it, or prune more (prune.parameters, prune.output)"
        )
    return max(bounds)
