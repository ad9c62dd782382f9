"""The networks: sizes of the study, independence of batch mates, initial weights."""

import pytest
import torch
import torch.nn.functional as F
from conftest import MODELS
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lottery import models
from lottery.batches import PAD, UNK
from lottery.models import cnn, lstm

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
    drawn = models.draw(model, torch.Generator().manual_seed(1), 1.0)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            parameter.copy_(drawn[parameter_name])
            if "bias" in parameter_name:  # zero biases would hide what padding adds
                parameter.normal_(generator=torch.Generator().manual_seed(2))
    return model


def padded(documents: list[list[int]], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.tensor([words + [PAD] * (longest - len(words)) for words in documents])
    return tokens, torch.tensor([len(words) for words in documents])


def logits(
    model: nn.Module,
    tokens: torch.Tensor,
    lengths: torch.Tensor,
    dropout: models.Dropout = lambda values: values,
) -> torch.Tensor:
    """The model on the whole embedding, each token its own row."""
    found: torch.Tensor = model(model.embedding, tokens, lengths, dropout)
    return found


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
    for document, found in zip(documents, together, strict=True):
        alone = logits(model, *padded([document], len(document)))[0]
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-5)


def test_lstm_is_torchs_on_packed_sequences() -> None:
    """The reference: torch.nn.LSTM over packed sequences, read at its last states."""
    model = small("lstm")
    reference = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
    own = dict(model.named_parameters())
    reference.load_state_dict({name: own[name] for name in reference.state_dict()})
    tokens, lengths = padded([[3, 4, 5, 6, 7], [8, 9], [2]], 7)
    packed = nn.utils.rnn.pack_padded_sequence(
        F.embedding(tokens, own["embedding"]), lengths, batch_first=True
    )
    _, (states, _) = reference(packed)
    expected = F.linear(
        torch.cat([states[2], states[3]], 1), own["output_weight"], own["output_bias"]
    )
    torch.testing.assert_close(logits(model, tokens, lengths), expected)


def test_cnn_is_kims_on_one_document() -> None:
    """The reference: two-dimensional convolutions over words x dim, ReLU, maximum over time."""
    model = small("cnn")
    own = dict(model.named_parameters())
    tokens, lengths = padded([[3, 4, 5, 6, 7, 8]], 6)
    image = F.embedding(tokens, own["embedding"])[:, None]
    features = [
        F.conv2d(image, own[f"conv{width}_weight"], own[f"conv{width}_bias"])
        .squeeze(3)
        .relu()
        .amax(2)
        for width in (3, 4, 5)
    ]
    expected = F.linear(torch.cat(features, 1), own["output_weight"], own["output_bias"])
    torch.testing.assert_close(logits(model, tokens, lengths), expected)


def test_dropout_stands_where_the_issue_says() -> None:
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


@pytest.mark.parametrize("name", MODELS)
def test_initial_weights(name: str) -> None:
    module, options = MODELS[name]
    model = module.build(options, 400, 30, 1)
    weights = models.draw(model, torch.Generator().manual_seed(0), 0.7)
    assert list(weights) == [name for name, _ in model.named_parameters()]
    for key, weight in weights.items():
        if key == "embedding":
            assert not weight[[UNK, PAD]].any()
            assert weight[2:].std() == pytest.approx(0.7, rel=0.05)
        elif "bias" in key:
            assert not weight.any()
        elif "weight_hh" in key:
            torch.testing.assert_close(weight.T @ weight, torch.eye(weight.shape[1]))
        elif weight.numel() > 100:  # of ten draws the deviation says little
            receptive = weight[0][0].numel() if weight.dim() > 2 else 1
            fans = (weight.shape[0] + weight.shape[1]) * receptive
            assert weight.std() == pytest.approx((2 / fans) ** 0.5, rel=0.25)
    again = models.draw(model, torch.Generator().manual_seed(0), 0.7)
    assert all(torch.equal(weights[key], again[key]) for key in weights)


def test_vectors_are_in_the_embedding() -> None:
    """The study's code never copied them in."""
    module, options = MODELS["lstm"]
    model = module.build(options, 10, 6, 1)
    vectors = torch.arange(60.0).view(10, 6) + 1
    covered = torch.tensor([False, False] + [True, False] * 4)
    drawn = models.draw(model, torch.Generator().manual_seed(0), 0.5, vectors, covered)
    assert torch.equal(drawn["embedding"][covered], vectors[covered])
    random = drawn["embedding"][2:][~covered[2:]]
    assert random.any()
    assert random.abs().max() < 3
    assert not drawn["embedding"][[UNK, PAD]].any()


def test_kinds_of_parameters() -> None:
    for name in MODELS:
        kinds = {key: models.kind(key) for key, _ in small(name).named_parameters()}
        assert kinds.pop("embedding") == "embedding"
        assert {key for key, kind in kinds.items() if kind == "biases"} == {
            key for key in kinds if "bias" in key
        }
        assert set(kinds.values()) == {"weights", "biases"}
