"""Tensors on disk: safetensors, written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from lottery.errors import LotteryError
from lottery.files import write_bytes


def save(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write ``tensors``; the same tensors give the same bytes."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(on_cpu))


def load(path: Path) -> dict[str, torch.Tensor]:
    """Read what :func:`save` wrote, on the CPU. Raises LotteryError for a missing or torn file."""
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run 'dvc repro' to make it") from None
    except safetensors.SafetensorError as error:
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to make it anew") from None
