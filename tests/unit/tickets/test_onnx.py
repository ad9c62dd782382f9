"""A ticket as dense ONNX gives the same logits in ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest
import ticket_networks

from lottery.tickets import Ticket, export, onnx

runtime = pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("density", [0.05, 0.5])
@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_the_same_logits(model: str, density: float, classes: int, tmp_path: Path) -> None:
    """Also of documents shorter than a filter, with documents of other lengths beside."""
    pair = ticket_networks.make(model, classes, density)
    contents = export.contents(pair.network, "float32")
    onnx.write(contents, tmp_path / "t.onnx")
    ticket = Ticket(contents, compiled=False)
    documents = [
        ticket.ids([ticket_networks.WORDS[id] for id in document])
        for document in ticket_networks.random_documents(30, 12)
    ]
    tokens = np.full((30, 15), 7, np.int64)  # padding is any word
    for row, document in zip(tokens, documents, strict=True):
        row[: len(document)] = document
    lengths = np.array([len(document) for document in documents], np.int32)
    session = runtime.InferenceSession(tmp_path / "t.onnx")
    logits = session.run(None, {"tokens": tokens, "lengths": lengths})[0]
    np.testing.assert_allclose(logits, ticket.logits_of_ids(documents), atol=2e-5, rtol=2e-5)
