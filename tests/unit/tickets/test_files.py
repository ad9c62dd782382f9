"""What is written is what is read: sparse rows, words, and whole files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lottery.tickets import compressed_rows, word_list
from lottery.tickets.compressed_rows import MAX_INFLATED


@given(
    rows=st.integers(0, 40),
    width=st.integers(1, 700),
    density=st.sampled_from([0.0, 0.001, 0.05, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_rows_return(rows: int, width: int, density: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((rows, width)) < density
    weights = random.normal(size=(rows, width)).astype(np.float32) * mask
    weights[:, 0] = 0  # a weight of zero that is not pruned is an entry
    matrix = compressed_rows.from_dense(weights, mask)
    assert len(matrix.values) == mask.sum()
    starts, columns = compressed_rows.decode(
        matrix.shape, len(matrix.values), *compressed_rows.encode(matrix)
    )
    assert np.array_equal(starts, matrix.starts)
    assert np.array_equal(columns, matrix.columns)
    assert np.array_equal(matrix.dense(), weights)
    assert np.array_equal(matrix.transposed().dense(), weights.T)
    factors = np.arange(rows, dtype=np.float32)
    assert np.array_equal(matrix.scaled(factors).dense(), weights * factors[:, None])


@given(
    st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1))
)
def test_words_return(words: set[str]) -> None:
    ordered = sorted(words, key=str.encode)
    assert word_list.decode(word_list.encode(ordered), len(ordered)) == ordered


def test_long_words_share_only_what_a_byte_can_say() -> None:
    words = ["a" * 300, "a" * 300 + "b", "a" * 301]
    ordered = sorted(words, key=str.encode)
    assert word_list.decode(word_list.encode(ordered), 3) == ordered


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0b\n\0a\n", "not behind"),
        (b"\0a\n\0a\n", "not behind"),
        (b"\0a\n\2b\n", "damaged"),
        (b"\0a", "damaged"),
        (b"\0\xff\n", "utf-8"),
        (b"\0a\n", "1 words, expected 2"),
    ],
)
def test_damaged_words_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        word_list.decode(compressed_rows.deflate(content), 2)


def test_a_bomb_takes_no_memory() -> None:
    packed = compressed_rows.deflate(bytes(50_000_000))
    assert len(packed) < 100_000
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        compressed_rows.inflate(packed, 1000)
    with pytest.raises(ValueError, match="at most"):
        compressed_rows.inflate(packed, MAX_INFLATED + 1)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_rows_or_refused(counts: bytes, columns: bytes) -> None:
    packed = [compressed_rows.deflate(part) for part in (counts, columns)]
    try:
        starts, result = compressed_rows.decode((5, 9), 12, packed[0], packed[1])
    except ValueError:
        return
    assert len(starts) == 6
    assert len(result) == starts[-1] == 12
    assert 0 <= result.min() <= result.max() < 9
