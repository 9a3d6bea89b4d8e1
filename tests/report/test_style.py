import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest

from imgclf.report.confusion import confusion_matrix
from imgclf.report.style import (
    BODY,
    NO_GLYPH,
    Heading,
    class_labels,
    key_to_numbers,
    legible,
    png_bytes,
    sheet,
    styled,
    text_width,
    write,
)
from imgclf.report.templates import templates


def drawn(text="a"):
    with styled():
        figure = sheet(2, 1)
        write(figure, 0.5, 0.5, text)
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
    modules = "curves", "templates", "confusion", "error_map", "step_curve", "style"
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


def test_heading_wraps_within_its_width_and_loses_no_word():
    title = "some words of a title " * 5
    heading = Heading(title, "advice", 3)
    assert " ".join(heading.title).split() == title.split()
    assert all(text_width(line, 12, "bold") <= 3 for line in heading.title)
    (line,) = Heading("x" * 200, "", 3).title
    assert text_width(line, 12, "bold") <= 3
