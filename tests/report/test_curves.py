import math

import numpy as np
import pytest
from matplotlib.text import Text

from imgclf.report.curves import curves
from imgclf.report.scales import accuracy_scale, epoch_ticks, loss_scale, number, step_size_scale
from imgclf.report.style import png_bytes


def history(epochs, *, val=True, **columns):
    t = np.arange(1, epochs + 1)
    table = {
        "epoch": t.tolist(),
        "step": (10 * t).tolist(),
        "step_size": (0.1 * 0.9**t).tolist(),
        "train/loss": (1 / t + 0.3).tolist(),
        "train/accuracy": (0.9 - 0.3 / t).tolist(),
        "val/loss": (1 / t + 0.4).tolist() if val else [None] * epochs,
        "val/accuracy": (0.8 - 0.2 / t).tolist() if val else [None] * epochs,
        "update_ratio": [1e-3] * epochs,
    }
    return table | {name.replace("_", "/"): column for name, column in columns.items()}


def drawn(metrics, **options):
    figure = curves(metrics, "the title", **options)
    png_bytes(figure)
    return figure


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


@pytest.mark.parametrize("epochs", [1, 2, 31, 5000])
def test_epoch_ticks_are_whole_and_shared(epochs):
    figure = drawn(history(epochs))
    ticks = [axes.get_xticks().tolist() for axes in figure.axes]
    assert ticks[0] == ticks[1] == ticks[2]
    assert ticks[0][0] == 1
    assert all(tick == int(tick) and 1 <= tick <= epochs for tick in ticks[0])
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("val", [True, False])
@pytest.mark.parametrize("epochs", [1, 300])
def test_lines_are_the_columns(epochs, val):
    metrics = history(epochs, val=val)
    loss, accuracy, step_size = drawn(metrics).axes
    for axes, what in ((loss, "loss"), (accuracy, "accuracy")):
        names = [f"train/{what}", f"val/{what}"] if val else [f"train/{what}"]
        for line, name in zip(axes.lines, names, strict=False):
            np.testing.assert_array_equal(line.get_xdata(), metrics["epoch"])
            np.testing.assert_array_equal(line.get_ydata(), metrics[name])
    np.testing.assert_array_equal(step_size.lines[0].get_ydata(), metrics["step_size"])


def test_one_epoch_is_seen_as_a_point():
    for axes in drawn(history(1, val=False)).axes:
        assert axes.lines[0].get_marker() == "o"


def test_axes_and_lines_are_named():
    shown = texts(drawn(history(4)))
    assert {"the title", "loss", "accuracy", "step size", "epoch"} <= set(shown)
    assert {"train 0.550", "val 0.650", "train 82.50%", "val 75.00%"} <= set(shown)
    assert not any("val" in text for text in texts(drawn(history(4, val=False))))


@pytest.mark.parametrize(("val", "value"), [(True, "val 70.00%"), (False, "train 82.50%")])
def test_the_epoch_that_was_kept_is_marked_and_no_other(val, value):
    metrics = history(5, val=val)
    if val:
        metrics["val/accuracy"] = [0.1, None, 0.9, 0.7, 0.2]  # the best is another: val/loss was watched
    kept = 4
    figure = drawn(metrics, kept_epoch=kept)
    assert any(text.endswith(f"kept: the weights after epoch {kept}, {value}") for text in texts(figure))
    for axes, what in zip(figure.axes, ("loss", "accuracy"), strict=False):
        (ring,) = (line for line in axes.lines if line.get_markersize() == 8)
        column = metrics[f"{'val' if val else 'train'}/{what}"]
        assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([kept], [column[kept - 1]])


def test_without_early_stopping_no_epoch_is_marked():
    figure = drawn(history(5))
    assert not any("kept" in text for text in texts(figure))
    assert not any(line.get_markersize() == 8 for axes in figure.axes for line in axes.lines)


def test_step_sizes_begin_with_that_of_the_first_step():
    metrics = history(1) | {"step_size": [0.0]}  # of the last step of a cosine
    axes = drawn(metrics, first_step_size=0.1).axes[2]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0, 0.1], [1, 0]])
    left, right = axes.get_xlim()
    assert left < 0 < 1 < right
    assert len(set(drawn(metrics, first_step_size=0.1).axes[0].get_xlim()) & {left, right}) == 2


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1])
@pytest.mark.parametrize("low", [1e-6, 0.4123456, 2.302585, 1234.5])
def test_no_two_ticks_of_the_loss_have_the_same_label(low, spread):
    scale = loss_scale(np.array([low, low * (1 + spread)]))
    labels = [scale.tick_label(tick) for tick in scale.ticks]
    assert len(set(labels)) == len(labels) >= 2
    assert all(len(label) <= 9 for label in labels)


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_cells_that_are_no_number_are_gaps(bad):
    metrics = history(3)
    for column in ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "step_size"):
        metrics[column] = [metrics[column][0], bad, metrics[column][2]]
        drawn_gap = curves(metrics, "title")
    assert all(np.isnan(axes.lines[0].get_ydata()[1]) for axes in drawn_gap.axes)
    png_bytes(drawn_gap)
    for column in ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "step_size"):
        metrics[column] = [bad] * 3
    assert texts(drawn(metrics)).count("no finite value") == 3


def test_no_epoch_at_all_is_said():
    assert texts(drawn(history(0))).count("no finite value") == 3


@pytest.mark.parametrize(
    "losses", [[2.3, 1e30], [1e30], [1e300, 1.7e308], [1e-320, 1.0], [5e-324], [1e30, 1e30], [1e4, 1.0]]
)
def test_huge_span_of_losses_is_logarithmic_and_in_sight(losses):
    figure = drawn(history(len(losses), val=False, train_loss=losses))
    axes = figure.axes[0]
    assert axes.get_yscale() == ("log" if max(losses) > 1e-300 else "linear")
    assert len(axes.get_yticks()) <= 8


@pytest.mark.parametrize("losses", [[2.3, 0.4], [0.0, 0.0], [3.0, 0.0], [0.5], [1e-9, 2e-9], [500, 400.0]])
def test_usual_losses_are_linear_and_in_sight(losses):
    scale = loss_scale(np.array(losses))
    assert not scale.log
    assert scale.low < min(losses) <= max(losses) < scale.high


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.5, 0.5], [0.0, 1.0], [0.831, 0.832], [0.1, 0.99]])
def test_accuracy_is_in_percent_between_0_and_100(values):
    scale = accuracy_scale(np.array(values))
    assert scale.low < min(values) <= max(values) < scale.high
    labels = [scale.tick_label(tick) for tick in scale.ticks]
    assert len(set(labels)) == len(labels) >= 2
    assert all(0 <= float(label.removesuffix("%")) <= 100 for label in labels)


@pytest.mark.parametrize("values", [[0.1], [0.0], [1e-7, 1e-9], [1e6]])
def test_step_size_axis_begins_at_zero(values):
    assert 0 in step_size_scale(np.array(values)).ticks


@pytest.mark.parametrize("gap", [0.0, 1e-3, -1e-3])
def test_names_of_lines_do_not_overlap_and_keep_their_order(gap):
    figure = drawn(history(2, train_accuracy=[0.1, 0.5], val_accuracy=[0.1, 0.5 + gap]))
    boxes = {text.get_text().split()[0]: text.get_window_extent() for text in figure.axes[1].texts[:2]}
    upper, lower = ("val", "train") if gap > 0 else ("train", "val")
    assert boxes[upper].y0 >= boxes[lower].y1


@pytest.mark.parametrize(("epochs", "loss"), [(1, 1.0), (2, 1.234e-30), (300, 1.234e300)])
def test_no_text_leaves_the_sheet(epochs, loss):
    figure = drawn(history(epochs, train_loss=[loss] * epochs, train_accuracy=[1.0] * epochs))
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert 0 <= box.x0 <= box.x1 <= figure.bbox.width
            assert 0 <= box.y0 <= box.y1 <= figure.bbox.height


def test_same_metrics_same_bytes():
    assert png_bytes(curves(history(9), "$x$ 猫")) == png_bytes(curves(history(9), "$x$ 猫"))


@pytest.mark.parametrize(
    ("value", "text"), [(1e30, "1e30"), (1e-7, "1e-7"), (0.4124, "0.412"), (12, "12"), (0.5, "0.5"), (0, "0")]
)
def test_numbers_are_written_shortly(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 2), (1, 20), (5, 9), (1, 300)])
def test_epoch_ticks_reach_from_first_to_near_the_last(first, last):
    ticks = epoch_ticks(first, last)
    assert ticks == sorted(set(ticks))
    assert ticks[0] == first
    assert last - ticks[-1] <= max(1, (last - first) / 4)
