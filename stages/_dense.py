"""One seed's dense run, in whichever process works on it."""

from pathlib import Path

from tqdm import tqdm

from lottery import files, paths, runs
from lottery.cells import Cell
from lottery.params import Params
from lottery.training import checkpoints
from lottery.training.loop import Diverged
from stages import _cell, _progress


def train(params: Params, corpus: str, model: str, folder: Path, seed: int) -> None:
    """One seed's dense run, into its place in ``folder``; one that diverged leaves why."""
    cell = _cell.load(params, corpus, model)
    run = paths.cell(corpus, model)
    name, own = f"{run} seed {seed}", paths.seed(folder, seed)
    facts = _facts(params, corpus, model, cell)
    with (
        _progress.kept(run, seed, facts) as progress,
        tqdm(total=cell.train.epochs, unit="epoch", desc=name) as bar,
    ):
        try:
            done = runs.dense(cell, seed, lambda epoch, row: bar.update(), progress)
        except Diverged as error:
            _cell.write_failure(own, error.level, str(error))
            bar.write(f"{name}: failed: {error}")
            return
        for state in _cell.STATES:
            checkpoints.save(getattr(done, state), own / f"{state}.safetensors")
        files.write_csv(own / "epochs.csv", [{"level": 0, **row} for row in done.history])
        _progress.tell(progress, name, bar.write)
        bar.write(f"{name}: validation accuracy {done.history[-1]['validation_accuracy']:.2f} %")


def _facts(params: Params, corpus: str, model: str, cell: Cell) -> dict[str, object]:
    sections = _cell.sections(params, corpus, model) | {"rewind.epoch": params.rewind.epoch}
    inputs = _progress.tokens(paths.tokens(corpus), cell.vectors is not None)
    return _progress.facts(sections, inputs, cell.train_part.ids.device)
