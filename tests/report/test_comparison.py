"""The picture of several runs: what is drawn is what was measured."""

import numpy as np
import pytest

from imgclf.report import comparison as module
from imgclf.report.comparison import COLORS, SHOWN, comparison
from imgclf.report.style import png_bytes


def table(epochs, val=True):
    seen = {
        f"{split}/{what}": list(np.linspace(0.9, 0.2, epochs))
        for split in ("train", "val")
        for what in ("loss", "accuracy")
    }
    return {"epoch": list(range(1, epochs + 1)), **seen} | ({} if val else {"val/loss": [None] * epochs})


def drawn(runs, classes, *, epochs=5, **options):
    recalls = np.random.default_rng(0).random((runs, classes))
    names = [f"class {c}" for c in range(classes)]
    figure = comparison(
        [table(epochs)] * runs, [f"run-{r}" for r in range(runs)], recalls, names, "some runs", **options
    )
    return figure, recalls


def test_each_run_is_a_line_and_a_dot_in_every_class():
    figure, recalls = drawn(3, 4)
    loss, accuracy, recall = figure.axes
    for axes, what in ((loss, "loss"), (accuracy, "accuracy")):
        assert [line.get_ydata().tolist() for line in axes.lines] == [table(5)[f"val/{what}"]] * 3
        assert [line.get_color() for line in axes.lines] == list(COLORS[:3])
    assert [line.get_xdata().tolist() for line in recall.lines] == recalls.tolist()


@pytest.mark.parametrize("classes", [2, SHOWN + 20])
@pytest.mark.parametrize("runs", [2, len(COLORS)])
def test_it_fits_and_of_many_classes_those_that_differ_most_are_shown(runs, classes):
    figure, recalls = drawn(runs, classes, same_objective=False)
    shown = [label.get_text() for label in figure.axes[2].get_yticklabels()]
    most = np.argsort(-np.ptp(recalls, axis=0))[:SHOWN]
    assert shown == [f"class {c}" for c in sorted(most)]
    renderer = figure.canvas.get_renderer()
    whole = figure.bbox.padded(1)
    for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")):
        if text.get_text():
            box = text.get_window_extent(renderer)
            assert whole.x0 <= box.x0 < box.x1 <= whole.x1, text
    assert png_bytes(figure) == png_bytes(figure)


def test_a_class_without_images_and_a_run_without_val_are_no_matter():
    recalls = np.array([[0.5, np.nan, 1.0], [0.25, np.nan, 0.0]])
    figure = comparison([table(1), table(1, val=False)], ["a", "b"], recalls, ["x", "y", "z"], "two runs")
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == ["x", "z"]
    assert figure.axes[0].get_title(loc="left") == "train loss"
    assert module._most_different(recalls) == [0, 2]
