import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgclf.files.csv_text import csv_text, is_formula

PIECES = ["=", "+", "-", "@", "'", " ", "\t", "\r", "\n", "1", "1.5", "e5", "a", "\uff1d", ",", '"', "|", "!"]
NAMES = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(st.characters())


def read(text):
    """Read as the docstring of csv_text says."""
    rows = csv.reader(StringIO(text, newline=""))
    return [[cell[1:] if cell[:1] == "'" and is_formula(cell[1:]) else cell for cell in row] for row in rows]


@given(st.lists(st.lists(NAMES, min_size=2, max_size=4), max_size=4))
def test_every_text_reads_back(rows):
    assert read(csv_text(rows)) == rows


@given(st.lists(NAMES, min_size=2))
def test_no_cell_begins_a_formula(row):
    for cell in next(csv.reader(StringIO(csv_text([row]), newline=""))):
        first, rest = cell.strip()[:1], cell.strip()[1:]
        if first and first in "=+-@" and rest:
            assert first != "="
            is_number = not rest.strip("0123456789.eE+-")
            assert is_number or not set(rest) & set("0123456789()!|=+*/^&<>,;:'\"")


@pytest.mark.parametrize("text", [
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "-1.png", "+f()", "@a1", " =1", "\t=1", "\r=1", "\uff1d1",
    "-1e", "'=1", "=a", "-2+3", "'+1",
])  # fmt: skip
def test_a_formula_gets_an_apostrophe(text):
    assert is_formula(text)
    assert next(csv.reader(StringIO(csv_text([[text]]), newline=""))) == ["'" + text]


@pytest.mark.parametrize("text", [
    "cat", "-1", "+1", "-1.5", "-2e-5", "+", "-", "=", "@", "a=b", "1-2", "'", "'tis", "", "-minus", "@home", "-x.png",
])  # fmt: skip
def test_text_that_is_no_formula_is_unchanged(text):
    assert not is_formula(text)
    assert csv_text([[text, "x"]]) == f"{text},x\n"


def test_numbers_are_written_as_they_read_back():
    assert csv_text([[-1, 0.1, -2.5e-05, None], ["-1+1", 1e300, 3, ""]]) == "-1,0.1,-2.5e-05,\n'-1+1,1e+300,3,\n"
