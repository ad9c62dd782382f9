"""One seed's pruning chain, in whichever process works on it."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from lottery import files, paths, runs
from lottery.cells import Cell
from lottery.params import Params
from lottery.pruning import masks
from lottery.runs import DenseRun, Level
from lottery.training import checkpoints
from lottery.training.loop import Diverged, Row
from stages import _cell, _progress


def prune(params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int) -> None:
    """One seed's chain, into its place in ``folder``; one that diverged leaves why."""
    cell = _cell.load(params, corpus, model)
    rule, criterion = _cell.strategy(strategy), _cell.criterion(params.prune.criterion)
    run = f"{paths.cell(corpus, model)}-{strategy}"
    name, own = f"{run} seed {seed}", paths.seed(folder, seed)
    source = paths.seed(paths.dense(corpus, model), seed)
    if failure := _cell.failure(source):
        _cell.write_failure(own, **failure)
        return
    dense = load_dense(source, _cell.shapes(cell.model))
    levels = runs.levels(runs.record_of(dense.init), params.prune)
    facts = _facts(params, corpus, model, cell, source)
    with (
        _progress.kept(run, seed, facts) as progress,
        tqdm(total=levels, unit="level", desc=name) as bar,
    ):

        def on_epoch(epoch: int, row: Row) -> None:
            bar.set_postfix(epoch=epoch, accuracy=f"{row['validation_accuracy']:.1f} %")

        chain = runs.chain(cell, rule, criterion, dense, seed, params.prune, on_epoch, progress)
        try:
            write(own, _counted(chain, bar))
        except Diverged as error:
            shutil.rmtree(own, ignore_errors=True)
            _cell.write_failure(own, error.level, str(error))
            bar.write(f"{name}: failed: {error}")
            return
        _progress.tell(progress, name, bar.write)


def _facts(params: Params, corpus: str, model: str, cell: Cell, dense: Path) -> dict[str, object]:
    """Not how many levels there are: a longer chain begins as a shorter one."""
    prune = params.prune
    sections = _cell.sections(params, corpus, model) | {
        "prune": {
            name: getattr(prune, name) for name in ("rate", "criterion", "scope", "parameters")
        },
        "rewind": params.rewind,
    }
    inputs = _progress.tokens(paths.tokens(corpus), cell.vectors is not None)
    inputs += [dense / f"{name}.safetensors" for name in _cell.STATES]
    return _progress.facts(sections, inputs, cell.train_part.ids.device)


def load_dense(folder: Path, shapes: _cell.Shapes) -> DenseRun:
    """A seed's dense run as the stage train left it. Raises LotteryError for another network's."""
    init, rewind, final = (
        checkpoints.load(folder / f"{name}.safetensors", shapes) for name in _cell.STATES
    )
    return DenseRun(init, rewind, final, history=[])


def write(folder: Path, chain: Iterable[Level]) -> None:
    """Write each level as it is done; the record and the tables at the end."""
    epochs: list[dict[str, float]] = []
    tensors: list[dict[str, object]] = []
    for level in chain:
        survivors = masks.survivors(level.weights, level.removed_at, level.number)
        checkpoints.save(survivors, paths.level(folder, level.number))
        epochs += [{"level": level.number, **row} for row in level.history]
        tensors += counts(level)
    checkpoints.save(level.removed_at, paths.record(folder))
    files.write_csv(folder / "epochs.csv", epochs)
    files.write_csv(folder / "tensors.csv", tensors)


def counts(level: Level) -> list[dict[str, object]]:
    """What each tensor keeps at ``level``, a row each."""
    found = masks.counts(level.removed_at, level.number).items()
    return [
        {"level": level.number, "parameter": name, "alive": alive, "size": size}
        for name, (alive, size) in found
    ]


def _counted(chain: Iterable[Level], bar: tqdm) -> Iterable[Level]:
    for level in chain:
        yield level
        bar.update()
