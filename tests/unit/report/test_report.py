"""The report page: everything in the tables is on it, and nothing in them can break it."""

import dataclasses
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, refused
from report_content import (
    CELLS,
    HOSTILE,
    SEPARATE,
    VERDICTS,
    contrast,
    frame,
    nothing,
    realistic,
)

from lottery.analysis.barriers import barriers
from lottery.config import params
from lottery.report import answer, claims, collect, sentences
from lottery.report.charts.svg import ticks
from lottery.report.content import COLUMNS, Content
from lottery.report.names import cell_title, display_name
from lottery.report.page import render
from lottery.report.reference import curves
from lottery.report.styles import LINES, OTHER_MASKS
from lottery.storage import paths


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
    bare |= {name: {} for name in SEPARATE}
    assert render(Content(**bare)) == page


@pytest.mark.parametrize("name", [*COLUMNS, "provenance", "data"])
def test_each_part_may_be_missing(name: str) -> None:
    pair = ("imdb", *CELLS[0].split("-"), "transferred", 1, 0.65, "dense", 3, -1.0, -2.0, 0.0)
    whole = dataclasses.replace(realistic(1), transfers=frame("transfers", [pair]))
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
    band = re.compile('class="band c[0-9]')
    assert band.search(render(whole))
    assert not band.search(page)
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
    text = visible(render(whole))
    for row in whole.levels.to_dict("records"):
        for value in (row["accuracy"], row["low"], row["high"]):
            assert f"{value:.2f}" in text
        assert f"{100 * row['sparsity']:.1f} %" in text
    for row in whole.per_seed.to_dict("records"):
        assert f"{row['test_accuracy']:.2f}" in text
        assert f"{row['difference']:+.2f}".replace("-", "−") in text
    for row in whole.contrasts.dropna(subset=["effect"]).to_dict("records"):
        for key in ("effect", "family_low", "family_high"):
            assert f"{row[key]:+.2f}".replace("-", "−") in text
        assert row["verdict"] in text
    means = whole.predictions.groupby(["arm", "level"]).calibration_error.mean()
    assert all(f"{value:.2f}" in text for value in means)
    for words in [
        *whole.claims.sentence,
        *whole.provenance.values(),
        "acq & trade (500)",
        "<crude> (300)",
    ]:
        assert words in text, words
    for words in ("21,578", "the loss is not finite", "no ticket", "1 failed run is excluded"):
        assert words in text, words


def cell_of(page: str, cell: str = CELLS[0], is_folded: bool = True) -> str:
    """The text of a cell's section; if ``is_folded`` without what is folded up."""
    section = page.split(f"<h2>{cell_title(cell)}</h2>")[1].split("<h2>")[0]
    if is_folded:
        section = re.sub(r"<details>.*?</details>", "", section, flags=re.S)
    return " ".join(visible(section).split())


def test_dense_stands_beside_the_most_frequent_class() -> None:
    whole = realistic(1)
    text = cell_of(render(whole))
    assert "Always answering the most frequent class is right for 51.25 %." in text
    assert "unequal" not in text
    (dense,) = whole.dense.to_dict("records")
    rows = f"most frequent class – 51.25 – – – – dense 0.0 % {dense['test_accuracy']:.2f}"
    folded = cell_of(render(whole), is_folded=False)
    assert rows in folded
    assert "Why there is no ticket" in folded
    assert "level 1 is more than 0.5 points below dense" in folded


def test_a_cell_says_what_was_trained_and_what_is_simpler() -> None:
    """The ticket's size is computed where it was not exported."""
    whole = dataclasses.replace(realistic(1), files={})
    text = cell_of(render(whole)).replace(" ,", ",")
    for words in (
        *("weights 5.12 million", "documents 4,777 train, 2,047 validation, 1,706 test"),
        *("words per text 19, cut at 24", "epochs 3", "linear model (TF-IDF)", "73.6 %", "248 kB"),
        *("dense network", "20.5 MB", "bars start at the most frequent class, 51.2 %"),
    ):
        assert words in text, words
    best = whole.tickets.dropna(subset="sparsity").sort_values(["sparsity", "test_accuracy"])
    density = 1 - best.sparsity.iloc[-1]
    size = 4 * 5_120_801 * density + 5_120_801 / 8
    assert f"{size / 1e6:.1f} MB" in text, "a float per weight and a bit per position"
    bare = dataclasses.replace(whole, facts=frame("facts"))
    assert "linear model (TF-IDF)" not in cell_of(render(bare))


def test_the_answer_comes_before_any_table_and_any_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the committed tables: the question, the answer, the run, then the overview."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(paths, "TIMES", tmp_path)  # where the time of a run is recorded
    content = collect.content(params.load(ROOT / "params.yaml"))
    page = render(content)
    body = page[page.index("<body>") :]
    question, answer_at = body.index("match the dense network?</h1>"), body.index('class="answer"')
    assert question < answer_at < body.index('class="run"') < body.index("<svg")
    assert body.index("<svg") < body.index("<table")
    assert len(re.findall("<[a-z]", body[: body.index("<svg")])) < 40, "nothing comes before it"
    sentences = answer.sentences(content.claims, content.contrasts, content.levels)
    assert len(sentences) == 3
    words = " ".join(visible(body[: body.index("<svg")]).split())
    for sentence in sentences:
        assert " ".join(sentence.split()) in words
    for cell in content.cells():
        assert f"<h2>{cell_title(cell)}</h2>" in page
        assert f"<figcaption>{cell_title(cell)} " in page


def test_small_data_and_few_epochs_are_said() -> None:
    whole = realistic(1)
    words = "Small data and few epochs (4,777 texts, 3 epochs) reward starts that learn fast."
    assert words in visible(render(whole))
    for changes in ({"train": 84_000}, {"epochs": 10}, {"epochs": np.nan}):
        page = render(dataclasses.replace(whole, facts=whole.facts.assign(**changes)))
        assert "reward starts" not in page


@pytest.mark.parametrize("arm", OTHER_MASKS)
def test_controls_that_pull_the_axis_have_a_chart_of_their_own(arm: str) -> None:
    whole = realistic(1)
    levels = whole.levels.assign(arm=whole.levels.arm.replace({"reinit_same_mask": arm, arm: "x"}))
    page = render(dataclasses.replace(whole, levels=levels))
    overview = page.split('id="overview"')[1].split("</section>")[0]
    title = f"<title>{display_name(arm)}, level"
    assert title not in overview
    assert title in page.split("Does it matter which weights remain?")[1]


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
    start = text[: text.index("Is the network worth pruning?")]
    assert "The 2 classes are of unequal size" in start
    assert "a balanced accuracy of 50.00 % and a macro-F1 of 49.50 %" in start
    assert f"No ticket: {reason}." in start
    assert "the ticket chosen on validation:" not in page, "no star"
    assert "No ticket" not in cell_of(render(whole))


def test_verdicts_are_words() -> None:
    text = visible(render(realistic(1)))
    for sign, verdict in zip("✓✗≈≈?–", VERDICTS, strict=True):
        assert f"{sign} {verdict}" in " ".join(text.split())
    groups = re.findall(r'<h3><span class="sign"[^>]*>(.)</span> ([a-z ]+) <', render(realistic(1)))
    assert groups == list(
        zip("✓✗≈≈?", [*VERDICTS[:2], *VERDICTS[3:1:-1], "undecided"], strict=True)
    )


def of_contrasts(verdict: str, *contrasts: tuple[Any, ...], with_documents: str = "") -> str:
    """What a page says of one claim with these contrasts."""
    row = ("it", "So it is.", verdict, with_documents or verdict, *[0] * len(VERDICTS))
    tables = {"claims": frame("claims", [row]), "contrasts": frame("contrasts", list(contrasts))}
    return " ".join(visible(render(Content(**{**nothing(), **tables}))).split())


@pytest.mark.parametrize(
    ("verdict", "p"),
    [
        ("supported", "0.012"),
        ("undecided", "0.012"),
        ("no difference beyond the margin", "0.023 (within the margin)"),
        ("a difference smaller than the margin", "0.023 (within the margin)"),
    ],
)
def test_the_p_is_that_of_the_test_that_decides(verdict: str, p: str) -> None:
    text = of_contrasts(verdict, contrast("it", "a-cnn", verdict, 0.3, 0.1, verdict))
    assert text.count(p) == 1
    assert "< 0.001" in text.replace("\u00a0", " "), "the p without a correction is beside it"


def test_how_many_tests_and_the_margin_are_said() -> None:
    """A contrast that two claims need is one."""
    one = contrast("it", "a-cnn", "supported", 2.0, 1.0, "supported")
    open_ones = [contrast("it", f"{c}-cnn", "undecided", 1.0, 2.0, "undecided") for c in "bc"]
    missing = contrast("it", "d-cnn", "not tested", np.nan, np.nan, "not tested")
    text = of_contrasts("undecided", one, ("other", *one[1:]), *open_ones, missing)
    assert "3 contrasts were tested, each once and each at 5 % divided by 3" in text
    assert "The margin is 0.50 points" in text
    assert "contrasts were tested" not in of_contrasts("not tested", missing)


def test_the_numbers_beside_a_claim_are_of_one_contrast() -> None:
    """Of the weakest that supports it, otherwise of the strongest with its verdict."""
    rows = [
        contrast("it", cell, verdict, effect, 1.0, verdict)
        for cell, verdict, effect in (
            *(("a-cnn", "supported", 2.5), ("b-cnn", "supported", 2.0)),
            *(("c-cnn", "undecided", 0.25), ("d-cnn", "undecided", 0.75)),
        )
    ]
    ps = iter((0.001, 0.04, 0.3, 0.9))
    table = frame("contrasts", rows).assign(p_corrected=lambda rows: [next(ps) for _ in rows.cell])
    for verdict, cell, effect in (
        ("supported", "b-cnn", 2.0),
        ("undecided", "c-cnn", 0.25),
        ("mixed", "a-cnn", 2.5),
    ):
        chosen = claims.deciding(verdict, table)
        assert chosen
        assert (chosen["cell"], chosen["effect"]) == (cell, effect)
    assert claims.deciding("not tested", table.assign(verdict="not tested")) is None


def test_the_power_of_a_match_is_a_distance_from_the_margin() -> None:
    row = list(contrast("it", "a-cnn", "supported", 0.1, 0.2, "supported"))
    row[2] = "matching"
    assert "1.87 from −0.50" in of_contrasts("supported", tuple(row))


def test_a_fragile_verdict_says_what_it_changes_to() -> None:
    words = "fragile: undecided with the test documents' uncertainty"
    fragile = contrast("it", "a-cnn", "supported", 2.0, 1.0, "undecided")
    assert of_contrasts("supported", fragile, with_documents="undecided").count(words) == 2
    firm = contrast("it", "a-cnn", "supported", 2.0, 1.0, "supported")
    unknown = (*firm[:-1], np.nan)
    assert of_contrasts("supported", fragile, firm, unknown).count(words) == 1


def test_effects_are_written_in_their_unit_and_within_reason() -> None:
    """No accuracy is 300 points from another, and a ticket's share is not measured in points."""
    whole = realistic(1)
    wide = {"family_low": -412.7, "family_high": 413.1, "minimum_detectable_effect": 687.3}
    points = visible(render(dataclasses.replace(whole, contrasts=whole.contrasts.assign(**wide))))
    assert "under −100 to over +100" in points
    assert "no difference in accuracy could have been found with three seeds" in points
    assert "687.30" not in points
    match = dataclasses.replace(whole, contrasts=whole.contrasts.assign(test="matching", **wide))
    assert "687.30" not in visible(render(match))
    ticket = whole.contrasts.assign(test="ticket", effect=1.5, **wide)
    text = visible(render(dataclasses.replace(whole, contrasts=ticket)))
    assert "+1.50 log2" in text
    assert "−412.70 log2 to +413.10 log2" in text
    assert "687.30 log2" in text


def test_a_contrast_that_was_not_tested_says_why() -> None:
    text = visible(render(realistic(1)))
    assert text.count("snip was not run") == len(CELLS) + 1, "each contrast, and the claim"
    assert "Not tested: snip was not run." in text


def test_a_claim_whose_contrasts_were_tested_says_why_it_was_not() -> None:
    """It is about two corpora, and the run has one."""
    text = of_contrasts("not tested", contrast("it", "a-cnn", "supported", 2.0, 1.0, "supported"))
    assert "Not tested: the run has too few corpora or models for it." in text
    assert "1 not tested" in text


def test_the_published_curve_lies_behind_its_own_cell_only() -> None:
    whole = realistic(1)
    renamed = whole.levels.assign(cell="imdb-cnn")
    page = render(dataclasses.replace(whole, levels=renamed))
    imdb = page.split(f"<h2>{cell_title('imdb-cnn')}</h2>")[1].split("<h2>")[0]
    assert "2020 study, winning ticket: one trial" in imdb
    assert "2020 study" not in cell_of(render(whole), is_folded=False)
    study = page.split("2020 study, other data")[1]
    assert cell_title("ag_news-lstm") in study
    assert cell_title("imdb-cnn") not in study


def test_a_published_curve_is_against_its_own_dense_network() -> None:
    """Its size and data are said beside it, so that 87 % beside 73 % is explained."""
    whole = realistic(1)
    renamed = {
        name: getattr(whole, name).assign(cell="imdb-cnn")
        for name in ("levels", "dense", "facts", "tickets")
    }
    text = cell_of(render(dataclasses.replace(whole, **renamed)), "imdb-cnn")
    assert (
        "in 2020 86.5 to 87.9 %, 5.12 million weights, 28,000 documents, one trial per arm" in text
    )
    dense = whole.dense.test_accuracy.iloc[0]
    assert f"here {dense:.1f} %, 5.12 million weights, 4,777 documents" in text
    assert "2020 study, winning ticket: −0.48 points, 86.56 % with 80.0 % of weights" in text


def test_the_study_stands_beside_ours_row_by_row() -> None:
    whole = realistic(1)
    section = render(whole).split('id="study"')[1].split("</table>")[0]
    row = " ".join(visible(section).split())
    assert "87.04 87.55 at 36.0 % 73.5 73.2 at 65.0 % – 3" in row.replace("73.3", "73.2")
    text = visible(render(whole))
    assert f"{cell_title(CELLS[0])}: 3 seeds (2020: one trial)." in text
    without = dataclasses.replace(whole, study=frame("study"))
    assert "None of its cells is in this run" in visible(render(without))


def test_the_chart_has_its_values() -> None:
    page = render(realistic(1))
    titles = re.findall(r"<title>([^<]*)</title>", page)
    levels = realistic(1).levels
    for row in levels[levels.level > 0].to_dict("records"):
        difference = f"{row['difference']:+.2f}".replace("-", "−")
        start = f"{display_name(row['arm'])}, level {row['level']}: {difference} points"
        assert any(title.startswith(start) for title in titles), start
    tickets = realistic(1).tickets.dropna(subset="sparsity").arm
    stars = [title for title in titles if "the ticket chosen on validation" in title]
    assert {title.partition(",")[0] for title in stars} == set(map(display_name, tickets))


def test_what_the_rate_alone_decides_is_a_sentence() -> None:
    """And a chart where tensors differ between arms, as with one ranking of all weights."""
    whole = realistic(1)
    tensors = whole.tensors[CELLS[0]]
    shares = sentences.densities(tensors)
    assert shares.startswith("Of each tensor 45.0 %, 20.3 %, 9.1 % and 4.1 % of the weights remain")
    assert "at levels 1, 2, 3 and 4; of the output layer" in shares
    is_other = (tensors.parameter == "conv3_weight") & (tensors.level == 2)
    unequal = tensors.assign(remaining=tensors.remaining.where(~is_other, 10))
    assert sentences.densities(unequal) == ""
    page = render(dataclasses.replace(whole, tensors={CELLS[0]: unequal}))
    assert "conv3_weight, level 2: " in page
    assert "conv3_weight, level 2: " not in render(whole)


def test_barriers_of_one_level_are_a_sentence() -> None:
    whole = realistic(1)
    (lines,) = whole.connectivity.values()
    assert sentences.one_level_of_barriers(lines) == ""
    only = lines[lines.level == 2]
    text = sentences.one_level_of_barriers(only)
    rises = barriers(only).groupby("kind").test_error.mean()
    assert text.startswith("At level 2, the barriers are, in the mean over three seeds: ")
    for value in rises:
        assert f"{value:.2f} points of test error" in text
    page = render(dataclasses.replace(whole, connectivity={CELLS[0]: only}))
    assert text in visible(page)
    assert "barriers of test error and training loss by level" not in page


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
