"""The networks: sizes of the study, references in PyTorch, independence of batch mates."""

import pytest
import torch
import torch.nn.functional as F
from helpers import MODELS
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lottery import models
from lottery.models import cnn, lstm
from lottery.storage.token_arrays import PAD
from lottery.training import initializers

STUDY = {
    ("cnn", 2): 5_120_801,
    ("cnn", 4): 5_121_704,
    ("lstm", 2): 4_810_857,
    ("lstm", 4): 4_812_396,
}


@pytest.mark.parametrize(("cell", "count"), STUDY.items())
def test_parameter_counts_of_the_study(cell: tuple[str, int], count: int) -> None:
    name, classes = cell
    if name == "cnn":
        options = cnn.Options(filters=100, widths=(3, 4, 5))
        model = cnn.build(options, 50_002, 100, models.outputs(classes))
    else:
        model = lstm.build(lstm.Options(hidden=256, layers=2), 25_002, 100, models.outputs(classes))
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def small(name: str, outputs: int = 3, rows: int = 30) -> nn.Module:
    module, options = MODELS[name]
    model = module.build(options, rows, 6, outputs)
    drawn = initializers.draw(model, torch.Generator().manual_seed(1), 1.0)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            parameter.copy_(drawn[parameter_name])
            if "bias" in parameter_name:  # zero biases would hide what padding adds
                parameter.normal_(generator=torch.Generator().manual_seed(2))
    return model


def padded(documents: list[list[int]], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [tokens + [PAD] * (longest - len(tokens)) for tokens in documents]
    return torch.tensor(rows), torch.tensor([len(tokens) for tokens in documents])


def logits(
    model: nn.Module,
    tokens: torch.Tensor,
    lengths: torch.Tensor,
    dropout: models.Dropout = lambda values: values,
) -> torch.Tensor:
    """The model on the whole embedding, each token its own row."""
    values: torch.Tensor = model(model.embedding, tokens, lengths, dropout)
    return values


DOCUMENTS = st.lists(st.lists(st.integers(2, 29), min_size=1, max_size=12), min_size=1, max_size=6)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=40)
@given(documents=DOCUMENTS, extra=st.integers(0, 9))
def test_logits_do_not_depend_on_batch_mates(
    name: str, documents: list[list[int]], extra: int
) -> None:
    model = small(name)
    longest = max(map(len, documents))
    together = logits(model, *padded(documents, longest + extra))
    for document, values in zip(documents, together, strict=True):
        alone = logits(model, *padded([document], len(document)))[0]
        torch.testing.assert_close(values, alone, atol=1e-5, rtol=1e-5)


def test_lstm_is_torchs_on_packed_sequences() -> None:
    """The reference: torch.nn.LSTM over packed sequences, read at its last states."""
    model = small("lstm")
    reference = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
    weights = dict(model.named_parameters())
    reference.load_state_dict({name: weights[name] for name in reference.state_dict()})
    tokens, lengths = padded([[3, 4, 5, 6, 7], [8, 9], [2]], 7)
    packed = nn.utils.rnn.pack_padded_sequence(
        F.embedding(tokens, weights["embedding"]), lengths, batch_first=True
    )
    _, (states, _) = reference(packed)
    expected = F.linear(
        torch.cat([states[2], states[3]], 1), weights["output_weight"], weights["output_bias"]
    )
    torch.testing.assert_close(logits(model, tokens, lengths), expected)


def test_cnn_is_kims_on_one_document() -> None:
    """The reference: two-dimensional convolutions over tokens x dim, ReLU, maximum over time."""
    model = small("cnn")
    weights = dict(model.named_parameters())
    tokens, lengths = padded([[3, 4, 5, 6, 7, 8]], 6)
    image = F.embedding(tokens, weights["embedding"])[:, None]
    features = [
        F.conv2d(image, weights[f"conv{width}_weight"], weights[f"conv{width}_bias"])
        .squeeze(3)
        .relu()
        .amax(2)
        for width in (3, 4, 5)
    ]
    expected = F.linear(torch.cat(features, 1), weights["output_weight"], weights["output_bias"])
    torch.testing.assert_close(logits(model, tokens, lengths), expected)


def test_dropout_is_applied_before_each_layer_and_before_the_output() -> None:
    for name, shapes in {
        "cnn": [(1, 12)],
        "lstm": [(64, 6), (64, 10), (1, 10)],  # packed, with rows added up to 64
    }.items():
        seen: list[tuple[int, ...]] = []

        def note(values: torch.Tensor, seen: list[tuple[int, ...]] = seen) -> torch.Tensor:
            seen.append(tuple(values.shape))
            return values

        logits(small(name), *padded([[3, 4, 5, 6, 7, 8, 9]], 7), note)
        assert seen == shapes


def test_kinds_of_parameters() -> None:
    for name in MODELS:
        kinds = {key: models.kind(key) for key, _ in small(name).named_parameters()}
        assert kinds.pop("embedding") == "embedding"
        assert {key for key, kind in kinds.items() if kind == "biases"} == {
            key for key in kinds if "bias" in key
        }
        assert set(kinds.values()) == {"weights", "biases"}
