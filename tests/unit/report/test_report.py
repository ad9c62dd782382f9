"""The report page: everything in the tables is on it, and nothing in them can break it."""

import dataclasses
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, refused
from report_content import CELLS, HOSTILE, VERDICTS, frame, nothing, realistic

from lottery.analysis.barriers import barriers
from lottery.report.charts.svg import ticks
from lottery.report.content import COLUMNS, Content
from lottery.report.page import render
from lottery.report.reference import curves
from lottery.report.styles import LINES
from lottery.report.tables import summary


def test_the_same_bytes_each_time() -> None:
    assert render(realistic()) == render(realistic())


def test_no_room_of_training_is_opened() -> None:
    rooms = "'torch', 'dvc', 'lottery.training', 'lottery.models', 'lottery.kernels'"
    code = f"import sys, lottery.report.page; sys.exit(bool({{{rooms}}} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_the_page_loads_nothing_else() -> None:
    page = render(realistic())
    for word in (
        "<script",
        "<img",
        '<link rel="stylesheet',
        "@import",
        "url(",
        "http://",
        "https://",
    ):
        assert word not in page.replace("http://www.w3.org", ""), word


def test_the_page_has_the_colors_of_the_figures() -> None:
    """``styles`` decides them; the style sheet only says what is drawn in which."""
    page = render(realistic())
    light, dark = re.findall(r":root \{ (--c0: .*?) \}", page)
    colors = [
        (f"--c{n}: {line.color}", f"--c{n}: {line.dark_color}") for n, line in enumerate(LINES)
    ]
    assert light == "; ".join(color for color, _ in colors) + ";"
    assert dark == "; ".join(color for _, color in colors) + ";"
    assert all(f".c{number} {{ --c: var(--c{number}); }}" in page for number in range(len(LINES)))


def test_an_empty_page() -> None:
    page = render(Content(**nothing()))
    assert "Nothing has been run yet" in page
    assert "No claim was tested." in page
    assert "2020 study, other data" in page
    bare = {name: pd.DataFrame() if name in COLUMNS else value for name, value in nothing().items()}
    bare |= {"tensors": {}, "epochs": {}, "connectivity": {}}
    assert render(Content(**bare)) == page


@pytest.mark.parametrize("name", [*COLUMNS, "provenance", "data"])
def test_each_part_may_be_missing(name: str) -> None:
    whole = realistic(1)
    empty = dataclasses.replace(whole, **{name: nothing()[name]})
    page = render(empty)
    assert page != render(whole)
    assert "nan" not in visible(page).split()


def test_a_table_without_a_column_is_refused() -> None:
    levels = realistic(1).levels.drop(columns="low")
    refused(lambda: Content(**{**nothing(), "levels": levels}), "'levels'", "low", "dvc repro")
    epochs = {"a-cnn": pd.DataFrame({"epoch": [1]})}
    refused(lambda: Content(**{**nothing(), "epochs": epochs}), "'epochs'", "train_loss")


def test_one_seed_has_no_band() -> None:
    whole = realistic(1)
    alone = dict.fromkeys(["low", "high", "difference_low", "difference_high"], np.nan)
    page = render(dataclasses.replace(whole, levels=whole.levels.assign(n=1, **alone)))
    assert 'class="band' in render(whole)
    assert 'class="band' not in page
    assert "one seed, so no intervals" in page
    assert "There is one seed" in page


def test_hostile_text_stays_text() -> None:
    def spoiled(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key) + HOSTILE: spoiled(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [
                {k: cell + HOSTILE if isinstance(cell, str) else cell for k, cell in row.items()}
                for row in value
            ]
        if isinstance(value, str):
            return value + HOSTILE
        # Kinds of lines are ours; all other text may come from a user's file.
        columns = [
            name
            for name in value
            if pd.api.types.is_string_dtype(value[name]) and name not in ("kind", "levels")
        ]
        return value.assign(**{name: value[name] + HOSTILE for name in columns})

    whole = realistic(1)
    page = render(
        Content(**{f.name: spoiled(getattr(whole, f.name)) for f in dataclasses.fields(whole)})
    )
    parser = Tags()
    parser.feed(page)
    unspoiled = Tags()
    unspoiled.feed(render(whole))
    assert parser.tags <= unspoiled.tags
    assert not any(name.startswith("on") for name in parser.attributes)
    assert HOSTILE in visible(page)  # as it was, braces too


def test_every_value_is_on_the_page() -> None:
    whole = realistic(1)
    page, text = render(whole), visible(render(whole))
    for row in whole.levels.to_dict("records"):
        for value in (row["accuracy"], row["low"], row["high"]):
            assert f"{value:.2f}" in text
        assert f"{100 * row['sparsity']:.1f} %" in text
    for row in whole.per_seed.to_dict("records"):
        assert f"{row['test_accuracy']:.2f}" in text
        assert f"{row['difference']:+.2f}".replace("-", "−") in text
    for row in whole.contrasts.dropna(subset=["effect"]).to_dict("records"):
        for key in ("effect", "low", "high"):
            assert f"{row[key]:+.2f}".replace("-", "−") in text
        assert row["verdict"] in text
    means = whole.predictions.groupby(["arm", "level"]).calibration_error.mean()
    assert all(f"{value:.2f}" in text for value in means)
    for row in whole.tensors[CELLS[0]].drop_duplicates(["parameter", "level"]).to_dict("records"):
        assert f"{row['parameter']}, level {row['level']}: " in page
    for words in [
        *whole.claims.sentence,
        *whole.provenance.values(),
        "acq & trade (500)",
        "<crude> (300)",
    ]:
        assert words in text, words
    for words in ("21,578", "the loss is not finite", "no ticket", "1 failed run is excluded"):
        assert words in text, words


def cell_of(page: str) -> str:
    """The text of the first cell's section, without the tables that are folded up."""
    section = page.split(f"<h2>{CELLS[0]}</h2>")[1].split("<h2>")[0]
    return " ".join(visible(re.sub(r"<details>.*?</details>", "", section, flags=re.S)).split())


def test_dense_stands_beside_the_most_frequent_class() -> None:
    whole = realistic(1)
    text = cell_of(render(whole))
    assert "Always answering the most frequent class is right for 51.25 %." in text
    assert "unequal" not in text
    (dense,) = whole.dense.to_dict("records")
    rows = f"most frequent class – 51.25 – – – – dense 0.0 % {dense['test_accuracy']:.2f}"
    assert rows in text
    assert "Why there is no ticket" in text
    assert "level 1 is more than 0.5 points below dense" in text


def test_unequal_classes_and_no_ticket_are_said_before_any_table() -> None:
    """98 % ham: the page must not praise 98 %."""
    whole = realistic(1)
    reason = "on validation the dense network is right for 98.0 %"
    spam = {"test_majority": 98.0, "test_balanced_accuracy": 50.0, "test_macro_f1": 49.5}
    page = render(
        dataclasses.replace(
            whole,
            dense=whole.dense.assign(no_ticket=reason, **spam),
            tickets=whole.tickets.assign(sparsity=np.nan, test_accuracy=np.nan, reason=reason),
        )
    )
    text = cell_of(page)
    start = text[: text.index("Test accuracy (%) against weights remaining")]
    assert "The 2 classes are of unequal size" in start
    assert "a balanced accuracy of 50.00 % and a macro-F1 of 49.50 %" in start
    assert f"No ticket: {reason}." in start
    assert "the ticket chosen on validation:" not in page, "no star"
    assert "No ticket" not in cell_of(render(whole))


def test_verdicts_are_words() -> None:
    text = visible(render(realistic(1)))
    for sign, verdict in zip("✓✗?–", VERDICTS, strict=True):
        assert f"{sign} {verdict}" in " ".join(text.split())
    assert "late_beats_early is undecided" in text
    assert "sensible_scale is not tested" in text


def one_contrast(verdict: str, p_holm: float, p_worse: float) -> str:
    """What a page says of one claim with one contrast."""
    counts = [int(verdict == other) for other in VERDICTS]
    row = ("match", "a-cnn", "winning_ticket - dense", "1", 3, -2.1, -2.4, -1.8, 0.777)
    tables = {
        "claims": frame("claims", [("match", "It matches.", verdict, *counts)]),
        "contrasts": frame("contrasts", [(*row, p_holm, p_worse, 1.5, verdict)]),
    }
    return visible(render(Content(**{**nothing(), **tables})))


def test_a_contradicted_match_shows_the_p_of_being_worse() -> None:
    """Its other p, of being no worse, is near 1 and contradicts nothing."""
    text = one_contrast("contradicted", 0.987, 0.0234)
    assert "0.023 (worse)" in text
    assert text.count("0.023") == 2, "in the claim's summary and in the cell's row"
    assert "0.987" not in text


@pytest.mark.parametrize(
    ("verdict", "p_holm", "p_worse", "expected", "absent"),
    [
        ("contradicted", 0.0123, np.nan, "0.012", "worse)"),  # a difference, on the wrong side
        ("supported", 0.0123, 0.9876, "0.012", "0.988"),
        ("undecided", 0.4321, 0.0678, "0.432", "0.068"),
    ],
)
def test_any_other_verdict_shows_holms_p(
    verdict: str, p_holm: float, p_worse: float, expected: str, absent: str
) -> None:
    text = one_contrast(verdict, p_holm, p_worse)
    assert text.count(expected) == 2
    assert absent not in text
    assert "0.777" in text, "the p without a correction is beside it"


def test_a_claims_smallest_p_is_one_that_a_verdict_rests_on() -> None:
    """Of a contradicted match the p of being worse, of an undecided one Holm's."""
    row = ("match", "a-cnn", "winning_ticket - dense", "1", 3, -2.1, -2.4, -1.8, 0.5)
    contrasts = frame(
        "contrasts",
        [
            (*row, 0.999, 0.045, 1.5, "contradicted"),
            (*row, 0.061, 0.0511, 1.5, "undecided"),
        ],
    )
    assert summary(contrasts)["p"] == "0.045"
    assert summary(contrasts.assign(verdict="undecided"))["p"] == "0.061"


def test_the_published_curve_lies_behind_its_own_cell_only() -> None:
    whole = realistic(1)
    renamed = whole.levels.assign(cell="imdb-cnn")
    page = render(dataclasses.replace(whole, levels=renamed))
    imdb = page.split("<h2>imdb-cnn</h2>")[1].split("<h2>")[0]
    assert "2020 study, winning ticket, one trial" in imdb.replace(": one", ", one")
    assert "2020 study" not in render(whole).split(f"<h2>{CELLS[0]}</h2>")[1].split("<h2>")[0]
    study = page.split("2020 study, other data</h2>")[1]
    assert "ag_news-lstm" in study
    assert "imdb-cnn" not in study


def test_the_chart_has_its_values() -> None:
    page = render(realistic(1))
    titles = re.findall(r"<title>([^<]*)</title>", page)
    levels = realistic(1).levels
    for row in levels.to_dict("records"):
        start = f"{row['arm'].replace('_', ' ')}, level {row['level']}: {row['accuracy']:.2f} %"
        assert any(title.startswith(start) for title in titles), start
    tickets = realistic(1).tickets.sparsity.notna().sum()
    assert sum("the ticket chosen on validation" in title for title in titles) == tickets


def test_reference_curves() -> None:
    published = curves()
    assert list(published) == ["cell", "arm", "level", "remaining", "test_accuracy"]
    assert len(published) == 4 * 3 * 21
    winning = published[(published.cell == "imdb-cnn") & (published.arm == "lt")]
    assert winning.test_accuracy.iloc[[0, 2]].tolist() == [87.042, 87.55]
    assert winning.remaining.iloc[2] == pytest.approx(64)


def test_barriers_by_hand() -> None:
    rows = [
        ("levels", 0, 1, alpha, 1 + alpha + rise, 10.0)
        for alpha, rise in ((1, 0), (0, 0), (0.5, 0.3))
    ]
    (row,) = barriers(frame("connectivity", rows)).to_dict("records")
    assert row["train_loss"] == pytest.approx(0.3)  # over the chord from 1 to 2, whatever the order
    assert row["test_error"] == 0


def test_the_page_says_what_a_barrier_is() -> None:
    whole = realistic(1)
    (lines,) = whole.connectivity.values()
    text = " ".join(visible(render(whole)).split())
    assert "(Entezari et al. 2022, Paul et al. 2022; Frankle et al. 2020 compare with the" in text
    assert f"a lower bound: only {lines.alpha.nunique()} networks on each line" in text
    assert "Two orders of the data also differ in their dropout." in text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (64.9, 76, [64, 66, 68, 70, 72, 74, 76]), (5, 5, 7)],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: Any) -> None:
    values = ticks(low, high)
    assert values[0] <= low <= high <= values[-1]
    if isinstance(expected, list):
        assert values == pytest.approx(expected)
    else:
        assert len(values) <= expected


class Tags(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def visible(page: str) -> str:
    """The text of a page, without markup and style."""
    parser = Tags()
    parser.feed(re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    return " ".join("".join(parser.text).split(" "))
