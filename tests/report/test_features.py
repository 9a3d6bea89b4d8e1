"""The picture of features: strokes run along edges, and the patch with the largest weight stands where it counts."""

from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.transforms import Bbox

from imgclf.data.dataset import Dataset
from imgclf.data.features import FEATURES
from imgclf.data.features.fitted import Features
from imgclf.data.features.kind import Drawing, Kind
from imgclf.data.features.patches import draw
from imgclf.data.features.strokes import GLYPH
from imgclf.data.preprocess import Preprocess
from imgclf.report.features import liked_features
from imgclf.report.pictures import _has_drawn_features
from imgclf.report.style import EMPTY, png_bytes
from imgclf.training.classifier import Model
from layout import laid_out

RNG = np.random.default_rng(0)
HOG = {"cell": 4, "block": 2, "orientations": 4, "norm": "L2", "signed": False, "interpolate": True, "mirror": True}
PATCHES = {"number": 6, "patch": 5, "stride": 1, "pool": 3, "mirror": True, "scales": 2}


def images(channels=3):
    pixels = RNG.integers(0, 256, (30, 9, 10, channels)).repeat(2, axis=1).repeat(2, axis=2).astype(np.uint8)
    return Dataset.of(pixels, np.arange(30) % 3, ("a", "b", "c"))


def features(name, train):
    options = {"hog": HOG, "hog_color": {**HOG, "hues": 5, "picture": 3}, "patches": PATCHES}[name]
    return Features.fit(name, options, train, 0, "squash")


def liked(features, weights):
    return features.kind.drawing.liked(weights, features.example_shape, features.learned)


def test_a_stroke_runs_along_the_edge_that_its_weight_is_of():
    hog = features("hog", images())
    for direction, along in ((0, "down"), (2, "across")):  # a gradient to the right is an edge that runs down
        weights = np.zeros((hog.size // 4, 4))
        weights[:, direction] = 1
        weights[:, 1] = -1  # what counts against the class is not drawn
        glyph = liked(hog, weights.ravel())[:GLYPH, :GLYPH, 0]
        middle = slice(GLYPH // 2 - 1, GLYPH // 2 + 2)
        line = glyph[:, middle] if along == "down" else glyph[middle]
        assert (glyph[:, GLYPH // 2] if along == "down" else glyph[GLYPH // 2]).min() == 255
        assert glyph.sum() == line.sum()


def test_a_cell_has_one_stroke_along_the_edge_that_counts_most():
    hog = features("hog", images())
    w = np.tile([0.9, 0.5, 1.0, 0.7], hog.size // 4)
    alone = np.tile([0, 0, 1.0, 0], hog.size // 4)
    np.testing.assert_array_equal(liked(hog, w), liked(hog, alone))


def test_what_counts_less_is_darker_and_what_counts_against_black():
    hog = features("hog", images())
    rows, columns = 18 // 4 - 1, 20 // 4 - 1  # of blocks
    w = np.ones((rows, columns, 2, 2, 4))
    w[0, 0, 0, 0], w[0, columns - 1, 0, 1] = 0.5, -1  # of the cells in two corners, each in one block
    middle = liked(hog, w.ravel())[GLYPH // 2, GLYPH // 2 :: GLYPH, 0]
    assert middle.tolist() == [128, 255, 255, 255, 0]


def test_edges_are_drawn_over_their_image():
    hog = features("hog", images())
    image = np.zeros((18, 20, 3), np.uint8)
    image[:, 10:] = 200
    drawn = hog.kind.drawing.seen(image, {})
    assert drawn.shape == (4 * GLYPH, 5 * GLYPH, 3)
    column = drawn.max(axis=(0, 2))
    assert (column[:GLYPH] == 0).all()  # dark, without an edge near it
    assert column[2 * GLYPH + GLYPH // 2] == 255
    assert (drawn[:, 4 * GLYPH :] == 100).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_patch_that_counts_most_is_shown_where_it_counts(channels):
    train = images(channels)
    patches = features("patches", train)
    w = np.zeros(patches.size)
    w[(1 * 3 + 2) * 6 + 4] = 1  # of patch 4, in the second row and the third column
    shown = liked(patches, w).astype(float)
    height = (len(shown) + 1) // 3
    patch = shown[height : height + 5, 2 * height : 2 * height + 5]
    drawn = draw(train, 6, 5, 0, 0)[4]
    assert np.corrcoef(patch[..., :channels].ravel(), drawn.ravel())[0, 1] > 0.9
    others = shown[:5, :5]
    assert np.corrcoef(others[..., :channels].ravel(), draw(train, 6, 5, 0, 0)[0].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("shape", [(18, 20, 3), (9, 31, 1)])
def test_the_image_beside_is_cut_into_the_parts_that_patches_are_liked_in(shape):
    image = np.zeros(shape, np.uint8)
    seen = features("patches", images()).kind.drawing.seen(image, {})
    assert seen.shape == (shape[0] + 2, shape[1] + 2, shape[2])  # three parts a side
    for axis, length in enumerate(shape[:2]):
        lines = np.flatnonzero((seen == 255).all(axis=(1 - axis, 2)))
        parts = np.diff(lines, prepend=-1, append=length + 2) - 1
        assert parts.min() >= length // 3
        assert parts.sum() == length


@pytest.mark.parametrize("name", ["hog", "patches"])
@pytest.mark.parametrize("classes", [2, 10, 30])
def test_what_is_liked_and_the_image_beside_are_equally_large_and_nothing_overlaps(name, classes):
    pixels = RNG.integers(0, 256, (classes, 18, 20, 3), dtype=np.uint8)
    train = Dataset.of(pixels, np.arange(classes), tuple(f"a long name of class {c}" for c in range(classes)))
    seen = features(name, train)
    weights = RNG.standard_normal((seen.size + 1, classes)).astype(np.float32)
    model = Model(weights, Preprocess((seen.size,), 1.0, None, None, "float32"), train.class_names, "svm", 0.0, 0.0,
                  None, seen)  # fmt: skip
    figure = laid_out(liked_features(model, train))
    boxes = [text.get_window_extent() for text in figure.texts]
    for image in figure.images:
        height, width = image.get_array().shape[:2]
        boxes.append(Bbox.from_bounds(image.ox, image.oy, width, height))
    assert len(figure.images) == 2 * classes
    sides = [max(image.get_array().shape[:2]) for image in figure.images]
    assert len(set(sides)) == 1
    for one, other in combinations(boxes, 2):
        assert min(one.x1, other.x1) <= max(one.x0, other.x0) or min(one.y1, other.y1) <= max(one.y0, other.y0)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 for box in boxes)


def test_beside_a_class_without_a_training_image_stands_an_empty_one():
    train = images()
    seen = features("hog", train)
    weights = RNG.standard_normal((seen.size + 1, 3)).astype(np.float32)
    preprocess = Preprocess((seen.size,), 1.0, None, None, "float32")
    model = Model(weights, preprocess, train.class_names, "svm", 0.0, 0.0, None, seen)
    beside = [image.get_array() for image in liked_features(model, train.subset(np.arange(30)[1::3])).images[1::2]]
    color = np.rint(255 * np.array(to_rgb(EMPTY)))
    assert [(image == color).all() for image in beside] == [True, False, True]


@pytest.mark.parametrize("name", ["hog", "hog_color", "patches"])
def test_the_same_model_gives_the_same_picture(name):
    train = images()
    seen = features(name, train)
    weights = RNG.standard_normal((seen.size + 1, 3)).astype(np.float32)
    preprocess = Preprocess((seen.size,), 1.0, None, None, "float32")
    model = Model(weights, preprocess, train.class_names, "svm", 0.0, 0.0, None, seen)
    assert png_bytes(liked_features(model, train)) == png_bytes(liked_features(model, train))


def test_a_new_kind_says_itself_how_it_is_drawn(monkeypatch):
    def rows(w, shape, learned):
        return np.repeat(np.rint(255 * w[:, None, None]).astype(np.uint8), 3, axis=2).repeat(5, axis=1)

    def means(drawing=None):
        return Kind(lambda shape: shape[0], lambda some, _: some.mean(axis=(2, 3)), drawing=drawing)

    monkeypatch.setitem(FEATURES, "means", lambda: means(Drawing("Bright rows.", rows)))
    seen = Features("means", {}, (18, 20, 3))
    weights = RNG.random((19, 3)).astype(np.float32)
    model = Model(weights, Preprocess((18,), 1.0, None, None, "float32"), ("a", "b", "c"), "svm", 0.0, 0.0, None, seen)
    figure = liked_features(model, images())
    assert "Bright rows." in " ".join(text.get_text() for text in figure.texts)
    assert _has_drawn_features(SimpleNamespace(model=model))
    monkeypatch.setitem(FEATURES, "means", means)
    assert not _has_drawn_features(SimpleNamespace(model=replace(model, features=replace(seen))))
