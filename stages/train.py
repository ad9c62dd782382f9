"""Train the dense network of one corpus and model, for each seed; all strategies share it."""

from tqdm import tqdm

from lottery import files, paths, runs
from lottery.params import Params
from lottery.training import checkpoints
from stages import _cell, _run


def run(params: Params, corpus: str, model: str) -> None:
    """``data/dense/<cell>/seed-<n>/``: init, rewind and final weights, and each epoch's figures."""
    cell = _cell.load(params, corpus, model)
    total = cell.train.epochs * len(params.seeds)
    with (
        files.replacing_directory(paths.dense(corpus, model)) as folder,
        tqdm(total=total, unit="epoch", desc=paths.cell(corpus, model)) as bar,
    ):
        for seed in params.seeds:
            done = runs.dense(cell, seed, lambda epoch, row: bar.update())
            own = paths.seed(folder, seed)
            for name in ("init", "rewind", "final"):
                checkpoints.save(getattr(done, name), own / f"{name}.safetensors")
            files.write_csv(own / "epochs.csv", [{"level": 0, **row} for row in done.history])
            accuracy = done.history[-1]["validation_accuracy"]
            bar.write(f"seed {seed}: validation accuracy {accuracy:.2f} %")


if __name__ == "__main__":
    _run.main("train", __doc__, run, "corpus", "model")
