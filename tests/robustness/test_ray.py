"""Faults of a Ray cluster that are really done to one: several nodes on this machine, each with a
folder of its own, and a driver beside them. The bytes are those of a run on one machine.
"""

import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from helpers import SMOKE_TRAINING_RUNS, Repository, group_sizes, level_digests, trainings

pytest.importorskip("ray", reason="Ray is optional, and not installed: make ray")
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.slow
TICKET = "rotten_tomatoes-cnn-winning_ticket"
TRAININGS = 5
"""A dense run, a pruning run of two levels, a control, and the ticket in another order."""


@pytest.fixture(scope="module")
def original(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with one cell, one seed and one strategy, of which nothing is trained; its
    levels take seconds."""
    project = finished.untrained(tmp_path_factory.mktemp("original") / "project")
    text = (project.path / "params.yaml").read_text()
    text = re.sub(r"\n  lstm:\n(    .*\n)+", "\n", text)
    text = re.sub(r"\n  (rotten_tomatoes-)?lstm: \{.*", "", text)
    text = text.replace("[winning_ticket, late_rewinding]", "[winning_ticket]")
    text = text.replace("seeds: [0, 1]", "seeds: [0]").replace(
        "cnn: {epochs: 2,", "cnn: {epochs: 40,"
    )
    (project.path / "params.yaml").write_text(text)
    return project


@pytest.fixture(scope="module")
def expected(original: Repository, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the processes of this machine train."""
    project = original.copy(tmp_path_factory.mktemp("local") / "project")
    assert trainings(project.run("tools.precompute")) == TRAININGS
    return level_digests(project.path / ".lottery/checkpoints")


@pytest.fixture
def project(original: Repository, tmp_path: Path) -> Repository:
    return original.copy(tmp_path / "project")


@pytest.fixture(scope="module")
def head() -> Iterator[Cluster]:
    """A cluster without a node that could train."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield cluster
    cluster.shutdown()


class Nodes:
    """The nodes of a test, each with one processor and its own folder for temporary files."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder
        self._nodes: dict[Path, Any] = {}
        self._numbers, self._ray_folders = count(), list[str]()

    def add(self, **environment: str) -> Path:
        folder = self._folder / f"node{next(self._numbers)}"
        folder.mkdir(parents=True)
        variables = {"TMPDIR": str(folder), **environment}
        # Ray's own folder is short, for the sake of its sockets; nodes that share one remove each
        # other's copy of the code.
        ray_folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
        self._ray_folders.append(ray_folder)
        self._nodes[folder] = self._cluster.add_node(
            num_cpus=1, env_vars=variables, temp_dir=ray_folder
        )
        return folder

    def kill(self, folder: Path) -> None:
        """SIGKILL of the raylet and all that belongs to the node."""
        self._cluster.remove_node(self._nodes.pop(folder), allow_graceful=False)

    def at_work(self, run: str) -> Path | None:
        """The folder of the node that is in the middle of a level of ``run`` (a pattern)."""
        for folder in self._nodes:
            if list(folder.glob(f"lottery-*/store/{run}/seed-0/*/epoch.*")):
                return folder
        return None

    def remove_all(self) -> None:
        for folder in list(self._nodes):
            self.kill(folder)
        for folder in self._ray_folders:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nodes(head: Cluster, tmp_path: Path) -> Iterator[Nodes]:
    nodes = Nodes(head, tmp_path / "nodes")
    yield nodes
    nodes.remove_all()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(head: Cluster) -> Iterator[Start]:
    """Start a driver in a repository; those that are left are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(repository: Repository, *stages: str, **options: Any) -> subprocess.Popen[str]:
        environment = {
            **repository.environment(),
            "RAY_ADDRESS": head.address,
            "LOTTERY_CHECKPOINT_SECONDS": "0",
            **options.pop("environment", {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.precompute", "--on", "ray", *stages],
            cwd=repository.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    output, _ = process.communicate(timeout=1500)
    assert process.returncode == status, output
    assert "Traceback" not in output
    return output


def until(condition: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """What ``condition`` returns once that is true; ``process`` has to live so long."""
    while not (result := condition()):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    return result


def test_a_node_is_killed_in_the_middle_of_a_level(
    project: Repository, nodes: Nodes, start: Start, expected: dict[str, str]
) -> None:
    """The same bytes, and only that level is trained again."""
    for _ in range(2):
        nodes.add()
    driver = start(project)
    nodes.kill(until(lambda: nodes.at_work(TICKET), driver))
    nodes.add()
    output = finish(driver)
    assert re.search(r"prune .*: node [0-9a-f]{8} \(.*\) is gone", output)
    assert level_digests(project.path / ".lottery/checkpoints") == expected
    assert trainings(output) == TRAININGS


def test_the_driver_is_killed_and_started_again(
    project: Repository, nodes: Nodes, start: Start, expected: dict[str, str]
) -> None:
    nodes.add()
    store = project.path / ".lottery/checkpoints"
    driver = start(project)
    until(lambda: nodes.at_work(TICKET), driver)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    before = level_digests(store)
    assert before
    output = finish(start(project))
    assert trainings(output) == TRAININGS - len(before)
    assert level_digests(store) == expected


def test_a_full_disk_of_the_driver(
    project: Repository, nodes: Nodes, start: Start, expected: dict[str, str]
) -> None:
    nodes.add()

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    output = finish(start(project, preexec_fn=limited), status=1)
    assert "make room and run again" in output
    finish(start(project))
    assert level_digests(project.path / ".lottery/checkpoints") == expected


def test_two_drivers_on_one_store(
    project: Repository, nodes: Nodes, start: Start, tmp_path: Path, expected: dict[str, str]
) -> None:
    for _ in range(2):
        nodes.add()
    shared = {"LOTTERY_CHECKPOINTS": str(tmp_path / "shared")}
    other = project.copy(tmp_path / "other")
    both = [start(tree, environment=shared) for tree in (project, other)]
    counts = [trainings(finish(driver)) for driver in both]
    assert sum(counts) == TRAININGS
    assert level_digests(tmp_path / "shared") == expected


def test_a_node_with_other_versions_is_left_out(
    project: Repository, nodes: Nodes, start: Start, tmp_path: Path, expected: dict[str, str]
) -> None:
    """Both lists are said; where there is no other node, nothing is trained."""
    information = tmp_path / "other" / "numba-0.0.1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: numba\nVersion: 0.0.1\n")
    path = ":".join([str(information.parent), *filter(None, sys.path)])
    nodes.add(PYTHONPATH=path)
    output = finish(start(project), status=1)
    # Ray may print lines of its own after it.
    start_of_line = "error: no node of the Ray cluster has the versions of this environment"
    (last,) = [line for line in output.splitlines() if line.startswith(start_of_line)]
    assert "numba 0.0.1" in last
    assert last.count("torch ") == 2
    nodes.add()
    output = finish(start(project))
    assert re.search(r"node [0-9a-f]{8} is left out: its versions are .*numba 0.0.1", output)
    assert level_digests(project.path / ".lottery/checkpoints") == expected


def test_three_nodes_give_what_the_pipeline_gives(
    finished: Repository, nodes: Nodes, start: Start, tmp_path: Path
) -> None:
    """The smoke profile, with a node killed on the way: weights, metrics, tables and curves have
    the bytes of a clone that ran on one machine."""
    project = finished.untrained(tmp_path / "project")
    for _ in range(3):
        nodes.add()
    driver = start(project)
    nodes.kill(until(lambda: nodes.at_work("*"), driver))
    nodes.add()
    output = finish(driver)
    assert re.search(r": node [0-9a-f]{8} \(.*\) is gone", output)
    output = project.run("dvc", "repro")
    assert output.count("trained by make precompute ON=ray on ") == SMOKE_TRAINING_RUNS
    assert project.digests(*Repository.RESULTS) == finished.digests(*Repository.RESULTS)


def test_groups_of_networks_train_on_a_node(
    finished: Repository, nodes: Nodes, start: Start, tmp_path: Path
) -> None:
    """As on GPUs: the seeds and arms of a cell in lockstep, with the bytes of one machine."""
    lockstep = {"LOTTERY_LOCKSTEP": "1"}
    local, project = (finished.untrained(tmp_path / name) for name in ("local", "project"))
    local.run("tools.precompute", "train", "prune", "--cells", "rotten_tomatoes-cnn", **lockstep)
    nodes.add()
    finish(start(project, "train", "prune", "--cells", "rotten_tomatoes-cnn", environment=lockstep))
    store = Path(".lottery/checkpoints")
    assert group_sizes(project.path / store)[TICKET] == {4}
    assert level_digests(project.path / store) == level_digests(local.path / store)
