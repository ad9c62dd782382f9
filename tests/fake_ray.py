"""Stands in for Ray where it is not installed: nodes and tasks that only pretend, in this process.

What the executor does with lost nodes, refused units and full disks is tried with it in every run
of the tests; ``robustness/test_ray.py`` does the same to a real cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

CPU = "CPU"


class RayError(Exception):
    """A node or a process is gone."""


class RayTaskError(RayError):
    """A task has raised ``cause``."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Reference:
    """An object in the store, or an error in its place."""

    def __init__(self, value: object, node: str = "") -> None:
        self.value, self.node = value, node


class Generator:
    """The results of a task: of ``call``, one after the other; ``node`` is where it runs."""

    def __init__(self, node: str, call: Callable[[], Iterator[object]]) -> None:
        self.node, self._call = node, call
        self._results: Iterator[object] | None = None
        self.is_lost = self._has_ended = False

    def __next__(self) -> Reference:
        if self._has_ended:
            raise StopIteration
        if self.is_lost:
            self._has_ended = True
            return Reference(RayError(f"the node {self.node} died\nits log is elsewhere"))
        try:
            self._results = self._results or self._call()
            return Reference(next(self._results))
        except StopIteration:
            self._has_ended = True
            raise
        except Exception as error:
            self._has_ended = True
            return Reference(RayTaskError(error))


class FakeRay(ModuleType):
    """The part of Ray that the executor uses. ``cluster`` has the resources and the provenance of
    each node by its id."""

    __version__ = "0"

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = ModuleType("ray.exceptions")
        self.exceptions.RayError = RayError  # type: ignore[attr-defined]
        self.exceptions.RayTaskError = RayTaskError  # type: ignore[attr-defined]
        self.cluster: dict[str, tuple[dict[str, float], dict[str, Any]]] = {}
        self.generators: list[Generator] = []
        self.submitted: list[tuple[dict[str, Any], tuple[Any, ...]]] = []
        self.canceled: list[Generator] = []
        self.puts = 0
        self.waits = 0
        self.dying: set[str] = set()
        """Nodes that are gone before they answer."""
        self.stuck: set[str] = set()
        """Nodes whose tasks do not begin."""
        self.silent: dict[str, int] = {}
        """How many probes of a node fail."""
        self.init_options: dict[str, Any] = {}

    def init(self, **options: Any) -> None:
        self.init_options = options

    def shutdown(self) -> None: ...

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name, "Alive": True, "Resources": resources}
            for name, (resources, _) in self.cluster.items()
        ]

    def put(self, value: object) -> Reference:
        self.puts += 1
        return Reference(value)

    def get(self, reference: Any) -> Any:
        if isinstance(reference, list):
            return [self.get(entry) for entry in reference]
        if isinstance(reference.value, Exception):
            raise reference.value
        return reference.value

    def wait(self, references: list[Any], **options: Any) -> tuple[list[Any], list[Any]]:
        self.waits += 1
        assert self.waits < 1000, "it waits for ever"
        for name in self.dying & set(self.cluster):
            del self.cluster[name]
        ready = [
            entry
            for entry in references
            if entry.node not in (self.stuck if isinstance(entry, Generator) else self.dying)
        ]
        ready = ready[: options["num_returns"]]
        return ready, [entry for entry in references if entry not in ready]

    def cancel(self, generator: Generator, force: bool) -> None:
        self.canceled.append(generator)

    def remote(self, **defaults: Any) -> Callable[[Callable[..., Any]], Any]:
        assert defaults["max_retries"] == 0, "Ray would replay the first arguments"
        return lambda function: _Remote(self, function, defaults)

    def kill(self, name: str) -> None:
        """The node is gone, with the tasks on it."""
        del self.cluster[name]
        for generator in self.generators:
            generator.is_lost |= generator.node == name


class _Remote:
    def __init__(
        self, fake: FakeRay, function: Callable[..., Any], options: dict[str, Any]
    ) -> None:
        self._fake, self._function, self._options = fake, function, options

    def options(self, **options: Any) -> _Remote:
        return _Remote(self._fake, self._function, {**self._options, **options})

    def remote(self, *arguments: Any) -> Any:
        selector = self._options["label_selector"]["ray.io/node-id"]
        node = selector.removeprefix("in(").removesuffix(")").split(",")[0]
        if self._options.get("num_returns") != "streaming":
            if self._fake.silent.get(node, 0):
                self._fake.silent[node] -= 1
                return Reference(RayError("A worker died.\nIts log is elsewhere"))
            return Reference(self._fake.cluster[node][1], node)
        self._fake.submitted.append((self._options, arguments))
        generator = Generator(node, lambda: self._function(*arguments))
        self._fake.generators.append(generator)
        return generator
