"""What a reader sees instead of the names in ``params.yaml``.

A corpus, model or arm that is not listed here, such as a user's, is called by its own name.
"""

CORPORA = {
    "ag_news": "AG News",
    "imdb": "IMDb",
    "imdb_25k": "IMDb 25k",
    "newsgroups": "20 Newsgroups",
    "reuters_r8": "Reuters R8",
    "rotten_tomatoes": "Rotten Tomatoes",
}
MODELS = {"cnn": "CNN", "lstm": "LSTM"}
# Short, because they stand at the ends of lines.
ARMS = {
    "random_reinit": "fresh each level",
    "reinit_same_mask": "fresh, same mask",
    "scaled_reinit": "fresh, scaled",
    "random_mask_reinit": "fresh, any mask",
}
MEANINGS = {
    "winning_ticket": "rewound to the initial weights",
    "late_rewinding": "rewound to the weights after the first epochs",
    "last_epoch_rewinding": "rewound to the dense network's last weights",
    "continued_training": "trained on from the level before, not rewound",
    "random_reinit": "fresh random weights at each level, pruned by what they learn",
    "study_random": "as fresh each level, but the embedding is not reset",
    "reinit_same_mask": "the winning ticket's mask with fresh random weights",
    "permuted_values": "the winning ticket's mask, its initial values exchanged within each tensor",
    "scaled_reinit": "the winning ticket's mask with fresh weights as large as the ticket's",
    "shuffled_mask": "as many weights per tensor as the ticket, elsewhere, at their initial values",
    "random_mask_reinit": "as many weights per tensor as the ticket, elsewhere, fresh",
    "one_shot": "pruned to the ticket's sparsity in one step",
    "snip": "pruned before training, by connection sensitivity",
    "synflow": "pruned before training, by synaptic flow",
    "transferred": "the winning ticket of another corpus: its mask and initial weights",
    "transferred_mask": "the mask of another corpus's winning ticket with fresh random weights",
    "transferred_late": "the same mask with that corpus's weights after the first epochs",
}
"""What the weights of an arm start from, for the page's key."""


def display_name(arm: str) -> str:
    """An arm's name: "winning ticket"."""
    return ARMS.get(str(arm), str(arm).replace("_", " "))


def corpus_title(corpus: str) -> str:
    """A corpus's name: "Reuters R8"."""
    return CORPORA.get(corpus, corpus)


def model_title(model: str) -> str:
    """A model's name: "LSTM"."""
    return MODELS.get(model, model)


def cell_title(cell: str) -> str:
    """A cell's name: "Reuters R8 · CNN"; of a pair, "Reuters R8 · CNN and Reuters R8 · LSTM".

    Neither corpora nor models have a hyphen in their names.
    """
    if " vs " in cell:
        return " and ".join(map(cell_title, cell.split(" vs ")))
    corpus, hyphen, model = str(cell).rpartition("-")
    # Never broken between the two.
    return f"{corpus_title(corpus)}\u00a0·\u00a0{model_title(model)}" if hyphen else str(cell)


COUNTS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)


def count(number: int, word: str = "", many: str = "") -> str:
    """A number of things in words up to twelve: "one seed", "six seeds", "14 claims"."""
    text = COUNTS[number] if 0 <= number < len(COUNTS) else f"{number:,}"
    return f"{text} {word if number == 1 else many or word + 's'}" if word else text


def listing(items: list[str]) -> str:
    """A list in words: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
