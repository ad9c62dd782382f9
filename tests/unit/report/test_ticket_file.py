"""What the page shows of a cell's ticket as a file: charts of size and speed, tables of costs."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import refused
from report_content import CELLS, HOSTILE, realistic

from lottery.config import params
from lottery.config.grid import Run
from lottery.report import cells, ticket_tables, worth
from lottery.report.charts.worth import LEFT, RIGHT, Point
from lottery.report.charts.worth import worth as chart
from lottery.report.content import COLUMNS, Content
from lottery.report.formats import size
from lottery.report.page import render
from lottery.storage import csv_tables, paths

CELL = CELLS[0]
SIZES = ["level", "sparsity", "bytes", "words_bytes", "test_accuracy"]
SPEED = {
    **{"contender": "ticket, level 1", "accuracy": 70.5, "bytes": 100_000},
    **{"documents_per_second": 5000, "latency_ms": {"p50": 0.1, "p99": 0.3}},
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A cell with the tables of the stage export."""
    smoke = params.load(Path(__file__).parents[3] / "profiles" / "smoke.yaml")
    monkeypatch.chdir(tmp_path)
    run = Run(smoke, "rotten_tomatoes", "cnn")
    sizes = [(0, 0.0, 900, 50, 75.0), (1, 0.5, 500, 40, 74.5)]
    levels = pd.DataFrame(sizes, columns=SIZES)
    ticket = {"strategy": "winning_ticket", "level": 1, "dense_float32_bytes": 4000, "note": np.nan}
    documents = {
        **{"document": 3, "class": 1, "dense_class": 1, "dense_probability": 0.9},
        **{"ticket_class": 0, "ticket_probability": 0.8},
    }
    tables = {
        "ticket": pd.DataFrame([ticket]),
        "levels": levels,
        "scores": pd.DataFrame(columns=COLUMNS["costs"].split()),
        "classes": pd.DataFrame({"class": [1], "documents": 9, "dense": 80.0, "ticket": 70.0}),
        "disagreements": pd.DataFrame([documents]),
    }
    csv_tables.write_folder(paths.ticket_tables(run.cell), tables)
    return run


def tables_of(run: Run) -> ticket_tables.Tables:
    name = {0: "no", 1: HOSTILE}
    return ticket_tables.of_cells({run.cell: run}, lambda corpus, number: name[number])


def test_the_tables_of_the_stage_and_the_benchmark(run: Run) -> None:
    benchmark = Path("benchmarks/tickets.json")
    benchmark.parent.mkdir()
    benchmark.write_text(json.dumps({"cells": [{"cell": run.cell, "rows": [SPEED]}]}))
    tables = tables_of(run)
    files = tables["files"][run.cell]
    assert files.is_exported.tolist() == [False, True]
    assert files.dense_bytes.tolist() == [4000, 4000]
    assert run.cell not in tables["costs"], "it has no rows"
    assert tables["changed"][run.cell].iloc[0].ticket_class == "no"
    assert tables["lost"][run.cell]["class"].tolist() == [HOSTILE]
    speed = tables["speeds"][run.cell].iloc[0]
    assert speed.latency_p99 == 0.3
    assert speed.memory_mb is None, "measured of some contenders only"


def test_cells_without_tables(run: Run) -> None:
    lstm = run.of_arm("")
    lstm = dataclasses.replace(lstm, model="lstm")
    assert ticket_tables.of_cells({lstm.cell: lstm}, str) == {
        name: {} for name in ("files", "costs", "lost", "changed", "speeds")
    }


def test_a_damaged_benchmark_is_named(run: Run) -> None:
    Path("benchmarks").mkdir()
    Path("benchmarks/tickets.json").write_text('{"cells": [{}]}')
    refused(lambda: tables_of(run), "benchmarks/tickets.json: damaged", "make bench TICKETS=1")


def test_the_page_shows_files_and_costs() -> None:
    page = render(realistic(1))
    assert f"data/tickets/{CELL}.ticket is the" in page
    for words in ("Accuracy and size", "Accuracy and speed", "PyTorch eager", "What else pruning"):
        assert words in page
    assert "make disagreements prints them" in page
    assert "&lt;crude&gt;" in page
    assert "<crude>" not in page


def test_a_cell_without_a_file_says_why() -> None:
    whole = realistic(1)
    note = f"no file: {HOSTILE}"
    files = whole.files[CELL].assign(bytes=np.nan, is_exported=False, note=note)
    page = render(dataclasses.replace(whole, files={CELL: files}))
    assert HOSTILE not in page
    assert "no file: &lt;script&gt;" in page
    assert "Accuracy and size" not in page


def test_an_estimated_size_says_about() -> None:
    """Where the sparsest ticket's file was measured, its size is that; else it is an estimate."""
    whole = realistic(1)
    tickets = whole.tickets[(whole.tickets.cell == CELL) & whole.tickets.sparsity.notna()]
    best = tickets.sort_values(["sparsity", "test_accuracy"], kind="stable").iloc[-1]
    measured = whole.files[CELL].assign(strategy=best.arm, sparsity=best.sparsity, bytes=123_456)
    label = re.compile(r"about [\d.,]+ [kM]B")
    for files, is_estimate in ((measured, False), (measured.assign(strategy="other"), True)):
        content = dataclasses.replace(whole, files={CELL: files})
        dense = content.dense[content.dense.cell == CELL].iloc[0].to_dict()
        picture = str(cells._worth(CELL, content, dense))
        assert bool(label.search(picture)) is is_estimate
        assert ("123 kB" in picture) is not is_estimate


def test_the_dense_network_where_there_is_no_ticket() -> None:
    files = realistic(1).files[CELL]
    files = files.assign(is_exported=files.level == 0)
    assert "is the dense network, because there is no ticket: " in worth.sentence(CELL, files)


def points(markup: str) -> list[tuple[float, float]]:
    positions = re.findall(r'class="point" transform="translate\(([\d.]+) ([\d.]+)\)"', markup)
    return [(float(x), float(y)) for x, y in positions]


@pytest.mark.parametrize("values", [[1e3, 2e3], [1e2, 1e9], [5e5, 5e5]])
def test_points_are_inside_and_in_order(values: list[float]) -> None:
    levels = [
        Point(f"level {n}", value, 70.0 - n, "circle", "c0") for n, value in enumerate(values)
    ]
    others = [Point(HOSTILE, 3 * values[-1], 65.0, "square", "ink")]
    markup = str(chart("a cell", "size", size, levels, others))
    assert HOSTILE not in markup
    positions = points(markup)
    assert len(positions) == 3
    assert all(LEFT <= x <= RIGHT for x, _ in positions)
    assert [x for x, _ in positions] == sorted(x for x, _ in positions)
    assert [y for _, y in positions] == sorted(y for _, y in positions), "less accurate is lower"


def test_every_field_of_the_content_is_filled() -> None:
    """So that the other tests of the page see these tables too."""
    whole: Content = realistic(1)
    for name in ("files", "costs", "lost", "changed", "speeds"):
        assert len(getattr(whole, name)[CELL])
