import math

import numpy as np
import pytest
from matplotlib.text import Text

from imgclf.metrics import wilson_interval
from imgclf.report.curves import USUAL_RATIO, Seen, curves
from imgclf.report.line_plot import format_number
from imgclf.report.style import png_bytes
from layout import laid_out


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
    return curves(metrics, "the title", 10, **options)


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
    assert shown[0] == shown[1] == shown[2] == shown[3]
    assert shown[0][0] == 0
    assert all(tick == int(tick) for tick in shown[0])
    assert epochs - shown[0][-1] <= epochs / 4
    assert list(ticks(figure.axes[3].xaxis).values()) == [f"{tick:.0f}" for tick in shown[0]]


def line(axes, name):
    (found,) = (one for one in axes.lines if one.get_label() == name)
    return found


@pytest.mark.parametrize("val", [True, False])
@pytest.mark.parametrize("epochs", [1, 300])
def test_lines_are_the_columns_and_train_lies_in_the_middle_of_its_epoch(epochs, val):
    metrics = history(epochs, val=val)
    loss, accuracy, ratio, step_size = drawn(metrics).axes
    for axes, what in ((loss, "loss"), (accuracy, "accuracy")):
        for split in ("train", "val") if val else ("train",):
            x = np.array(metrics["epoch"]) - (0.5 if split == "train" else 0)
            np.testing.assert_array_equal(line(axes, split).get_xdata(), x)
            np.testing.assert_array_equal(line(axes, split).get_ydata(), metrics[f"{split}/{what}"])
    np.testing.assert_array_equal(line(ratio, " ").get_ydata(), metrics["update_ratio"])
    np.testing.assert_array_equal(line(step_size, " ").get_ydata(), metrics["step_size"])


def test_what_comes_before_the_first_epoch_is_drawn_at_0():
    start = dict.fromkeys(("train", "val"), Seen(2.5, 0.1))
    for axes, first in zip(drawn(history(3), start=start).axes[:2], (2.5, 0.1), strict=True):
        for split in ("train", "val"):
            assert line(axes, split).get_xydata()[0].tolist() == [0, first]
        assert line(axes, "_start").get_xydata().tolist() == [[0, first]]


def test_guessing_and_the_usual_update_ratio_are_lines_with_their_numbers():
    figure = drawn(history(3), guess=Seen(2.303, 0.107))
    loss, accuracy, ratio, _ = figure.axes
    assert list(line(loss, "guessing").get_ydata()) == [2.303] * 2
    assert list(line(accuracy, "majority").get_ydata()) == [0.107] * 2
    assert list(line(ratio, "usual").get_ydata()) == [USUAL_RATIO] * 2
    assert {"guessing 2.303", "majority 10.70%", "usual 0.001"} <= set(texts(figure))


def test_losses_of_steps_lie_where_their_step_lies_in_its_epoch():
    steps = np.array([0, 5, 10, 15]), np.array([2.0, 1.5, 1.2, 1.0])
    (loss, *_) = drawn(history(2), steps=steps).axes
    np.testing.assert_array_equal(line(loss, "_steps").get_xydata(), np.transpose([[0, 0.5, 1, 1.5], steps[1]]))


def test_a_run_that_diverged_in_its_first_epoch_shows_how():
    figure = drawn(history(0), steps=(np.arange(3), np.array([2.3, 1e20, 1e70])), guess=Seen(2.3, 0.1))
    assert figure.axes[0].get_title("left") == "loss (log scale)"
    assert "step 1e70" in texts(figure)
    assert not any(text.startswith("train ") and text[6].isdigit() for text in texts(figure))
    assert texts(figure).count("no finite value") == 3  # there is neither an accuracy, a ratio nor a step size
    axis = figure.axes[3].xaxis
    assert axis.get_label_text() == "step; an epoch has 10 steps"
    assert ticks(axis) == {0: "0", 0.1: "1", 0.2: "2"}


@pytest.mark.parametrize("epochs", [1, 4])
def test_the_band_is_the_interval_of_each_accuracy(epochs):
    metrics = history(epochs)
    (_, accuracy, *_) = drawn(metrics, val_images=20).axes
    drawn_at = np.concatenate([path.vertices for band in accuracy.collections for path in band.get_paths()])
    for epoch, share in zip(metrics["epoch"], metrics["val/accuracy"], strict=True):
        for end in wilson_interval(share * 20, 20):
            assert np.isclose(drawn_at, [epoch, end]).all(axis=1).any()
    low, high = accuracy.get_ylim()
    assert low <= drawn_at[:, 1].min() < drawn_at[:, 1].max() <= high
    assert not drawn(metrics).axes[1].collections


def test_one_epoch_is_seen_as_a_point():
    for axes, name in zip(drawn(history(1, val=False)).axes, ("train", "train", " ", " "), strict=True):
        assert line(axes, name).get_marker() == "o"


def test_axes_and_lines_are_named():
    shown = texts(drawn(history(4)))
    assert {"the title", "loss", "accuracy", "update ratio (log scale)", "step size", "epoch of 10 steps"} <= set(shown)
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
        assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([kept - (0 if val else 0.5)], [column[kept - 1]])


def test_without_early_stopping_no_epoch_is_marked():
    figure = drawn(history(5))
    assert not any("kept" in text for text in texts(figure))
    assert not any(line.get_markersize() == 8 for axes in figure.axes for line in axes.lines)


def test_step_sizes_begin_with_that_of_the_first_step():
    metrics = history(1) | {"step_size": [0.0]}  # of the last step of a cosine
    axes = drawn(metrics, first_step_size=0.1).axes[3]
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
    loss, accuracy, _, step_size = laid_out(drawn(metrics)).axes
    shown = [
        line(loss, "train"),
        line(loss, "val"),
        line(accuracy, "train"),
        line(accuracy, "val"),
        line(step_size, " "),
    ]
    assert all(np.isnan(one.get_ydata()[1]) for one in shown)
    for column in ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "step_size"):
        metrics[column] = [bad] * 3
    assert texts(laid_out(drawn(metrics))).count("no finite value") == 3


def test_no_epoch_at_all_is_said():
    assert texts(laid_out(drawn(history(0)))).count("no finite value") == 4


@pytest.mark.parametrize(
    "losses", [[2.3, 1e30], [1e30], [1e300, 1.7e308], [1e-320, 1.0], [5e-324], [1e30, 1e30], [1e4, 1.0]]
)
def test_huge_span_of_losses_is_logarithmic_and_in_sight(losses):
    axes = laid_out(drawn(history(len(losses), val=False, train_loss=losses))).axes[0]
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
    axes = drawn(history(len(values)) | {"step_size": values}).axes[3]
    assert axes.get_ylim()[0] == 0
    assert max(values) < axes.get_ylim()[1]
    assert ticks(axes.yaxis)[0] == "0"


@pytest.mark.parametrize("gap", [0.0, 1e-3, -1e-3])
def test_names_of_lines_do_not_overlap_and_keep_their_order(gap):
    figure = laid_out(drawn(history(2, train_accuracy=[0.1, 0.5], val_accuracy=[0.1, 0.5 + gap])))
    boxes = {text.get_text().split()[0]: text.get_window_extent() for text in figure.axes[1].texts[:2]}
    upper, lower = ("train", "val") if gap < 0 else ("val", "train")
    assert boxes[upper].y0 >= boxes[lower].y1


@pytest.mark.parametrize(("epochs", "loss"), [(1, 1.0), (2, 1.234e-30), (300, 1.234e300), (4, -1.234e-300)])
def test_nothing_reaches_the_edge_of_the_figure(epochs, loss):
    figure = drawn(history(epochs, train_loss=[loss] * epochs, train_accuracy=[1.0] * epochs), kept_epoch=epochs)
    png_bytes(figure)
    pixels = np.array(figure.canvas.buffer_rgba())[..., :3]
    assert (pixels[15:-15, 15:-15] < 255).any()
    pixels[15:-15, 15:-15] = 255
    assert (pixels == 255).all()


def test_same_metrics_same_bytes():
    assert png_bytes(curves(history(9), "$x$ 猫", 10)) == png_bytes(curves(history(9), "$x$ 猫", 10))


@pytest.mark.parametrize(
    ("value", "text"), [(1e30, "1e30"), (1e-7, "1e-7"), (0.4124, "0.412"), (12, "12"), (0.5, "0.5"), (0, "0")]
)
def test_numbers_are_written_shortly(value, text):
    assert format_number(value) == text
