from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from imgclf.report.error_map import LEAST, SEQUENTIAL, error_map
from imgclf.report.style import INK, VERMILION, png_bytes
from layout import laid_out

WHITE = [255, 255, 255]
ORANGE = np.rint(255 * np.array(to_rgb(VERMILION))).astype(int).tolist()

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB: what the eyes see.
EYES = {
    "all cones": np.eye(3),
    "no L": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no M": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no S": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colors, eyes="all cones"):
    """CIE 1976 L*a*b* of sRGB colors 0..1 (..., 3)."""
    colors = np.asarray(colors, float)
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.transpose(EYES[eyes]), 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = linear @ np.transpose(to_xyz) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def random_ratio(shape, classes):
    return 10 ** np.random.default_rng(0).uniform(-5, 0, size=(np.prod(shape) + 1, classes))


def names(classes):
    return [f"name {c}" for c in range(classes)]


def drawn(ratio, shape, class_names=None):
    return laid_out(error_map(ratio, shape, class_names or names(ratio.shape[1]), "the title"))


def images(figure, shape):
    """Return the images, of which every pixel is a square as large as any, and the biases, all as colors."""
    shown = [np.asarray(image.get_array()) for image in figure.images]
    zoom = len(shown[0]) // shape[0]
    return [one[::zoom, ::zoom] for one in shown[::2]], [one[:1, :1] for one in shown[1::2]]


def labels(figure):
    """Return the names of the classes, as they are written."""
    return [text for text in figure.texts if text.get_va() == "center_baseline"]


def colors_of(*values):
    """Return the colors (len(values), 3) that a picture of one row gives to values."""
    ratio = np.array([*values, 0.5])[:, np.newaxis]
    return images(error_map(ratio, (1, len(values), 1), ["a"], ""), (1, len(values)))[0][0][0]


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


@pytest.mark.parametrize(
    ("shape", "classes"), [((28, 28, 1), 2), ((28, 28, 1), 10), ((32, 32, 3), 30), ((3, 5, 1), 3), ((1, 1, 3), 1)]
)
def test_every_class_has_a_picture_a_bias_and_a_name(shape, classes):
    figure = drawn(random_ratio(shape, classes), shape)
    pictures, biases = images(figure, shape)
    assert [picture.shape for picture in pictures] == [(*shape[:2], 3)] * classes
    assert [bias.shape for bias in biases] == [(1, 1, 3)] * classes
    assert [text.get_text() for text in labels(figure)] == names(classes)
    assert "the title" in texts(figure)


def test_white_is_exactly_none_and_orange_more_than_the_bound():
    values = [0.0, 5e-324, 1e-9, LEAST, 0.5, 1.0, np.nextafter(1, 2), 7.0, 1e300, np.inf, np.nan]
    colors = colors_of(*values).tolist()
    assert [color == WHITE for color in colors] == [value == 0 for value in values]
    assert [color == ORANGE for color in colors] == [not value <= 1 for value in values]


def test_equal_factors_look_like_equal_distances():
    colors = lab(colors_of(*np.geomspace(LEAST, 1, 9)) / 255)
    lightness = np.diff(colors[:, 0])
    assert (lightness < -3).all()
    distances = np.linalg.norm(np.diff(colors, axis=0), axis=1)
    assert distances.min() > 5
    assert distances.max() < 2 * distances.min()


@pytest.mark.parametrize("eyes", EYES)
def test_mistake_looks_like_nothing_else_to_any_eyes(eyes):
    others = np.vstack([SEQUENTIAL(np.linspace(0, 1, 256))[:, :3], np.ones(3)])
    assert np.linalg.norm(lab(others, eyes) - lab(to_rgb(VERMILION), eyes), axis=1).min() > 35


def test_each_weight_has_its_own_pixel_and_the_bias_its_own_square():
    shape = (4, 6, 1)
    ratio = np.zeros((4 * 6 + 1, 3))
    ratio[np.ravel_multi_index((2, 1), (4, 6)), 1] = 2
    ratio[-1, 2] = 2
    pictures, biases = images(drawn(ratio, shape), shape)
    expected = np.full((3, 4, 6, 3), 255)
    expected[1, 2, 1] = ORANGE
    np.testing.assert_array_equal(pictures, expected)
    assert [bias[0, 0].tolist() for bias in biases] == [WHITE, WHITE, ORANGE]


@pytest.mark.parametrize("bad", [0.9, 2.0, np.nan, np.inf])
def test_pixel_shows_the_worst_of_its_channels(bad):
    shape = (2, 3, 3)
    expected = colors_of(0.01, bad)
    for channel in range(3):
        ratio = np.full((2 * 3 * 3 + 1, 1), 0.01)
        ratio[np.ravel_multi_index((1, 2, channel), shape)] = bad
        ((picture,), _) = images(drawn(ratio, shape), shape)
        np.testing.assert_array_equal(picture[1, 2], expected[1])
        np.testing.assert_array_equal(picture.reshape(6, 3)[:-1], np.broadcast_to(expected[0], (5, 3)))


@pytest.mark.parametrize(("shape", "classes", "where"), [
    ((300, 200, 3), 2, (0, 0)), ((300, 200, 3), 2, (-1, -1)), ((300, 200, 3), 2, (31, 4)), ((1000, 7, 1), 2, (-1, -1)),
    ((64, 97, 1), 30, (31, 4)),
])  # fmt: skip
def test_one_mistake_is_seen_however_large_the_picture_is(shape, classes, where):
    ratio = np.full((np.prod(shape) + 1, classes), 0.5)
    row, column = (at % size for at, size in zip(where, shape, strict=False))
    ratio[np.ravel_multi_index((row, column, 0), shape), 1] = 1.5
    figure = drawn(ratio, shape)
    for c, image in enumerate(figure.images[::2]):
        wrong = np.argwhere((image.get_array() == ORANGE).all(axis=2))
        assert bool(len(wrong)) == (c == 1)
        if c == 1:
            side = np.ptp(wrong[:, 0]) + 1
            assert side >= 3
            assert len(wrong) == side**2
            expected = np.array([row, column]) / shape[:2] * image.get_array().shape[:2]
            assert (np.abs(wrong[0] - expected) <= side).all()


@pytest.mark.parametrize(("shape", "classes"), [((28, 28, 1), 2), ((32, 32, 3), 10), ((13, 9, 1), 30)])
def test_every_pixel_is_a_square_of_whole_device_pixels(shape, classes):
    ratio = random_ratio(shape, classes)
    figure = drawn(ratio, shape)
    png_bytes(figure)
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    for c in (0, classes - 1):
        image = figure.images[2 * c]
        picture = images(figure, shape)[0][c]
        zoom, rest = divmod(len(image.get_array()), shape[0])
        assert rest == 0
        squares = picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
        left, bottom = round(image.ox), len(pixels) - round(image.oy)
        np.testing.assert_array_equal(pixels[bottom - len(squares) : bottom, left : left + squares.shape[1]], squares)


def test_permuting_classes_permutes_pictures():
    ratio = random_ratio((8, 8, 3), 7)
    order = np.random.default_rng(1).permutation(7)
    one, other = (images(drawn(each, (8, 8, 3)), (8, 8, 3)) for each in (ratio, ratio[:, order]))
    for before, after in zip(one, other, strict=True):
        np.testing.assert_array_equal(after, np.array(before)[order])


def test_classes_with_a_mistake_are_named_in_its_color_and_mistakes_are_counted():
    ratio = random_ratio((4, 4, 3), 100)
    ratio[3:5, 7], ratio[-1, 40] = 2, np.nan
    figure = drawn(ratio, (4, 4, 3))
    colors = [text.get_color() for text in labels(figure)]
    assert [c for c, color in enumerate(colors) if color == VERMILION] == [7, 40]
    assert set(colors) == {VERMILION, INK}
    assert any(text.endswith(": 3 of 4,900 parameters") for text in texts(figure))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_of_a_right_gradient_nothing_is_orange(value):
    figure = drawn(np.full((3 * 5 + 1, 2), value), (3, 5, 1))
    pictures, biases = images(figure, (3, 5))
    for image in pictures + biases:
        assert image.tolist() == np.broadcast_to(colors_of(value), image.shape).tolist()
    assert {text.get_color() for text in labels(figure)} == {INK}
    assert any(text.endswith(": none of 32 parameters") for text in texts(figure))


def test_key_shows_the_colors_of_its_numbers():
    figure = drawn(random_ratio((4, 4, 1), 2), (4, 4, 1))
    none, strip, mistake = figure.axes
    assert [axes.get_xticklabels()[0].get_text() for axes in (none, mistake)] == ["0", "> 1"]
    assert none.images[0].get_array().tolist() == [[WHITE]]
    assert mistake.images[0].get_array().tolist() == [[ORANGE]]
    colors = np.asarray(strip.images[0].get_array())[0]
    values = [float(label.get_text()) for label in strip.get_xticklabels()]
    assert values == pytest.approx([LEAST, *np.geomspace(LEAST, 1, 5)[1:]])
    for tick, value in zip(strip.get_xticks(), values, strict=True):
        at, rest = divmod(tick * (len(colors) - 1), 1)
        assert rest == 0
        assert colors[int(at)].tolist() == colors_of(value)[0].tolist()
    assert any("log scale" in text for text in texts(figure))


@pytest.mark.parametrize(
    ("shape", "classes", "name"),
    [
        ((28, 28, 1), 2, "a"),
        ((32, 32, 3), 30, "a rather long name of a class {}"),
        ((3, 5, 1), 3, "W" * 200 + "{}"),
        ((60, 1, 1), 1, "a rather long name of a class {}"),
        ((60, 1, 1), 40, "a rather long name of a class {}"),
    ],
)
def test_no_text_leaves_the_sheet_or_reaches_the_next_class(shape, classes, name):
    ratio = random_ratio(shape, classes) * 3
    figure = error_map(ratio, shape, [name.format(c) for c in range(classes)], "Errors of the gradient " * 9)
    laid_out(figure)
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert 0 <= box.x0 <= box.x1 <= figure.bbox.width
            assert 0 <= box.y0 <= box.y1 <= figure.bbox.height
    biases = figure.images[1::2]
    for text, square in zip(labels(figure), biases, strict=True):
        assert square.ox + square.get_size()[1] < text.get_window_extent().x0
    for text, square, following in zip(labels(figure), biases, biases[1:], strict=False):
        if following.ox > square.ox:
            assert text.get_window_extent().x1 < following.ox


def test_names_of_key_do_not_overlap():
    figure = drawn(random_ratio((4, 4, 1), 2), (4, 4, 1))
    boxes = [label.get_window_extent() for axes in figure.axes for label in axes.get_xticklabels()]
    assert all(left.x1 + 15 < right.x0 for left, right in pairwise(boxes))


def test_odd_names_are_drawn():
    figure = drawn(random_ratio((8, 8, 1), 4), (8, 8, 1), ["$x^2$", "猫", "a\nb", "very long " * 30])
    shown = [text.get_text() for text in labels(figure)]
    assert shown[:3] == ["$x^2$", "class 1", "a b"]
    assert "…" in shown[3]


def test_same_ratio_same_bytes_and_it_stays_as_it_was():
    ratio = random_ratio((8, 8, 3), 4)
    ratio[0, 0] = np.nan
    kept = ratio.copy()
    first, second = (png_bytes(error_map(ratio, (8, 8, 3), names(4), "$x$ 猫")) for _ in range(2))
    assert first == second
    np.testing.assert_array_equal(ratio, kept)


@pytest.mark.parametrize(("shape", "classes"), [((8, 8, 3), 2), ((8, 8, 1), 3), ((8, 4, 2), 2)])
def test_ratio_of_another_shape_is_refused(shape, classes):
    with pytest.raises(ValueError, match="no map"):
        error_map(np.zeros((8 * 8 + 1, 2)), shape, names(classes), "title")


def test_ratio_without_a_bias_has_no_squares():
    figure = error_map(np.zeros((8 * 8, 2)), (8, 8, 1), names(2), "title")
    assert len(figure.images) == len(error_map(np.zeros((8 * 8 + 1, 2)), (8, 8, 1), names(2), "title").images) - 2


def test_error_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"-0\.5"):
        error_map(np.array([[1.0], [np.nan], [-0.5]]), (1, 2, 1), ["a"], "title")
