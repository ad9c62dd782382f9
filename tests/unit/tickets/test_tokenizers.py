"""A ticket's tokenizers give the same words as the pipeline's, whatever the text."""

from dataclasses import replace

import pytest
import ticket_networks
from hypothesis import given
from hypothesis import strategies as st

from lottery.config import plugins
from lottery.data.text import tokenized
from lottery.tickets import Ticket, export, header, tokenizers

PIECES = ["<br />", "<br/>", "\xa0", "\u2028", "İ", "ß", "\r\n", "é", "中", *"'\".,()!?;: \taZ"]
MIXED = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=30).map("".join)


TEXTS = st.one_of(st.text(), MIXED)


@pytest.mark.parametrize("name", plugins.names("lottery.data.text.tokenizers"))
@given(text=TEXTS)
def test_the_same_words_as_the_pipeline(name: str, text: str) -> None:
    pipeline = plugins.load("lottery.data.text.tokenizers", name, "tokenizer").words
    seen = tokenized.of([text], pipeline)
    expected = [seen.words[number] for number in seen.numbers]
    network = replace(ticket_networks.make("cnn").network, tokenizer=name)
    ticket = Ticket(export.contents(network, "float32"))
    assert ticket.words(text) == expected


def test_what_basic_english_makes_of_a_sentence() -> None:
    words = tokenizers.basic_english('"It\'s (not) bad";<br />GO: see it!')
    assert words == ["it", "'", "s", "(", "not", ")", "bad", "go", "see", "it", "!"]


def test_every_tokenizer_of_the_pipeline_can_be_in_a_ticket() -> None:
    assert set(plugins.names("lottery.data.text.tokenizers")) == set(header.TOKENIZERS)
