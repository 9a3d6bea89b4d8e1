import itertools
import math
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text

from imgclf.gradcheck.step_sizes import ErrorCurve
from imgclf.report.step_curve import step_curve
from imgclf.report.style import INK, MUTED, png_bytes
from layout import laid_out

STEPS = np.geomspace(1e-12, 1, 25)
V = STEPS**2 + 1e-16 / STEPS
BOUND = "bound of the exhaustive check"


def a_series(errors=V, name="float64", steps=STEPS):
    return ErrorCurve(name, np.asarray(steps, float), np.asarray(errors, float))


def drawn(*series, **options):
    return laid_out(step_curve(series or [a_series()], "the title", **options))


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def labels(figure):
    return {text.get_text(): text for text in figure.axes[0].texts}


def legend(figure):
    """Return the text and the line of each entry."""
    entries = figure.axes[0].get_legend()
    return {text.get_text(): (text, line) for text, line in zip(entries.get_texts(), entries.get_lines(), strict=True)}


def bounds(figure):
    return [line for line in figure.axes[0].lines if line.get_label() == BOUND]


def guides(figure):
    return [line for line in figure.axes[0].lines if line.get_color() == MUTED and line.get_linestyle() == "-"]


def zero_row(figure):
    """Return where the tick that is named 0 is."""
    axes = figure.axes[0]
    (row,) = (
        tick for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True) if label.get_text() == "0"
    )
    return row


def test_lines_are_the_errors_by_step_small_steps_left():
    figure = drawn(*(a_series(V * factor, f"times {factor}") for factor in (1, 10, 100)))
    for line, factor in zip(figure.axes[0].lines[::2], (1, 10, 100), strict=False):
        np.testing.assert_allclose(line.get_xdata(), np.log10(STEPS))
        np.testing.assert_allclose(line.get_ydata(), np.log10(factor * V))
    left, right = figure.axes[0].get_xlim()
    assert left < -12 < 0 < right


def test_ticks_are_named_by_their_powers_of_ten():
    figure = drawn(a_series(V * 1e-7))
    axes = figure.axes[0]
    for ticks, named in ((axes.get_xticks(), axes.get_xticklabels()), (axes.get_yticks(), axes.get_yticklabels())):
        assert len(ticks) >= 4
        for tick, label in zip(ticks, named, strict=True):
            assert float(label.get_text()) == pytest.approx(10.0**tick)
    assert {"the title", "step size h: largest change of a score", "largest error of the gradient"} <= set(
        texts(figure)
    )


@pytest.mark.parametrize(("slope", "name"), [(2, "truncation, like h²"), (-1, "round-off, like 1/h")])
def test_guides_have_their_slope_and_lie_just_below_their_branch(slope, name):
    figure = drawn()
    (guide,) = (one for one in guides(figure) if (np.diff(one.get_ydata())[0] > 0) == (slope > 0))
    x, y = guide.get_xdata(), guide.get_ydata()
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(slope)
    for at in (0.3, 0.5, 0.7):
        here, height = x[0] + at * (x[1] - x[0]), y[0] + at * (y[1] - y[0])
        curve = math.log10(10 ** (2 * here) + 1e-16 / 10**here)
        assert 0.2 < curve - height < 1.2
    assert min(y) >= figure.axes[0].get_ylim()[0] - 1e-9
    (across, up), (across_2, up_2) = figure.axes[0].transData.transform(np.transpose([x, y]))
    on_paper = math.degrees(math.atan2(up_2 - up, across_2 - across))
    assert labels(figure)[name].get_rotation() % 360 == pytest.approx(on_paper % 360, abs=0.01)


def test_guide_follows_most_of_its_branch():
    errors = np.minimum(V, 1e-2)
    errors[[2, 20]] *= 1000
    expected, found = guides(drawn()), guides(drawn(a_series(errors)))
    for one, other in zip(expected, found, strict=True):
        slope = 2 if np.diff(one.get_ydata())[0] > 0 else -1
        levels = [line.get_ydata()[0] - slope * line.get_xdata()[0] for line in (one, other)]
        assert levels[0] == pytest.approx(levels[1], abs=0.1)


def test_flat_loss_has_no_truncation():
    shown = texts(drawn(flat=True))
    assert "round-off, like 1/h" in shown
    assert not any("h²" in text or "bend" in text for text in shown)
    assert any("piecewise linear" in text for text in shown)
    assert any("bend" in text for text in texts(drawn()))


@pytest.mark.parametrize(
    ("errors", "slopes"),
    [
        (STEPS**2, [2]),
        (1e-16 / STEPS, [-1]),
        (np.where(np.arange(25) % 2, 1e-16, 3e-16), []),
        (np.zeros(25), []),
        (np.full(25, np.nan), []),
        (np.where(np.arange(25) == 9, 1e-9, np.nan), []),
        (np.where(np.abs(np.arange(25) - 12) <= 1, STEPS**2, np.nan), []),  # too short to be named
    ],
)
def test_branch_that_is_not_there_has_no_guide(errors, slopes):
    found = guides(drawn(a_series(errors), a_series(V, "another")))
    assert [round(float(np.diff(one.get_ydata())[0] / np.diff(one.get_xdata())[0]), 6) for one in found] == slopes


def test_errors_of_zero_have_a_row_of_their_own_below_all_others():
    errors = np.where(np.arange(25) % 3, V, 0)
    figure = drawn(a_series(errors))
    row = zero_row(figure)
    above, exact = figure.axes[0].lines[:2]
    np.testing.assert_array_equal(np.isnan(above.get_ydata()), errors == 0)
    np.testing.assert_array_equal(exact.get_ydata(), np.where(errors == 0, row, np.nan))
    assert row < np.nanmin(above.get_ydata()) - 0.5
    assert row > figure.axes[0].get_ylim()[0]


def test_without_an_error_of_zero_there_is_no_such_row():
    assert "0" not in texts(drawn())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_error_that_is_not_finite_is_a_gap(bad):
    errors = V.copy()
    errors[[3, 20]] = bad
    figure = drawn(a_series(errors))
    gaps = np.isnan(figure.axes[0].lines[0].get_ydata())
    assert np.flatnonzero(gaps).tolist() == [3, 20]
    assert np.isnan(figure.axes[0].lines[1].get_ydata()).all()


@pytest.mark.parametrize("options", [{}, {"floor": 0.0}, {"flat": True}])
@pytest.mark.parametrize(
    ("steps", "errors"),
    [
        (STEPS, np.zeros(25)),
        (STEPS, np.full(25, np.nan)),
        ([], []),
        ([1e-5], [1e-9]),
        ([1e-5], [0]),
        ([1e-5], [1.7e308]),
        ([1e-5, 1e-5, 1e-5], [1e-9, 0, np.inf]),
        ([5e-324, 1.7e308], [1.7e308, 5e-324]),
        ([3e-6, 4e-6], [1e-300, 1e-300]),
    ],
)
def test_strange_series_are_drawn_without_a_warning_and_in_sight(steps, errors, options):
    figure = drawn(a_series(errors, steps=steps), **options)
    if not options:
        png_bytes(figure)
    axes = figure.axes[0]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for line in axes.lines:
        if line.get_label() == BOUND:
            continue
        seen = np.isfinite(line.get_ydata())
        assert ((np.asarray(line.get_xdata())[seen] >= left) & (np.asarray(line.get_xdata())[seen] <= right)).all()
        assert ((np.asarray(line.get_ydata())[seen] > low) & (np.asarray(line.get_ydata())[seen] < high)).all()
    finite = np.isfinite(errors).any()
    assert ("float64: no finite value" in texts(figure)) == (not finite)


def test_float32_series_are_drawn_as_float64():
    steps, errors = STEPS.astype(np.float32), V.astype(np.float32)
    line = drawn(ErrorCurve("float32", steps, errors)).axes[0].lines[0]
    np.testing.assert_array_equal(line.get_ydata(), np.log10(errors.astype(np.float64)))


@pytest.mark.parametrize(("floor", "height"), [(1e-14, -14), (30.0, math.log10(30))])
def test_bound_of_the_check_is_a_line_at_its_height(floor, height):
    figure = drawn(floor=floor)
    (line,) = bounds(figure)
    assert line.get_ydata() == pytest.approx([height, height])
    low, high = figure.axes[0].get_ylim()
    assert low < height < high
    assert BOUND in legend(figure)
    assert BOUND not in legend(drawn())


def test_a_symbol_and_a_dashed_line_are_explained_where_they_are_drawn():
    for floor, flat in itertools.product((None, 1e-14), (False, True)):
        advice = " ".join(text.get_text() for text in drawn(floor=floor, flat=flat).texts)
        assert "large step h" in advice
        assert ("Dashed: the largest error that the exhaustive check lets pass." in advice) == (floor is not None)


def test_bound_of_zero_is_in_the_row_of_zero():
    figure = drawn(floor=0)
    assert bounds(figure)[0].get_ydata()[0] == zero_row(figure)


def test_names_do_not_overlap_and_are_right_of_the_lines():
    series = [a_series(V, f"series {i}") for i in range(4)]
    figure = drawn(*series, floor=1e-10)
    boxes = [text.get_window_extent() for text, _ in legend(figure).values()]
    assert len(boxes) == 5
    assert all(below.y1 <= above.y0 for above, below in pairwise(boxes))
    last = figure.axes[0].get_window_extent().x1
    assert all(box.x0 > last for box in boxes)


def test_every_series_has_its_own_color_and_marker_and_its_name_has_them_too():
    series = [a_series(V * 100.0**i, f"series {i}") for i in range(4)]
    figure = drawn(*series)
    lines = figure.axes[0].lines[:8:2]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 4
    assert INK in {line.get_color() for line in lines}
    for line, one in zip(lines, series, strict=True):
        text, sample = legend(figure)[one.name]
        assert text.get_color() == sample.get_color() == line.get_color()
        assert sample.get_marker() == line.get_marker()


def test_of_lines_that_coincide_all_are_seen():
    figure = drawn(*(a_series(name=f"series {i}") for i in range(4)))
    png_bytes(figure)
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    x, y = figure.axes[0].transData.transform([(-3, np.log10(1e-6 + 1e-13)), (-1, -2)]).round().astype(int).T
    beside = pixels[len(pixels) - y[1] : len(pixels) - y[0], x[0] : x[1]]
    for line in figure.axes[0].lines[:8:2]:
        color = [int(line.get_color()[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(beside.astype(int) - color).max(axis=2) <= 8).any()


@pytest.mark.parametrize("floor", [None, 0.0, 1e-20, 1e5])
@pytest.mark.parametrize("name", ["a", "a rather long name of a way to differentiate", "猫 $x$\n"])
def test_no_text_leaves_the_sheet(name, floor):
    series = [a_series(errors, f"{name} {i}") for i, errors in enumerate((V, V * 1e-30, np.zeros(25), V * np.nan))]
    figure = step_curve(series, "Errors of the gradient " * 9, floor)
    laid_out(figure)
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert 0 <= box.x0 <= box.x1 <= figure.bbox.width
            assert 0 <= box.y0 <= box.y1 <= figure.bbox.height


def test_same_series_same_bytes_and_they_stay_as_they_were():
    series = [a_series(V[::-1], steps=STEPS[::-1]), a_series(np.zeros(25), "$x$ 猫")]
    kept = [(one.steps.copy(), one.errors.copy()) for one in series]
    assert png_bytes(step_curve(series, "猫", 1e-9)) == png_bytes(step_curve(series, "猫", 1e-9))
    for one, (steps, errors) in zip(series, kept, strict=True):
        np.testing.assert_array_equal(one.steps, steps)
        np.testing.assert_array_equal(one.errors, errors)


@pytest.mark.parametrize("count", [0, 5])
def test_no_series_or_more_than_can_be_told_apart_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} series"):
        step_curve([a_series()] * count, "title")
