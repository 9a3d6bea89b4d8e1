import csv
from io import StringIO
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.text import Text

from imgclf.report.confusion import COUNTED, confusion_matrix, share_colors, write_confusion_csv
from imgclf.report.style import LEFT_TO_RIGHT, png_bytes
from layout import laid_out

ODD_NAMES = ["a,b", 'say "hi"', "two\nlines", "cr\rhere", "both\r\n", "猫 ü", "", " spaces ", "$x$", "='1'"]


def names(classes):
    return [f"name {c}" for c in range(classes)]


def random_counts(classes):
    return np.random.default_rng(0).integers(1, 1000, size=(classes, classes))


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("classes", [1, 2, COUNTED])
def test_counts_in_the_cells_are_the_counts(classes):
    counts = random_counts(classes)
    axes = confusion_matrix(counts, names(classes), "title").axes[0]
    cells = [text for text in axes.texts if text.get_position()[0] <= classes - 1]
    assert [int(text.get_text()) for text in cells] == counts.ravel().tolist()
    for text in cells:
        column, row = text.get_position()
        assert int(text.get_text()) == counts[int(row), int(column)]


@pytest.mark.parametrize("classes", [2, 30])
def test_recall_stands_at_the_end_of_its_row(classes):
    counts = random_counts(classes)
    counts[1] = 0
    axes = confusion_matrix(counts, names(classes), "title").axes[0]
    beside = {text.get_position()[1]: text.get_text() for text in axes.texts if text.get_position()[0] > classes - 0.5}
    assert beside.pop(min(beside)) == "recall"
    expected = {row: f"{counts[row, row] / counts[row].sum():.0%}" for row in range(classes) if row != 1}
    assert beside == expected


def test_interval_and_confused_pairs_are_said_in_words():
    counts = np.array([[8, 2, 0], [1, 5, 0], [0, 4, 6]])
    figure = confusion_matrix(counts, ["cat", "$x$", "שלום"], "title", (0.5, 0.75), [(2, 1, 4), (0, 1, 2)])
    said = " ".join(text.get_text() for text in figure.texts).replace(LEFT_TO_RIGHT, "")
    assert "95% interval of the accuracy: 50.0% to 75.0%." in said
    assert "Most confused: שלום taken for $x$ (4 of 10), cat taken for $x$ (2 of 10)." in said


@pytest.mark.parametrize("classes", [2, COUNTED, COUNTED + 1])
def test_every_class_is_named_on_both_axes(classes):
    figure = confusion_matrix(random_counts(classes), names(classes), "the title")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == names(classes)
    assert [label.get_text() for label in axes.get_xticklabels()] == names(classes)
    assert {"true class", "predicted class", "the title", "share of the true class"} <= set(texts(figure))


@pytest.mark.parametrize("classes", [2, COUNTED, 100])
def test_color_is_the_share_of_the_row_on_whole_device_pixels(classes):
    counts = random_counts(classes)
    figure = confusion_matrix(counts, names(classes), "title")
    (image,) = figure.images
    cells = np.asarray(image.get_array())
    size, rest = divmod(len(cells), classes)
    assert rest == 0
    middles = np.arange(classes) * size + size // 2
    expected = share_colors(counts / counts.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(cells[middles][:, middles], expected)
    box = figure.axes[0].get_window_extent()
    np.testing.assert_allclose(
        [image.ox, image.oy, *cells.shape[:2]], [box.x0, box.y0, box.height, box.width], atol=1e-6
    )


def test_a_quarter_is_half_way_to_the_darkest_color():
    np.testing.assert_array_equal(share_colors(np.array([[0, 0.25], [1, 1]])), blues(np.array([[0, 0.5], [1, 1]])))


def blues(values):
    return colormaps["Blues"](values, bytes=True)[..., :3]


def test_shares_from_none_to_all_become_darker():
    grays = share_colors(np.linspace(0, 1, 50)).astype(int).sum(axis=1)
    assert (np.diff(grays) < 0).all()


def test_row_without_examples_is_hatched_and_warns_of_nothing():
    counts = random_counts(3)
    counts[1] = 0
    figure = confusion_matrix(counts, names(3), "title")
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert [patch.get_y() for patch in hatched] == [0.5]
    assert texts(figure).count("no examples") == 1
    png_bytes(figure)


@pytest.mark.parametrize("classes", [1, 2])
def test_nothing_counted_can_be_drawn(classes):
    laid_out(confusion_matrix(np.zeros((classes, classes), int), names(classes), "title"))


def test_of_very_many_classes_names_do_not_overlap():
    figure = confusion_matrix(np.eye(170, dtype=int), names(170), "title")
    laid_out(figure)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(above.y0 >= below.y1 - 2 for above, below in pairwise(boxes))


@pytest.mark.parametrize(
    ("classes", "name"), [(2, "a"), (2, "a rather long name of a class {}"), (10, "a {} b"), (24, "longish {}")]
)
def test_no_text_leaves_the_sheet(classes, name):
    counts = random_counts(classes) * 1000
    figure = confusion_matrix(counts, [name.format(c) for c in range(classes)], "Confusion matrix " * 8)
    laid_out(figure)
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert min(box.x0, box.y0) >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y1 <= figure.bbox.height


def test_numbers_can_be_read_on_their_color():
    counts = np.array([[100, 0], [50, 50]])
    axes = confusion_matrix(counts, names(2), "title").axes[0]
    colors = {text.get_position(): text.get_color() for text in axes.texts}
    assert colors[0, 0] == "white"
    assert colors[1, 0] != "white"


def test_odd_names_are_drawn():
    figure = confusion_matrix(random_counts(len(ODD_NAMES)), ODD_NAMES, "猫 $x$")
    laid_out(figure)
    assert "$x$" in texts(figure)


def test_same_counts_same_bytes():
    counts = random_counts(4)
    first, second = (png_bytes(confusion_matrix(counts, names(4), "title")) for _ in range(2))
    assert first == second


def test_csv_reads_back_whatever_the_names():
    counts = random_counts(len(ODD_NAMES))
    text = write_confusion_csv(counts, ODD_NAMES)
    header, *rows = csv.reader(StringIO(text, newline=""))
    written = [*ODD_NAMES[:-1], "'='1'"]  # the last would be a formula
    assert header == ["true \\ predicted", *written]
    assert [row[0] for row in rows] == written
    np.testing.assert_array_equal([[int(cell) for cell in row[1:]] for row in rows], counts)


def test_csv_of_plain_names_is_plain():
    assert write_confusion_csv(np.array([[1, 2], [3, 4]]), ["a", "b"]) == "true \\ predicted,a,b\na,1,2\nb,3,4\n"


@pytest.mark.parametrize("function", [write_confusion_csv, lambda *args: confusion_matrix(*args, "title")])
def test_counts_that_are_not_square_are_refused(function):
    with pytest.raises(ValueError, match="3 class names"):
        function(np.zeros((2, 3), int), names(3))
