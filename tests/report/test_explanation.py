"""The picture of an explanation: each pixel has the color of its evidence, and the numbers shown add up."""

import re
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from imgclf.data.preprocess import Preprocess
from imgclf.report.evidence import INK_ALONE, MEAN_IMAGE, explain
from imgclf.report.explanation import STRONGEST, evidence_colors, evidence_map, explanation_picture
from imgclf.report.style import png_bytes
from imgclf.training.classifier import Model


def make_model(shape, names=("cat", "dog", "owl"), *, weights=None, mean=True, **more):
    rng = np.random.default_rng(0)
    size = int(np.prod(shape))
    if weights is None:
        weights = rng.normal(size=(size + 1, len(names)))
    statistics = (rng.uniform(0.1, 0.9, size) if mean else None), None
    preprocess = Preprocess(shape, more.pop("scale", 255.0), *statistics, "float64", **more)
    return Model(weights, preprocess, tuple(names), "svm", 0, 0)


def draw(model, example, names=None, image="photos/x.png", features=()):
    """Return the explanation of an example and its picture."""
    seen = explain(model, image, example, names or model.class_names[:2])
    return seen, explanation_picture(model.preprocess, seen, features)


def random_image(shape):
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def panels(figure, shape):
    """Return the images as (row, column), a pixel for each square."""
    shown = [np.asarray(image.get_array()) for image in figure.images[:-1]]  # the last is the key
    zoom = len(shown[0]) // shape[0]
    return [one[::zoom, ::zoom] for one in shown]


def texts(figure):
    return [text.get_text() for text in figure.texts]


def number(text):
    return Decimal(text.replace("\N{MINUS SIGN}", "-"))


def sums_in(figure):
    """Return the numbers of each sum in the picture: for, against, bias, score."""
    lines = [text for text in texts(figure) if re.match(r"(for .*,|bias |= )", text)]
    return [[number(word) for word in re.findall(r"[-\d.\u2212e+]+(?=[, ]|$)", " ".join(lines[i : i + 3]))]
            for i in range(0, len(lines), 3)]  # fmt: skip


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 9, 3), (1, 1, 1)], ids=str)
def test_each_pixel_has_the_color_of_its_evidence(shape):
    model, image = make_model(shape), random_image(shape)
    seen, figure = draw(model, image)
    png_bytes(figure)
    first, *maps = panels(figure, shape)
    np.testing.assert_array_equal(first, np.broadcast_to(image, (*shape[:2], 3)))
    rows = [maps[:3], maps[4:]]
    for shown, some in zip(rows, seen.parts.values(), strict=True):
        for colors, one in zip(shown, some, strict=True):
            evidence = one.terms.reshape(shape).sum(axis=2)
            red, blue = colors[..., 0].astype(int), colors[..., 2].astype(int)
            assert ((red > blue) <= (evidence > 0)).all()
            assert ((red < blue) <= (evidence < 0)).all()
            is_seen = np.abs(evidence) > 0.05 * np.abs(evidence).max()
            assert ((red != blue) >= is_seen).all()


def test_no_evidence_is_exactly_white_and_more_of_it_is_darker():
    colors = evidence_colors(np.array([np.linspace(-1, 1, 21)]), 1.0)[0].astype(int)
    assert colors[10].tolist() == [255, 255, 255]
    darkness = 765 - colors.sum(axis=1)
    assert all(a > b for a, b in pairwise(darkness[:11]))
    assert all(a < b for a, b in pairwise(darkness[10:]))
    np.testing.assert_array_equal(evidence_colors(np.array([[5.0]]), 1.0), evidence_colors(np.array([[1.0]]), 1.0))


@pytest.mark.parametrize("shape", [(6, 5, 1), (6, 5, 3)], ids=str)
def test_a_moved_weight_moves_the_color_of_its_pixel_only(shape):
    model, image = make_model(shape, weights=np.zeros((np.prod(shape) + 1, 3)), mean=False), random_image(shape) | 1
    model.weights[np.ravel_multi_index((2, 3, shape[2] - 1), shape), 1] = -1
    _, figure = draw(model, image)
    for map_, expected in zip(panels(figure, shape)[1:], ("red", "white", "blue"), strict=True):
        rest = np.delete(map_.reshape(-1, 3), 2 * 5 + 3, axis=0)
        assert (rest == 255).all()
        red, _, blue = map_[2, 3].astype(int)
        assert ("red" if red > blue else "blue" if red < blue else "white") == expected


@pytest.mark.parametrize("mean", [True, False])
def test_the_numbers_shown_add_up_and_are_the_same_both_ways(mean):
    _, figure = draw(make_model((8, 8, 3), mean=mean), random_image((8, 8, 3)))
    sums = sums_in(figure)
    assert len(sums) == (6 if mean else 3)
    for supporting, opposing, bias, score in sums:
        assert supporting >= 0 >= opposing
        assert supporting + opposing + bias == score
    scores = [one[3] for one in sums]
    assert scores[0] == scores[1] - scores[2]
    assert scores[3:] == (scores[:3] if mean else [])


@pytest.mark.parametrize("size", [1, 40])
def test_the_features_shown_are_the_strongest_and_add_up_with_the_rest(size):
    model = make_model((size,), scale=1.0)
    names = [f"size of {i}" for i in range(size)]
    seen, figure = draw(model, np.random.default_rng(2).normal(size=size), image="7", features=names)
    png_bytes(figure)
    words = texts(figure)
    assert words[0] == "example 7: cat rather than dog"
    values = [number(text) for text in words if re.fullmatch(r"\u2212?[\d.]+", text)]
    labels = [text for text in words if re.fullmatch(r"size of \d+|[\d,]+ others?", text)]
    rows = iter(zip(labels, values, strict=True))
    for one, (supporting, opposing, _, _) in zip(
        [*seen.parts[INK_ALONE], *seen.parts[MEAN_IMAGE]], sums_in(figure), strict=True
    ):
        for sign, total in ((1, supporting), (-1, opposing)):
            terms = sign * one.terms
            best = [i for i in np.argsort(-terms, kind="stable")[:STRONGEST] if terms[i] > 0]
            others = int((terms > 0).sum()) - len(best)
            expected = [names[i] for i in best] + ([f"{others} other{'s' * (others > 1)}"] if others else [])
            found = [next(rows) for _ in expected]
            assert [label for label, _ in found] == expected
            assert sum(value for _, value in found) == total


def test_bars_point_to_their_sign():
    model = make_model((30,), scale=1.0)
    seen, figure = draw(model, np.random.default_rng(2).normal(size=30), image="7")
    for axes, one in zip(figure.axes, [one for some in seen.parts.values() for one in some], strict=True):
        lengths = [bar.get_width() for bar in axes.patches if bar.get_width()]
        above, below = one.strongest(STRONGEST)
        np.testing.assert_allclose(lengths, one.terms[[*above, *below]], atol=0.02)
        for bar in axes.patches:
            red, _, blue = bar.get_facecolor()[:3]
            assert (red > blue) == (bar.get_width() > 0) or bar.get_width() == 0


HOSTILE = ["<script>alert(1)</script>", "$x^2$", "猫", "very long " * 20, "a"]


@pytest.mark.parametrize(
    ("shape", "classes"), [((8, 8, 1), 2), ((400, 10, 3), 100), ((8, 8, 1), 1), ((50,), 5), ((3,), 1)], ids=str
)
def test_no_text_leaves_the_picture_and_names_are_text(shape, classes):
    names = [*HOSTILE, *(f"class number {i}" for i in range(classes))][: max(classes, 1)]
    example = random_image(shape) if len(shape) == 3 else np.random.default_rng(1).normal(size=shape)
    image = "a folder with a long name/" * 9 + "\u202ex\n.png"
    seen, figure = draw(make_model(shape, names), example, names[:2], image=image)
    png_bytes(figure)
    box = figure.bbox
    renderer = figure.canvas.get_renderer()
    for text in figure.texts:
        extent = text.get_window_extent(renderer)
        assert extent.x0 >= 0, text
        assert extent.x1 <= box.width, text
        assert extent.y0 >= 0, text
        assert extent.y1 <= box.height, text
    if classes > 1:
        assert "$x^2$" in " ".join(texts(figure))
    assert "\u202e" not in "".join(texts(figure))
    assert len(seen.parts[INK_ALONE]) == (1 if classes == 1 else 3)


def test_a_name_that_the_font_lacks_is_a_number_and_the_picture_says_where_it_stands():
    model = make_model((4, 4, 1), ["a", "b", "猫"])
    words = texts(draw(model, random_image((4, 4, 1)), ["猫", "a"])[1])
    assert "class 2 rather than a" in words[0]
    assert "the JSON file has their names" in " ".join(words)


def test_equal_scores_are_called_equal():
    model = make_model((4, 4, 1), weights=np.zeros((17, 3)))
    _, figure = draw(model, random_image((4, 4, 1)))
    png_bytes(figure)
    assert texts(figure)[0] == "photos/x.png: cat as much as dog"
    assert all(one == [0, 0, 0, 0] for one in sums_in(figure))


def test_images_of_few_levels_are_shown_as_bright_as_they_are_for_the_model():
    model = make_model((4, 4, 1), scale=16.0)
    image = random_image((4, 4, 1)) // 16
    first, *rest = panels(draw(model, image)[1], (4, 4))
    np.testing.assert_array_equal(first[..., 0], np.rint(255 * (image[..., 0] / 16)))
    mean = model.preprocess.mean.reshape(4, 4)
    np.testing.assert_allclose(rest[3][..., 0], 255 * mean, atol=0.51)


def test_the_color_of_a_pixel_is_the_sum_over_its_channels_and_the_picture_says_so():
    model, image = make_model((3, 3, 3)), random_image((3, 3, 3))
    seen, figure = draw(model, image)
    one = seen.parts[INK_ALONE][0]
    expected = [sum(one.terms[3 * pixel + c] for c in range(3)) for pixel in range(9)]
    np.testing.assert_allclose(evidence_map(one, (3, 3, 3)).reshape(-1), expected)
    assert "sum of its three colors" in " ".join(texts(figure))


def test_an_example_of_unit_length_is_said_to_be_one():
    _, figure = draw(make_model((3, 3, 1), norm="l2"), random_image((3, 3, 1)))
    words = " ".join(texts(figure))
    assert "pixel / length" in words
    assert "divided by its length first" in words


def test_the_same_explanation_has_the_same_bytes():
    first, second = (png_bytes(draw(make_model((8, 8, 3)), random_image((8, 8, 3)))[1]) for _ in range(2))
    assert first == second


def test_bars_and_maps_have_the_same_red_and_blue():
    figure = draw(make_model((30,), scale=1.0), np.random.default_rng(2).normal(size=30))[1]
    ends = [to_rgb(f"#{bytes(evidence_colors(np.array([[sign]]), 1.2)[0, 0]).hex()}") for sign in (1.0, -1.0)]
    for bar in figure.axes[0].patches:
        if bar.get_width():
            assert np.abs(np.subtract(ends[int(bar.get_width() < 0)], bar.get_facecolor()[:3])).max() < 0.2
