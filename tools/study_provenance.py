"""What the page of a study says of the code, the parameters, the machine and the time it took.

It is recorded when the study is copied out of its clone: the page may be rendered anywhere, later.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lottery.config import grid, strict_yaml
from lottery.config.schema import Params
from lottery.errors import LotteryError, one_line
from lottery.report.provenance import provenance
from lottery.storage import paths
from tools import checkpoints

FILE = Path("provenance.json")
"""Its name in a study's folder, and in that of a run's checkpoints."""
NOT_RUN = "not run yet"
_CHECKPOINTS = Path(".lottery/checkpoints")


def record(
    clone: Path, folder: Path, settings: Params, missing: Sequence[str]
) -> Mapping[str, str]:
    """Labels and values about the study in ``folder``, whose ``missing`` arms have not been run.

    The commit and the times are those of ``clone``, the machine is this one; or all are as
    :func:`of_machine` recorded them, if ``clone`` is an archive's content. Raises LotteryError if
    ``clone`` is no Git repository, or if its runs were trained on several machines.
    """
    if (clone / FILE).exists():
        labels = {**_of_folder(folder, settings), **_read(clone / FILE)}
    else:
        labels = _labels(clone, folder, settings, _commit(clone), clone / _CHECKPOINTS)
    if missing:
        names = ", ".join(missing).replace("_", " ")
        labels[NOT_RUN] = f"{names}; until then verdicts may change, since fewer are corrected for"
    return labels


def of_machine(clone: Path, folder: Path, settings: Params) -> dict[str, str]:
    """What there is to say of the runs in ``clone``, on the machine that made them: the labels of
    :func:`record` but for the digests of files.

    ``folder`` has the tables. Raises LotteryError if the runs were trained on several machines.
    """
    try:
        commit = _commit(clone)
    except LotteryError:
        commit = "unknown: not a Git repository"
    labels = _labels(clone, folder, settings, commit, paths.checkpoints())
    return {label: value for label, value in labels.items() if not label.endswith("SHA-256")}


def _labels(
    clone: Path, folder: Path, settings: Params, commit: str, checkpoint_folder: Path
) -> dict[str, str]:
    """The labels about runs in ``clone`` that this machine made."""
    if (clone / paths.TIMES).is_dir():
        shutil.copytree(clone / paths.TIMES, folder / paths.TIMES)
    labels = {**_of_folder(folder, settings), "commit": commit}
    if trained_on := _machine(checkpoint_folder, settings):
        labels["trained on"] = trained_on
    return labels


def _of_folder(folder: Path, settings: Params) -> dict[str, str]:
    """What a page says of the results in ``folder``, and of this machine; without the times."""
    with contextlib.chdir(folder):
        labels = provenance(settings)
    shutil.rmtree(folder / paths.TIMES.parts[0])
    return labels


def _read(path: Path) -> dict[str, str]:
    """The labels in ``path``. Raises LotteryError unless they are texts."""
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LotteryError(f"{path.name}: not JSON ({one_line(str(error))})") from None
    if not isinstance(labels, dict) or not all(isinstance(v, str) for v in labels.values()):
        raise LotteryError(f"{path.name}: expected labels and texts")
    return labels


def _commit(clone: Path) -> str:
    """The commit that is checked out in ``clone``, and whether its code was changed since."""
    code = ("src", "stages", "dvc.yaml", "claims.yaml")
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(clone), *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", *code))
        )
    except (OSError, subprocess.CalledProcessError):
        raise LotteryError(f"{clone}: not a Git repository, so its commit is unknown") from None
    return f"{commit} with changes" if changes else commit


def _machine(checkpoint_folder: Path, settings: Params) -> str:
    """Device, threads and versions of all runs, as their checkpoints say; empty without any.

    Raises LotteryError if they differ: another processor moves accuracies.
    """
    runs = {cell.name for cell in grid.cells(settings)} | {run.name for run in grid.runs(settings)}
    seeds = {paths.seed(Path(), seed).name for seed in settings.seeds}
    machines: dict[str, Path] = {}
    for run in checkpoints.find(checkpoint_folder):
        file = run.folder / FILE
        if run.run in runs and run.seed in seeds and not run.old and file.exists():
            made = strict_yaml.read_yaml(file)  # JSON is YAML
            versions = ", ".join(f"{name} {value}" for name, value in made["versions"].items())
            machines[f"{made['device']}, {made['threads']} threads, {versions}"] = file
    if len(machines) > 1:
        (one, first), (other, second) = list(machines.items())[:2]
        raise LotteryError(
            f"{second}: trained on {other}, but {first} on {one}; a study is of one machine"
        )
    return next(iter(machines), "")
