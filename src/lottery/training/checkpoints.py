"""Tensors on disk: safetensors, written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from lottery.errors import LotteryError
from lottery.files import write_bytes
from lottery.paths import PARAMS


def save(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write ``tensors``; the same tensors give the same bytes."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(on_cpu))


def load(
    path: Path,
    shapes: Mapping[str, torch.Size] | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, torch.Tensor]:
    """Read what :func:`save` wrote, on the CPU: tensors of ``dtype``, finite, and if ``shapes`` are
    given of these names and shapes, no more and no fewer.

    Raises LotteryError, naming the file and the tensor, for a file that is anything else.
    """
    try:
        tensors = safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run 'dvc repro' to make it") from None
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as error:
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to make it anew") from None
    for name, tensor in tensors.items():
        if tensor.dtype != dtype:
            flaw = f"'{name}' is {tensor.dtype}, expected {dtype}"
        elif tensor.is_floating_point() and not torch.isfinite(tensor).all():
            flaw = f"'{name}' holds a number that is not finite"
        else:
            continue
        raise LotteryError(f"{path}: {flaw}; run 'dvc repro' to make it anew")
    if shapes is not None:
        _check_shapes(path, tensors, shapes)
    return tensors


def _check_shapes(
    path: Path, tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size]
) -> None:
    for name in sorted(tensors.keys() | shapes.keys()):
        found = tuple(tensors[name].shape) if name in tensors else "nothing"
        expected = tuple(shapes[name]) if name in shapes else "nothing"
        if found != expected:
            raise LotteryError(
                f"{path}: '{name}' is {found}, the network of {PARAMS} has {expected}; "
                "run 'dvc repro' to make it anew"
            )
