"""Settings and fixtures of all tests; plain functions are in ``helpers``."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from hypothesis import settings

# As a stage sets it for one thread; Numba reads it when it is imported.
os.environ["NUMBA_NUM_THREADS"] = "1"
# A GPU's kernels run on the CPU; Triton reads it where a kernel is defined.
os.environ["TRITON_INTERPRET"] = "1"

from helpers import MODELS, ROOT, MakeCell, Repository, make_repository, new_cell

from lottery.experiment.cell import Cell
from lottery.experiment.replicate import Replicate

DOWNLOADS = Path(os.environ.get("LOTTERY_DOWNLOADS", ROOT / "data" / "downloads"))
torch.set_num_threads(1)
# A shell has its background jobs ignore it, and what they start: then no test could interrupt one.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No deadline: machines are shared. The same examples each time where nobody is there to look.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")


ORDER = (
    "pipeline/test_outputs.py",
    "unit/analysis",
    "unit/corpora",
    "unit/data",
    "unit/pipeline",
    "unit/report",
    "robustness/test_faults.py",
    "pipeline/test_reruns.py",
)
"""What comes first, for two workers. One makes the finished repository, which takes a minute; the
other has as long with what needs neither that nor compiled kernels. Then the longest files, so that
no worker ends alone with one of them; then the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order above; ``--no-loadscope-reorder`` does not change it."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(ROOT / "tests").as_posix()
        return next((n for n, start in enumerate(ORDER) if path.startswith(start)), len(ORDER))

    items.sort(key=rank)


def pytest_runtest_teardown() -> None:
    """Hypothesis needs subnormal numbers, which a process that trains does without."""
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session", autouse=True)
def shared_downloads() -> None:
    """Wheels are fetched once for all tests, and stay for the next run."""
    os.environ["LOTTERY_DOWNLOADS"] = str(DOWNLOADS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository, in a path with a space, in which the pipeline has run once.

    Made by the first worker that needs it, for all of them to copy: nobody changes it. Beside it,
    ``ran.json`` lists the stages that ran. Its seeds ran side by side, as they do on two cores.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder in the one of the session
        folder = folder.parent
    if shared := os.environ.get("LOTTERY_FINISHED_REPOSITORY"):  # of several sessions in a row
        folder = Path(shared)
    path, done = folder / "a path" / "with a space", folder / "a path" / "ran.json"
    path.parent.mkdir(exist_ok=True)
    with FileLock(folder / "finished.lock"):
        if not done.exists():
            shutil.rmtree(path, ignore_errors=True)  # of a worker that failed
            for model in MODELS:  # what Numba compiles here, the repository gets a copy of
                Replicate(new_cell(folder / "compiling", model), 0).dense_run()
            repository = make_repository(path)
            stages = repository.repro(LOTTERY_PROCESSES="2")
            repository.commit("results")
            done.write_text(json.dumps(stages))
    return Repository(path)


@pytest.fixture(scope="module")
def finished_copy(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of the finished repository that a module may change."""
    return finished.copy(tmp_path_factory.mktemp("a path") / "with a space")


@pytest.fixture
def mirror() -> Path:
    """The official archives, or a part of them, where somebody has them."""
    folder = os.environ.get("LOTTERY_MIRROR")
    if not folder:
        pytest.skip("needs the official archives: set LOTTERY_MIRROR to a folder with them")
    return Path(folder)


@pytest.fixture
def make_cell(tmp_path: Path) -> MakeCell:
    """:func:`helpers.new_cell` in the test's folder: ``make_cell("cnn", epochs=2)``."""

    def make(model: str = "cnn", classes: int = 2, **changes: Any) -> Cell:
        return new_cell(tmp_path, model, classes, **changes)

    return make
