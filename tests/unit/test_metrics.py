"""Scores that accuracy hides: those of scikit-learn, from the counts by class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from lottery import metrics


@given(st.integers(1, 6), st.integers(1, 40), st.integers(0, 999))
def test_scores_by_class_are_those_of_scikit_learn(classes: int, documents: int, seed: int) -> None:
    """Also where a class is never predicted, or is predicted and is no label."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, documents)
    logits = random.normal(size=(documents, max(2, classes))).astype(np.float32)
    answers = metrics.predictions(logits)
    assert metrics.macro_f1(logits, labels) == pytest.approx(
        100 * f1_score(labels, answers, average="macro", zero_division=0)
    )
    if len(set(labels)) > 1 and set(answers) <= set(labels):  # otherwise scikit-learn warns
        assert metrics.balanced_accuracy(logits, labels) == pytest.approx(
            100 * balanced_accuracy_score(labels, answers)
        )


@given(st.integers(2, 9), st.integers(0, 8), st.integers(0, 99))
def test_one_answer_for_all_is_worth_a_class(classes: int, answer: int, seed: int) -> None:
    """However unequal the classes are; accuracy is then the share of that class."""
    random = np.random.default_rng(seed)
    answer %= classes
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, 50) ** 2 % classes])
    logits = np.zeros((len(labels), classes), np.float32)
    logits[:, answer] = 1
    assert metrics.balanced_accuracy(logits, labels) == pytest.approx(100 / classes)
    assert metrics.accuracy(logits, labels) == 100 * (labels == answer).mean()


def test_the_most_frequent_class_is_that_of_the_training_split() -> None:
    assert metrics.majority_accuracy(np.array([1, 1, 0]), np.array([0, 0, 0, 1])) == 25
    assert metrics.majority_accuracy(np.array([2, 1, 1, 2]), np.array([1, 2, 2])) == (
        pytest.approx(100 / 3)
    )
    one_output = np.array([[1.0], [-1.0], [-1.0], [-1.0]], np.float32)
    assert metrics.balanced_accuracy(one_output, np.array([1, 1, 0, 0])) == 75
    assert metrics.macro_f1(one_output, np.array([1, 1, 0, 0])) == (
        pytest.approx(100 * (2 / 3 + 4 / 5) / 2)
    )
