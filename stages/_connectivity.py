"""One seed's straight lines between trained tickets, in whichever process works on them."""

import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lottery import batches, branches, paths
from lottery.analysis import scores
from lottery.cells import Cell
from lottery.models import Weights
from lottery.params import BRANCHED, Params
from lottery.training import checkpoints, loop
from lottery.training.loop import Diverged
from stages import _branch, _cell, _levels

Line = tuple[str, int, Weights, Weights]
"""Its kind, its level, and the two ends."""
ORDERS = "other_order"


def connect(params: Params, corpus: str, model: str, seed: int) -> list[dict[str, object]]:
    """A row a network on each line; none for a seed whose training diverged."""
    chain = paths.seed(paths.chain(corpus, model, BRANCHED), seed)
    if _cell.failure(chain):
        return []
    cell = _cell.load(params, corpus, model)
    try:
        lines = _lines(params, corpus, model, cell, chain, seed)
    except Diverged as diverged:
        print(f"{paths.cell(corpus, model)} seed {seed}: left out: {diverged}", file=sys.stderr)
        return []
    rows = len(getattr(cell.model, loop.EMBEDDING))
    test = batches.load(paths.tokens(corpus), "test", rows, cell.train_part.ids.device)
    found: list[dict[str, object]] = []
    for kind, level, one, other in tqdm(lines, unit="line", desc=f"lines of seed {seed}"):
        for alpha in np.linspace(0, 1, params.connectivity.points):
            loop.load_weights(cell.model, branches.between(one, other, float(alpha)))
            values = loop.logits(cell.model, cell.train_part)
            loss = scores.loss(values, cell.train_part.labels.cpu().numpy())
            values = loop.logits(cell.model, test)
            error = 100 - scores.accuracy(values, test.labels.cpu().numpy())
            row = {"kind": kind, "seed": seed, "level": level, "alpha": float(alpha)}
            found.append({**row, "train_loss": loss, "test_error": error})
    return found


def _lines(
    params: Params, corpus: str, model: str, cell: Cell, chain: Path, seed: int
) -> list[Line]:
    """The ends of all lines; trains each ticket once more, in another order of the data."""
    shapes = _cell.shapes(cell.model)
    source = paths.seed(paths.dense(corpus, model), seed)
    record = _cell.load_record(chain, shapes)
    levels = params.connectivity.levels
    _branch.check_levels("connectivity.levels", levels, record, paths.cell(corpus, model))
    init = checkpoints.load(source / "init.safetensors", shapes)
    lines: list[Line] = []
    with _branch.kept(params, corpus, model, ORDERS, cell, seed) as progress:
        for number in tqdm(levels, unit="level", desc=f"orders of seed {seed}"):
            own = _levels.level(chain, record, number)
            if number == 1:
                before = checkpoints.load(source / "final.safetensors", shapes)
            else:
                before = _levels.level(chain, record, number - 1)
            again = branches.other_order(
                cell, init, record, number, seed, lambda epoch, row: None, progress
            )
            lines += [("levels", number, before, own), ("orders", number, own, again.weights)]
    return lines
