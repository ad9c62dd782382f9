"""Logits on disk, read without torch: float32 ``[networks, documents, outputs]`` per split."""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from lottery.errors import LotteryError
from lottery.storage import paths

_REGENERATE = "run 'dvc repro' to regenerate it"


def of_strategy(folder: Path, seed: int) -> Path:
    """The file of one seed of a strategy; its networks are level 0 and all others."""
    return folder / f"seed-{seed}.safetensors"


def of_control(folder: Path, seed: int) -> Path:
    """The file of one seed of a control; its networks are level 0 and those that it trained."""
    return paths.seed(folder, seed) / "logits.safetensors"


def read(path: Path, split: str) -> np.ndarray:
    """One split's logits. Raises LotteryError for a missing or damaged file."""
    try:
        logits = safetensors.numpy.load_file(path)[split]
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run 'dvc repro' to generate it") from None
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as error:
        raise LotteryError(f"{path}: damaged ({error}); {_REGENERATE}") from None
    if logits.ndim != 3 or not np.isfinite(logits).all():
        raise LotteryError(f"{path}: '{split}' is no finite array of logits; {_REGENERATE}")
    return np.asarray(logits)
