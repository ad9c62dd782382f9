"""Tokenizers, on texts of several scripts, and on any text at all."""

import subprocess
import sys

import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from lottery.config import plugins

PACKAGE = "lottery.data.text.tokenizers"
TOKENIZERS = {
    name: plugins.load(PACKAGE, name, "tokenizer").words for name in plugins.names(PACKAGE)
}


def test_there_are_three() -> None:
    assert list(TOKENIZERS) == ["basic_english", "character", "unicode"]


def test_basic_english_is_torchtexts() -> None:
    words = TOKENIZERS["basic_english"]
    assert " ".join(words("It's GOOD, isn't it?")) == "it ' s good , isn ' t it ?"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's GOOD, isn't it?", "it's good , isn't it ?"),
        ("3.14 and 1,000 (a_b)", "3.14 and 1,000 ( a_b )"),
        ("菜很好吃，不贵。", "菜 很 好 吃 , 不 贵 。"),
        ("iPhone手机3台", "iphone 手 机 3 台"),
        ("昨日はコーヒーを飲んだ。", "昨 日 は コ ー ヒ ー を 飲 ん だ 。"),
        ("ｶﾞｷﾞ", "ガ ギ"),
        ("อร่อยมาก ไม่แพง", "อ ร่ อ ย ม า ก ไ ม่ แ พ ง"),
        ("ສະບາຍດີ", "ສ ະ ບ າ ຍ ດີ"),
        ("한국어 문장입니다.", "한국어 문장입니다 ."),
        ("مرحبا، كيف حالك؟ جيد؛", "مرحبا ، كيف حالك ؟ جيد ؛"),
        ("हिन्दी में।", "हिन्दी में ।"),
        ("ＡＢＣ！　ｄｅ，ｆ", "abc ! de , f"),
        ("Straße STRASSE ΟΔΟΣ οδος", "strasse strasse οδοσ οδοσ"),
        ("cafe\u0301 café", "café café"),
        ("👩‍👩‍👧 ok 🇩🇪🇫🇷", "👩‍👩‍👧 ok 🇩🇪 🇫🇷"),
        (" \u3000\t\n\u2028\x85", ""),
    ],
)
def test_words_of_any_language(text: str, words: str) -> None:
    assert TOKENIZERS["unicode"](text) == words.split(" ") * bool(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's", "i t ' s"),
        ("菜 好，Ａ", "菜 好 , a"),
        ("ไม่แพง", "ไ ม่ แ พ ง"),
        ("한국", "한 국"),
        ("e\u0301 🇩🇪", "é 🇩🇪"),
    ],
)
def test_characters(text: str, words: str) -> None:
    assert TOKENIZERS["character"](text) == words.split(" ")


SCRIPTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(
            "aZß'.,_1 \t\n\r\u3000\u2028\u0301\u200b\u200d\u0e48菜はカーｶﾞไทย한ᄒ،؟أक्ी🇩🇪👩。！"
        ),
    )
)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=SCRIPTS)
def test_any_text_is_words_without_white_space(name: str, text: str) -> None:
    words = TOKENIZERS[name](text)
    assert all(words), "never empty"
    assert all(word == "".join(word.split()) for word in words)
    assert words == TOKENIZERS[name](text)


@pytest.mark.parametrize("name", ["unicode", "character"])
@given(text=SCRIPTS)
def test_words_are_words_again(name: str, text: str) -> None:
    """Neither case, nor form, nor spaces are left to change."""
    words = TOKENIZERS[name](text)
    assert TOKENIZERS[name](" ".join(words)) == words


@given(text=SCRIPTS)
def test_no_character_is_lost(text: str) -> None:
    """Both tokenizers leave out white space only, and nothing else."""
    in_words, in_characters = ("".join(TOKENIZERS[name](text)) for name in ("unicode", "character"))
    assert in_words == in_characters


def test_they_need_regex_only() -> None:
    """A ticket can be used where PyTorch and torchtext are not installed."""
    program = (
        f"import sys; from {PACKAGE} import character, unicode; "
        "print({'torch', 'torchtext', 'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "src",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
