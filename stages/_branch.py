"""One seed's trainings of one control, in whichever process works on them."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tqdm import tqdm

from lottery import branches, files, paths
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.models import Weights
from lottery.params import BRANCHED, Params
from lottery.pruning import masks
from lottery.pruning.control import NotForThisModelError
from lottery.runs import Level
from lottery.training import checkpoints
from lottery.training.loop import Diverged
from lottery.training.progress import Progress
from stages import _cell, _chain, _levels, _progress


def branch(
    params: Params, corpus: str, model: str, control: str, folder: Path, seed: int
) -> _levels.Rows:
    """Train at each of ``branch.levels``, then score; the test part is opened after the last."""
    chain = paths.seed(paths.chain(corpus, model, BRANCHED), seed)
    if failure := _cell.failure(chain):
        return {"failed": [{"seed": seed, **failure}]}
    own = paths.seed(folder, seed)
    try:
        levels = _train(params, corpus, model, control, own, seed)
    except NotForThisModelError as error:
        print(f"{paths.cell(corpus, model)} {control}: left out: {error}", file=sys.stderr)
        return {}
    except Diverged as error:
        shutil.rmtree(own, ignore_errors=True)
        return {"failed": [{"seed": seed, "level": error.level, "reason": str(error)}]}
    dense = paths.seed(paths.dense(corpus, model), seed)
    network = _cell.network(params, corpus, model)
    states = _states(dense, levels, _cell.shapes(network[0]))
    found = _levels.scored(network, corpus, states, own / "logits.safetensors", seed)
    return {name: [row for row in rows if row["level"] != 0] for name, rows in found.items()}


def _train(
    params: Params, corpus: str, model: str, control: str, own: Path, seed: int
) -> list[Level]:
    cell = _cell.load(params, corpus, model)
    rule = _cell.control(control)
    run = f"{paths.cell(corpus, model)}-{control}"
    source = paths.seed(paths.dense(corpus, model), seed)
    ticket = paths.seed(paths.chain(corpus, model, BRANCHED), seed)
    shapes = _cell.shapes(cell.model)
    dense, record = _chain.load_dense(source, shapes), _cell.load_record(ticket, shapes)
    check_levels("branch.levels", params.branch.levels, record, paths.cell(corpus, model))
    done: list[Level] = []
    with (
        kept(params, corpus, model, control, cell, seed) as progress,
        tqdm(params.branch.levels, unit="level", desc=f"{run} seed {seed}") as bar,
    ):
        for number in bar:
            level = branches.branch(
                cell, rule, dense, record, number, seed, params.prune, _quiet, progress
            )
            survivors = masks.survivors(level.weights, level.removed_at, number)
            checkpoints.save(survivors, paths.level(own, number))
            checkpoints.save(level.removed_at, paths.record(own, number))
            done.append(level)
        _progress.tell(progress, f"{run} seed {seed}", bar.write)
    epochs = [{"level": level.number, **row} for level in done for row in level.history]
    files.write_csv(own / "epochs.csv", epochs)
    tensors = [row for level in done for row in _chain.counts(level)]
    files.write_csv(own / "tensors.csv", tensors)
    return done


def check_levels(key: str, levels: tuple[int, ...], record: masks.RemovedAt, cell: str) -> None:
    """Raise LotteryError for a level that the winning ticket's chain does not have."""
    last = masks.last_level(record)
    for level in levels:
        if level > last:
            raise LotteryError(
                f"{paths.PARAMS}: {key}: {level}, but the chains of {cell} end at level {last}"
            )


def _states(
    dense: Path, levels: list[Level], shapes: _cell.Shapes
) -> Iterator[tuple[int, float, Weights]]:
    yield 0, 0.0, checkpoints.load(dense / "final.safetensors", shapes)
    for level in levels:
        yield level.number, masks.sparsity(level.removed_at, level.number), level.weights


def kept(
    params: Params, corpus: str, model: str, control: str, cell: Cell, seed: int
) -> AbstractContextManager[Progress]:
    """Where the trainings of ``control`` keep what is done. Not which levels: each is by itself."""
    sections = _cell.sections(params, corpus, model) | {
        "prune": {"parameters": params.prune.parameters},
        "rewind": params.rewind,
        "control": control,
    }
    dense = paths.seed(paths.dense(corpus, model), seed)
    inputs = _progress.tokens(paths.tokens(corpus), cell.vectors is not None)
    inputs += [dense / f"{name}.safetensors" for name in _cell.STATES]
    inputs.append(paths.record(paths.seed(paths.chain(corpus, model, BRANCHED), seed)))
    facts = _progress.facts(sections, inputs, cell.train_part.ids.device)
    return _progress.kept(f"{paths.cell(corpus, model)}-{control}", seed, facts)


def _quiet(epoch: int, row: object) -> None:
    pass
