import numpy as np
import pytest
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from imgclf.report.class_grid import longest_side
from imgclf.report.style import png_bytes
from imgclf.report.templates import DIVERGING, QUANTILE, templates
from layout import laid_out

SHAPES = [(28, 28, 1), (32, 32, 3)]


def random_weights(shape, classes, dtype=np.float32):
    return np.random.default_rng(0).normal(size=(np.prod(shape) + 1, classes)).astype(dtype)


def names(classes):
    return [f"name {c}" for c in range(classes)]


def panels(figure, shape):
    """Return the images, of which every pixel is a square as large as any; one too large is as it was shrunk."""
    shown = [np.asarray(image.get_array()) for image in figure.images]
    zoom = len(shown[0]) // shape[0] or 1
    return [one[::zoom, ::zoom] for one in shown]


def red_to_blue(values):
    """Return the colors of -1..1, as bytes."""
    return ScalarMappable(Normalize(-1, 1), DIVERGING).to_rgba(values, bytes=True)[..., :3]


@pytest.mark.parametrize(
    ("shape", "classes"), [((28, 28, 1), 2), ((32, 32, 3), 23), ((5, 9, 3), 6), ((1, 1, 1), 1), ((300, 200, 3), 4)]
)
def test_every_class_has_a_panel_and_a_name(shape, classes):
    figure = templates(random_weights(shape, classes), shape, names(classes))
    laid_out(figure)
    assert [picture.shape[:2] for picture in panels(figure, shape)] == [shape[:2]] * classes
    shown = [text.get_text() for text in figure.texts]
    assert [text for text in shown if text.startswith("name")] == names(classes)


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_of_zero_are_exactly_the_middle_color(shape):
    weights = random_weights(shape, 3)
    weights[:, 1] = 0
    figure = templates(weights, shape, names(3))
    middle = red_to_blue(np.zeros(1)) if shape[2] == 1 else np.full(3, 128)
    np.testing.assert_array_equal(panels(figure, shape)[1], np.broadcast_to(middle, (*shape[:2], 3)))


@pytest.mark.parametrize("shape", SHAPES)
def test_permuting_classes_permutes_panels(shape):
    weights = random_weights(shape, 7)
    order = np.random.default_rng(1).permutation(7)
    before = panels(templates(weights, shape, names(7)), shape)
    after = panels(templates(weights[:, order], shape, names(7)), shape)
    for c, picture in zip(order, after, strict=True):
        np.testing.assert_array_equal(picture, before[c])


def test_each_pixel_shows_its_own_weight():
    weights = np.zeros((4 * 6 + 1, 2))
    weights[np.ravel_multi_index((2, 1), (4, 6)), 1] = 0.5
    weights[np.ravel_multi_index((3, 5), (4, 6)), 1] = -0.25
    expected = np.zeros((4, 6))
    expected[2, 1], expected[3, 5] = 1, -0.5
    # Fewer than one weight in 200 is not 0: then the largest is the scale.
    many = np.hstack([weights, np.zeros((len(weights), 48))])
    np.testing.assert_array_equal(panels(templates(many, (4, 6, 1), names(50)), (4, 6))[1], red_to_blue(expected))


def test_each_channel_shows_its_own_weight():
    weights = np.zeros((2 * 2 * 3 + 1, 2))
    weights[np.ravel_multi_index((1, 0, 2), (2, 2, 3)), 0] = -1
    many = np.hstack([weights, np.zeros((len(weights), 48))])
    expected = np.full((2, 2, 3), 128)
    expected[1, 0, 2] = 0
    np.testing.assert_array_equal(panels(templates(many, (2, 2, 3), names(50)), (2, 2))[0], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_red_is_for_and_blue_against_and_the_bias_has_no_color(shape):
    weights = np.ones((np.prod(shape) + 1, 2))
    weights[:, 1] = -1
    before = templates(weights, shape, names(2))
    red, _, blue = panels(before, shape)[0][0, 0].astype(int)
    assert red > blue or shape[2] == 3
    red, _, blue = panels(before, shape)[1][0, 0].astype(int)
    assert red < blue or shape[2] == 3
    weights[-1] = 1e9
    for a, b in zip(*(panels(one, shape) for one in (before, templates(weights, shape, names(2)))), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_do_not_depend_on_the_size_of_the_weights(shape):
    weights = random_weights(shape, 3, np.float64)
    figures = [templates(w, shape, names(3)) for w in (weights, weights * 2.0**99)]
    for a, b in zip(*(panels(figure, shape) for figure in figures), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3)])
@pytest.mark.parametrize("value", [0, np.nan, -np.inf, 3e38, 1e-45])
def test_strange_weights_are_drawn_without_a_warning(shape, value):
    weights = random_weights(shape, 2)
    weights[:, 0] = value
    for strange in (weights, np.full_like(weights, value)):
        laid_out(templates(strange, shape, names(2)))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_weight_is_a_square_of_whole_pixels(shape):
    weights = random_weights(shape, 10)
    figure = templates(weights, shape, names(10))
    png_bytes(figure)
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    for c in (0, 4, 9):
        image = figure.images[c]
        zoom, rest = divmod(len(image.get_array()), shape[0])
        assert rest == 0
        squares = panels(figure, shape)[c].repeat(zoom, axis=0).repeat(zoom, axis=1)
        left, bottom = round(image.ox), len(drawn) - round(image.oy)
        np.testing.assert_array_equal(drawn[bottom - len(squares) : bottom, left : left + len(squares)], squares)


def test_image_too_large_for_its_place_is_shrunk_to_the_means_of_its_pixels():
    height, width = 2 * longest_side(2), 6
    weights = random_weights((height, width, 3), 2)
    figure = templates(weights, (height, width, 3), names(2))
    scale = np.quantile(np.abs(weights[:-1].astype(float)), QUANTILE)
    W = np.clip(weights[:-1, 0] / scale, -1, 1).reshape(height // 2, 2, width // 2, 2, 3)
    np.testing.assert_allclose(figure.images[0].get_array(), 127.5 + 127.5 * W.mean(axis=(1, 3)), atol=2)


def test_odd_names_are_drawn():
    odd = ["$x^2$", "猫", "a\nb", "very long " * 30]
    figure = templates(random_weights((8, 8, 1), 4), (8, 8, 1), odd)
    laid_out(figure)
    shown = [text.get_text() for text in figure.texts if text.get_va() == "center_baseline"]
    assert shown[:3] == ["$x^2$", "class 1", "a b"]
    assert "…" in shown[3]


def test_same_weights_same_bytes_and_they_stay_as_they_were():
    weights = random_weights((8, 8, 3), 4)
    kept = weights.copy()
    first, second = (png_bytes(templates(weights, (8, 8, 3), names(4))) for _ in range(2))
    assert first == second
    np.testing.assert_array_equal(weights, kept)


@pytest.mark.parametrize(("shape", "classes"), [((8, 8, 3), 2), ((8, 8, 1), 3), ((8, 4, 2), 2)])
def test_weights_of_another_shape_are_refused(shape, classes):
    with pytest.raises(ValueError, match="no templates"):
        templates(np.zeros((8 * 8 + 1, 2)), shape, names(classes))


def beside(figure):
    """Return the images of templates, and those beside them."""
    return figure.images[::2], figure.images[1::2]


@pytest.mark.parametrize(("shape", "classes"), [((28, 28, 1), 2), ((32, 32, 3), 10), ((28, 28, 1), 30)])
def test_the_mean_image_stands_beside_each_template_at_half_its_size(shape, classes):
    rng = np.random.default_rng(1)
    means = list(rng.integers(0, 256, (classes, *shape), dtype=np.uint8))
    figure = templates(random_weights(shape, classes), shape, names(classes), means)
    laid_out(figure)
    for template, mean, pixels in zip(*beside(figure), means, strict=True):
        height, width, _ = np.asarray(mean.get_array()).shape
        zoom, rest = divmod(height, shape[0])
        assert rest == 0
        assert np.asarray(template.get_array()).shape[:2] == (2 * height, 2 * width)
        shown = np.broadcast_to(pixels, (*shape[:2], 3)).repeat(zoom, axis=0).repeat(zoom, axis=1)
        np.testing.assert_array_equal(mean.get_array(), shown)
        assert template.ox + 2 * width < mean.ox
        assert template.oy + 2 * height == mean.oy + height  # their upper edges are one line


def test_bias_and_recall_of_each_class_are_written():
    weights = random_weights((8, 8, 1), 3)
    weights[-1] = [0.214, -1.5, 0]
    means = [np.zeros((8, 8, 1), np.uint8), None, np.zeros((8, 8, 1), np.uint8)]
    figure = templates(weights, (8, 8, 1), names(3), means, ("val", [0.931, None, 1.0]))
    said = [text.get_text() for text in figure.texts]
    for text in (
        "bias +0.21",
        "bias \N{MINUS SIGN}1.5",
        "bias 0",
        "recall 93%",
        "recall \N{EN DASH}",
        "recall 100%",
    ):
        assert text in said
    assert any("recall on val" in text for text in said)


def test_weights_that_early_stopping_kept_are_said_to_be_those_of_their_epoch():
    for kept, told in ((None, False), (7, True)):
        figure = templates(random_weights((8, 8, 1), 2), (8, 8, 1), names(2), kept_epoch=kept)
        said = " ".join(text.get_text() for text in figure.texts)
        assert ("the weights after epoch 7, which early stopping kept" in said) == told


@pytest.mark.parametrize(
    ("classes", "shape"),
    [(1, (28, 28, 1)), (2, (32, 32, 3)), (10, (28, 28, 1)), (10, (4, 60, 1)), (4, (300, 200, 1)), (23, (60, 4, 3)),
     (30, (32, 32, 3))],
)  # fmt: skip
def test_no_text_leaves_the_sheet_or_covers_an_image(classes, shape):
    means = [np.zeros(shape, np.uint8)] * classes
    recalls = "train", [1.0] * classes
    figure = templates(
        -random_weights(shape, classes), shape, ["a rather long name of a class"] * classes, means, recalls
    )
    boxes = [text.get_window_extent() for text in figure.texts]
    for box in boxes:
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    for image in figure.images:
        height, width, _ = np.asarray(image.get_array()).shape
        edges = image.ox, image.oy, image.ox + width, image.oy + height
        assert not any(
            box.x0 < edges[2] - 1 and edges[0] < box.x1 - 1 and box.y0 < edges[3] - 2 and edges[1] < box.y1 - 2
            for box in boxes
        )
