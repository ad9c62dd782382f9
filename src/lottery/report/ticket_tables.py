"""What the stage export and ``make bench TICKETS=1`` measured of each cell's ticket, as tables."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lottery.config.grid import Run
from lottery.errors import LotteryError
from lottery.report.content import COLUMNS
from lottery.storage import csv_tables, paths

BENCHMARK = Path("benchmarks/tickets.json")
Tables = dict[str, dict[str, pd.DataFrame]]


def of_cells(
    cells: Mapping[str, Run], class_name: Callable[[str, int], str], benchmark: Path = BENCHMARK
) -> Tables:
    """The fields ``files``, ``costs``, ``lost``, ``changed`` and ``speeds`` of
    :class:`lottery.report.content.Content`: of each, the cells that have any rows.

    ``class_name`` gives the name of a corpus's class. Raises LotteryError for a damaged file.
    """
    result: Tables = {"files": {}, "costs": {}, "lost": {}, "changed": {}}
    for name, cell in cells.items():
        folder = paths.ticket_tables(name)
        if not folder.exists():
            continue
        tables = {
            table: csv_tables.read(folder / f"{table}.csv")
            for table in ("ticket", "levels", "scores", "classes", "disagreements")
        }
        files = tables["levels"].assign(**tables["ticket"].iloc[0][["strategy", "note"]].to_dict())
        files["is_exported"] = files.level == tables["ticket"].level.iloc[0]
        files["dense_bytes"] = tables["ticket"].dense_float32_bytes.iloc[0]
        result["files"][name] = files
        result["costs"][name] = tables["scores"]
        for field, table in (("lost", "classes"), ("changed", "disagreements")):
            rows = tables[table].astype(object)
            for column in [column for column in rows if column.endswith("class")]:
                rows[column] = [class_name(cell.corpus, int(number)) for number in rows[column]]
            result[field][name] = rows
    result["speeds"] = _speeds(benchmark)
    return {field: {n: t for n, t in of.items() if len(t)} for field, of in result.items()}


def _speeds(path: Path) -> dict[str, pd.DataFrame]:
    """The rows of the benchmark by cell."""
    if not path.exists():
        return {}
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return {cell["cell"]: pd.DataFrame([_speed(row) for row in cell["rows"]]) for cell in cells}
    except (ValueError, KeyError, TypeError) as error:
        raise LotteryError(f"{path}: damaged ({error}); run 'make bench TICKETS=1'") from None


def _speed(row: Mapping[str, Any]) -> dict[str, Any]:
    latency = {f"latency_{name}": value for name, value in row["latency_ms"].items()}
    values = {**row, **latency}
    return {name: values.get(name) for name in COLUMNS["speeds"].split()}
