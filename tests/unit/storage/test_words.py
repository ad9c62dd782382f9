"""The vocabulary is read as it was written, or refused."""

from pathlib import Path

import pytest
from helpers import refused, write_tokens

from lottery.storage import token_arrays

WORDS = ["<unk>", "<pad>", "naïve", "\u2028", "'"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokens = write_tokens(tmp_path / "tokens", words=len(WORDS))
    (tokens / "vocabulary.txt").write_text("".join(f"{word}\n" for word in WORDS), "utf-8")
    return tokens


def test_words_are_read_by_id(folder: Path) -> None:
    """A line ends with a line feed, and with nothing else that looks like one."""
    assert token_arrays.read_words(folder) == WORDS


@pytest.mark.parametrize("content", [b"", b"<unk>\n<pad>\n", b"a\n" * 6, b"\xff\n" * 5])
def test_other_vocabularies_are_refused(folder: Path, content: bytes) -> None:
    (folder / "vocabulary.txt").write_bytes(content)
    refused(lambda: token_arrays.read_words(folder), "vocabulary.txt: ", "run 'dvc repro'")


def test_a_missing_vocabulary_is_refused(folder: Path) -> None:
    (folder / "vocabulary.txt").unlink()
    refused(lambda: token_arrays.read_words(folder), "vocabulary.txt: ", "run 'dvc repro'")
