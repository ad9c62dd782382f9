"""What produced a page: which code and parameters, on what machine, and how long it took."""

import contextlib
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import yaml

from lottery.config import grid, strict_yaml
from lottery.config.schema import Params
from lottery.errors import one_line
from lottery.storage import files, paths, timings

PACKAGES = ("torch", "numpy", "numba", "safetensors", "torchtext", "dvc", "scipy", "statsmodels")

PRECISIONS = {
    "float32": "float32, on a GPU too: TF32 is off",
    "tf32": "tf32: float32 on a CPU; on a GPU, factors of float32 products are rounded to 10 bits",
    "bfloat16": "bfloat16 in products; weights, optimizer and logits are float32",
}
"""What each ``precision`` of params.yaml means where networks are trained, as the page says it."""


def provenance(params: Params) -> dict[str, str]:
    """Labels and values: the code, the parameters, the machine, the versions and the time."""
    return {
        "commit": commit(),
        f"{paths.PARAMS}, SHA-256": files.digest(paths.PARAMS),
        "dvc.lock without the stage plot, keys sorted, SHA-256": _lock(),
        f"{paths.CLAIMS}, SHA-256": files.digest(paths.CLAIMS),
        "seeds": ", ".join(map(str, params.seeds)),
        "threads per process": str(params.threads),
        "device": params.device,
        "precision": PRECISIONS[params.precision],
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "wall time of these results": wall_time(params),
        "Python": platform.python_version(),
        "versions": ", ".join(_versions()),
    }


def _versions() -> Iterator[str]:
    """The versions of those of :data:`PACKAGES` that are installed."""
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield f"{name} {metadata.version(name)}"


def wall_time(params: Params) -> str:
    """How long the stages up to ``plots/tables`` took, in total and by kind of stage.

    It is recorded when a page is first drawn from exactly these tables, and then read, so that
    drawing the page again gives the same page.
    """
    path = paths.TIMES / f"of-{_digest_of_tables()}.json"
    recorded = timings.read(path)
    if not recorded:
        recorded = {"wall_time": _summary(grid.stages(params))}
        files.write_json(path, recorded)
    return str(recorded["wall_time"])


def _summary(stages: list[str]) -> str:
    """The time of ``stages`` in total and by kind, and how many have no recorded time."""
    by_kind: dict[str, float] = {}
    missing = 0
    for stage in stages:
        kind, seconds = stage.partition("-")[0], timings.seconds(stage)
        if seconds is None:
            missing += 1
        else:
            by_kind[kind] = by_kind.get(kind, 0.0) + seconds
    parts = ", ".join(f"{kind} {duration(seconds)}" for kind, seconds in by_kind.items())
    rest = f"; {missing} of {len(stages)} stages were not run in this folder" if missing else ""
    return f"{duration(sum(by_kind.values()))}: {parts}{rest}" if by_kind else f"unknown{rest}"


def duration(seconds: float) -> str:
    """A time in hours, minutes and seconds: "1 h 2 min 3 s", "2 min 3 s", "3 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h " * (hours > 0) + f"{minutes} min " * (hours + minutes > 0) + f"{rest} s"


def _digest_of_tables() -> str:
    digest = hashlib.sha256()
    for path in sorted(paths.TABLES.rglob("*.csv")):
        digest.update(f"{path.relative_to(paths.TABLES)} {files.digest(path)}\n".encode())
    return digest.hexdigest()[:16]


def _lock() -> str:
    """The digest of ``dvc.lock`` without the stage plot, which draws this page."""
    path = Path("dvc.lock")
    if not path.exists():
        return "none yet"
    document = strict_yaml.read_yaml(path)
    stages = {name: stage for name, stage in document.get("stages", {}).items() if name != "plot"}
    text = yaml.safe_dump({**document, "stages": stages})
    return hashlib.sha256(text.encode()).hexdigest()


def commit() -> str:
    """The commit that is checked out, and whether the code has changed since."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", "src", "stages", "dvc.yaml", "claims.yaml")
    except FileNotFoundError:
        return "unknown: git is not installed"
    except subprocess.CalledProcessError as error:
        reason = one_line(str(error.stderr).strip().partition("\n")[0].removeprefix("fatal: "))
        is_none = reason.startswith("not a git repository")
        return "not a Git repository" if is_none else f"unknown: {reason}"
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    """What a Git command prints, in English."""
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


def _processor() -> str:
    """The processor's name where the system tells it, otherwise its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
