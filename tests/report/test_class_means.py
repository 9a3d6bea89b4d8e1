import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.report import class_means as module
from imgclf.report.class_means import class_means

SHAPE = (4, 5, 3)


def images(n=200, largest=255):
    return np.random.default_rng(0).integers(0, largest + 1, (n, *SHAPE), dtype=np.uint8)


def dataset(pixels, labels, classes):
    return Dataset.of(pixels, np.array(labels), tuple(f"c{c}" for c in range(classes)))


def test_they_are_the_means_of_the_pixels_of_each_class():
    pixels, y = images(), np.random.default_rng(1).integers(0, 5, 200)
    found = class_means(dataset(pixels, y, 6).subset(np.arange(20, 200)))
    for c in range(5):
        expected = np.rint(pixels[20:][y[20:] == c].astype(float).mean(axis=0))
        np.testing.assert_array_equal(found[c], expected)
    assert found[5] is None


def test_images_of_few_levels_are_brightened():
    pixels = images(largest=1)
    (mean,) = class_means(dataset(pixels, [0] * 200, 1))
    np.testing.assert_array_equal(mean, np.rint(255 * pixels.astype(float).mean(axis=0)))


@pytest.mark.parametrize("at_once", [1, 7, 1 << 16])
def test_of_many_images_a_part_of_each_class_is_enough_evenly_spread(monkeypatch, at_once):
    pixels, y = images(), np.arange(200) % 3 // 2  # twice as many of class 0
    monkeypatch.setattr(module, "ENOUGH", 2 * 25 * pixels[0].nbytes)  # 25 images a class
    monkeypatch.setattr(
        module, "slices", lambda n, step=at_once: (slice(i, min(i + step, n)) for i in range(0, n, step))
    )
    for c, mean in enumerate(class_means(dataset(pixels, y, 2))):
        rows = np.flatnonzero(y == c)
        chosen = rows[:: -(-len(rows) // 25)]
        assert len(chosen) <= 25
        np.testing.assert_array_equal(mean, np.rint(pixels[chosen].astype(float).mean(axis=0)))
