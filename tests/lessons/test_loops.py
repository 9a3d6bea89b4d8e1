"""Loops, products of vectors and products of matrices compute one gradient."""

import numpy as np
import pytest

from imgclf.lessons.loops import WAYS, no_loop, study
from imgclf.losses import LOSSES


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_way_computes_the_same_gradient(material, loss, way):
    one = material(f"model.loss={loss}", "regularization={l2: 0.1, l1: 0.01}")
    weights = np.random.default_rng(0).normal(size=one.weights.shape)
    batch = one.few(7)
    loss_of, grad = WAYS[way](one.objective, batch, weights)
    expected, exact = no_loop(one.objective, batch, weights)
    assert loss_of == pytest.approx(expected, rel=1e-12)
    assert np.allclose(grad, exact, rtol=0, atol=1e-12)


def test_the_lesson_measures_how_far_they_are_apart(material):
    seen = study(material()).numbers
    assert seen["images"] == [1, 2, 4, 8, 16, 32, 64]
    assert all(difference < 1e-12 for difference in seen["differs_by"].values())
    assert seen["differs_by"]["no loop"] == 0
    assert [len(taken) for taken in seen["seconds"].values()] == [7, 7, 7]
