"""Which of our modules import which, by their source."""

from pathlib import Path

import grimp
import pytest
from helpers import refused

from lottery.pipeline import code_digests
from lottery.pipeline.import_graph import ImportGraph


@pytest.mark.parametrize("types", [True, False])
def test_it_is_grimps_graph(types: bool) -> None:
    """Of all modules: digests of code, and so checkpoints, depend on it."""
    ours = code_digests.graph(types)
    theirs = grimp.build_graph(
        "lottery", "stages", cache_dir=None, exclude_type_checking_imports=not types
    )
    assert ours.modules == theirs.modules
    for module in theirs.modules:
        assert ours.upstream(module) == theirs.find_upstream_modules(module), module
        assert ours.children(module) == theirs.find_children(module), module


FILES = {
    "__init__.py": "import json",
    "a.py": "import app.b\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    import app.c\nelse:\n    from app.d import name\n",
    "b.py": "def late():\n    from . import inner\n    import app.a\n",
    "c.py": "from .inner.e import f",
    "d.py": "from elsewhere import app",
    "inner/__init__.py": "",
    "inner/e.py": "from ..d import *\nfrom ... import outside",
    "no_package/g.py": "",
    "not-a-name.py": "this is not Python",
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "app"


def test_statements_of_every_kind(app: Path) -> None:
    graph = ImportGraph({"app": app}, types=False)
    names = {"app", "app.a", "app.b", "app.c", "app.d", "app.inner", "app.inner.e"}
    assert graph.modules == names
    assert graph.children("app") == {name for name in names if name.count(".") == 1}
    assert graph.upstream("app.a") == {"app.b", "app.d", "app.inner"}
    assert graph.upstream("app.b") == {"app.a", "app.d", "app.inner"}, "a circle ends"
    with_types = ImportGraph({"app": app}, types=True)
    assert with_types.upstream("app.a") == {"app.b", "app.c", "app.d", "app.inner", "app.inner.e"}


@pytest.mark.parametrize("text", ["def", "\0", "x = '\ud800'"])
def test_a_file_that_is_not_python(app: Path, text: str) -> None:
    (app / "b.py").write_bytes(text.encode("utf-8", "surrogatepass"))
    graph = ImportGraph({"app": app}, types=False)
    assert graph.upstream("app.c"), "which does not import it"
    refused(lambda: graph.upstream("app.a"), "app/b.py", "not Python", "move it elsewhere")
