"""The page: what each section shows, and whether the page has it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lottery.report import claims, tables
from lottery.report.cells import section
from lottery.report.charts import legends
from lottery.report.charts.accuracy import published_accuracy
from lottery.report.content import Content
from lottery.report.formats import share, span, whole
from lottery.report.reference import curves
from lottery.report.styles import LINES, styles

__all__ = ["Content", "render"]


def render(content: Content) -> str:
    """The page as one HTML file that loads nothing else; the same tables give the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style_of, published = styles(content), curves()
    others = published[~published.cell.isin(content.levels.cell)]
    return environment.get_template("template.html").render(
        lines=LINES,
        lead=_lead(content),
        signs=claims.SIGNS,
        claims=claims.section(content.claims, content.contrasts),
        family=claims.family(content.contrasts),
        cells=[section(cell, content, style_of, published) for cell in content.cells()],
        others=[
            (cell, published_accuracy(str(cell), rows))
            for cell, rows in others.groupby("cell", sort=False)
        ],
        published_legend=legends.published(others),
        data=tables.data(content.data) if content.data else None,
        limits=_limits(content),
        failed=tables.failed(content.failed) if len(content.failed) else None,
        provenance=tables.provenance(content.provenance) if content.provenance else None,
    )


def _lead(content: Content) -> str:
    """What was run, in one sentence."""
    cells, levels = content.cells(), content.levels
    if not cells:
        return "Nothing has been run yet, or every run failed."
    phrases = [f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} ({', '.join(cells)})"]
    if len(levels):
        seeds = span(levels.n.min(), levels.n.max(), whole)
        phrases.append(f"{seeds} {'seed' if seeds == '1' else 'seeds'} per point")
        phrases.append(f"pruned level by level to {share(levels.sparsity.max())} sparsity")
    documents = [
        f"{row['corpus']} ({whole(row['documents'])} of {whole(row['of'])} documents)"
        for row in content.data
    ]
    end = f", trained on {', '.join(documents)}" if documents else ""
    return f"{', '.join(phrases)}{end}."


def _limits(content: Content) -> list[str]:
    """What the numbers cannot tell, in sentences."""
    sentences = []
    if len(content.levels):
        fewest, most = content.levels.n.min(), content.levels.n.max()
        if most < 2:
            sentences.append(
                "There is one seed: chance alone may explain any difference on this page."
            )
        else:
            sentences.append(
                f"Each point is a mean over {span(fewest, most, whole)} seeds. The intervals show "
                "how much results vary between seeds, not between corpora, models or data splits."
            )
    by_verdict = content.claims.groupby("verdict", sort=False)
    for verdict, reason in (
        ("undecided", "the data neither support nor contradict it"),
        ("not tested", "none of its contrasts could be tested, each of which says why"),
    ):
        if verdict in by_verdict.groups:
            sentences += [
                f"{claim['claim']} is {verdict}: {reason}. {claim['sentence']}"
                for claim in by_verdict.get_group(verdict).to_dict("records")
            ]
    if runs := len(content.failed):
        verb = "run is" if runs == 1 else "runs are"
        sentences.append(f"{runs} failed {verb} excluded from every mean.")
    return sentences
