import math

import numpy as np
import pytest
from matplotlib.text import Text

from imgclf.report.curves import curves
from imgclf.report.line_plot import format_number
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


def ticks(axis):
    """Return value and label of the ticks within the limits."""
    low, high = axis.get_view_interval()
    labels = axis.get_major_formatter().format_ticks(axis.get_ticklocs())
    return {value: label for value, label in zip(axis.get_ticklocs(), labels, strict=True) if low <= value <= high}


@pytest.mark.parametrize("epochs", [1, 2, 31, 5000])
def test_epoch_ticks_are_whole_and_shared_and_reach_from_0_to_near_the_last(epochs):
    figure = drawn(history(epochs))
    ((left, right),) = {axes.get_xlim() for axes in figure.axes}
    assert left < 0 < epochs < right
    shown = [list(ticks(axes.xaxis)) for axes in figure.axes]
    assert shown[0] == shown[1] == shown[2]
    assert shown[0][0] == 0
    assert all(tick == int(tick) for tick in shown[0])
    assert epochs - shown[0][-1] <= epochs / 4
    assert list(ticks(figure.axes[2].xaxis).values()) == [f"{tick:.0f}" for tick in shown[0]]


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
    assert {"train 0.55", "val 0.65", "train 82.50%", "val 75.00%"} <= set(shown)
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


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1])
@pytest.mark.parametrize("low", [1e-6, 0.4123456, 2.302585, 1234.5])
def test_no_two_ticks_of_the_loss_have_the_same_label(low, spread):
    axes = drawn(history(2, val=False, train_loss=[low, low * (1 + spread)])).axes[0]
    labels = list(ticks(axes.yaxis).values())
    assert len(set(labels)) == len(labels) >= 2
    assert [float(label) for label in labels] == pytest.approx(list(ticks(axes.yaxis)), rel=1e-5)


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
    axes = drawn(history(len(losses), val=False, train_loss=losses)).axes[0]
    is_log = max(losses) > 1e-300
    assert axes.get_yscale() == ("log" if is_log else "linear")
    assert axes.get_title("left") == ("loss (log scale)" if is_log else "loss")
    low, high = axes.get_ylim()
    assert low <= max(min(losses), 1e-307)
    assert min(max(losses), 1e308) <= high
    assert 1 <= len(ticks(axes.yaxis)) <= 8


@pytest.mark.parametrize("losses", [[2.3, 0.4], [0.0, 0.0], [3.0, 0.0], [0.5], [1e-9, 2e-9], [500, 400.0]])
def test_usual_losses_are_linear_and_in_sight(losses):
    axes = drawn(history(len(losses), val=False, train_loss=losses)).axes[0]
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "linear"
    assert low < min(losses) <= max(losses) < high


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.5, 0.5], [0.0, 1.0], [0.831, 0.832], [0.1, 0.99]])
def test_accuracy_is_in_percent_between_0_and_100(values):
    axes = drawn(history(len(values), val=False, train_accuracy=values)).axes[1]
    low, high = axes.get_ylim()
    assert 0 <= low <= min(values) <= max(values) <= high <= 1
    shown = ticks(axes.yaxis)
    assert len(set(shown.values())) == len(shown) >= 2
    assert [float(label.removesuffix("%")) for label in shown.values()] == pytest.approx([100 * one for one in shown])


@pytest.mark.parametrize("values", [[0.1], [0.0], [1e-7, 1e-9], [1e6]])
def test_step_size_axis_begins_at_zero(values):
    axes = drawn(history(len(values)) | {"step_size": values}).axes[2]
    assert axes.get_ylim()[0] == 0
    assert max(values) < axes.get_ylim()[1]
    assert ticks(axes.yaxis)[0] == "0"


@pytest.mark.parametrize("gap", [0.0, 1e-3, -1e-3])
def test_names_of_lines_do_not_overlap_and_keep_their_order(gap):
    figure = drawn(history(2, train_accuracy=[0.1, 0.5], val_accuracy=[0.1, 0.5 + gap]))
    boxes = {text.get_text().split()[0]: text.get_window_extent() for text in figure.axes[1].texts[:2]}
    upper, lower = ("train", "val") if gap < 0 else ("val", "train")
    assert boxes[upper].y0 >= boxes[lower].y1


@pytest.mark.parametrize(("epochs", "loss"), [(1, 1.0), (2, 1.234e-30), (300, 1.234e300), (4, -1.234e-300)])
def test_nothing_reaches_the_edge_of_the_figure(epochs, loss):
    figure = drawn(history(epochs, train_loss=[loss] * epochs, train_accuracy=[1.0] * epochs), kept_epoch=epochs)
    pixels = np.array(figure.canvas.buffer_rgba())[..., :3]
    assert (pixels[15:-15, 15:-15] < 255).any()
    pixels[15:-15, 15:-15] = 255
    assert (pixels == 255).all()


def test_same_metrics_same_bytes():
    assert png_bytes(curves(history(9), "$x$ 猫")) == png_bytes(curves(history(9), "$x$ 猫"))


@pytest.mark.parametrize(
    ("value", "text"), [(1e30, "1e30"), (1e-7, "1e-7"), (0.4124, "0.412"), (12, "12"), (0.5, "0.5"), (0, "0")]
)
def test_numbers_are_written_shortly(value, text):
    assert format_number(value) == text
