"""A ticket classifies as the network that it was exported from."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import ticket_networks
from ticket_networks import WORDS

from lottery.tickets import Ticket, export, format, lstm, ticket, word_table
from lottery.tickets.architectures import CNN

DOCUMENTS = ticket_networks.random_documents(150, 12)
TEXTS = [[WORDS[id] if id else "unheard" for id in document] for document in DOCUMENTS]


def load(pair: ticket_networks.Pair, path: Path, compiled: bool, values: str = "float32") -> Ticket:
    path.write_bytes(ticket_networks.to_bytes(pair.network, values))
    return Ticket.load(path, compiled)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("density", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_the_same_logits(
    model: str, unknown: bool, density: float, classes: int, compiled: bool, tmp_path: Path
) -> None:
    """Also of words that were pruned altogether, and of words that are not in the vocabulary."""
    pair = ticket_networks.make(model, classes, density, unknown=unknown)
    loaded = load(pair, tmp_path / "t", compiled)
    expected = ticket_networks.logits(pair.module, DOCUMENTS)
    np.testing.assert_allclose(loaded.logits_of_words(TEXTS), expected, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_the_same_with_other_documents_beside(model: str, tmp_path: Path) -> None:
    """Bit for bit, up to the product of the output layer."""
    loaded = load(ticket_networks.make(model), tmp_path / "t", compiled=True)
    ids = np.concatenate([loaded.ids(text) for text in TEXTS]).astype(np.int32)
    offsets = np.cumsum([0, *map(len, TEXTS)])
    together = loaded.network.features(ids, offsets, compiled=True)
    for number, (start, end) in enumerate(pairwise(offsets.tolist())):
        alone = loaded.network.features(ids[start:end], np.array([0, end - start]), compiled=True)
        assert np.array_equal(together[number], alone[0])


@pytest.mark.parametrize(("values", "bound"), [("float16", 0.01), ("int8", 0.2)])
@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_smaller_values(model: str, values: str, bound: float, tmp_path: Path) -> None:
    pair = ticket_networks.make(model)
    exact = load(pair, tmp_path / "t", True).logits_of_words(TEXTS)
    close = load(pair, tmp_path / "t", True, values).logits_of_words(TEXTS)
    assert not np.array_equal(close, exact)
    assert abs(close - exact).mean() < bound * abs(exact).mean()


def test_a_value_that_float16_cannot_hold_is_refused() -> None:
    pair = ticket_networks.make("cnn")
    pair.network.weights["output_weight"][:] = 1e6
    with pytest.raises(Exception, match="store values as float32"):
        ticket_networks.to_bytes(pair.network, "float16")


def test_the_same_bytes_again() -> None:
    one, other = (ticket_networks.to_bytes(ticket_networks.make("lstm").network) for _ in "ab")
    assert one == other


def test_pruned_words_are_left_out_where_that_changes_nothing() -> None:
    """A word without an embedding is like an unknown one only if that has none either."""
    with_unknown = export.contents(ticket_networks.make("cnn", unknown=True).network, "float32")
    without = export.contents(ticket_networks.make("cnn", unknown=False).network, "float32")
    assert "w3" in with_unknown.words
    assert "w3" not in without.words


def test_filters_without_weights_or_influence_are_left_out(tmp_path: Path) -> None:
    pair = ticket_networks.make("cnn", density=1.0)
    weights, masks = pair.network.weights, pair.network.masks
    for name, index in (("conv3_weight", 1), ("conv5_weight", 2)):
        weights[name][index] = 0
        masks[name][index] = False
    weights["output_weight"][:, 4] = 0
    masks["output_weight"][:, 4] = False
    for name, parameter in pair.module.named_parameters():
        parameter.data[:] = parameter.data.new_tensor(weights[name])
    loaded = load(pair, tmp_path / "t", compiled=False)
    assert isinstance(loaded.header.model, CNN)
    assert loaded.header.model.filters == (3, 3, 3)
    expected = ticket_networks.logits(pair.module, DOCUMENTS)
    np.testing.assert_allclose(loaded.logits_of_words(TEXTS), expected, atol=2e-5, rtol=2e-5)


def test_a_full_table_of_words_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = ticket_networks.make("cnn")
    expected = load(pair, tmp_path / "t", compiled=False).logits_of_words(TEXTS)
    monkeypatch.setattr(word_table, "BUDGET", 0)
    monkeypatch.setattr(word_table, "LEAST", 20)
    monkeypatch.setattr(ticket, "BATCH", 15)
    loaded = load(pair, tmp_path / "t", compiled=True)
    np.testing.assert_allclose(loaded.logits_of_words(TEXTS), expected, atol=1e-5)
    longest = [WORDS[2:]]  # more words than there are rows
    np.testing.assert_allclose(
        loaded.logits_of_words(longest),
        load(pair, tmp_path / "t", compiled=False).logits_of_words(longest),
        atol=1e-5,
    )


def test_numba_computes_when_there_is_enough_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").write_bytes(ticket_networks.to_bytes(ticket_networks.make("cnn").network))
    loaded = Ticket.load(tmp_path / "t")
    seen: list[bool] = []
    features = loaded.network.features

    def recorded(ids: np.ndarray, offsets: np.ndarray, compiled: bool) -> np.ndarray:
        seen.append(compiled)
        return features(ids, offsets, compiled)

    monkeypatch.setattr(loaded.network, "features", recorded)
    monkeypatch.setattr(ticket, "COMPILE_AFTER", 30)
    for _ in range(3):
        loaded.logits_of_words([WORDS[:15]])
    assert seen == [False, False, True]


def test_predictions(tmp_path: Path) -> None:
    pair = ticket_networks.make("cnn", classes=2)
    loaded = load(pair, tmp_path / "t", compiled=False)
    texts = [" ".join(text) for text in TEXTS]
    logits = ticket_networks.logits(pair.module, DOCUMENTS)[:, 0]
    predictions = loaded.predict(texts)
    labels = ["class 1" if logit > 0 else "class 0" for logit in logits]
    assert [prediction.label for prediction in predictions] == labels
    sigmoid = 1 / (1 + np.exp(-abs(logits)))
    np.testing.assert_allclose([each.probability for each in predictions], sigmoid, atol=1e-5)
    assert loaded.predict([]) == []


def test_only_the_first_tokens_are_read(tmp_path: Path) -> None:
    pair = ticket_networks.make("cnn")
    contents = export.contents(pair.network, "float32")
    object.__setattr__(contents.header, "max_tokens", 4)
    (tmp_path / "t").write_bytes(format.to_bytes(contents))
    loaded = Ticket.load(tmp_path / "t")
    assert np.array_equal(loaded.logits(["w1 w2 w3 w4"]), loaded.logits(["w1 w2 w3 w4 w9 w8"]))


def test_an_empty_text_is_one_unknown_word(tmp_path: Path) -> None:
    pair = ticket_networks.make("lstm")
    loaded = load(pair, tmp_path / "t", compiled=False)
    expected = ticket_networks.logits(pair.module, [[0]])
    np.testing.assert_allclose(loaded.logits(["", " \n "]), np.tile(expected, (2, 1)), atol=1e-5)


def test_more_documents_than_lanes_of_all_lengths(tmp_path: Path) -> None:
    pair = ticket_networks.make("lstm")
    documents = [[2 + number % 20] * (1 + number % 40) for number in range(2 * lstm.LANES + 3)]
    texts = [[WORDS[id] for id in document] for document in documents]
    loaded = load(pair, tmp_path / "t", compiled=True)
    expected = ticket_networks.logits(pair.module, documents)
    np.testing.assert_allclose(loaded.logits_of_words(texts), expected, atol=2e-5, rtol=2e-5)
