"""``make bench``: the contenders, a whole level, what sparsity saves, and cost as work grows."""

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
from lottery import files

RESULTS = Path(__file__).parent / "results.json"
PICTURE = cells.ROOT / "plots" / "benchmark"


def main() -> None:
    """Measure, print, write ``benchmarks/results.json`` and ``plots/benchmark.*``."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="the contenders only, in about two minutes; writes nothing",
    )
    parser.add_argument("--threads", type=int, default=2, help="of each contender (2)")
    parser.add_argument(
        "--accuracy", action="store_true", help="only the accuracy of five seeds, into the results"
    )
    parser.add_argument(
        "--profile", action="store_true", help="only where a step's time goes, into the results"
    )
    given = parser.parse_args()
    cells.prepare()
    for name, measure, shown in (
        ("accuracy", accuracy.accuracy, show_accuracy),
        ("profile", profile.profile, show_profile),
    ):
        if getattr(given, name):
            found = json.loads(RESULTS.read_text(encoding="utf-8"))
            found[name] = measure(given.threads)
            found[f"{name}_machine"] = machine(given.threads)
            shown(found[name])
            files.write_json(RESULTS, found)
            return
    found = race.race(given.threads, 3 if given.quick else 7, given.quick)
    found["machine"] = machine(given.threads)
    show(found)
    if given.quick:
        return
    found["sparsity"] = levels.sparsity(given.threads, 7, 0.25)
    found["sparse_products"] = sparse_products.products_at(given.threads)
    found["level"] = levels.whole(given.threads, 1.0)
    found["profile"] = profile.profile(given.threads)
    found["growth"] = levels.growth(given.threads)
    show_levels(found)
    show_profile(found["profile"])
    picture.growth(found["growth"], PICTURE)
    if RESULTS.exists():
        before = json.loads(RESULTS.read_text(encoding="utf-8"))
        kept = ("accuracy", "accuracy_machine")
        found |= {name: before[name] for name in kept if name in before}
    files.write_json(RESULTS, found)


def machine(threads: int) -> dict[str, Any]:
    """What the figures were measured on, and with."""
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


def show(found: dict[str, Any]) -> None:
    """The contenders, one line a cell."""
    table = _table(
        "seconds a step of 64 documents, median; ratios with the least and the greatest of a round",
        "cell", *race.CONTENDERS, "study/ours", "plain/ours", "GFLOP/s", "of peak",
    )  # fmt: skip
    for cell in cells.CELLS:
        row = found[cell]
        seconds = [row[f"{name}_s"] for name in race.CONTENDERS]
        ratios = []
        for name in ("study", "plain"):
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


def show_levels(found: dict[str, Any]) -> None:
    """What sparsity saves, and where a level's time goes."""
    table = _table(
        "IMDb CNN, an epoch at each level of a real chain", "sparsity", "s", "dense/level"
    )
    for row in found["sparsity"]["levels"]:
        spread = f"({row['spread'][0]:.2f}-{row['spread'][1]:.2f})"
        table.add_row(
            f"{100 * row['sparsity']:.1f} %",
            f"{row['epoch_s']:.2f}",
            f"{row['dense_over_level']:.2f} {spread}",
        )
    _print(table)
    table = _table(
        "a whole level, seconds", "cell", "train", "validate", "prune", "save", "outside"
    )
    for cell, row in found["level"].items():
        seconds = [f"{row[key]:.2f}" for key in ("train_s", "validate_s", "prune_s", "save_s")]
        table.add_row(cell, *seconds, f"{100 * row['outside_share']:.1f} %")
    _print(table)


def show_profile(rows: list[dict[str, Any]]) -> None:
    """Milliseconds of a step by part."""
    parts = [*profile.PARTS, profile.REST]
    table = _table("milliseconds of a step, by part", "cell", "step", *parts)
    for row in rows:
        own = row["parts_ms"]
        label = f"{row['cell']} {100 * row['sparsity']:.1f} % {row['precision']}"
        cells_ = (f"{own[part]:.2f}" if part in own else "" for part in parts)
        table.add_row(label, f"{row['step_ms']:.2f}", *cells_)
    _print(table)


def show_accuracy(rows: list[dict[str, Any]]) -> None:
    """Mean and deviation over the seeds."""
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
    Console(file=sys.stdout, width=130).print(table)


if __name__ == "__main__":
    main()
