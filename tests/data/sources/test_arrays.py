"""Arrays in memory are read as those of files are; images of floats are bytes already."""

import numpy as np
import pytest

from imgclf.data.sources import _arrays
from imgclf.data.sources._arrays import examples, given_examples

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_given_images_of_floats_are_their_bytes_and_looked_at_once(monkeypatch, dtype, order):
    look, looks = _arrays._look, []
    monkeypatch.setattr(_arrays, "_look", lambda X: looks.append(X) or look(X))
    found = given_examples(PIXELS.astype(dtype, order=order), "X")
    assert (found.X.dtype, found.X.flags.c_contiguous, found.remarks) == (np.uint8, True, ())
    np.testing.assert_array_equal(found.X, PIXELS)
    assert examples(PIXELS / 1.0, "X").floats == found.floats
    assert len(looks) == 2  # one for each of the two


@pytest.mark.parametrize("shape", [(8,), (8, 1, 1), (1, 8), (1, 1, 8)])
def test_given_floats_in_a_row_are_feature_vectors_whatever_axes_are_around_them(shape):
    X = RNG.normal(size=(4, 8))
    found = given_examples(X.reshape(4, *shape), "X")
    np.testing.assert_array_equal(found.X, X)
    assert found.floats == _arrays.FEATURES
