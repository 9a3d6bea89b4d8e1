"""HOG: equal to the definition in loops and to scikit-image; and what it should not see, it does not see."""

import math

import numpy as np
import pytest

from data.features.skimage_reference import REFERENCE, SETTINGS, images
from imgclf.data.features import FEATURES
from imgclf.data.features.pooling import windows
from imgclf.errors import UsageError

hog = FEATURES["hog"]
RNG = np.random.default_rng(1)
SOME = RNG.integers(0, 256, (3, 13, 11, 3), dtype=np.uint8)


def in_loops(image, cell, block, orientations, signed=False, interpolate=False):
    """The histograms of the cells and then L2 of the blocks, one pixel at a time."""
    height, width, channels = image.shape
    rows, columns, turn = height // cell, width // cell, 360 if signed else 180
    share = {"down": windows(rows * cell, rows), "across": windows(columns * cell, columns)}
    cells = np.zeros((rows, columns, orientations))
    for y in range(rows * cell):
        for x in range(columns * cell):
            best = (-1, 0, 0)
            for c in range(channels):
                down = int(image[y + 1, x, c]) - int(image[y - 1, x, c]) if 0 < y < height - 1 else 0
                right = int(image[y, x + 1, c]) - int(image[y, x - 1, c]) if 0 < x < width - 1 else 0
                if down**2 + right**2 > best[0]:
                    best = (down**2 + right**2, down, right)
            strength, place = math.sqrt(best[0]), math.degrees(math.atan2(*best[1:])) % turn / turn * orientations
            low = math.floor(place)
            if not interpolate:
                cells[y // cell, x // cell, low] += strength / cell**2
                continue
            for r in range(rows):
                for c in range(columns):
                    near = strength * share["down"][r, y] * share["across"][c, x]
                    cells[r, c, low % orientations] += near * (1 - (place - low))
                    cells[r, c, (low + 1) % orientations] += near * (place - low)
    found = []
    for r in range(rows - block + 1):
        for c in range(columns - block + 1):
            v = cells[r : r + block, c : c + block].ravel()
            found += (v / math.sqrt((v**2).sum() + 1e-10)).tolist()
    return np.array(found)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("interpolate", [False, True])
def test_it_is_the_definition_in_loops(signed, interpolate):
    seen = hog(3, 2, 7, "L2", signed=signed, interpolate=interpolate).compute(SOME, {})
    for image, row in zip(SOME, seen, strict=True):
        np.testing.assert_allclose(row, in_loops(image, 3, 2, 7, signed, interpolate), atol=1e-6)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("image", images())
def test_it_is_that_of_scikit_image(image, setting):
    expected = np.load(REFERENCE)[f"{image}, {setting}"]
    np.testing.assert_allclose(hog(*SETTINGS[setting]).compute(images()[image][None], {})[0], expected, atol=1e-5)


def test_contrast_does_not_matter_and_a_negative_matters_only_where_it_is_signed():
    dark = SOME // 4 + 100
    for options, negative_matters in ({}, False), ({"signed": True}, True):
        compute = hog(norm="L2", interpolate=True, **options).compute
        np.testing.assert_allclose(compute(dark * 2 - 150, {}), compute(dark, {}), atol=1e-6)
        assert np.allclose(compute(255 - dark, {}), compute(dark, {}), atol=1e-6) != negative_matters


def test_a_mirror_image_has_the_same_features_where_mirror_is_chosen():
    for mirror in (False, True):
        compute = hog(3, 2, signed=True, interpolate=True, mirror=mirror).compute
        assert (compute(SOME, {}) == compute(SOME[:, :, ::-1], {})).all() == mirror
    np.testing.assert_allclose(
        hog(mirror=True).compute(SOME, {}), hog().compute(SOME, {}) + hog().compute(SOME[:, :, ::-1], {}), rtol=1e-12
    )


def test_an_image_without_an_edge_has_no_features():
    assert not hog(interpolate=True).compute(np.full((1, 8, 8, 1), 200, np.uint8), {}).any()


def test_an_image_that_is_too_small_is_one_clear_error():
    assert hog(4, 2).size((8, 9, 3)) == 36
    with pytest.raises(UsageError, match="images of 9 x 7 pixels have no room for a block, 8 pixels a side"):
        hog(4, 2).size((7, 9, 3))
