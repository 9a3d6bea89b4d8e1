"""Numbers of lessons, as people read them."""

import pytest

from imgclf.lessons.text import listed, percent, three_digits


@pytest.mark.parametrize(("value", "text"), [
    (0.0001234, "0.000123"), (0.5, "0.500"), (12.345, "12.3"), (358.2, "358"), (1067.3, "1,067"), (0.0, "0"),
    (-2.5, "-2.50"), (float("inf"), "inf"), (float("nan"), "nan"),
])  # fmt: skip
def test_three_digits_are_written_without_an_exponent(value, text):
    assert three_digits(value) == text


def test_shares_and_lists():
    assert percent(1.0) == "100 %"
    assert percent(0.07481) == "7.48 %"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
