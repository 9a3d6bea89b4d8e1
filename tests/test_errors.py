import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgclf.errors import excerpt, printable
from imgclf.machine.terminal import display_width


@given(st.text(st.characters()))
def test_what_is_printed_is_printable_and_stays_so(text):
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert not text.isprintable() or shown == text


@pytest.mark.parametrize(("text", "shown"), [
    ("\x1b[31m", r"\x1b[31m"), ("\a", r"\x07"), ("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t"), ("\0", r"\x00"),
    ("\x9b31m", r"\x9b31m"), ("\x85", r"\x85"), ("\u2028", r"\u2028"), ("\u202e", r"\u202e"), ("\u2066", r"\u2066"),
    ("\u200f", r"\u200f"), ("\ufeff", r"\ufeff"), ("\udcff", r"\udcff"), ("\U000e0041", r"\U000e0041"),
    ("été 猫", "été 猫"),
])  # fmt: skip
def test_what_steers_a_terminal_or_hides_is_escaped(text, shown):
    assert printable(text) == shown


@given(st.text(st.sampled_from("ab \n\t\u2028"), max_size=200))
def test_an_excerpt_is_the_first_80_characters_of_the_words_in_one_line(text):
    line = ""
    for word in text.split():
        line += word if not line else f" {word}"
    assert excerpt(ValueError(text)) == line[:80]
    assert excerpt("x" * 100) == "x" * 80


@pytest.mark.parametrize(("text", "columns"), [
    ("", 0), ("cat", 3), ("猫", 2), ("ｱ", 1), ("\uff21", 2), ("한국", 4), ("éte\u0301", 3), ("😀", 2), ("คน", 2),
    ("नी", 2),
])  # fmt: skip
def test_the_width_of_a_text_is_that_of_its_columns(text, columns):
    assert display_width(text) == columns
    for form in ("NFC", "NFD"):
        assert display_width(unicodedata.normalize(form, text)) == columns
