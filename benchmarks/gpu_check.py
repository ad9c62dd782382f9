"""What a GPU does with the networks, as JSON: run it where one is, as
``python -m benchmarks.gpu_check``.

It takes under five minutes, and needs PyTorch, NumPy, Numba and safetensors only. Documents are
drawn at random, with lengths and word frequencies like those of reviews. It prints the error of
float32 products with and without TF32; whether two trainings give the same bytes; how often cuDNN
warns that an LSTM's weights are not one chunk; the time of a step where results must repeat
(``repeatable``, as the library trains) and where they need not (``free``); the time of operations
whose gradients a GPU may compute in two ways; and which operations a CNN's step consists of.
"""

import argparse
import json
import platform
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import gpu_operations
from benchmarks.cells import BATCH, CELLS, Cell
from benchmarks.contenders.ours import plan
from benchmarks.gpu_operations import MODES
from lottery.errors import LotteryError
from lottery.experiment import replicate
from lottery.pruning import masks
from lottery.training import device, loop, optimizers
from lottery.training.batches import Documents


def check(name: str, batches: int, rounds: int) -> dict[str, Any]:
    """All measurements on the device ``name``; on ``cpu`` they only show that this program runs.

    A step's time is the median of ``rounds`` epochs of ``batches`` batches.
    """
    cells = [CELLS["imdb-cnn"], CELLS["imdb-lstm"]]
    return {
        "machine": machine(device.prepare(name, 1)),
        "relative_error": {
            precision: gpu_operations.errors(name, precision) for precision in ("float32", "tf32")
        },
        "same_bytes_twice": {cell.name: same_bytes(name, cell, batches) for cell in cells},
        "chunk_warnings": {
            precision: chunk_warnings(name, cells[1], precision)
            for precision in ("float32", "bfloat16")
        },
        "step_ms": {
            f"{cell.name} {precision}": step_times(name, cell, precision, batches, rounds)
            for cell in cells
            for precision in device.DTYPES
        },
        "gradient_ms": gpu_operations.gradient_times(name, rounds),
        "cnn_step_ms_by_operation": {
            mode: by_operation(name, cells[0], mode, batches) for mode in MODES
        },
    }


def machine(target: torch.device) -> dict[str, Any]:
    """The device and the versions."""
    return {
        "device": torch.cuda.get_device_name(target) if target.type == "cuda" else "CPU",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def documents(count: int, rows: int, target: torch.device) -> Documents:
    """``count`` documents of random words; a word's frequency falls with its number (Zipf)."""
    random = np.random.default_rng(0)
    lengths = random.lognormal(5.4, 0.6, count).astype(np.int64).clip(10, 2700)
    words = (random.zipf(1.3, lengths.sum()) % (rows - 2) + 2).astype(np.int32)
    arrays = (words, np.cumsum(lengths) - lengths, lengths, random.integers(0, 2, count))
    ids, starts, sizes, labels = (torch.from_numpy(array).to(target) for array in arrays)
    return Documents(ids, starts, sizes, labels, lengths)


def training(
    name: str, cell: Cell, precision: str, batches: int
) -> tuple[Any, Callable[[int], float]]:
    """The network, and a function that trains it for the epoch of that number."""
    target = device.prepare(name, 1, precision)
    network = cell.network()
    network.precision = device.DTYPES[precision]
    network.to(target)
    dense = masks.at_level(replicate.pruned_at_dense(dict(network.named_parameters())), 0)
    optimizer = optimizers.build(network, dense)
    train_set = documents(batches * BATCH, cell.rows, target)
    settings = plan(cell)
    return network, lambda epoch: loop.one_epoch(network, train_set, optimizer, settings, epoch)


def step_times(
    name: str, cell: Cell, precision: str, batches: int, rounds: int
) -> dict[str, float]:
    """Milliseconds per step in each of the modes, which take turns."""
    _, epoch = training(name, cell, precision, batches)
    seconds = gpu_operations.by_turns(lambda: epoch(0), rounds, torch.device(name))
    return {mode: 1e3 * value / batches for mode, value in seconds.items()}


def same_bytes(name: str, cell: Cell, batches: int) -> bool:
    """Whether two trainings of one epoch end with the same weights."""
    ends = []
    for _ in range(2):
        network, epoch = training(name, cell, "float32", batches)
        epoch(0)
        ends.append(loop.copy_weights(network))
    return all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def chunk_warnings(name: str, cell: Cell, precision: str) -> int:
    """How many warnings one epoch of an LSTM gives that its weights are not one chunk."""
    _, epoch = training(name, cell, precision, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        epoch(0)
    return sum("single contiguous chunk" in str(warning.message) for warning in caught)


def by_operation(name: str, cell: Cell, mode: str, batches: int) -> dict[str, float]:
    """The device's milliseconds per step in its twelve slowest operations."""
    _, epoch = training(name, cell, "float32", batches)
    attribute, kinds = "self_cpu_time_total", [ProfilerActivity.CPU]
    if name == "cuda":
        attribute, kinds = "self_device_time_total", [*kinds, ProfilerActivity.CUDA]
    with gpu_operations.deterministic(mode):
        epoch(0)
        with profile(activities=kinds) as profiler:
            epoch(1)
    events = profiler.key_averages()
    times = {event.key: getattr(event, attribute) / 1e3 / batches for event in events}
    return {key: times[key] for key in sorted(times, key=lambda key: -times[key])[:12]}


def main() -> None:
    """Print the measurements as JSON; exits with one line where there is no GPU."""
    argparse.ArgumentParser("python -m benchmarks.gpu_check", description=__doc__).parse_args()
    try:
        print(json.dumps(check("cuda", batches=20, rounds=5), indent=2))
    except LotteryError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
