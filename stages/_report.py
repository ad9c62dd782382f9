"""The report's content, from the tables in plots/ and what is known of the run."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from lottery import files, paths, strict
from lottery.analysis import tables
from lottery.analysis.select import DENSE
from lottery.params import Params
from lottery.report.content import Content
from stages import _times

PACKAGES = ("torch", "numpy", "numba", "safetensors", "torchtext", "dvc", "scipy", "statsmodels")


def content(params: Params) -> Content:
    """All that the page shows. Raises LotteryError for a table that is missing or damaged."""
    cells = {
        paths.cell(corpus, model): (corpus, model)
        for corpus in params.corpora
        for model in params.models
    }
    names = [*params.strategies, *params.controls]

    def of_cell(cell: str, table: str, chosen: Sequence[str] = names) -> pd.DataFrame:
        folders = [paths.TABLES / f"{cell}-{name}" for name in chosen]
        found = (tables.read(folder / f"{table}.csv") for folder in folders)
        return pd.concat(found, ignore_index=True)

    def of_all(table: str) -> pd.DataFrame:
        found = {cell: of_cell(cell, table) for cell in cells}
        return pd.concat(found, names=["cell"]).reset_index("cell")

    statistics = {
        name: tables.read(paths.STATISTICS / f"{name}.csv")
        for name in ("claims", "contrasts", "levels", "tickets", "seed_tickets")
    }
    tickets = statistics["tickets"]
    failed = {
        cell: pd.concat(tables.failed(paths.TABLES / f"{cell}-{name}") for name in names)
        for cell in cells
    }
    sources = {corpus: _source(corpus) for corpus in params.corpora}
    classes = of_all("classes")
    classes["name"] = [
        _class_name(sources[cells[cell][0]], number)
        for cell, number in zip(classes.cell, classes["class"], strict=True)
    ]
    return Content(
        claims=statistics["claims"],
        contrasts=statistics["contrasts"],
        levels=statistics["levels"],
        tickets=tickets[tickets.strategy != DENSE],
        per_seed=statistics["seed_tickets"],
        tensors={cell: of_cell(cell, "tensors") for cell in cells},
        epochs={cell: of_cell(cell, "epochs", params.strategies) for cell in cells},
        connectivity={
            cell: tables.read(paths.connectivity(*own) / "lines.csv") for cell, own in cells.items()
        },
        predictions=of_all("predictions"),
        classes=classes,
        provenance=provenance(params),
        data=[_data(corpus, source) for corpus, source in sources.items()],
        failed=pd.concat(failed, names=["cell"]).reset_index("cell"),
    )


def provenance(params: Params) -> dict[str, str]:
    """What was run, of which code, on what."""
    return {
        "commit": _commit(),
        f"{paths.PARAMS}, SHA-256": files.digest(paths.PARAMS),
        "dvc.lock without plot, SHA-256 of its sorted YAML": _lock(),
        f"{paths.CLAIMS}, SHA-256": files.digest(paths.CLAIMS),
        "seeds": ", ".join(map(str, params.seeds)),
        "threads a process": str(params.threads),
        "precision": params.precision,
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "wall time of these results": _times.wall_time(params),
        "Python": platform.python_version(),
        "versions": ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
    }


def _lock() -> str:
    """The digest of what DVC noted, but for the stage that makes this page."""
    path = Path("dvc.lock")
    if not path.exists():
        return "none yet"
    document = strict.read_yaml(path)
    stages = {name: own for name, own in document.get("stages", {}).items() if name != "plot"}
    text = yaml.safe_dump({**document, "stages": stages})
    return hashlib.sha256(text.encode()).hexdigest()


def _commit() -> str:
    """The commit that is checked out, and whether the code is it."""
    try:
        found = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", "src", "stages", "dvc.yaml", "claims.yaml")
    except (OSError, subprocess.CalledProcessError):
        return "not a Git repository"
    return f"{found} with changes" if changed else found


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _processor() -> str:
    """The processor by its name, where Linux says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _source(corpus: str) -> dict[str, Any]:
    """What ``download`` wrote beside the table: it changes only with it."""
    path = paths.provenance(corpus)
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if isinstance(found, dict) else {}


def _class_name(source: dict[str, Any], number: int) -> str:
    names = source.get("classes", [])
    return names[number] if number < len(names) else str(number)


def _data(corpus: str, source: dict[str, Any]) -> dict[str, Any]:
    rows = source.get("rows", {})
    used = sum(sum(part.values()) for part in rows.values())
    notes = [f"{part}: {sum(own.values()):,} documents" for part, own in rows.items()]
    if source.get("exact_duplicates_dropped"):
        notes.append(f"{source['exact_duplicates_dropped']:,} exact duplicates dropped")
    if source.get("selection"):
        notes.append(source["selection"])
    return {
        "corpus": corpus,
        "documents": used,
        "of": source.get("documents_read", used),
        "classes": len(source.get("classes", [])),
        "note": "; ".join(notes),
    }
