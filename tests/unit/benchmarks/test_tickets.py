"""The contenders of ``make bench TICKETS=1`` are what they are called, after their file is read."""

from pathlib import Path

import numpy as np
import pytest
import ticket_networks
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.tickets import contenders, entropy, footprint, loading
from lottery.tickets import export, format

DOCUMENTS = [np.array(ids) for ids in ticket_networks.random_documents(90, 12)]


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_pytorch_is_the_network(model: str, tmp_path: Path) -> None:
    """Also of documents that are shorter than a filter."""
    pair = ticket_networks.make(model)
    contender = contenders.pytorch(pair.network, tmp_path)
    expected = ticket_networks.logits(pair.module, DOCUMENTS)
    actual = contender.logits(contender.prepare(DOCUMENTS))
    np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_a_ticket_is_the_network(model: str, tmp_path: Path) -> None:
    pair = ticket_networks.make(model, unknown=False)
    contender = contenders.ticket(pair.network, "float32", "level 1", tmp_path)
    expected = ticket_networks.logits(pair.module, DOCUMENTS)
    actual = contender.logits(contender.prepare(DOCUMENTS))
    np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=2e-5)
    assert contender.bytes == len(format.to_bytes(export.contents(pair.network, "float32")))


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_onnx_is_the_network(model: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
    pair = ticket_networks.make(model)
    contender = contenders.onnx(pair.network, tmp_path, int8=False)
    expected = ticket_networks.logits(pair.module, DOCUMENTS)
    actual = contender.logits(contender.prepare(DOCUMENTS))
    np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_tfidf_is_the_fitted_model(classes: int, tmp_path: Path) -> None:
    labels = np.arange(len(DOCUMENTS)) % classes
    words = ticket_networks.WORDS
    contender = contenders.tfidf((DOCUMENTS, labels), words, tmp_path)
    texts = [[words[id] for id in ids] for ids in DOCUMENTS]
    vectorizer = TfidfVectorizer(analyzer=loading.pairs, sublinear_tf=True, min_df=2)
    model = LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
    expected = model.decision_function(vectorizer.transform(texts)).reshape(len(texts), -1)
    actual = contender.logits(contender.prepare(DOCUMENTS))
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_the_limit_of_a_mask_and_its_values() -> None:
    """Half of the weights: a bit of mask per weight, and two bytes per remaining one."""
    network = ticket_networks.make("cnn").network
    for name, mask in network.masks.items():
        mask[...] = (np.arange(mask.size) % 2 == 0).reshape(mask.shape)
        assert mask.size % 2 == 0 or name.endswith("bias")
    even = sum(mask.size for mask in network.masks.values())
    assert entropy.limit(network, "float16") == pytest.approx(even / 8 + even, rel=0.01)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_footprint_is_of_the_contenders_own_process(tmp_path: Path) -> None:
    """What this process has in memory does not count, nor what it has imported."""
    network = ticket_networks.make("cnn").network
    contender = contenders.ticket(network, "float16", "level 1", tmp_path)
    ballast = np.ones(100_000_000, np.uint8)
    measured = footprint.measure(contender, DOCUMENTS)
    assert measured["memory_mb"] < footprint.peak_mb() - len(ballast) / 2**21
    assert measured["load_s"] > 0
