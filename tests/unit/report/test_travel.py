"""The part "Does it travel?": a chart for each pair, and gains by source and target."""

from dataclasses import replace
from itertools import product

import pandas as pd
from report_content import frame, nothing

from lottery.report import page, travel
from lottery.report.content import Content
from lottery.report.styles import styles

PAIRS = [("imdb", "rotten_tomatoes"), ("imdb", "own"), ("ag_news", "reuters_r8")]
ARMS = ("winning_ticket", "shuffled_mask", "transferred")


def content() -> Content:
    """Three pairs with one model; one contrast was not tested."""
    transfers = [
        (source, target, "cnn", "transferred", 1, 0.6, "dense", 5, -1.0, -2.0, 0.0)
        for source, target in PAIRS
    ]
    levels = [
        {
            **{"cell": f"{target}-cnn", "arm": arm, "level": level, "sparsity": 0.6 * level},
            **{"n": 5, "accuracy": 80.0, "low": 79.0, "high": 81.0, "difference": -1.0 * level},
            **{"difference_low": -2.0 * level, "difference_high": 0.0},
        }
        for (_, target), arm, level in product(PAIRS, ARMS, (0, 1))
        if level or arm == "winning_ticket"
    ]
    contrasts = [
        {
            **{"claim": travel.GAIN, "cell": f"{target}-cnn", "test": "difference"},
            **{"effect": effect, "family_low": effect - 1, "family_high": effect + 1},
            **{"verdict": verdict, "margin": 0.5},
        }
        for target, effect, verdict in (
            ("rotten_tomatoes", 1.5, "supported"),
            ("own", -0.25, "undecided"),
            ("reuters_r8", float("nan"), "not tested"),
        )
    ]
    tables = {
        **nothing(),
        "transfers": frame("transfers", transfers),
        "levels": pd.DataFrame(levels).assign(balanced_accuracy=80.0, macro_f1=80.0),
        "contrasts": pd.DataFrame(contrasts).reindex(columns=frame("contrasts").columns),
    }
    return Content(**tables)


def test_gains_by_source_and_target() -> None:
    whole = content()
    section = travel.section(whole, styles(whole))
    assert section is not None
    (table,) = section["gains"]
    assert [heading for heading, _ in table.columns] == [
        *("from", "to Rotten Tomatoes", "to own", "to Reuters R8")
    ]
    assert table.rows == [
        ["IMDb", "+1.50 (0.50 to 2.50), supported", "−0.25 (−1.25 to 0.75), undecided", ""],
        ["AG News", "", "", "–"],
    ]


def test_a_chart_for_each_pair() -> None:
    whole = content()
    section = travel.section(whole, styles(whole))
    assert section is not None
    titles = [panel["title"] for panel in section["panels"]]
    assert [title.split(" to ")[0] for title in titles] == ["IMDb", "IMDb", "AG News"]
    for panel in section["panels"]:
        for arm in ("transferred", "shuffled mask", "winning ticket"):
            assert arm in panel["chart"], "every arm of the target, other masks too"


def test_without_pairs_the_page_has_no_such_part() -> None:
    whole = content()
    assert "Does it travel?" in page.render(whole)
    assert "Does it travel?" not in page.render(replace(whole, transfers=pd.DataFrame()))
