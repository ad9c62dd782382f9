"""Which of our modules import which others, by the import statements of their source.

grimp knows the same, and a test compares the two. It is compiled, and a machine that only trains
need not have it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

from lottery.errors import LotteryError, one_line


class ImportGraph:
    """The modules of ``packages``, given as their folders: ``{"lottery": Path("src/lottery")}``.

    ``types`` also counts what is imported for type checking only. A file is read when its imports
    are first asked for.
    """

    def __init__(self, packages: dict[str, Path], types: bool) -> None:
        self._types = types
        self._files = {
            name: file
            for package, folder in packages.items()
            for name, file in _modules(package, folder)
        }
        self._imports: dict[str, set[str]] = {}

    @property
    def modules(self) -> set[str]:
        """The names of all modules; a package is one, too."""
        return set(self._files)

    def children(self, package: str) -> set[str]:
        """The modules directly in ``package``."""
        return {name for name in self._files if name.rpartition(".")[0] == package}

    def upstream(self, module: str) -> set[str]:
        """All modules that ``module`` imports, or that one of these does; not the module itself.

        Raises LotteryError for a file that is not Python.
        """
        reached, waiting = {module}, [module]
        while waiting:
            following = self._imported_by(waiting.pop()) - reached
            reached |= following
            waiting += following
        return reached - {module}

    def _imported_by(self, module: str) -> set[str]:
        if module not in self._imports:
            self._imports[module] = set(self._read(module))
        return self._imports[module]

    def _read(self, module: str) -> Iterator[str]:
        file = self._files[module]
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError) as error:  # a null byte is a ValueError in 3.11
            line = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise LotteryError(
                f"{file}{line}: not Python ({one_line(str(error))}); "
                "fix the file or move it elsewhere"
            ) from None
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in _statements(tree, self._types):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name in self._files)
                continue
            try:
                base = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:  # from beyond the package, which fails when it is run
                continue
            for alias in node.names:
                member = f"{base}.{alias.name}"
                yield from [name for name in (member, base) if name in self._files][:1]


def _modules(package: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The name and the file of each module below ``folder``, which Python could import."""
    for file in folder.rglob("*.py"):
        parts = [package, *file.relative_to(folder).with_suffix("").parts]
        inside = file.parent.relative_to(folder).parts
        folders = [folder.joinpath(*inside[:depth]) for depth in range(len(inside) + 1)]
        if all(part.isidentifier() for part in parts) and all(
            (path / "__init__.py").exists() for path in folders
        ):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def _statements(tree: ast.AST, types: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements in ``tree``, inside functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and _is_type_checking(node.test) and not types:
            for other in node.orelse:
                yield from _statements(ast.Module([other], []), types)
        else:
            yield from _statements(node, types)


def _is_type_checking(test: ast.expr) -> bool:
    """Whether ``test`` is ``TYPE_CHECKING`` or ``typing.TYPE_CHECKING``."""
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"
