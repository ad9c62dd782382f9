"""Whether one corpus can be read, as far as its module or the beginning of the file tells."""

import os
from pathlib import Path

from lottery import corpora
from lottery.config import plugins
from lottery.config.text_schema import Corpus
from lottery.data.sources import nearby, tabular, user_file
from lottery.errors import LotteryError, clipped, one_line


def check(name: str, corpus: Corpus, root: Path = Path()) -> None:
    """Raise LotteryError for a source that does not exist, a split that the corpus does not have,
    or a file whose name, packing or columns are wrong."""
    check_source(name, corpus, root)
    check_content(name, corpus, root)


def check_content(name: str, corpus: Corpus, root: Path = Path()) -> None:
    """Raise LotteryError for a split that the corpus does not have, or a file whose name, packing
    or columns are wrong."""
    if corpus.is_file:
        assert corpus.text is not None and corpus.label is not None  # the schema sees to it
        user_file.check(root / corpus.source, corpus.text, corpus.label, corpus.split)
    else:
        corpora.load_module(name, corpus)


def check_source(name: str, corpus: Corpus, root: Path) -> None:
    """Raise LotteryError unless ``source`` is the user's file or a corpus module."""
    source = Path(corpus.source)
    path = clipped(one_line(corpus.source), 200)
    if not _is_file(root / source):
        flaw = "not found"
        if _is_file(_main_checkout() / source):
            flaw += (
                ": an experiment in a folder of its own has only the files that Git tracks; "
                f"run 'git add {path}' or 'dvc add {path}' first"
            )
            raise LotteryError(f"corpora.{name}.source: {path} {flaw}")
    elif not corpus.is_file and (source.parent != corpora.FOLDER or source.name[0] == "_"):
        flaw = (
            f"is not a corpus module; those are in {corpora.FOLDER}, and a file of your own must "
            "not end in .py"
        )
    else:
        return
    modules = [str(corpora.FOLDER / f"{module}.py") for module in plugins.names("lottery.corpora")]
    if corpus.is_file:
        hint = nearby.suggestion(source, tabular.FILE_ENDINGS, root, modules)
        hint = hint or "; give its path from the root of the repository"
    else:
        hint = plugins.suggestion(corpus.source, modules)
    raise LotteryError(f"corpora.{name}.source: {path} {flaw}{hint}")


def _main_checkout() -> Path:
    """Where DVC was started, also if it runs an experiment in a temporary tree."""
    return Path(os.environ.get("DVC_ROOT", "."))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, or a folder that may not be entered.
        return False
