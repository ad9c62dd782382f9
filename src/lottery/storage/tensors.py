"""Tensors on disk as safetensors files."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from lottery.errors import LotteryError
from lottery.storage.files import write_bytes
from lottery.storage.paths import PARAMS

_REGENERATE = "run 'dvc repro' to regenerate it"


def save(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write ``tensors`` to ``path``. The same tensors give the same bytes."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(on_cpu))


def load(
    path: Path,
    shapes: Mapping[str, torch.Size] | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, torch.Tensor]:
    """The tensors that :func:`save` wrote, by name, on the CPU.

    Raises LotteryError, naming the file and the tensor, unless all of them are finite and of
    ``dtype``, and, where ``shapes`` is given, have exactly these names and shapes.
    """
    try:
        tensors = safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run 'dvc repro' to generate it") from None
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as error:
        raise LotteryError(f"{path}: damaged ({error}); {_REGENERATE}") from None
    for name, tensor in tensors.items():
        if tensor.dtype != dtype:
            flaw = f"'{name}' is {tensor.dtype}, expected {dtype}"
        elif tensor.is_floating_point() and not torch.isfinite(tensor).all():
            flaw = f"'{name}' contains a number that is not finite"
        else:
            continue
        raise LotteryError(f"{path}: {flaw}; {_REGENERATE}")
    if shapes is not None:
        _check_shapes(path, tensors, shapes)
    return tensors


def _check_shapes(
    path: Path, tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size]
) -> None:
    for name in sorted(tensors.keys() | shapes.keys()):
        actual = tuple(tensors[name].shape) if name in tensors else "missing"
        expected = tuple(shapes[name]) if name in shapes else "no such tensor"
        if actual != expected:
            raise LotteryError(
                f"{path}: '{name}' is {actual}, the network of {PARAMS} has {expected}; "
                f"{_REGENERATE}"
            )
