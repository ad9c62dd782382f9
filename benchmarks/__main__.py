"""Measure training: against other code, by level, by sparsity, and as the work grows."""

import argparse
import json
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numba
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import accuracy, cells, levels, picture, profile, race, sparse_products
from lottery.report import canvas
from lottery.storage import files

RESULTS = Path(__file__).parent / "results.json"
PICTURE = cells.ROOT / "plots" / "benchmark"


def main() -> None:
    """Measure, print, write ``benchmarks/results.json`` and ``plots/benchmark.*``."""
    arguments = _parser().parse_args()
    threads = arguments.threads
    if arguments.picture:
        rows = json.loads(RESULTS.read_text(encoding="utf-8"))["growth"]
        canvas.save(picture.growth(rows), PICTURE)
        return
    cells.prepare()
    if arguments.accuracy:
        _replace_one("accuracy", accuracy.accuracy(threads), threads)
    elif arguments.profile:
        _replace_one("profile", profile.profile(threads), threads)
    else:
        _measure_all(threads, arguments.quick)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only compare with other code, in about four minutes, and write nothing",
    )
    parser.add_argument("--threads", type=int, default=2, help="threads to train with (default: 2)")
    parser.add_argument(
        "--accuracy",
        action="store_true",
        help="measure only the accuracy over five seeds, and replace it in the results",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="measure only the parts of a step's time, and replace them in the results",
    )
    parser.add_argument(
        "--picture",
        action="store_true",
        help="measure nothing, and draw plots/benchmark.* again from the results",
    )
    return parser


def _measure_all(threads: int, quick: bool) -> None:
    """Measure everything but accuracy, whose results stay; ``quick`` only prints the contenders."""
    results = race.race(threads, 3 if quick else 7, quick)
    results["machine"] = machine(threads)
    show_race(results)
    if quick:
        return
    results["sparsity"] = levels.sparsity(threads, 7, 0.25)
    results["sparse_products"] = sparse_products.products_at(threads)
    results["level"] = levels.whole_levels(threads, 1.0)
    results["profile"] = profile.profile(threads)
    results["growth"] = levels.growth(threads)
    show_levels(results)
    show_profile(results["profile"])
    canvas.save(picture.growth(results["growth"]), PICTURE)
    if RESULTS.exists():
        before = json.loads(RESULTS.read_text(encoding="utf-8"))
        unchanged = ("accuracy", "accuracy_machine")
        results |= {name: before[name] for name in unchanged if name in before}
    files.write_json(RESULTS, results)


def _replace_one(name: str, rows: list[dict[str, Any]], threads: int) -> None:
    """Print ``rows`` and write them into the results under ``name``."""
    show = {"accuracy": show_accuracy, "profile": show_profile}[name]
    show(rows)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    results |= {name: rows, f"{name}_machine": machine(threads)}
    files.write_json(RESULTS, results)


def machine(threads: int) -> dict[str, Any]:
    """The processor and the versions of a measurement."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        cpu = names[0] if names else cpu
    return {
        "cpu": cpu,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numba": numba.__version__,
        "numpy": metadata.version("numpy"),
    }


def show_race(results: dict[str, Any]) -> None:
    """Print the contenders, one line per cell."""
    table = _table(
        "median seconds per step of 64 documents; ratios, with the lowest and highest of any round",
        "cell", *race.CONTENDERS, *(f"{name}/ours" for name in race.OTHERS), "GFLOP/s", "of peak",
    )  # fmt: skip
    for cell in cells.CELLS:
        row = results[cell]
        seconds = [row[f"{name}_s"] for name in race.CONTENDERS]
        ratios = []
        for name in race.OTHERS:
            ratio, spread = row[f"{name}_over_ours"], row[f"{name}_over_ours_spread"]
            ratios.append(f"{ratio:.1f} ({spread[0]:.1f}-{spread[1]:.1f})" if ratio else "not run")
        table.add_row(
            cell,
            *(f"{value:.4f}" if value else "not run" for value in seconds),
            *ratios,
            f"{row['gflops']:.0f}",
            f"{100 * row['share_of_matmul_peak']:.0f} %",
        )
    _print(table)


def show_levels(results: dict[str, Any]) -> None:
    """Print what sparsity saves, and where a level's time goes."""
    table = _table(
        "IMDb CNN, one epoch at each level of a real pruning run", "sparsity", "s", "dense/level"
    )
    for row in results["sparsity"]["levels"]:
        spread = f"({row['spread'][0]:.2f}-{row['spread'][1]:.2f})"
        table.add_row(
            f"{100 * row['sparsity']:.1f} %",
            f"{row['epoch_s']:.2f}",
            f"{row['dense_over_level']:.2f} {spread}",
        )
    _print(table)
    table = _table(
        "a whole level, seconds", "cell", "train", "validate", "prune", "save", "outside training"
    )
    for cell, row in results["level"].items():
        seconds = [f"{row[key]:.2f}" for key in ("train_s", "validate_s", "prune_s", "save_s")]
        table.add_row(cell, *seconds, f"{100 * row['outside_share']:.1f} %")
    _print(table)


def show_profile(rows: list[dict[str, Any]]) -> None:
    """Print the milliseconds of a step by part."""
    parts = [*profile.PARTS, profile.REST]
    table = _table("milliseconds per step, by part", "cell", "step", *parts)
    for row in rows:
        milliseconds = row["parts_ms"]
        label = f"{row['cell']} {100 * row['sparsity']:.1f} % {row['precision']}"
        columns = (f"{milliseconds[part]:.2f}" if part in milliseconds else "" for part in parts)
        table.add_row(label, f"{row['step_ms']:.2f}", *columns)
    _print(table)


def show_accuracy(rows: list[dict[str, Any]]) -> None:
    """Print the mean and the standard deviation over the seeds."""
    table = _table(
        "test accuracy over five seeds", "cell", "level", "contender", "mean", "deviation"
    )
    for row in sorted(rows, key=lambda row: (row["cell"], row["level"])):
        mean, deviation = f"{row['mean']:.2f}", f"{row['deviation']:.2f}"
        table.add_row(row["cell"], str(row["level"]), row["contender"], mean, deviation)
    _print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _print(table: Table) -> None:
    Console(file=sys.stdout, width=160).print(table)


if __name__ == "__main__":
    main()
