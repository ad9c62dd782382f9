"""One seed's dense run, in whichever process works on it."""

from pathlib import Path

from tqdm import tqdm

from lottery import files, paths, runs
from lottery.params import Params
from lottery.training import checkpoints
from stages import _cell


def train(params: Params, corpus: str, model: str, folder: Path, seed: int) -> None:
    """One seed's dense run, into its place in ``folder``."""
    cell = _cell.load(params, corpus, model)
    name = f"{paths.cell(corpus, model)} seed {seed}"
    with tqdm(total=cell.train.epochs, unit="epoch", desc=name) as bar:
        done = runs.dense(cell, seed, lambda epoch, row: bar.update())
        own = paths.seed(folder, seed)
        for state in ("init", "rewind", "final"):
            checkpoints.save(getattr(done, state), own / f"{state}.safetensors")
        files.write_csv(own / "epochs.csv", [{"level": 0, **row} for row in done.history])
        bar.write(f"{name}: validation accuracy {done.history[-1]['validation_accuracy']:.2f} %")
