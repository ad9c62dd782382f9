"""The nodes of a Ray cluster: which of them may train which cell, and how much room they have.

All units of a grid go to nodes of one kind: the same processor or card, threads and versions. So
machines are never mixed within a contrast.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ray
import ray.exceptions

from lottery.errors import LotteryError, one_line
from lottery.pipeline import provenance
from lottery.pipeline.executors import node
from lottery.pipeline.processes import VARIABLE

if TYPE_CHECKING:
    from lottery.config.schema import Params

NODE_ID = "ray.io/node-id"
PROBES = 3
"""How often a node is asked what it is before it is left out."""


@dataclass
class Nodes:
    """The nodes that train the grid of ``settings``. ``say`` is told of those that cannot."""

    settings: Params
    say: Callable[[str], object]
    provenance: dict[str, Any] = field(default_factory=dict)
    """Of the kind that is used."""
    _probes: dict[str, Any] = field(default_factory=dict)
    _kinds: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the id of the node. Those that were refused are in it, too."""
    _failures: dict[str, int] = field(default_factory=dict)
    """How many probes of a node have ended without an answer."""

    def choose(self) -> None:
        """Wait for all nodes to say what they are, and choose the kind with the most room; one
        with a GPU first. Cells that were trained elsewhere before decide for all.

        Raises LotteryError if no node can be used.
        """
        for identifier in self._alive():
            self._probe(identifier)
        while self._probes:
            self._collect(timeout_s=1)
        usable = [kind for kind in self._kinds.values() if self._is_usable(kind)]
        if not usable:
            raise LotteryError(
                "no node of the Ray cluster has the versions of this environment "
                f"({_list(provenance.versions())}): {self._refusals() or 'it has no processors'}"
            )
        self.provenance = max(usable, key=lambda kind: (self._room(kind), str(kind)))

    def refresh(self) -> None:
        """Look at nodes that have joined since."""
        for identifier in self._alive():
            if identifier not in self._kinds:
                self._probe(identifier)
        self._collect(timeout_s=0)

    def _collect(self, timeout_s: float) -> None:
        """Take the answers that have come; forget the question to a node that is gone."""
        alive = self._alive()
        self._probes = {name: probe for name, probe in self._probes.items() if name in alive}
        pending = list(self._probes.values())
        if pending:
            ready, _ = ray.wait(pending, num_returns=len(pending), timeout=timeout_s)
            for identifier in [key for key, ref in self._probes.items() if ref in ready]:
                self._take(identifier)

    def ids(self) -> list[str]:
        """Of the nodes that are used."""
        return [name for name in self._alive() if self._kinds.get(name) == self.provenance]

    def slots(self) -> int:
        """How many units they have room for."""
        nodes = self._alive()
        return sum(_slots(nodes[name], self.settings.threads) for name in self.ids())

    def options(self, nodes: list[str]) -> dict[str, Any]:
        """What a task needs: one of ``nodes``, which are of one kind, and its share of it."""
        options: dict[str, Any] = {"label_selector": {NODE_ID: f"in({','.join(nodes)})"}}
        if any(_gpus(entry) for name, entry in self._alive().items() if name in nodes):
            return {**options, "num_cpus": 0, "num_gpus": 1 / _per_gpu()}
        return {**options, "num_cpus": self.settings.threads}

    def _alive(self) -> dict[str, Mapping[str, float]]:
        """The resources of each node that lives and has processors, by its id."""
        return {
            entry["NodeID"]: entry["Resources"]
            for entry in ray.nodes()
            if entry["Alive"] and entry["Resources"].get("CPU", 0) > 0
        }

    def _probe(self, identifier: str) -> None:
        """Ask a node what it is."""
        if identifier not in self._probes:
            task = ray.remote(num_cpus=0, max_retries=0)(node.probe)
            here = task.options(label_selector={NODE_ID: identifier})
            self._probes[identifier] = here.remote(self.settings.device, self.settings.threads)

    def _take(self, identifier: str) -> None:
        """Take a node's answer; ask again if its process ended without one, as it may where many
        nodes start at once on one machine."""
        reference = self._probes.pop(identifier)
        try:
            kind = self._kinds[identifier] = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._failures[identifier] = self._failures.get(identifier, 0) + 1
            if self._failures[identifier] < PROBES and identifier in self._alive():
                self._probe(identifier)
                return
            reason = one_line(str(error).strip().split("\n")[0])[:200]
            self._kinds[identifier] = {"versions": {}, "device": reason}
            self.say(f"node {identifier[:8]} is left out: it does not say what it is: {reason}")
            return
        if not self._is_usable(kind):
            self.say(
                f"node {identifier[:8]} is left out: its versions are {_list(kind['versions'])}; "
                f"here they are {_list(provenance.versions())}"
            )

    def _is_usable(self, kind: Mapping[str, Any]) -> bool:
        return bool(kind["versions"] == provenance.versions())

    def _refusals(self) -> str:
        return "; ".join(
            f"node {name[:8]} has {_list(kind['versions']) or kind['device']}"
            for name, kind in self._kinds.items()
        )

    def _room(self, kind: Mapping[str, Any]) -> tuple[float, int]:
        """The GPUs, and the slots, of the nodes of a kind."""
        nodes = [
            resources for name, resources in self._alive().items() if self._kinds.get(name) == kind
        ]
        return sum(map(_gpus, nodes)), sum(_slots(n, self.settings.threads) for n in nodes)


def _gpus(resources: Mapping[str, float]) -> float:
    return resources.get("GPU", 0)


def _per_gpu() -> int:
    """How many units share a GPU."""
    text = os.environ.get(VARIABLE, "1")
    if not text.isdecimal() or int(text) < 1:
        raise LotteryError(f"{VARIABLE}: expected a positive integer, got {text!r}")
    return int(text)


def _slots(resources: Mapping[str, float], threads: int) -> int:
    if _gpus(resources):
        return int(_gpus(resources)) * _per_gpu()
    return int(resources["CPU"]) // threads


def _list(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
