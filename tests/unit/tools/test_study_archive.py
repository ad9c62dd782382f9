"""A study from an archive: what is packed, what is refused, and what the corpora's machine adds."""

import contextlib
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import ROOT, refused
from hypothesis import given
from hypothesis import strategies as st
from study_clone import CELL, CORPUS, Clone

from lottery.config import params
from lottery.storage import paths
from tools import dvc_stages, stage_records, studies, study_archive
from tools.study_stages import LOCK

TOKENS = {"path": f"data/tokens/{CORPUS}", "hash": "md5", "md5": "abc.dir", "size": 1, "nfiles": 1}
WHERE = (f"download@{CORPUS}", f"tokenize@{CORPUS}", f"baseline@{CORPUS}")
"""The stages that are run where the texts are."""


class Recorded:
    """Stands in for the records of stages that were trained on :data:`TOKENS`."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.seeds = document["seeds"]

    def of(self, stages: list[dvc_stages.Stage]) -> dict[str, Any]:
        entry = {"deps": [TOKENS], "params": {"params.yaml": {"seeds": self.seeds}}, "outs": []}
        return {stage.name: {"cmd": stage.cmd, **entry} for stage in stages}


class Machines:
    """A clone that trained without DVC, and one with a ``dvc.lock``, where the token arrays were
    made. The second is the working directory."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained = Clone(folder / "trained")
        home = Clone(folder / "home")
        self.home, self.archive = home.root, folder / "study.tar.gz"
        (self.home / "studies" / "mine").mkdir(parents=True)
        (self.home / "studies" / "mine" / "earlier").write_text("")
        lock = yaml.safe_load((self.home / LOCK).read_text())["stages"]
        self.lock: dict[str, Any] = {name: lock[name] for name in WHERE}
        monkeypatch.chdir(self.home)
        outs = {
            WHERE[0]: [str(paths.provenance(CORPUS))],
            WHERE[1]: [str(paths.corpus_report(CORPUS))],
            WHERE[2]: [f"plots/tables/{CORPUS}-baseline"],
        }
        for name, written in outs.items():
            self.lock[name]["outs"] = [stage_records.measure(Path(path)) for path in written]
        self.lock[WHERE[1]]["outs"].append(TOKENS)
        self.lock[WHERE[2]]["deps"] = [TOKENS]
        self.write_lock()

    def write_lock(self) -> None:
        stage_records.write(self.home / LOCK, self.lock)

    def pack(self, without: str = "nothing") -> study_archive.Packed:
        with contextlib.chdir(self.trained.root):
            stages = dvc_stages.from_tokens(dvc_stages.load())
            done = [stage for stage in stages if without not in stage.name]
            records: Any = Recorded(self.trained.document)
            return study_archive.pack(self.archive, done, records)

    def members(self) -> dict[str, bytes]:
        with tarfile.open(self.archive) as packed:
            return {m.name: packed.extractfile(m).read() for m in packed}  # type: ignore[union-attr]

    def write(self, members: dict[str, bytes]) -> None:
        with tarfile.open(self.archive, "w:gz") as packed:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(tmp_path, monkeypatch)


def test_a_study_is_packed_and_made_elsewhere(machines: Machines) -> None:
    assert machines.pack() == study_archive.Packed([CELL], [])
    content = machines.archive.read_bytes()
    machines.pack()
    assert machines.archive.read_bytes() == content, "the same bytes again"
    assert studies.add(machines.archive, "mine") == []
    study = machines.home / "studies" / "mine"
    for table in (machines.trained.root / "plots").rglob(f"{CELL}-*/*.csv"):
        assert (study / table.relative_to(machines.trained.root)).read_bytes() == table.read_bytes()
    for path in (paths.corpus_report(CORPUS), paths.provenance(CORPUS)):
        assert (study / path).read_bytes() == (ROOT / path).read_bytes()
    lock = yaml.safe_load((study / LOCK).read_text())["stages"]
    assert set(WHERE) < set(lock) and f"train@{CELL}" in lock
    labels = json.loads((study / "provenance.json").read_text())
    assert {"commit", "machine", "precision", "versions", "wall time of these results"} <= set(
        labels
    )
    assert len(labels["commit"]) == 40
    assert labels["params.yaml, SHA-256"]
    studies.render(study)
    page = (study / paths.REPORT).read_text()
    assert labels["commit"] in page


def test_what_has_not_run_is_named(machines: Machines) -> None:
    control = machines.trained.document["controls"][0]
    assert machines.pack(without=control) == study_archive.Packed([CELL], [control])
    assert not any(control in name for name in machines.members())
    assert studies.add(machines.archive, "mine") == [control]


def test_without_a_finished_ticket_there_is_nothing_to_pack(machines: Machines) -> None:
    refused(lambda: machines.pack(without="compare@"), "nothing to pack yet", "winning_ticket")
    assert not machines.archive.exists()


GRID = params.load(ROOT / "profiles" / "full.yaml")
CELLS = [f"{corpus}-{model}" for corpus, model in product(GRID.corpora, GRID.models)]
DOCUMENT = yaml.safe_load((ROOT / "profiles" / "full.yaml").read_text())


@given(st.sets(st.sampled_from(CELLS)))
def test_the_cells_are_a_grid_as_large_as_possible(finished: set[str]) -> None:
    names = {f"{s}@{c}-winning_ticket" for c in finished for s in ("prune", "evaluate", "compare")}
    if not finished:
        refused(lambda: study_archive.with_finished_cells(DOCUMENT, names), "nothing to pack yet")
        return
    reduced = study_archive.with_finished_cells(DOCUMENT, names)
    settings = params.parse(reduced)
    packed = {f"{c}-{m}" for c, m in product(settings.corpora, settings.models)}
    assert packed <= finished
    # Of two by two cells: all four, else two in a row or a column, else one.
    rows = [{f"{c}-{m}" for m in GRID.models} for c in GRID.corpora]
    columns = [{f"{c}-{m}" for c in GRID.corpora} for m in GRID.models]
    grids = [set(CELLS), *rows, *columns, *({cell} for cell in CELLS)]
    assert len(packed) == max(len(cells) for cells in grids if cells <= finished)
    assert (reduced == DOCUMENT) == (finished == set(CELLS))


Change = Callable[[Machines], None]


def rewrite(**changes: bytes | None) -> Change:
    """Write the archive with other members; None leaves one out."""

    def change(machines: Machines) -> None:
        members = {**machines.members(), **changes}
        machines.write({name: value for name, value in members.items() if value is not None})

    return change


def member(name: str, kind: bytes, target: str = "") -> Change:
    """Add a member that is not a plain file."""

    def change(machines: Machines) -> None:
        with gzip.open(machines.archive) as file:
            plain = io.BytesIO(file.read())
        with tarfile.open(fileobj=plain, mode="a") as packed:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            packed.addfile(info)
        machines.archive.write_bytes(gzip.compress(plain.getvalue()))

    return change


def twice(machines: Machines) -> None:
    with gzip.open(machines.archive) as file:
        plain = io.BytesIO(file.read())
    with tarfile.open(fileobj=plain, mode="a") as packed:
        packed.addfile(tarfile.TarInfo("params.yaml"), io.BytesIO())
    machines.archive.write_bytes(gzip.compress(plain.getvalue()))


def cut(machines: Machines) -> None:
    machines.archive.write_bytes(machines.archive.read_bytes()[:-500])


HOSTILE: list[tuple[Change, str]] = [
    (rewrite(**{"../outside.csv": b"x"}), "'../outside.csv' points outside the archive"),
    (rewrite(**{"/tmp/outside.csv": b"x"}), "points outside the archive"),
    (rewrite(**{"plots/tables/../../../x.csv": b"x"}), "points outside the archive"),
    (rewrite(**{"plots/tables/a/../b.csv": b"x"}), "is not part of a study; refused"),
    (rewrite(**{"plots/tables/a/b.py": b"x"}), "'plots/tables/a/b.py' is not part of a study"),
    (rewrite(**{"plots/report.html": b"x"}), "'plots/report.html' is not part of a study"),
    (rewrite(**{"dvc.yaml": b"x"}), "'dvc.yaml' is not part of a study"),
    (rewrite(**{".git/config": b"x"}), "'.git/config' is not part of a study"),
    (member("plots/tables/a/b.csv", tarfile.SYMTYPE, "/etc/passwd"), "is a link, a device or"),
    (member("plots/tables/a/b.csv", tarfile.LNKTYPE, "params.yaml"), "is a link, a device or"),
    (member("plots/documents/a.csv", tarfile.FIFOTYPE), "is a link, a device or"),
    (twice, "'params.yaml' appears twice; refused"),
    (cut, "study.tar.gz: truncated or damaged archive"),
    (
        lambda machines: machines.archive.write_bytes(b"not gzip"),
        "study.tar.gz: not a gzip archive",
    ),
    (lambda machines: machines.archive.unlink(), "study.tar.gz: not found"),
    (rewrite(**{"params.yaml": None}), "lacks params.yaml, so it is not an archive of"),
    (rewrite(**{"dvc.lock": None}), "lacks dvc.lock"),
    (rewrite(**{"dvc.lock": b"stages: {a: 1}"}), "dvc.lock: not a record of stages"),
    (rewrite(**{"params.yaml": b"[]"}), "params.yaml: expected a mapping"),
    (rewrite(**{"provenance.json": b"{"}), "provenance.json: not JSON"),
    (rewrite(**{"provenance.json": b'{"commit": 1}'}), "provenance.json: expected labels and"),
]


@pytest.mark.parametrize(("change", "line"), HOSTILE, ids=[line for _, line in HOSTILE])
def test_an_archive_that_is_not_ours(machines: Machines, change: Change, line: str) -> None:
    """Refused in one line; nothing is written outside, and an earlier study stays."""
    machines.pack()
    change(machines)
    before = {path for path in machines.home.parent.rglob("*") if path.is_file()}
    refused(lambda: studies.add(machines.archive, "mine"), line)
    assert {path for path in machines.home.parent.rglob("*") if path.is_file()} == before
    assert [path.name for path in (machines.home / "studies").rglob("*")] == ["mine", "earlier"]


def test_the_command_says_it_in_one_line(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.archive.write_bytes(b"not gzip")
    monkeypatch.setattr("sys.argv", ["studies", "add", str(machines.archive), "mine"])
    with pytest.raises(SystemExit) as end:
        studies.main()
    assert str(end.value).startswith(f"error: {machines.archive}: not a gzip archive")


def tokens_differ(machines: Machines) -> None:
    machines.lock[WHERE[1]]["outs"][-1] = {**TOKENS, "md5": "other.dir"}


def not_run(machines: Machines) -> None:
    del machines.lock[WHERE[2]]


def other_parameters(machines: Machines) -> None:
    machines.lock[WHERE[1]]["params"] = {"params.yaml": {"seeds": [1]}}


def report_changed(machines: Machines) -> None:
    (machines.home / paths.corpus_report(CORPUS)).write_text("{}")


def report_missing(machines: Machines) -> None:
    (machines.home / paths.provenance(CORPUS)).unlink()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            tokens_differ,
            f"read other token arrays (digest abc.dir) than {LOCK} has here (other.dir",
        ),
        (not_run, f"stage baseline@{CORPUS} has not been run with the parameters of the archive"),
        (other_parameters, f"stage tokenize@{CORPUS} has not been run with the parameters of the"),
        (report_changed, f"{paths.corpus_report(CORPUS)}: not as {LOCK} has it"),
        (report_missing, f"{paths.provenance(CORPUS)}: not as {LOCK} has it"),
    ],
)
def test_a_machine_that_did_not_make_these_token_arrays(
    machines: Machines, change: Change, line: str
) -> None:
    machines.pack()
    change(machines)
    machines.write_lock()
    way_out = f"run 'dvc repro baseline@{CORPUS}' with the params.yaml of the archive"
    refused(lambda: studies.add(machines.archive, "mine"), line, way_out)
