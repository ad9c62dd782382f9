"""The page: what each section shows, and whether the page has it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lottery.report import answer, cells, claims, study, tables, travel
from lottery.report.content import Content
from lottery.report.formats import fixed, share, span, whole
from lottery.report.names import (
    MEANINGS,
    cell_title,
    corpus_title,
    count,
    display_name,
    listing,
    model_title,
)
from lottery.report.reference import curves
from lottery.report.styles import LINES, OTHER_MASKS, styles

__all__ = ["Content", "render"]

FEW_DOCUMENTS, FEW_EPOCHS = 10_000, 5
"""With fewer training documents and no more epochs, a start that learns fast wins."""


def render(content: Content) -> str:
    """The page as one HTML file that loads nothing else; the same tables give the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style_of, published, names = styles(content), curves(), content.cells()
    overviews = [cells.overview(cell, content, style_of) for cell in names]
    sentences = answer.sentences(content.claims, content.contrasts, content.levels)
    return environment.get_template("template.html").render(
        lines=LINES,
        answer=[(*sentence.partition(": "),) for sentence in sentences[:1]] + sentences[1:],
        run=run(content),
        caveat=caveat(content),
        overview=[panel for panel in overviews if panel],
        arms=arms(content),
        signs=claims.SIGNS,
        claims=claims.section(content.claims, content.contrasts),
        travel=travel.section(content, style_of),
        cells=[cells.section(cell, content, style_of, published) for cell in names],
        study=study.table(content.study) if len(content.study) else None,
        differences=study.differing(content.study),
        others=study.others(published[~published.cell.isin(content.levels.cell)]),
        data=tables.data(content.data) if content.data else None,
        limits=limits(content),
        failed=tables.failed(content.failed) if len(content.failed) else None,
        provenance=tables.provenance(content.provenance) if content.provenance else None,
    )


def run(content: Content) -> list[str]:
    """What was run, in a few phrases."""
    names, levels, facts = content.cells(), content.levels, content.facts
    if not names:
        return ["Nothing has been run yet, or every run failed."]
    phrases = [_grid(names)]
    if len(levels):
        fewest, most = int(levels.n.min()), int(levels.n.max())
        seeds = count(most, "seed")
        phrases.append(seeds if fewest == most else f"{count(fewest)} to {seeds}")
    documents = facts.train.dropna()
    if len(documents):
        words = span(facts.tokens_per_document.min(), facts.tokens_per_document.max(), _rounded)
        texts = span(documents.min(), documents.max(), whole)
        phrases.append(f"trained on {texts} texts of {words} words on average")
    if len(epochs := facts.epochs.dropna()):
        phrases.append(f"{span(epochs.min(), epochs.max(), whole)} epochs")
    if len(levels):
        phrases.append(f"pruned to {share(levels.sparsity.max())}")
    return phrases


def _grid(names: list[str]) -> str:
    """The cells: "CNN and LSTM on Reuters R8"; one by one if the grid is not complete."""
    pairs = [name.rpartition("-")[::2] for name in names]
    corpora, models = (list(dict.fromkeys(column)) for column in zip(*pairs, strict=True))
    if len(pairs) < len(corpora) * len(models):
        return listing(list(map(cell_title, names)))
    titles = [model_title(model) for model in models], [corpus_title(name) for name in corpora]
    return " on ".join(map(listing, titles))


def caveat(content: Content) -> str:
    """What small data and few epochs mean for the verdicts; empty if there is enough of either."""
    facts = content.facts.dropna(subset=["train", "epochs"])
    few = facts[(facts.train < FEW_DOCUMENTS) & (facts.epochs <= FEW_EPOCHS)]
    if few.empty:
        return ""
    return (
        f"Small data and few epochs ({whole(few.train.min())} texts, {whole(few.epochs.min())} "
        "epochs) reward starts that learn fast. So this run can support that winning tickets "
        "beat fresh weights where longer runs contradict it, as most CNNs in studies/ do."
    )


def arms(content: Content) -> list[tuple[str, str, str]]:
    """The arms on the page: the name, that in ``params.yaml``, and where their weights start."""
    names = content.levels.arm.unique()
    return [(display_name(name), str(name), MEANINGS.get(str(name), "")) for name in names]


def limits(content: Content) -> list[str]:
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
                "how much results vary between seeds, not between corpora or models. All seeds "
                "meet batches of the same lengths at the same step."
            )
    if content.levels.arm.isin(OTHER_MASKS).any():
        sentences.append(
            "Controls with another mask have a chart of their own in each cell: they would pull "
            "the axis of the first figure apart."
        )
    if runs := len(content.failed):
        verb = "run is" if runs == 1 else "runs are"
        sentences.append(f"{runs} failed {verb} excluded from every mean.")
    return sentences


def _rounded(value: float) -> str:
    return fixed(value, 0)
