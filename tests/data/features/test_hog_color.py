"""HOG with colors: hues are those of colorsys, and the small picture is a mean."""

import colorsys

import numpy as np
import pytest

from imgclf.data.features import FEATURES
from imgclf.data.features.hog_color import hue_histogram, shrunk
from imgclf.errors import UsageError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 9, 10, 3), dtype=np.uint8)


def test_hues_are_those_of_colorsys_counted_by_how_much_color_there_is():
    images = IMAGES.copy()
    images[0, :3] = images[0, :3, :, :1]  # gray
    for image, row in zip(images, hue_histogram(images, 7), strict=True):
        expected = np.zeros(7)
        for pixel in image.reshape(-1, 3).tolist():
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
            expected[int(hue * 7)] += saturation * value / (255 * 90)
        np.testing.assert_allclose(row, expected, rtol=1e-9)


def test_the_small_picture_is_the_mean_of_each_part():
    np.testing.assert_allclose(shrunk(IMAGES, 3)[:, 0, 0], IMAGES[:, :3, :3].mean(axis=(1, 2)))
    np.testing.assert_allclose(shrunk(IMAGES, 1)[:, 0, 0], IMAGES.mean(axis=(1, 2)))
    assert (shrunk(IMAGES[:, :, :9], 9) == IMAGES[:, :, :9]).all()


def test_it_is_hog_and_then_colors():
    kind = FEATURES["hog_color"](hues=5, picture=2)
    seen, edges = kind.compute(IMAGES, {}), FEATURES["hog"]().compute(IMAGES, {})
    assert seen.shape == (3, kind.size((9, 10, 3)))
    assert (seen[:, : edges.shape[1]] == edges).all()
    assert (seen[:, edges.shape[1] : -12] == hue_histogram(IMAGES, 5)).all()


def test_with_mirror_a_mirror_image_has_the_same_features():
    compute = FEATURES["hog_color"](picture=5, mirror=True).compute
    np.testing.assert_allclose(compute(IMAGES, {}), compute(IMAGES[:, :, ::-1], {}), rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((9, 9, 1), "needs images in color, these are gray"), ((7, 12, 3), "12 x 7 pixels make no picture of 8 x 8"),
     ((8, 8, 3), "no room for a block")],
)  # fmt: skip
def test_images_that_it_cannot_take_are_one_clear_error(shape, words):
    with pytest.raises(UsageError, match=words):
        FEATURES["hog_color"](cell=5).size(shape)
