"""What a study keeps of stages that ran without DVC, as one small archive; and reading it.

The archive is a ``.tar.gz`` with ``params.yaml``, ``claims.yaml``, the records of the stages as
``dvc.lock``, ``provenance.json``, and the tables in ``plots/``. Curves, statistics, figures and the
page follow from those. It has no weights, logits or text. The same results give the same bytes.
"""

import gzip
import re
import shutil
import tarfile
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lottery.config import grid, params, strict_yaml
from lottery.data.sources import archives
from lottery.errors import LotteryError, brief
from lottery.storage import files, paths
from tools import stage_records, study_copy, study_provenance, study_stages
from tools.dvc_stages import Stage
from tools.study_stages import LOCK

ALWAYS = (paths.PARAMS, paths.CLAIMS, LOCK, study_provenance.FILE)
"""The files at the root of every archive."""
_TABLE = re.compile(r"plots/(tables/[a-z0-9_-]+/[a-z0-9_]+|documents/[a-z0-9_-]+)\.csv")
_OF_A_TICKET = ("prune", "evaluate", "compare")
Document = dict[str, Any]


class Packed(NamedTuple):
    """What an archive has of a grid."""

    cells: list[str]
    missing: list[str]
    """The arms of the grid that have not run in all of these cells, and perhaps connectivity."""


def pack(archive: Path, stages: list[Stage], records: stage_records.Records) -> Packed:
    """Write ``archive`` from the repository in the working directory, in which ``stages`` are done.

    It has the cells whose winning ticket is finished, as a grid of its own. Raises LotteryError if
    there is none, if a table lacks a seed, or if seeds were trained on several machines.
    """
    document = strict_yaml.read_yaml(paths.PARAMS)
    names = {stage.name for stage in stages}
    reduced = with_finished_cells(document, names)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if reduced == document:
            shutil.copyfile(paths.PARAMS, folder / paths.PARAMS)
        else:
            (folder / paths.PARAMS).write_text(yaml.safe_dump(reduced, sort_keys=False))
        settings = params.load(folder / paths.PARAMS)
        cells = {cell.name for cell in grid.cells(settings)}
        stages = [stage for stage in stages if stage.cell in cells]
        shutil.copyfile(paths.CLAIMS, folder / paths.CLAIMS)
        stage_records.write(folder / LOCK, records.of(stages))
        for path in (Path(out) for stage in stages for out in stage.outs):
            if path.is_relative_to("plots"):
                study_copy.copy_path(Path(), folder, path)
        for run in grid.runs(settings):
            if (folder / run.tables_folder).exists():
                study_copy.check_seeds(Path(), run)
        record = study_provenance.of_machine(Path(), folder, settings)
        files.write_json(folder / study_provenance.FILE, record)
        _write_tar(folder, archive)
    finished = study_stages.among(settings, names)
    return Packed(sorted(cells), study_stages.missing(settings, finished))


def with_finished_cells(document: Document, names: set[str]) -> Document:
    """``document`` (of params.yaml) without the corpora and models that are not finished: as many
    cells as possible whose winning ticket's stages are all among ``names``.

    With ``transfer.pairs`` every corpus stays. Raises LotteryError if no cell is finished.
    """
    settings = params.parse(document)
    finished = {
        cell.name
        for cell in grid.cells(settings)
        if {f"{stage}@{cell.winning_ticket.name}" for stage in _OF_A_TICKET} <= names
    }
    best: tuple[list[str], list[str]] = ([], [])
    corpora = list(settings.corpora)
    least = len(corpora) if settings.transfer.pairs else 1
    for count in range(least, len(corpora) + 1):
        for some in combinations(corpora, count):
            models = [m for m in settings.models if all(f"{c}-{m}" in finished for c in some)]
            if len(models) * count > len(best[0]) * len(best[1]):
                best = list(some), models
    if not best[1]:
        raise LotteryError(
            "nothing to pack yet: a study needs prune, evaluate and compare of "
            f"{grid.WINNING_TICKET} in a cell"
        )
    removed = {*settings.corpora, *settings.models} - {*best[0], *best[1]}
    cells = {f"{corpus}-{model}" for corpus in best[0] for model in best[1]}
    train = {key: value for key, value in document["train"].items() if key in {*best[1], *cells}}
    return {
        **document,
        **{
            section: {name: v for name, v in document[section].items() if name not in removed}
            for section in ("corpora", "models")
        },
        "train": train,
    }


def _write_tar(folder: Path, archive: Path) -> None:
    """All files of ``folder``, without times, owners or an order that could differ."""
    with (
        files.replacing(archive) as temporary,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(member, content)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of ``archive`` into ``folder``.

    Raises LotteryError for an archive that is damaged or has anything but what :func:`pack` packs.
    """
    seen: set[str] = set()
    for name, content in archives.read_tar(archive, lambda name: True):
        if not (name in map(str, ALWAYS) or _TABLE.fullmatch(name)):
            raise LotteryError(f"{archive}: {brief(name)} is not part of a study; refused")
        if name in seen:
            raise LotteryError(f"{archive}: {brief(name)} appears twice; refused")
        seen.add(name)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in ALWAYS:
        if str(path) not in seen:
            raise LotteryError(
                f"{archive}: lacks {path}, so it is not an archive of 'python -m tools.run_stages'"
            )
    stage_records.read(folder / LOCK, f"{archive} is damaged; copy it again")
