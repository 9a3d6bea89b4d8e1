import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import imgclf.report
from imgclf.report.confusion import confusion_matrix
from imgclf.report.style import (
    BODY,
    DPI,
    MARGIN,
    NO_GLYPH,
    add_axes,
    add_text,
    class_labels,
    key_to_numbers,
    legible,
    new_figure,
    png_bytes,
    styled,
    text_width,
)
from imgclf.report.templates import templates


def drawn(text="a"):
    with styled():
        figure, _ = new_figure("", "", 2, 1)
        add_text(figure, 0.5, 0.5, text)
    return figure


def test_same_figure_same_bytes():
    figure = drawn()
    assert png_bytes(figure) == png_bytes(figure) == png_bytes(drawn())
    assert png_bytes(drawn("b")) != png_bytes(figure)


def test_png_tells_neither_software_nor_date():
    png = png_bytes(drawn())
    assert png.startswith(b"\x89PNG")
    for chunk in (b"tEXt", b"iTXt", b"zTXt", b"tIME"):
        assert chunk not in png


def test_style_is_ours_whatever_the_users_settings_and_leaves_them_alone():
    expected = png_bytes(drawn())
    theirs = {"font.family": ["monospace"], "font.size": 30.0, "savefig.bbox": "tight", "text.color": "red"}
    with mpl.rc_context(theirs):
        before = dict(mpl.rcParams)
        assert png_bytes(drawn()) == expected
        assert dict(mpl.rcParams) == before


def test_no_module_imports_pyplot():
    modules = sorted(path.stem for path in Path(imgclf.report.__file__).parent.glob("[a-z]*.py"))
    code = f"import sys; import {', '.join(f'imgclf.report.{name}' for name in modules)}\n"
    code += "assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("text", ["$x^2$", "a $ b", r"\alpha", "$\\frac{", "50% #1 _a_ {b} ^c^"])
def test_text_is_never_mathematics(text):
    figure = drawn(text)
    assert not figure.texts[0].get_parse_math()
    png_bytes(figure)


@pytest.mark.parametrize("text", ["猫", "a\n b\tc", "\x00", "\udcff", "👟 shoe", "ascii", "", "café"])
def test_legible_text_is_one_line_that_the_font_can_draw(text):
    line = legible(text)
    assert "\n" not in line
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png_bytes(drawn(line))


def test_legible_leaves_what_it_can():
    assert legible("  Ankle\n boot ☺ é Ж ") == "Ankle boot ☺ é Ж"
    assert legible("a猫b") == f"a{NO_GLYPH}b"


def test_names_that_fit_are_not_changed():
    assert class_labels(["cat", "T-shirt/top"], 2, BODY) == ["cat", "T-shirt/top"]


@pytest.mark.parametrize(("size", "width"), [(5.0, 0.5), (9.5, 1.0), (9.0, 1.5)])
def test_labels_fit_and_differ(size, width):
    rng = np.random.default_rng(0)
    names = [" ".join("abWim"[i] * 9 for i in rng.integers(5, size=8)) for _ in range(30)]
    labels = class_labels([*names, *(f"the same {i} in the middle of long names" for i in range(30))], width, size)
    assert len(set(labels)) == 60
    assert max(text_width(label, size) for label in labels) <= width


@pytest.mark.parametrize("size", [5.5, 6.5, 8.0, 9.0, 12.0])
@styled()
def test_text_is_as_wide_as_it_was_measured(size):
    figure, _ = new_figure("", "", 8, 1)
    for line in ("horse_brightness_9", "37%", "illicit till", "WWW mmm", "bias \N{MINUS SIGN}0.011"):
        drawn = add_text(figure, 0, 0, line, size=size).get_window_extent().width
        assert drawn == pytest.approx(DPI * text_width(line, size), abs=0.5)


def test_short_names_keep_beginning_and_end():
    (label,) = class_labels(["n02085620 Chihuahua with a hat number 7"], 1.2, BODY)
    assert label.startswith("n02")
    assert label.endswith("7")
    assert "…" in label


def test_name_without_glyphs_is_its_number():
    assert class_labels(["cat", "猫", "", "a犬"], 2, BODY) == ["cat", "class 1", "class 2", "class 3"]


def test_where_names_became_numbers_it_is_said_which_is_which():
    assert key_to_numbers(["cat", "T-shirt/top"]) == ""
    assert "confusion_matrix.csv" in key_to_numbers(["cat", "猫"])
    for figure in (
        confusion_matrix(np.eye(2, dtype=int), ["cat", "猫"], "title"),
        templates(np.zeros((13, 2)), (2, 2, 3), ["cat", "猫"]),
    ):
        said = " ".join(text.get_text() for text in figure.texts)
        assert key_to_numbers(["猫"]).strip() in said


def test_name_that_looks_like_another_is_numbered():
    assert class_labels(["a b", "a\nb", "c"], 2, BODY) == ["0: a b", "1: a b", "c"]


def test_title_and_advice_are_wrapped_within_the_margins_above_the_room_and_lose_no_word():
    title, advice = "some words of a title " * 5, "some words of advice " * 9
    figure, top = new_figure(title, advice, 4, 1.5)
    png_bytes(figure)
    assert " ".join(text.get_text() for text in figure.texts).split() == (title + advice).split()
    boxes = [text.get_window_extent() for text in figure.texts]
    assert all(above.y0 >= below.y1 for above, below in pairwise(boxes))
    assert all(MARGIN * DPI <= box.x0 < box.x1 < (4 - 0.9 * MARGIN) * DPI for box in boxes)  # hinting widens a text
    assert all((top + 1.5) * DPI - box.y0 <= top * DPI for box in boxes)
    np.testing.assert_allclose(figure.get_size_inches(), [4, top + 1.5])


def test_word_wider_than_the_figure_is_shortened():
    figure, _ = new_figure("x" * 200, "", 3, 1)
    assert text_width(figure.texts[0].get_text(), 12, "bold") <= 3 - 2 * MARGIN


def test_axes_are_where_they_were_placed():
    figure, top = new_figure("title", "advice", 3, 2)
    box = add_axes(figure, 0.5, top + 0.25, 1.5, 1).get_window_extent()
    np.testing.assert_allclose([box.x0, box.y0, box.width, box.height], DPI * np.array([0.5, 0.75, 1.5, 1]))


def test_a_name_cannot_turn_what_follows_it():
    assert legible("\u202eabc\u202c \u2066x\u2069") == "abc x"
