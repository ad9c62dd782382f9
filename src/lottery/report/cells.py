"""One cell's section of the page: its facts, its charts, and what is folded below them."""

from collections.abc import Mapping
from math import nan
from typing import Any

import pandas as pd

from lottery.analysis.majority import is_unequal
from lottery.config.grid import WINNING_TICKET
from lottery.report import details, tables
from lottery.report.charts.classifiers import Classifier, classifiers
from lottery.report.charts.difference_axes import Panel
from lottery.report.charts.differences import differences
from lottery.report.content import Content
from lottery.report.facts import ticket_bytes
from lottery.report.formats import fixed, interval, millions, share, size, whole
from lottery.report.names import cell_title, display_name
from lottery.report.reference import network
from lottery.report.styles import OTHER_MASKS, Style
from lottery.report.worth import file_bytes

Section = dict[str, Any]
"""What ``template.html`` reads of a cell."""
LINEAR = "linear model (TF-IDF)"
Styles = Mapping[str, Style]


def overview(cell: str, content: Content, styles: Styles) -> Section | None:
    """The cell's panel of the first figure; None if nothing was measured."""
    levels = content.levels[content.levels.cell == cell]
    levels = levels[~levels.arm.isin(OTHER_MASKS)]
    if levels.difference.isna().all():
        return None
    panel = panel_of(cell, content, levels)
    seeds = int(levels.n.max())
    about = f"{whole(seeds)} {'seed' if seeds == 1 else 'seeds'}"
    return {"title": cell_title(cell), "about": about, "chart": differences(panel, styles)}


def section(cell: str, content: Content, styles: Styles, published: pd.DataFrame) -> Section:
    """The section of ``cell``. ``published`` is :func:`lottery.report.reference.curves`."""
    dense = _row(content.dense, cell)
    tickets = content.tickets[content.tickets.cell == cell]
    warning = dense.get("no_ticket")
    return {
        "title": cell_title(cell),
        "facts": facts(_row(content.facts, cell)),
        "about": _about(content.levels[content.levels.cell == cell], dense),
        "warning": None if pd.isna(warning) else f"No ticket: {warning}.",
        "worth": _worth(cell, content, dense),
        "tickets": tables.ticket_summary(tickets, cell_title(cell)) if len(tickets) else None,
        "figures": [
            *_other_masks(cell, content, styles),
            *_published(cell, content, styles, published[published.cell == cell]),
        ],
        "details": details.of_cell(cell, content),
    }


def facts(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was trained on what, in one line: labels and values; only what is known."""
    documents = ", ".join(
        f"{whole(row.get(split))} {split}" for split in ("train", "validation", "test")
    )
    words = fixed(row.get("tokens_per_document"), 0)
    if not pd.isna(limit := row.get("max_tokens")):
        words += f", cut at {whole(limit)}"
    values = [
        ("weights", "parameters", millions(row.get("parameters"))),
        ("documents", "train", documents),
        ("words per text", "tokens_per_document", words),
        ("epochs", "epochs", whole(row.get("epochs"))),
    ]
    return [(label, text) for label, key, text in values if not pd.isna(row.get(key))]


def panel_of(
    cell: str, content: Content, levels: pd.DataFrame, published: pd.DataFrame | None = None
) -> Panel:
    """The chart of ``levels``, rows of the cell."""
    dense, facts = _row(content.dense, cell), _row(content.facts, cell)
    tickets = content.tickets[content.tickets.cell == cell]
    margins = content.contrasts.margin.dropna()
    others = {
        "TF-IDF": facts.get("linear_model", nan),
        "majority": dense.get("test_majority", nan),
    }
    arms = ", ".join(display_name(name) for name in levels.arm.unique())
    return Panel(
        f"{cell_title(cell)}: difference to dense in points against weights remaining: {arms}",
        levels,
        tickets[tickets.arm.isin(levels.arm)],
        float(dense.get("test_accuracy", levels.accuracy[levels.level == 0].mean())),
        float(margins.iloc[0]) if len(margins) else nan,
        {name: float(value) for name, value in others.items() if not pd.isna(value)},
        published,
    )


def _about(levels: pd.DataFrame, dense: Mapping[str, Any]) -> str:
    """The dense network in sentences, and what accuracy does not show."""
    rows = levels[levels.level == 0].sort_values("n", ascending=False, kind="stable")
    if rows.empty:
        return ""
    first = rows.iloc[0]
    seeds = "one seed, so no intervals" if first.n == 1 else f"{whole(first.n)} seeds"
    bounds = "" if pd.isna(first.low) else f" (95 % interval {interval(first.low, first.high)})"
    sentences = [f"Dense test accuracy {fixed(first.accuracy)} %{bounds}, {seeds}."]
    if pd.isna(dense.get("test_majority")):
        return sentences[0]
    majority = fixed(dense["test_majority"])
    sentences.append(f"Always answering the most frequent class is right for {majority} %.")
    if is_unequal(dense["test_majority"], dense["classes"]):
        sentences.append(
            f"The {whole(dense['classes'])} classes are of unequal size, so accuracy says little "
            "about the small ones. Where all count the same, the dense network has a balanced "
            f"accuracy of {fixed(dense['test_balanced_accuracy'])} % and a macro-F1 of "
            f"{fixed(dense['test_macro_f1'])} %."
        )
    return " ".join(sentences)


def _worth(cell: str, content: Content, dense: Mapping[str, Any]) -> Any:
    """The chart of classifiers, from the simplest to the ticket; None without a dense network."""
    facts = _row(content.facts, cell)
    if pd.isna(dense.get("test_accuracy")):
        return None
    count = facts.get("parameters", nan)
    rows = [
        Classifier(
            LINEAR,
            facts.get("linear_model", nan),
            size(facts.get("linear_model_bytes")),
            "other",
        ),
        Classifier("dense network", dense["test_accuracy"], size(4 * count), "ink"),
    ]
    tickets = content.tickets[(content.tickets.cell == cell) & content.tickets.sparsity.notna()]
    if len(tickets):
        best = tickets.sort_values(["sparsity", "test_accuracy"], kind="stable").iloc[-1]
        name = f"ticket: {display_name(best.arm)}, {share(best.sparsity)} pruned"
        measured = file_bytes(content.of_cell("files", cell), best.arm, best.sparsity)
        estimate = f"about {size(ticket_bytes(count, best.sparsity))}"
        bytes_ = estimate if pd.isna(measured) else size(measured)
        rows.append(Classifier(name, best.test_accuracy, bytes_, "c0"))
    majority = dense.get("test_majority", nan)
    return classifiers(cell_title(cell), 0.0 if pd.isna(majority) else majority, rows)


def _other_masks(cell: str, content: Content, styles: Styles) -> list[Section]:
    """The winning ticket beside controls with another mask, which would pull the axis apart."""
    levels = content.levels[content.levels.cell == cell]
    if not levels.arm.isin(OTHER_MASKS).any():
        return []
    levels = levels[levels.arm.isin([WINNING_TICKET, *OTHER_MASKS])]
    return [
        {
            "title": "Does it matter which weights remain?",
            "about": "the ticket's mask and others",
            "chart": differences(panel_of(cell, content, levels), styles),
            "note": "",
        }
    ]


def _published(
    cell: str, content: Content, styles: Styles, published: pd.DataFrame
) -> list[Section]:
    """Our strategies beside the 2020 study's, each as a difference to its own dense network."""
    levels = content.levels[content.levels.cell == cell]
    if published.empty or levels.empty:
        return []
    levels = levels[levels.arm.isin(levels.arm[levels.level == 0])]
    # A published curve that goes on to sparser networks than ours would only flatten ours.
    lowest = 100 * (1 - levels.sparsity.max())
    dense = published.groupby("arm", sort=False).test_accuracy.transform("first")
    published = published.assign(difference=published.test_accuracy - dense)
    panel = panel_of(cell, content, levels, published[published.remaining > 0.95 * lowest])
    starts = published[published.level == 0].test_accuracy
    theirs = f"{fixed(starts.min(), 1)} to {fixed(starts.max(), 1)} %, {_size(network(cell))}"
    ours = f"{fixed(panel.dense, 1)} %, {_size(_row(content.facts, cell))}"
    return [
        {
            "title": "Beside the 2020 study",
            "about": "each curve against its own dense network",
            "chart": differences(panel, styles),
            "note": f"Dense networks: in 2020 {theirs}, one trial per arm (gray); here {ours}.",
        }
    ]


def _size(row: Mapping[str, Any]) -> str:
    """The size of a network and of what it was trained on, as far as they are known."""
    texts = {
        f"{millions(row.get('parameters'))} weights": row.get("parameters"),
        f"{whole(row.get('train'))} documents": row.get("train"),
    }
    return ", ".join(text for text, value in texts.items() if not pd.isna(value))


def _row(table: pd.DataFrame, cell: str) -> dict[str, Any]:
    """The cell's row of a table that has one row per cell; empty if it has none."""
    rows: list[dict[str, Any]] = table[table.cell == cell].to_dict("records")
    return rows[0] if rows else {}
