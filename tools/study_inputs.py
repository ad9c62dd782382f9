"""What a study says of its corpora, which the machine that trained it did not have.

It is on the machine that made the token arrays: where the corpus came from, which of its documents
are used, and how accurate a linear model is. ``dvc.lock`` there says whether it is of the same
token arrays.
"""

from pathlib import Path
from typing import Any

from lottery.config import grid, strict_yaml
from lottery.errors import LotteryError
from lottery.pipeline import stage_order
from lottery.storage import paths
from tools import stage_records, study_copy, study_stages
from tools.dvc_stages import TOKENS
from tools.study_stages import LOCK

_STAGES = ("check_corpus", "download", TOKENS, "baseline")
"""The stages of a corpus."""
Document = dict[str, Any]


def add(folder: Path, home: Path) -> None:
    """Copy what the study in ``folder`` lacks of its corpora from the repository ``home``, the
    records of their stages into its ``dvc.lock``, and ``dvc.yaml``.

    Raises LotteryError if ``home`` lacks something, or has it for other token arrays.
    """
    lock, document = study_stages.read_lock(folder), strict_yaml.read_yaml(folder / paths.PARAMS)
    made = study_stages.read_lock(home)["stages"]
    current = study_stages.up_to_date({"stages": made}, document)
    for corpus in study_copy.load(folder / paths.PARAMS).corpora:
        way_out = (
            f"run 'dvc repro baseline@{corpus}' with the params.yaml of the archive, on the machine"
            " that made the token arrays, and then this again"
        )
        entries = {name: made[name] for kind in _STAGES if (name := f"{kind}@{corpus}") in current}
        for kind in ("download", TOKENS, "baseline"):
            if f"{kind}@{corpus}" not in entries:
                raise LotteryError(
                    f"{home / LOCK}: stage {kind}@{corpus} has not been run with the parameters of "
                    f"the archive; {way_out}"
                )
        _check_tokens(corpus, {**lock["stages"], **entries}, way_out)
        written = {out["path"]: out for entry in entries.values() for out in entry["outs"]}
        of_corpus = (paths.provenance(corpus), paths.corpus_report(corpus))
        for path in (*of_corpus, grid.baseline_folder(corpus)):
            if written.get(str(path)) != {**_measured(home / path), "path": str(path)}:
                raise LotteryError(f"{home / path}: not as {LOCK} has it; {way_out}")
            study_copy.copy_path(home, folder, path)
        lock["stages"] = {**entries, **lock["stages"]}
    stage_records.write(folder / LOCK, lock["stages"])
    study_copy.copy_path(home, folder, stage_order.PIPELINE)


def _check_tokens(corpus: str, stages: Document, way_out: str) -> None:
    """Raise LotteryError unless all of ``stages`` read the token arrays that one of them wrote."""
    path = str(paths.tokens(corpus))

    def digest(name: str, kind: str) -> str | None:
        entries = stages[name].get(kind) or ()
        return next((entry["md5"] for entry in entries if entry["path"] == path), None)

    made = digest(f"{TOKENS}@{corpus}", "outs")
    for name in stages:
        if (read := digest(name, "deps")) not in (None, made):
            raise LotteryError(
                f"{path}: stage {name} read other token arrays (digest {read}) than {LOCK} has "
                f"here ({made}); {way_out}"
            )


def _measured(path: Path) -> Document:
    """What DVC would record of a file or folder; nothing if it is missing."""
    try:
        return stage_records.measure(path)
    except FileNotFoundError:
        return {}
