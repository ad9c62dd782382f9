"""Measure training on a GPU, in one run: ``make bench DEVICE=cuda``.

First how far the kernels' results are from float64, then what the card can do at most, then the
contenders by turns on the study's four cells. Prints a line per contender and writes all into
``benchmarks/gpu.json``. ``--accuracy`` measures the test accuracy over five seeds in each precision
instead, and needs the corpora in ``.bench``.
"""

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import cells, gpu_check
from benchmarks.cells import CELLS
from benchmarks.gpu import correctness, limits, precision, race
from lottery.errors import LotteryError
from lottery.storage import files, token_arrays
from lottery.training import device

RESULTS = Path(__file__).parents[1] / "gpu.json"


def main() -> None:
    """Measure, print and write; exits with one line where there is no GPU."""
    arguments = _parser().parse_args()
    try:
        device.choose("cuda")
        measured = _accuracy("cuda", arguments.epochs) if arguments.accuracy else {}
        if not arguments.accuracy:
            measured = measure("cuda", arguments.rounds, arguments.batches)
    except LotteryError as error:
        sys.exit(f"error: {error}")
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    files.write_json(RESULTS, before | measured)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument(
        "--batches", type=int, default=20, help="batches of 64 documents per turn (default: 20)"
    )
    parser.add_argument("--accuracy", action="store_true", help="measure the accuracy instead")
    parser.add_argument(
        "--epochs", type=int, default=3, help="epochs of each training of --accuracy (default: 3)"
    )
    return parser


def measure(target: str, rounds: int, batches: int) -> dict[str, Any]:
    """All measurements but accuracy on the device ``target``, printed as they come."""
    results: dict[str, Any] = {"machine": machine(target)}
    print(json.dumps(results["machine"]))
    results["kernel_errors"] = {
        name: correctness.errors(target, name) for name in device.DTYPES
    } | {"same_windows": correctness.same_windows(target)}
    print(json.dumps(results["kernel_errors"]))
    results["limits"] = limits.measure(target)
    print(json.dumps(results["limits"]), flush=True)
    results["cells"] = {}
    for cell in CELLS.values():
        rows = race.race(cell, target, rounds, batches, results["limits"])
        results["cells"][cell.name] = rows
        for name, row in rows["contenders"].items():
            print(f"{cell.name:13} {name:22} {_line(row)}", flush=True)
    return results


def _line(row: dict[str, Any]) -> str:
    if "out_of_memory" in row:
        return "not enough memory"
    shares = [f"{100 * value:.0f} % of {key[9:]}" for key, value in row.items() if "share" in key]
    times = f"{row['documents_per_s']:9.0f} documents/s  {row['over_one_after_the_other']:5.1f} x"
    return "  ".join([times, f"{row['memory_gb']:5.1f} GB", *shares])


def machine(target: str) -> dict[str, Any]:
    """The card and the versions."""
    try:
        triton = metadata.version("triton")
    except metadata.PackageNotFoundError:
        triton = None
    return gpu_check.machine(device.prepare(target, 1)) | {"triton": triton}


def _accuracy(target: str, epochs: int) -> dict[str, Any]:
    """Rows of accuracy of each cell whose corpus is there, and the machine."""
    there = [cell for cell in CELLS.values() if token_arrays.exist(cells.tokens(cell.corpus))]
    if not there:
        raise LotteryError(f"{cells.WORKPLACE}: no token arrays; run 'make bench' where DVC is")
    rows: list[dict[str, Any]] = []
    for cell in there:
        splits = cells.documents(cell), cells.documents(cell, "test")
        rows += precision.measure(cell, splits, epochs, target)
        for row in rows[-len(precision.CONTENDERS) :]:
            print(json.dumps(row), flush=True)
    return {"accuracy": rows, "accuracy_machine": machine(target)}


if __name__ == "__main__":
    main()
