"""Render the studies again from their tables; with add, copy one from where it ran.

A study is a folder in studies/ with params.yaml, claims.yaml and tables. Its statistics, page and
figures follow from those and from the code here, so they change only when one of them does.
"""

import argparse
import contextlib
import dataclasses
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from lottery.config.schema import Params
from lottery.data import corpus_report
from lottery.errors import LotteryError, brief, one_line
from lottery.pipeline import selection
from lottery.pipeline.cli import Parser
from lottery.report import canvas, collect, page, reference
from lottery.report.formats import MISSING, fixed, share
from lottery.storage import csv_tables, files, paths
from tools import study_archive, study_copy, study_inputs, study_provenance

STUDIES = Path("studies")
README = STUDIES / "README.md"
PUBLISHED = Path("published.csv")
"""In a study's folder: :func:`lottery.report.reference.headline`."""
RESULTS = (paths.CURVES, paths.STATISTICS, paths.FIGURES, paths.REPORT, paths.METRICS, PUBLISHED)
"""What is made from a study's tables."""
BEGIN, END = "<!-- published: make studies writes this -->\n", "<!-- /published -->\n"
_HEADINGS = (
    *("study", "ticket", "2020: dense", "ticket", "sparsity"),
    *("ours: dense", "ticket", "sparsity", "at the sparsity of 2020", "what differs"),
)


def render(folder: Path) -> list[str]:
    """Write the results of the study in ``folder``; the names of those that changed.

    Raises LotteryError for a missing or damaged file; the earlier results then stay.
    """
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary, "study")
        results = {folder / path for path in RESULTS}
        shutil.copytree(
            folder,
            work,
            ignore=lambda parent, names: {n for n in names if Path(parent, n) in results},
        )
        with contextlib.chdir(work):
            _write_results(study_copy.load(paths.PARAMS))
        changed = [path for path in RESULTS if _content(work / path) != _content(folder / path)]
        for path in changed:
            _replace(work / path, folder / path)
    return [str(path) for path in changed]


def _write_results(settings: Params) -> None:
    """What the stages select and plot write, in the working directory, and :data:`PUBLISHED`.

    The page has the study's own record of code and machine, since neither is that of today.
    """
    record = json.loads(study_provenance.FILE.read_text(encoding="utf-8"))
    selection.write(settings, selection.choose_tickets(settings))
    content = dataclasses.replace(collect.content(settings), provenance=record)
    files.write_text(paths.REPORT, page.render(content))
    with files.replacing_directory(paths.FIGURES) as figures:
        for name, figure in collect.drawings(settings):
            canvas.save(figure, figures / name)
    tickets, levels = (
        csv_tables.read(paths.STATISTICS / f"{name}.csv") for name in ("tickets", "levels")
    )
    reports = {corpus: corpus_report.load(corpus) for corpus in settings.corpora}
    csv_tables.write(reference.headline(settings, tickets, levels, reports), PUBLISHED)


def _content(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of all files in a folder, by name; empty if there is none."""
    all_files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in all_files}


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def render_all() -> Iterator[str]:
    """Render each study, and their table in :data:`README`; a line about each.

    Raises LotteryError that names the study.
    """
    tables = []
    for file in sorted(STUDIES.glob(f"*/{paths.PARAMS}")):
        folder = file.parent
        if not (folder / paths.CLAIMS).exists():
            yield f"{folder}: left as it is: an older study, without {paths.CLAIMS}"
            continue
        try:
            changed = render(folder)
        except LotteryError as error:
            raise LotteryError(f"{folder}: {error}") from None
        yield f"{folder}: {'changed: ' + ', '.join(changed) if changed else 'nothing changed'}"
        tables.append(csv_tables.read(folder / PUBLISHED).assign(study=folder.name))
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LotteryError(f"{README}: lacks the lines {BEGIN.strip()} and {END.strip()}")
    files.write_text(README, f"{before}{begin}{published_table(tables)}{end}{after}")


def published_table(tables: list[pd.DataFrame]) -> str:
    """The rows of all studies as a table in Markdown; accuracies in percent."""
    rows = [row for table in tables for row in table.to_dict("records")]
    if not rows:
        return "No study here with a `claims.yaml` has a cell of the 2020 study.\n"
    lines = [_line(_HEADINGS), _line(["---"] * len(_HEADINGS))]
    for row in rows:
        reason = "" if pd.isna(row["no_ticket"]) else row["no_ticket"]
        lines.append(
            _line(
                [
                    *(row["study"], str(row["arm"]).replace("_", " ")),
                    *(fixed(row["published_dense"]), fixed(row["published_ticket"])),
                    *(share(row["published_sparsity"]), fixed(row["dense"])),
                    *(reason or fixed(row["ticket"]), share(row["sparsity"]) or MISSING),
                    *(fixed(row["at_published_sparsity"]), row["differences"]),
                ]
            )
        )
    return "".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def add(source: Path, name: str) -> list[str]:
    """Copy a study to ``studies/<name>``, in place of an earlier one; what it lacks.

    ``source`` is the clone that ran it, or an archive of :mod:`tools.run_stages`. Raises
    LotteryError as :func:`tools.study_copy.copy` does; the earlier study then stays.
    """
    with files.replacing_directory(STUDIES / name) as folder:
        if source.is_dir():
            return study_copy.copy(source, folder)
        with tempfile.TemporaryDirectory() as temporary:
            content = Path(temporary)
            study_archive.unpack(source, content)
            study_inputs.add(content, Path())
            return study_copy.copy(content, folder)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)*", text):
        raise argparse.ArgumentTypeError(f"expected a name such as ag_news-cnn, got {brief(text)}")
    return text


def main() -> None:
    """``python -m tools.studies``, or ``python -m tools.studies add CLONE NAME``."""
    parser = Parser("python -m tools.studies", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="add", parser_class=Parser)
    adding = commands.add_parser("add", help="copy what a study commits from where it ran")
    adding.add_argument(
        "source",
        type=Path,
        help="the clone whose 'dvc repro' ran it, or an archive of 'python -m tools.run_stages'",
    )
    adding.add_argument("name", type=_name, help=f"the folder in {STUDIES}/, such as ag_news-cnn")
    arguments = parser.parse_args()
    try:
        if arguments.command:
            missing = add(arguments.source, arguments.name)
            not_run = f"; {study_provenance.NOT_RUN}: {', '.join(missing)}" if missing else ""
            print(f"{STUDIES / arguments.name}: copied from {arguments.source}{not_run}")
        for line in render_all():
            print(line)
    except (LotteryError, OSError) as error:
        sys.exit(f"error: {one_line(str(error))}")


if __name__ == "__main__":
    main()
