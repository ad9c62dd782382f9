"""The page: what each part shows, and whether it is there at all."""

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lottery.report import legends, panels, tables
from lottery.report.accuracy import small
from lottery.report.cells import part
from lottery.report.content import Content
from lottery.report.formats import chance, fixed, interval, share, signed, span, whole
from lottery.report.reference import curves
from lottery.report.styles import styles, words

__all__ = ["Content", "render"]

# A word, a sign and a colour each: none is told by its colour alone.
SIGNS = {"supported": "✓", "contradicted": "✗", "undecided": "?", "not tested": "–"}


def render(content: Content) -> str:
    """One HTML file that asks for nothing else; the same tables give the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn, published = styles(content), curves()
    cells = content.cells()
    others = published[~published.cell.isin(content.levels.cell)]
    return environment.get_template("template.html").render(
        lead=_lead(content),
        signs=SIGNS,
        claims=[_claim(claim, content.contrasts) for claim in content.claims.to_dict("records")],
        cells=[part(cell, content, drawn, published) for cell in cells],
        others=[(cell, small(str(cell), own)) for cell, own in others.groupby("cell", sort=False)],
        published_legend=legends.published(others),
        data=tables.data(content.data) if content.data else None,
        unknown=_unknown(content),
        failed=tables.failed(content.failed) if len(content.failed) else None,
        provenance=tables.provenance(content.provenance) if content.provenance else None,
    )


def _lead(content: Content) -> str:
    cells, levels = content.cells(), content.levels
    if not cells:
        return "Nothing was run yet, or every run failed."
    parts = [f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} ({', '.join(cells)})"]
    if len(levels):
        seeds = span(levels.n.min(), levels.n.max(), whole)
        parts.append(f"{seeds} {'seed' if seeds == '1' else 'seeds'} a point")
        parts.append(f"pruned level by level to {share(levels.sparsity.max())} sparsity")
    documents = [
        f"{row['corpus']} ({whole(row['documents'])} of {whole(row['of'])} documents)"
        for row in content.data
    ]
    end = f", trained on {', '.join(documents)}" if documents else ""
    return f"{', '.join(parts)}{end}."


def _claim(claim: dict[str, Any], contrasts: pd.DataFrame) -> dict[str, Any]:
    own = contrasts[contrasts.claim == claim["claim"]]
    bounds = pd.concat([own.low, own.high, own.effect, pd.Series([0.0])]).astype(float)
    reach = max(float(bounds.abs().max()), 0.1) * 1.05
    rows = [
        {
            "cell": row["cell"],
            "contrast": words(row["contrast"]),
            "levels": "–" if pd.isna(row["levels"]) else str(row["levels"]),
            "chart": panels.effect(row, -reach, reach),
            "effect": signed(row["effect"]),
            "interval": interval(row["low"], row["high"], sign=True),
            "p": chance(row["p"]),
            "p_holm": _decided(row),
            "n": whole(row["n"]),
            "detectable": fixed(row["detectable"]),
            "verdict": row["verdict"],
        }
        for row in own.to_dict("records")
    ]
    counts = {name: whole(claim[name.replace(" ", "_")]) for name in SIGNS}
    tally = ", ".join(f"{count} {name}" for name, count in counts.items() if count not in "0–")
    return {**claim, "tally": tally, "summary": tables.summary(own), "rows": rows}


def _decided(row: dict[str, Any]) -> str:
    """The corrected p that a contrast's verdict rests on, and what a match is contradicted by."""
    if row["verdict"] == "contradicted" and not pd.isna(row["p_worse"]):
        return f"{chance(row['p_worse'])} (worse)"
    return chance(row["p_holm"])


def _unknown(content: Content) -> list[str]:
    """What the numbers cannot tell, in sentences."""
    said = []
    if len(content.levels):
        low, high = content.levels.n.min(), content.levels.n.max()
        seeds = span(low, high, whole)
        if high < 2:
            said.append("There is one seed: chance alone may explain any difference on this page.")
        else:
            said.append(
                f"A point rests on {seeds} seeds. The intervals cover what the seeds change, "
                "not other corpora, models or splits."
            )
    by_verdict = content.claims.groupby("verdict", sort=False)
    for verdict, why in (
        ("undecided", "the data neither support nor contradict it"),
        ("not tested", "this run has not what it needs"),
    ):
        if verdict in by_verdict.groups:
            said += [
                f"{claim['claim']} is {verdict}: {why}. {claim['sentence']}"
                for claim in by_verdict.get_group(verdict).to_dict("records")
            ]
    if len(content.failed):
        runs = len(content.failed)
        said.append(
            f"{runs} failed {'run is' if runs == 1 else 'runs are'} left out of every mean."
        )
    return said
