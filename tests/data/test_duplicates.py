"""Nearly equal images: exactly those that comparing every two finds."""

import io

import numpy as np
import pytest
from PIL import Image

from imgclf.data.duplicates import NEAR, OF_CONTRAST, equal_groups, near_pairs


def images(n=160, shape=(9, 7, 1), seed=0):
    """Images of a few patterns, with noise of many sizes: many pairs are near, many just not."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 256, (20, *shape))
    noise = rng.normal(size=(n, *shape)) * rng.uniform(0, 14, (n, 1, 1, 1))
    return np.rint(patterns[rng.integers(0, 20, n)] + noise).clip(0, 255).astype(np.uint8)


def by_hand(X, rows):
    pairs = {}
    for a, i in enumerate(rows):
        for j in rows[a + 1 :]:
            one, other = X[i].astype(float), X[j].astype(float)
            distance = np.sqrt(((one - other) ** 2).mean())
            if distance <= min(NEAR, OF_CONTRAST * one.std(), OF_CONTRAST * other.std()):
                pairs[i, j] = distance
    return pairs


@pytest.mark.parametrize("shape", [(9, 7, 1), (20, 17, 3), (1, 1, 3), (2, 30, 1)])
def test_no_pair_is_missed_and_none_is_wrong(shape):
    X = images(shape=shape)
    rows = np.flatnonzero(np.arange(len(X)) % 7)  # some are left out
    found = list(near_pairs(lambda rows: X[rows], rows, 50))
    expected = by_hand(X, rows.tolist())
    assert {(pair.first, pair.second) for pair in found} == set(expected)
    assert len(found) == len(expected) > 10
    assert [pair.distance for pair in found] == pytest.approx([expected[pair[:2]] for pair in found], rel=1e-5)


def test_a_level_off_and_recompressed_are_near_and_a_dark_image_is_not_near_another():
    y, x = np.mgrid[:28, :28]
    drawn = (128 + 100 * np.sin(x / 4) * np.cos(y / 5)).astype(np.uint8)[..., None]
    file = io.BytesIO()
    Image.fromarray(drawn[..., 0]).save(file, "JPEG")  # at quality 75
    recompressed = np.asarray(Image.open(file))[..., None]
    dark = np.random.default_rng(0).integers(0, 9, (2, 28, 28, 1), dtype=np.uint8)
    X = np.stack([drawn, drawn + 1, recompressed, *dark])
    found = {pair[:2]: pair.distance for pair in near_pairs(lambda rows: X[rows], np.arange(5), 2)}
    assert set(found) == {(0, 1), (0, 2), (1, 2)}
    assert found[0, 1] == 1


def test_equal_ones_are_equal_to_the_bit():
    X = images(30)
    X[[4, 9]] = X[2]
    X[20] = X[11]
    X[21, 0, 0, 0] = X[20, 0, 0, 0] ^ 1
    assert equal_groups(lambda rows: X[rows], len(X), 7) == [[2, 4, 9], [11, 20]]
