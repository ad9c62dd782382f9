"""A network with random weights, pruned as a trained one: for speed and size, where no run has
trained one."""

import torch

from lottery.config.grid import Run
from lottery.models import EMBEDDING, lstm, output_layer, outputs
from lottery.pruning import masks, rates
from lottery.storage import token_arrays
from lottery.storage.token_arrays import PAD
from lottery.tickets.export import Network
from lottery.training import initializers

DIM, LAYERS, STD = 100, 2, 0.1
"""The 2020 study's LSTM, beside its number of units."""
UNTIL = 0.95


def levels(run: Run, hidden: int) -> list[Network]:
    """An LSTM of ``hidden`` units per direction over the vocabulary of ``run``: dense, and each
    level of pruning at the run's rate until 95 % are pruned."""
    words = token_arrays.read_words(run.tokens)[: run.model_settings.vocabulary + 2]
    classes = token_arrays.read_classes(run.tokens)
    options = lstm.Options(hidden=hidden, layers=LAYERS)
    module = lstm.build(options, len(words), DIM, outputs(len(classes)))
    weights = initializers.draw(module, torch.Generator().manual_seed(0), STD)
    of_parameters = rates.of_parameters(
        weights, run.params.prune.rate, output_layer(module), run.params.prune.output
    )
    pruned_at = masks.dense(weights, EMBEDDING, PAD)
    level = 0
    while masks.sparsity(pruned_at, level) < UNTIL:
        level += 1
        pruned_at = masks.prune(weights, pruned_at, level, of_parameters, "local")
    networks = []
    for number in range(level + 1):
        remaining = masks.at_level(pruned_at, number)
        networks.append(
            Network(
                model="lstm",
                options=vars(options),
                weights={name: (weights[name] * mask).numpy() for name, mask in remaining.items()},
                masks={name: mask.numpy() for name, mask in remaining.items()},
                words=words,
                classes=classes,
                tokenizer=run.params.tokens.tokenizer,
                max_tokens=run.params.tokens.max_tokens,
            )
        )
    return networks
