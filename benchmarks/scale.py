"""The overhead per unit of the Ray executor: units that sleep, on local nodes, and nothing else.

Run as ``python -m benchmarks.scale --units 500 --nodes 1 2 4 8``, in an environment with Ray
(``make ray``). Each node has one processor, so that each has one unit at a time. The overhead is
what a unit takes of its node beyond its sleep: submitting it, its inputs, a folder and a fresh
process as for training, and one file of ``--megabytes`` that comes back. The first unit of each
node, which starts Ray's process there and imports torch, is counted apart (``first_s``).
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import ray
from ray.cluster_utils import Cluster

from lottery.config import params
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline.assembly import Survey
from lottery.pipeline.executors import node
from lottery.pipeline.executors.node import File
from lottery.pipeline.executors.ray import RayExecutor
from lottery.pipeline.processes import Result
from lottery.pipeline.run_store import Entry
from lottery.pipeline.training_runs import TrainingRun
from lottery.pipeline.units import Unit

PROFILE = Path("profiles/smoke.yaml")
INPUT = "data/tokens/rotten_tomatoes/train.ids.npy"


def sleeping(
    unit: Unit, paths: Sequence[str], references: Sequence[Any], stored: Mapping[str, bytes]
) -> Iterator[Any]:
    """What a node does with a unit, but its process trains no run; then sleep, and send one file
    back."""
    yield from node.train(replace(unit, runs=()), paths, references, stored)
    (entry,) = unit.entries
    time.sleep(entry.fingerprint["seconds"])
    folder = entry.folder.relative_to(entry.fingerprint["store"])
    yield File(str(folder / "level-000.sleep.safetensors"), bytes(entry.fingerprint["bytes"]))


def unit_of(number: int, run: Run, store: Path, seconds: float, size: int) -> Unit:
    """The unit ``number``."""
    fingerprint = {"inputs": {INPUT: ""}, "seconds": seconds, "bytes": size, "store": str(store)}
    entry = Entry(store / run.name / f"seed-{number}" / "key", fingerprint, {})
    training = TrainingRun("train", run, number)
    return Unit(training.name, (training,), (Survey((0,), entry=entry),))


def measure(nodes: int, units: int, seconds: float, size: int) -> dict[str, float]:
    """Wall time in seconds of ``units`` on ``nodes``, and the overhead per unit."""
    settings = params.load(PROFILE)
    with contextlib.ExitStack() as folders:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        try:
            for _ in range(nodes):  # each with a short folder of its own, as on hosts of their own
                folder = tempfile.TemporaryDirectory(
                    prefix="ray", dir="/tmp", ignore_cleanup_errors=True
                )
                cluster.add_node(num_cpus=1, temp_dir=folders.enter_context(folder))
            os.environ["RAY_ADDRESS"] = cluster.address
            first, wall = _on_cluster(settings, nodes, units, seconds, size)
        finally:
            cluster.shutdown()
    return {
        "nodes": nodes,
        "units": units,
        "first_s": round(first - seconds, 2),
        "wall_s": round(wall, 2),
        "overhead_s_per_unit": round(wall * nodes / (units - nodes) - seconds, 3),
        "units_per_s": round((units - nodes) / wall, 2),
    }


def _on_cluster(
    settings: Params, nodes: int, units: int, seconds: float, size: int
) -> tuple[float, float]:
    """Wall time in seconds of the first unit of each of the ``nodes``, and of the others."""
    with tempfile.TemporaryDirectory() as folder:
        tree, store = Path(folder, "tree").resolve(), Path(folder, "store").resolve()
        (tree / INPUT).parent.mkdir(parents=True)
        (tree / INPUT).write_bytes(bytes(size))
        store.mkdir()
        os.environ["LOTTERY_CHECKPOINTS"] = str(store)
        run = Run(settings, "rotten_tomatoes", "cnn")
        waiting = [unit_of(number, run, store, seconds, size) for number in range(units)]
        with RayExecutor(tree, settings, train=sleeping) as executor:
            first = _run(executor, [waiting.pop() for _ in range(nodes)])
            return first, _run(executor, waiting)


def _run(executor: RayExecutor, waiting: list[Unit]) -> float:
    """Seconds until all that wait are done."""
    start, done, units = time.monotonic(), 0, len(waiting)
    while done < units:
        while waiting and executor.free > 0:
            executor.start(waiting.pop())
        for _, report in executor.reports():
            if isinstance(report, BaseException):
                raise report
            done += isinstance(report, Result)
    return time.monotonic() - start


def main() -> None:
    """Measure, and print a line of JSON per number of nodes."""
    parser = argparse.ArgumentParser("python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--units", type=int, default=500, help="how many units sleep")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each sleeps")
    parser.add_argument("--megabytes", type=float, default=1.0, help="size of input and result")
    arguments = parser.parse_args()
    about = f"{platform.machine()}, {os.cpu_count()} cores, Ray {ray.__version__}"
    print(json.dumps({"machine": about, "sleep_s": arguments.seconds, "mb": arguments.megabytes}))
    for nodes in arguments.nodes:
        size = int(arguments.megabytes * 1e6)
        print(json.dumps(measure(nodes, arguments.units, arguments.seconds, size)), flush=True)


if __name__ == "__main__":
    main()
