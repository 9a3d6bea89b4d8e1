"""The site of the documentation: the keyboard reaches what scrolls, and the check finds what it does not reach."""

import runpy
from pathlib import Path

import pytest

SITE = Path(__file__).parents[1] / "docs" / "site"
WIDTH, with_stops, without_stop = map(
    runpy.run_path(str(SITE / "extensions" / "scrolling.py")).get, ("WIDTH", "with_stops", "without_stop")
)


@pytest.mark.parametrize("code", ["", "x" * WIDTH, "x\n" * WIDTH, f"<span class='long'>{'x' * WIDTH}</span>\nx"])
def test_code_that_fits_a_phone_needs_no_stop(code):
    html = f"<p>y</p><pre>{code}</pre>"
    assert (with_stops(html), without_stop(html)) == (html, [])


def test_the_check_finds_what_is_wider_and_nothing_once_it_has_a_stop():
    wide = "x" * (WIDTH + 1)
    html = f"<pre>y</pre><pre>\n<i>{wide}</i></pre>"
    assert without_stop(html) == [f"\n{wide}"]
    assert with_stops(html) == f'<pre>y</pre><pre tabindex="0">\n<i>{wide}</i></pre>'
    assert without_stop(with_stops(html)) == []
