"""What the page of a study says of the code, the parameters, the machine and the time it took.

It is recorded when the study is copied out of its clone: the page may be rendered anywhere, later.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lottery.config import grid, strict_yaml
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.report.provenance import provenance
from lottery.storage import paths
from tools import checkpoints

FILE = Path("provenance.json")
"""Its name in a study's folder, and in that of a run's checkpoints."""
NOT_RUN = "not run yet"


def record(
    clone: Path, folder: Path, settings: Params, missing: Sequence[str]
) -> Mapping[str, str]:
    """Labels and values about the study in ``folder``, whose ``missing`` arms have not been run.

    The commit and the times are those of ``clone``, the machine is this one. Raises LotteryError if
    ``clone`` is no Git repository, or if its runs were trained on several machines.
    """
    commit = _commit(clone)
    if (clone / paths.TIMES).is_dir():
        shutil.copytree(clone / paths.TIMES, folder / paths.TIMES)
    with contextlib.chdir(folder):
        labels = {**provenance(settings), "commit": commit}
    shutil.rmtree(folder / paths.TIMES.parts[0])
    if trained_on := _machine(clone, settings):
        labels["trained on"] = trained_on
    if missing:
        names = ", ".join(missing).replace("_", " ")
        labels[NOT_RUN] = f"{names}; until then verdicts may change, since fewer are corrected for"
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


def _machine(clone: Path, settings: Params) -> str:
    """Device, threads and versions of all runs, as their checkpoints say; empty without any.

    Raises LotteryError if they differ: another processor moves accuracies.
    """
    runs = {cell.name for cell in grid.cells(settings)} | {run.name for run in grid.runs(settings)}
    seeds = {paths.seed(Path(), seed).name for seed in settings.seeds}
    machines: dict[str, Path] = {}
    for run in checkpoints.find(clone / ".lottery" / "checkpoints"):
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
