"""Charts: no label over another, an axis that shows what matters, nothing outside the frame."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lottery.report.charts import classifiers, differences, effects, geometry
from lottery.report.charts.difference_axes import BOTTOM, TOP, Panel
from lottery.report.styles import Style

STYLES = {
    "winning_ticket": Style("c0", "circle", "", False),
    "late_rewinding": Style("c1", "square", "6 3", False),
    "reinit_same_mask": Style("c2", "triangle", "", True),
    "permuted_values": Style("c3", "diamond", "", True),
}
POSITIONS = st.lists(st.floats(-500, 500), min_size=1, max_size=12)


@given(POSITIONS, st.floats(1, 20))
def test_no_label_covers_another(wanted: list[float], gap: float) -> None:
    low, high = -200.0, 200.0
    positions = geometry.spread(wanted, gap, low, high)
    between = np.diff(sorted(positions))
    assert (between >= gap - 1e-6).all()
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(np.array(positions)[order]) > 0).all(), "labels keep the order of their lines"
    assert min(positions) >= low - 1e-6
    if gap * (len(wanted) - 1) <= high - low:
        assert max(positions) <= high + 1e-6


@given(POSITIONS)
def test_a_label_with_room_stays_where_it_is_wanted(wanted: list[float]) -> None:
    apart = [30.0 * index for index in range(len(wanted))]
    assert geometry.spread(apart, 10, 0, 1000) == pytest.approx(apart)


def test_labels_move_as_little_as_they_can() -> None:
    """Two at the same place: each moves by half of the gap."""
    assert geometry.spread([50, 50], 10, 0, 100) == pytest.approx([45, 55])
    assert geometry.spread([50, 90, 50], 10, 0, 100) == pytest.approx([45, 90, 55])
    assert geometry.spread([-20, 40], 10, 0, 100) == pytest.approx([0, 40])
    assert geometry.spread([99, 99], 10, 0, 100) == pytest.approx([90, 100])


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(-50, 50)), min_size=3, max_size=9))
def test_a_clipped_polygon_is_inside(points: list[tuple[float, float]]) -> None:
    clipped = geometry.clipped(points, -10, 10)
    assert all(-10 - 1e-9 <= y <= 10 + 1e-9 for _, y in clipped)
    if all(-10 <= y <= 10 for _, y in points):
        assert clipped == points


def levels(*rows: tuple[str, int, float, float, float]) -> pd.DataFrame:
    """Rows of arm, level, sparsity, difference and half of its interval."""
    names = ["arm", "level", "sparsity", "difference", "half"]
    table = pd.DataFrame(list(rows), columns=names)
    return table.assign(
        n=3,
        accuracy=90 + table.difference,
        difference_low=table.difference - table.half,
        difference_high=table.difference + table.half,
    )


def panel(rows: pd.DataFrame, **changes: Any) -> Panel:
    tickets = pd.DataFrame(columns=["arm", "sparsity", "test_accuracy"])
    return replace(Panel("name", rows, tickets, 90.0, 0.5), **changes)


LINES = levels(
    ("winning_ticket", 0, 0.0, 0.0, np.nan),
    ("winning_ticket", 1, 0.5, 0.5, 0.5),
    ("winning_ticket", 2, 0.75, -2.0, 1.0),
    ("late_rewinding", 0, 0.0, 0.0, np.nan),
    ("late_rewinding", 1, 0.5, 0.5, 40.0),
    ("late_rewinding", 2, 0.75, -2.0, 40.0),
    ("reinit_same_mask", 1, 0.5, -1.0, 90.0),
)


def test_lines_are_named_at_their_ends_and_the_zero_line_is_dense() -> None:
    chart = str(differences.differences(panel(LINES), STYLES))
    names = re.findall(r'class="label">([^<]*)<', chart)
    assert sorted(names) == [
        "dense, 90.0 %",
        "fresh, same mask",
        "late rewinding",
        "winning ticket",
    ]
    heights = [float(y) for y in re.findall(r'y="([\d.]+)" class="label"', chart)]
    assert (np.diff(sorted(heights)) >= 14).all(), "no name over another"


def test_no_interval_leaves_the_frame_nor_stretches_it() -> None:
    """Of three seeds an interval may be dozens of points long; the lines must stay apart."""
    wide = str(differences.differences(panel(LINES), STYLES))
    for outline in re.findall(r'<polygon points="([^"]*)"', wide):
        heights = [float(point.split(",")[1]) for point in outline.split()]
        assert TOP - 0.1 <= min(heights) <= max(heights) <= BOTTOM + 0.1
    for line in re.findall(r'<polyline points="([^"]*)" class="line c2"', wide):
        heights = [float(point.split(",")[1]) for point in line.split()]
        assert TOP - 0.1 <= min(heights) <= max(heights) <= BOTTOM + 0.1
    ticks = [float(text.replace("−", "-")) for text in re.findall(r'class="end">([^<]*)<', wide)]
    assert -4 <= min(ticks) <= -2.5
    assert 1 <= max(ticks) <= 3


@pytest.mark.parametrize(
    ("accuracy", "text", "is_drawn"),
    [
        (90.8, "TF-IDF, 90.8 %", True),
        (99.0, "↑ TF-IDF, 99.0 %", False),
        (25.0, "↓ TF-IDF, 25.0 %", False),
    ],
)
def test_a_classifier_far_off_is_named_at_the_edge(
    accuracy: float, text: str, is_drawn: bool
) -> None:
    chart = str(differences.differences(panel(LINES, classifiers={"TF-IDF": accuracy}), STYLES))
    assert f'class="label">{text}<' in chart
    assert ("TF-IDF: +0.80 points" in chart) == is_drawn
    ticks = [float(text.replace("−", "-")) for text in re.findall(r'class="end">([^<]*)<', chart)]
    assert max(ticks) - min(ticks) <= 8, "it does not pull the axis"


def test_the_stars_of_two_tickets_do_not_cover_each_other() -> None:
    names = list(STYLES)[:2]
    tickets = pd.DataFrame({"arm": names, "sparsity": 0.5, "test_accuracy": [90.5, 90.5]})
    chart = str(differences.differences(panel(LINES, tickets=tickets), STYLES))
    stars = re.findall(r'translate\(([\d.]+) [\d.]+\)"><title>[^<]*the ticket chosen', chart)
    one, other = sorted(map(float, stars))
    assert other - one >= 13 - 0.1


def test_a_strategy_of_one_level_and_an_empty_panel_are_drawn() -> None:
    only = levels(("winning_ticket", 0, 0.0, 0.0, np.nan))
    assert "dense, 90.0 %" in differences.differences(panel(only), STYLES)
    assert "dense, 90.0 %" in differences.differences(panel(LINES.iloc[:0]), STYLES)


def contrast(effect: float, half: float, **changes: Any) -> dict[str, Any]:
    row = {"test": "difference", "effect": effect, "margin": 0.5}
    return {**row, "family_low": effect - half, "family_high": effect + half, **changes}


def test_all_effects_share_an_axis_that_covers_them() -> None:
    rows = pd.DataFrame([contrast(-3.4, 200.0), contrast(0.2, 0.1)])
    scale = effects.scale(rows)
    assert 3.4 <= scale.last <= 7
    assert scale.first == -scale.last
    long, short = (str(effects.effect(row, scale)) for row in rows.to_dict("records"))
    for points in re.findall(r'points="([^"]*)"', long + short):
        positions = [float(point.split(",")[0]) for point in points.split()]
        assert 0 <= min(positions) <= max(positions) <= effects.WIDTH
    # An arrowhead has three points, the end of an interval two.
    assert len(re.findall(r'points="\S+ \S+ \S+" class="line interval"', long)) == 2
    assert not re.findall(r'points="\S+ \S+ \S+" class="line interval"', short)
    assert "interval −203.40 to +196.60" in long


def test_a_match_is_drawn_against_minus_the_margin() -> None:
    scale = effects.scale(pd.DataFrame([contrast(-1.0, 0.2)]))
    null = {
        test: re.search(
            r'points="([\d.]+),\d+ \S+" class="line zero"',
            str(effects.effect(contrast(-1.0, 0.2, test=test), scale)),
        )
        for test in ("difference", "matching")
    }
    assert all(null.values())
    positions = {test: float(match[1]) for test, match in null.items() if match}
    assert positions["difference"] == pytest.approx(scale(0), abs=0.1)
    assert positions["matching"] == pytest.approx(scale(-0.5), abs=0.1)


def test_the_axis_of_effects_names_its_ticks_truly() -> None:
    scale = effects.scale(pd.DataFrame([contrast(14.0, 1.0)]))
    texts = re.findall(r'<text x="([\d.]+)"[^>]*>([+−]?[\d.]+)<', str(effects.axis(scale)))
    inner = texts[1:-1]
    assert len(inner) >= 3
    for place, text in inner:
        assert float(place) == pytest.approx(scale(float(text.replace("−", "-"))), abs=0.6)


def test_bars_start_at_the_majority_class() -> None:
    rows = [
        classifiers.Classifier("linear model", 95.0, "447 kB", "other"),
        classifiers.Classifier("dense network", 90.0, "2.2 MB", "ink"),
        classifiers.Classifier("missing", float("nan"), "", "c0"),
    ]
    chart = str(classifiers.classifiers("A", 50.0, rows))
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="7"', chart)]
    assert widths[1] / widths[0] == pytest.approx(40 / 45, abs=0.01)
    assert "missing" not in chart
    assert "most frequent class, 50.0 %" in chart
    assert "447 kB" in chart
