"""The report page: what is in the tables is on it, and nothing of them can break it."""

import dataclasses
import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, refused

from lottery.analysis.barriers import barriers
from lottery.report.content import COLUMNS, Content
from lottery.report.page import render
from lottery.report.reference import curves
from lottery.report.svg import ticks
from lottery.report.tables import summary

CELLS = [
    f"{corpus}-{model}" for corpus in ("rotten_tomatoes", "reuters_r8") for model in ("cnn", "lstm")
]
HOSTILE = """<script>alert("1")</script>'"&<img src=x onerror=alert(2)></svg></style>{{ 7 * 7 }}"""
VERDICTS = ("supported", "contradicted", "undecided", "not tested")


def frame(name: str, rows: list[Any] | None = None) -> pd.DataFrame:
    return pd.DataFrame(rows or [], columns=COLUMNS[name].split())


def nothing() -> dict[str, Any]:
    tables: dict[str, Any] = {name: frame(name) for name in COLUMNS}
    return tables | {"tensors": {}, "epochs": {}, "connectivity": {}, "provenance": {}, "data": []}


def mean_levels(cell: str, runs: pd.DataFrame) -> pd.DataFrame:
    """As the analysis gives them, but with a plain range of two standard errors."""
    dense = runs[runs.level == 0].drop_duplicates("seed").set_index("seed").test_accuracy
    runs = runs.assign(difference=runs.test_accuracy - runs.seed.map(dense))
    groups = runs.groupby(["strategy", "level"], sort=False)
    own = groups.agg(sparsity=("sparsity", "mean"), n=("seed", "size")).reset_index()
    for name, low, high, key in (
        ("accuracy", "low", "high", "test_accuracy"),
        ("difference", "difference_low", "difference_high", "difference"),
    ):
        half = 2 * groups[key].sem().to_numpy()
        own[name] = groups[key].mean().to_numpy()
        own[low], own[high] = own[name] - half, own[name] + half
    return own.assign(cell=cell)


def paths_between(levels: int, seeds: int) -> pd.DataFrame:
    alphas = np.linspace(0, 1, 11)
    rows = [
        (
            kind,
            seed,
            level,
            alpha,
            0.1 + rise * alpha * (1 - alpha),
            20 + 4 * rise * alpha * (1 - alpha),
        )
        for place, kind in enumerate(("levels", "orders"))
        for seed in range(seeds)
        for level in range(place ^ 1, levels)
        for rise in [(1 + place) * (0.2 + 0.3 * level + 0.1 * seed)]
        for alpha in alphas
    ]
    return frame("connectivity", rows)


def cell_tables(cell: str) -> dict[str, Any]:
    """One cell of the repository's own tables, with made-up controls and exploratory tables."""
    runs = pd.read_csv(ROOT / "plots" / "curves" / f"{cell}.csv")
    chosen = runs[runs.chosen].groupby("strategy", sort=False)
    dense = runs[runs.level == 0].test_accuracy.mean()
    tickets = chosen.agg(sparsity=("sparsity", "mean"), test_accuracy=("test_accuracy", "mean"))
    tickets = tickets.reindex(runs.strategy.unique()).rename_axis("strategy").reset_index()
    controls = runs[(runs.strategy == "random_reinit") & runs.level.isin([2, 4])]
    made_up = [
        controls.assign(strategy=name, test_accuracy=controls.test_accuracy - 0.6 * place)
        for place, name in enumerate(("reinit_same_mask", "shuffled_mask", "snip"), 1)
    ]
    own = runs[runs.level > 0]
    tables = {
        name: pd.concat(
            pd.read_csv(ROOT / "plots" / "tables" / f"{cell}-{strategy}" / f"{name}.csv")
            for strategy in runs.strategy.unique()
        )
        for name in ("tensors", "epochs")
    }
    classes = [(number, name) for number, name in enumerate(("acq & trade", "earn", "<crude>"))]
    return tables | {
        "levels": mean_levels(cell, pd.concat([runs, *made_up])),
        "tickets": tickets.assign(cell=cell, difference=tickets.test_accuracy - dense),
        "per_seed": own[own.level == 2].assign(cell=cell, difference=own.test_accuracy - dense),
        "predictions": own.assign(
            cell=cell,
            only_dense=40 + own.level,
            only_level=38 - own.level,
            mcnemar_p=0.9 / 4.0**own.level,
            calibration_error=3 + 0.5 * own.seed,
        ),
        "classes": pd.concat(
            own[own.level.isin([1, 3])].assign(
                **{"cell": cell, "class": number, "name": name, "documents": 500 - 100 * number},
                accuracy=own.test_accuracy - number,
            )
            for number, name in classes
        ),
        "connectivity": paths_between(runs.level.nunique(), 3),
    }


def claims() -> dict[str, pd.DataFrame]:
    """Made up, with every verdict."""
    sentences = [
        "A winning ticket's own initial weights beat fresh random weights at the same sparsity.",
        "Moderate pruning makes test accuracy better than the dense network's.",
        "Late rewinding beats rewinding to the initial weights.",
        "The advantage survives a sensible scale of the embedding's first values.",
    ]
    names = [
        "winning_beats_same_mask",
        "moderate_pruning_helps",
        "late_beats_early",
        "sensible_scale",
    ]
    rows, contrasts = [], []
    for place, (name, sentence, verdict) in enumerate(zip(names, sentences, VERDICTS, strict=True)):
        tested = verdict != "not tested"
        rows.append((name, sentence, verdict, *(4 * (verdict == other) for other in VERDICTS)))
        for shift, cell in enumerate(CELLS):
            effect = (2.34, -1.52, 0.21, np.nan)[place] + 0.1 * shift
            half = 0.9 + 0.1 * shift
            measured = (3, effect, effect - half, effect + half, 0.0004, 0.0123, np.nan, 1.87)
            contrasts.append(
                (name, cell, "winning_ticket - reinit_same_mask", "3 4" if tested else np.nan)
                + (measured if tested else (0, *[np.nan] * 7))
                + (verdict,)
            )
    return {"claims": frame("claims", rows), "contrasts": frame("contrasts", contrasts)}


@cache
def realistic(count: int = len(CELLS)) -> Content:
    """The committed tables of the quick profile's first cells, and claims that were made up."""
    own = {cell: cell_tables(cell) for cell in CELLS[:count]}
    joined = {
        name: pd.concat(tables[name] for tables in own.values())
        for name in ("levels", "tickets", "per_seed", "predictions", "classes")
    }
    by_cell = {
        name: {cell: tables[name] for cell, tables in own.items()}
        for name in ("tensors", "epochs", "connectivity")
    }
    return Content(
        **claims(),
        **joined,
        **by_cell,
        failed=frame("failed", [(CELLS[1], "late_rewinding", 2, 5, "the loss is not finite")]),
        provenance={
            "code": "32f6310c0ffee32f6310c0ffee32f6310c0ffee",
            "parameters": "params.yaml, sha256 " + 4 * "0123456789abcdef",
            "versions": "Python 3.11, torch 2.13.0, numpy 2.4.0, pandas 3.0.0",
        },
        data=[
            {
                "corpus": "rotten_tomatoes",
                "documents": 10662,
                "of": 10662,
                "classes": 2,
                "note": "",
            },
            {
                "corpus": "reuters_r8",
                "documents": 7674,
                "of": 21578,
                "classes": 8,
                "note": "Only documents with exactly one of the eight topics are in this set.",
            },
        ],
    )


def test_the_same_bytes_each_time() -> None:
    assert render(realistic()) == render(realistic())


def test_no_room_of_training_is_opened() -> None:
    rooms = "'torch', 'dvc', 'lottery.training', 'lottery.models', 'lottery.kernels'"
    code = f"import sys, lottery.report.page; sys.exit(bool({{{rooms}}} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_nothing_is_asked_for() -> None:
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


def test_an_empty_page() -> None:
    page = render(Content(**nothing()))
    assert "Nothing was run yet" in page
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
    assert "one seed: no intervals" in page
    assert "There is one seed" in page


def test_hostile_words_stay_words() -> None:
    def spoilt(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key) + HOSTILE: spoilt(own) for key, own in value.items()}
        if isinstance(value, list):
            return [
                {k: own + HOSTILE if isinstance(own, str) else own for k, own in row.items()}
                for row in value
            ]
        if isinstance(value, str):
            return value + HOSTILE
        # Kinds of paths are ours; all other words may come from a user's file.
        words = [
            c
            for c in value
            if pd.api.types.is_string_dtype(value[c]) and c not in ("kind", "levels")
        ]
        return value.assign(**{column: value[column] + HOSTILE for column in words})

    whole = realistic(1)
    page = render(
        Content(**{f.name: spoilt(getattr(whole, f.name)) for f in dataclasses.fields(whole)})
    )
    parser = Tags()
    parser.feed(page)
    clean = Tags()
    clean.feed(render(whole))
    assert parser.tags <= clean.tags
    assert not any(name.startswith("on") for name in parser.attributes)
    assert HOSTILE in visible(page)  # said as it is, braces too


def test_every_value_is_shown() -> None:
    whole = realistic(1)
    page, seen = render(whole), visible(render(whole))
    for row in whole.levels.to_dict("records"):
        for value in (row["accuracy"], row["low"], row["high"]):
            assert f"{value:.2f}" in seen
        assert f"{100 * row['sparsity']:.1f} %" in seen
    for row in whole.per_seed.to_dict("records"):
        assert f"{row['test_accuracy']:.2f}" in seen
        assert f"{row['difference']:+.2f}".replace("-", "−") in seen
    for row in whole.contrasts.dropna(subset=["effect"]).to_dict("records"):
        for key in ("effect", "low", "high"):
            assert f"{row[key]:+.2f}".replace("-", "−") in seen
        assert row["verdict"] in seen
    means = whole.predictions.groupby(["strategy", "level"]).calibration_error.mean()
    assert all(f"{value:.2f}" in seen for value in means)
    for row in whole.tensors[CELLS[0]].drop_duplicates(["parameter", "level"]).to_dict("records"):
        assert f"{row['parameter']}, level {row['level']}: " in page
    for text in [
        *whole.claims.sentence,
        *whole.provenance.values(),
        "acq & trade (500)",
        "<crude> (300)",
    ]:
        assert text in seen, text
    for words in ("21,578", "the loss is not finite", "no ticket", "1 failed run is left out"):
        assert words in seen, words


def test_verdicts_are_words() -> None:
    seen = visible(render(realistic(1)))
    for sign, verdict in zip("✓✗?–", VERDICTS, strict=True):
        assert f"{sign} {verdict}" in " ".join(seen.split())
    assert "late_beats_early is undecided" in seen
    assert "sensible_scale is not tested" in seen


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
    seen = one_contrast("contradicted", 0.987, 0.0234)
    assert "0.023 (worse)" in seen
    assert seen.count("0.023") == 2, "in the claim's summary and in the cell's row"
    assert "0.987" not in seen


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
    seen = one_contrast(verdict, p_holm, p_worse)
    assert seen.count(expected) == 2
    assert absent not in seen
    assert "0.777" in seen, "the p without a correction stands beside it"


def test_a_claims_smallest_p_is_of_what_its_verdicts_rest_on() -> None:
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
    own = page.split("<h2>imdb-cnn</h2>")[1].split("<h2>")[0]
    assert "2020 study, winning ticket, one trial" in own.replace(": one", ", one")
    assert "2020 study" not in render(whole).split(f"<h2>{CELLS[0]}</h2>")[1].split("<h2>")[0]
    study = page.split("2020 study, other data</h2>")[1]
    assert "ag_news-lstm" in study
    assert "imdb-cnn" not in study


def test_the_chart_has_its_values() -> None:
    page = render(realistic(1))
    titles = re.findall(r"<title>([^<]*)</title>", page)
    levels = realistic(1).levels
    for row in levels.to_dict("records"):
        start = (
            f"{row['strategy'].replace('_', ' ')}, level {row['level']}: {row['accuracy']:.2f} %"
        )
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


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (64.9, 76, [64, 66, 68, 70, 72, 74, 76]), (5, 5, 7)],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: Any) -> None:
    own = ticks(low, high)
    assert own[0] <= low <= high <= own[-1]
    if isinstance(expected, list):
        assert own == pytest.approx(expected)
    else:
        assert len(own) <= expected


class Tags(HTMLParser):
    """Every element and attribute of a page, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def visible(page: str) -> str:
    """The words of a page, without markup and style."""
    parser = Tags()
    parser.feed(re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    return " ".join("".join(parser.words).split(" "))
