"""What a process takes that loads one contender's file and predicts: time to load, and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.tickets import loading

if TYPE_CHECKING:  # not in the process that is measured, which would have all that it imports
    from benchmarks.tickets.contenders import Contender

DOCUMENTS = 256
TRIES = 2
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def measure(contender: Contender, documents: Sequence[np.ndarray]) -> dict[str, float]:
    """The least of two processes: ``load_s``, seconds of processor time from the shell until the
    first document is classified, kernels compiled; ``memory_mb``, the most that it ever had."""
    prepared = contender.prepare(documents[:DOCUMENTS])
    plain = [document if isinstance(document, list) else document.tolist() for document in prepared]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plain, file)
        file.flush()
        module = ["-m", "benchmarks.tickets.footprint"]
        command = [sys.executable, *module, contender.kind, str(contender.path), file.name]
        environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
        rows = []
        for _ in range(TRIES):
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
            rows.append(json.loads(done.stdout))
    return {name: min(row[name] for row in rows) for name in rows[0]}


def main() -> None:
    """Load a file of one kind, predict documents, and print what that took."""
    kind, path, texts = sys.argv[1:]
    logits = loading.KINDS[kind](Path(path))
    loaded = time.process_time()
    documents: list[Any] = json.loads(Path(texts).read_text(encoding="utf-8"))
    if kind != "tfidf":
        documents = [np.array(document, np.int64) for document in documents]
    start = time.process_time()
    logits(documents[:1])
    first = time.process_time() - start
    logits(documents)
    print(json.dumps({"load_s": round(loaded + first, 3), "memory_mb": round(peak_mb(), 1)}))


def peak_mb() -> float:
    """The most memory that this program ever had, in MB. (What ``resource`` tells begins with the
    memory of the process that started it.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
