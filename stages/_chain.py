"""One seed's pruning chain, in whichever process works on it."""

from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from lottery import files, paths, runs
from lottery.params import Params
from lottery.pruning import masks
from lottery.runs import DenseRun, Level
from lottery.training import checkpoints
from stages import _cell


def prune(params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int) -> None:
    """One seed's chain, into its place in ``folder``."""
    cell = _cell.load(params, corpus, model)
    rule = _cell.strategy(strategy)
    dense = load_dense(paths.seed(paths.dense(corpus, model), seed))
    levels = runs.levels(runs.record_of(dense.init), params.prune)
    name = f"{paths.cell(corpus, model)} {strategy} seed {seed}"
    with tqdm(total=levels, unit="level", desc=name) as bar:
        chain = runs.chain(
            cell,
            rule,
            dense,
            seed,
            params.prune,
            lambda epoch, row: bar.set_postfix(
                epoch=epoch, accuracy=f"{row['validation_accuracy']:.1f} %"
            ),
        )
        write(paths.seed(folder, seed), _counted(chain, bar))


def load_dense(folder: Path) -> DenseRun:
    """A seed's dense run as the stage train left it."""
    init, rewind, final = (
        checkpoints.load(folder / f"{name}.safetensors") for name in ("init", "rewind", "final")
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
        for name, (alive, size) in masks.counts(level.removed_at, level.number).items():
            tensors.append({"level": level.number, "parameter": name, "alive": alive, "size": size})
    checkpoints.save(level.removed_at, folder / "removed_at.safetensors")
    files.write_csv(folder / "epochs.csv", epochs)
    files.write_csv(folder / "tensors.csv", tensors)


def _counted(chain: Iterable[Level], bar: tqdm) -> Iterable[Level]:
    for level in chain:
        yield level
        bar.update()
