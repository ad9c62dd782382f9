"""What a study commits, out of the clone of this repository in which it was run.

Tables, parameters, claims, ``dvc.lock`` and records of where all came from; never text, tokens,
weights or logits. An arm is copied once DVC has all of its stages in ``dvc.lock`` with the
parameters of today, so arms can be committed as they finish.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from lottery.analysis import documents, tidy
from lottery.config import grid, params, strict_yaml
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.pipeline import stage_order
from lottery.storage import csv_tables, files, paths
from tools import study_provenance, study_stages
from tools.study_stages import LOCK, Finished

FULL = Path(__file__).resolve().parents[1] / "profiles" / "full.yaml"
"""Whose values a study has for keys that are newer than it: those of how it was before them."""


def copy(clone: Path, folder: Path) -> list[str]:
    """Fill ``folder`` from ``clone``; what the grid of its ``params.yaml`` has, but was not run.

    Raises LotteryError if the winning ticket is not finished, a table is missing or lacks a seed,
    or seeds were trained on several machines.
    """
    document = strict_yaml.read_yaml(clone / paths.PARAMS)
    every = params.parse(_with_newer_keys(document), str(clone / paths.PARAMS))
    lock = study_stages.read_lock(clone)
    finished = study_stages.finished(every, document, lock, clone)
    missing = study_stages.missing(every, finished)
    if missing:
        # There must be a control, and an arm of transfer. One that was not run has no rows.
        document["strategies"] = finished.strategies
        document["controls"] = finished.controls or [every.controls[0]]
        if every.transfer.pairs:
            document["transfer"]["arms"] = finished.transferred or [every.transfer.arms[0]]
        files.write_text(folder / paths.PARAMS, yaml.safe_dump(document, sort_keys=False))
    else:
        copy_path(clone, folder, paths.PARAMS)
    settings = load(folder / paths.PARAMS)
    for path in _to_copy(settings, finished):
        copy_path(clone, folder, path)
    for run in grid.runs(settings):
        if run.arm in finished.arms:
            check_seeds(clone, run)
    _write_empty_tables(settings, finished, folder)
    names = set(stage_order.order(settings, strict_yaml.read_yaml(clone / "dvc.yaml")["stages"]))
    lock["stages"] = {name: stage for name, stage in lock["stages"].items() if name in names}
    files.write_text(folder / LOCK, yaml.safe_dump(lock, sort_keys=False))
    record = study_provenance.record(clone, folder, settings, missing)
    files.write_json(folder / study_provenance.FILE, record)
    return missing


def load(path: Path) -> Params:
    """The parameters of a study, which may be older than some keys.

    Raises LotteryError as :func:`lottery.config.params.load` does.
    """
    return params.parse(_with_newer_keys(strict_yaml.read_yaml(path)), str(path))


def _with_newer_keys(document: Any) -> Any:
    """``document`` with the keys that it lacks, of all sections whose keys are always the same."""
    if not isinstance(document, dict):
        return document  # which is refused where it is checked
    result = dict(document)
    for section, values in strict_yaml.read_yaml(FULL).items():
        existing = result.setdefault(section, values)
        if isinstance(existing, dict) and section not in ("corpora", "models", "train"):
            result[section] = {**values, **existing}
    return result


def _to_copy(settings: Params, finished: Finished) -> Iterator[Path]:
    yield paths.CLAIMS
    for corpus in settings.corpora:
        yield from (paths.provenance(corpus), paths.corpus_report(corpus))
        yield grid.baseline_folder(corpus)
    for run in grid.runs(settings):
        if run.arm in finished.arms:
            yield from (run.tables_folder, paths.documents(run.name))
    if finished.connectivity:
        yield from (cell.connectivity.tables_folder for cell in grid.cells(settings))


def copy_path(clone: Path, folder: Path, path: Path) -> None:
    """Copy a file or a folder from the root ``clone`` to the same place in ``folder``.

    Raises LotteryError if it is missing.
    """
    source, target = clone / path, folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    except FileNotFoundError:
        raise LotteryError(f"{source}: not found; run 'dvc repro' there to generate it") from None


def check_seeds(clone: Path, run: Run) -> None:
    """Raise LotteryError unless the run's table has each seed, but for those that failed."""
    folder = clone / run.tables_folder
    seeds = {*csv_tables.read(folder / "levels.csv").seed, *csv_tables.failed(folder).seed}
    if seeds != set(run.params.seeds):
        raise LotteryError(
            f"{folder / 'levels.csv'}: has the seeds {_listed(seeds)}, but {paths.PARAMS} "
            f"{_listed(run.params.seeds)}; run 'dvc repro' there to regenerate it"
        )


def _listed(seeds: Any) -> str:
    return ", ".join(str(int(seed)) for seed in sorted(seeds)) or "of none"


def _write_empty_tables(settings: Params, finished: Finished, folder: Path) -> None:
    """Tables without rows, of what every page has but this study has not run yet."""
    nothing = pd.DataFrame(columns=documents.COLUMNS)
    for run in grid.runs(settings):
        if run.arm not in finished.arms:
            csv_tables.write_folder(folder / run.tables_folder, tidy.arm_tables(run.arm, []))
            csv_tables.write(nothing, folder / paths.documents(run.name))
    if not finished.connectivity:
        for cell in grid.cells(settings):
            tables = tidy.line_tables([])
            csv_tables.write_folder(folder / cell.connectivity.tables_folder, tables)
