"""Which words of a text decided its label."""

from dataclasses import dataclass

import numpy as np

from lottery.metrics import probabilities
from lottery.tickets.cnn import CNNNetwork
from lottery.tickets.ticket import Ticket

MOST = 3
"""Reasons given for a text."""


@dataclass(frozen=True)
class Reason:
    """Words of a text, and what they add: to the label's logit in a CNN, where they are the windows
    that win the maximum of a filter; to its probability in an LSTM, where they are left out."""

    words: str
    effect: float


def reasons(ticket: Ticket, text: str) -> list[Reason]:
    """The words with the largest effect, at most :data:`MOST`, the largest first."""
    words = ticket.words(text)
    if not words:
        return []
    effects = _windows if isinstance(ticket.network, CNNNetwork) else _omissions
    largest = sorted(effects(ticket, words), key=lambda reason: -reason.effect)
    return [reason for reason in largest[:MOST] if reason.effect > 0]


def _windows(ticket: Ticket, words: list[str]) -> list[Reason]:
    network = ticket.network
    assert isinstance(network, CNNNetwork)
    rows, slots = network.table.products(np.array(ticket.ids(words), np.int32))
    sums = network.window_sums(rows[slots])
    features = np.maximum(np.concatenate([values.max(0) for values in sums]) + network.bias, 0)
    starts = np.concatenate([values.argmax(0) for values in sums])
    widths = np.repeat(network.model.widths, network.model.filters)
    effects: dict[str, float] = {}
    weights = _weights_of_label(ticket, features)
    for start, width, effect in zip(starts, widths, features * weights, strict=True):
        window = " ".join(words[start : start + width])
        effects[window] = effects.get(window, 0.0) + float(effect)
    return [Reason(window, effect) for window, effect in effects.items()]


def _weights_of_label(ticket: Ticket, features: np.ndarray) -> np.ndarray:
    """What each feature adds to the predicted class's logit, above the mean of all classes."""
    weights = ticket.contents.matrices["output_weight"].dense()
    logits = weights @ features + ticket.contents.vectors["output_bias"]
    if len(weights) == 1:
        signed: np.ndarray = weights[0] if logits[0] > 0 else -weights[0]
        return signed
    above: np.ndarray = weights[logits.argmax()] - weights.mean(0)
    return above


def _omissions(ticket: Ticket, words: list[str]) -> list[Reason]:
    whole = probabilities(ticket.logits_of_words([words]))[0]
    label = whole.argmax()
    without = [words[:number] + words[number + 1 :] for number in range(len(words))]
    rest = probabilities(ticket.logits_of_words(without))[:, label]
    return [
        Reason(word, float(effect)) for word, effect in zip(words, whole[label] - rest, strict=True)
    ]
