"""Whether a machine has all that stages read, before the first of them starts."""

from collections.abc import Sequence
from pathlib import Path

from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.storage import token_arrays
from tools import dvc_stages
from tools.dvc_stages import TOKENS, Stage

_SPLITS = ("train", "validation", "test")


def check(settings: Params, stages: Sequence[Stage], every: Sequence[Stage]) -> None:
    """Raise LotteryError, with the way to get it, for the first thing that ``stages`` need and that
    neither is here nor is made by one of them. ``every`` stage of the grid is looked through for
    who makes it."""
    made, makers = dvc_stages.makers(stages), dvc_stages.makers(every)
    needed = dict.fromkeys(dep for stage in stages for dep in stage.deps if dep not in made)
    for dep in needed:
        maker = makers.get(dep)
        if maker is not None and maker.kind == TOKENS:
            _check_tokens(Path(dep), settings.tokens.vectors is not None, maker)
        elif not Path(dep).exists():
            raise LotteryError(f"{dep}: not found; copy all files that Git has of the project here")


def _check_tokens(folder: Path, vectors: bool, maker: Stage) -> None:
    """Raise LotteryError unless all files of ``folder`` are there and fit together."""
    try:
        for split in _SPLITS:
            token_arrays.read(folder, split)
        token_arrays.read_words(folder)
        for path in token_arrays.training_files(folder, vectors):
            if path.suffix == ".npy":
                token_arrays.read_array(path)
    except LotteryError as error:
        what = str(error).partition(";")[0]
        raise LotteryError(
            f"{what}; on the machine that has the texts, run 'dvc repro {maker.name}' with this "
            f"params.yaml, and copy {folder} here"
        ) from None
