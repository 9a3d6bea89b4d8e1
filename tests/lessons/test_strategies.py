"""Searches never lose what they found, and calculus makes the steps of trying."""

from itertools import islice, pairwise

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradients import analytic_gradient, evaluate_loss, numerical_gradient
from imgclf.lessons import strategies
from imgclf.lessons.strategies import coarse, follow_gradient, local_search, random_search, study
from imgclf.machine.progress import listening


@pytest.mark.parametrize("search", [random_search, local_search])
def test_a_search_keeps_the_best_it_found(material, search):
    one = material()
    seen = list(islice(search(one), 50))
    losses = [loss for loss, _ in seen]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    for loss, weights in seen[::10]:
        assert loss == evaluate_loss(one.objective, one.train, weights)[0]


def test_local_search_moves_from_the_best_weights(material):
    ends = [weights for _, weights in islice(local_search(material()), 100)]
    moved = [end for before, end in pairwise(ends) if (before != end).any()]
    assert np.linalg.norm(moved[-1]) > 1.5 * np.linalg.norm(moved[0])


def test_against_the_gradient_is_down_and_along_it_is_up(material):
    one = material()

    def against(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(grad=-seen.grad)

    for gradient, sign in ((analytic_gradient, 1), (against, -1)):
        first, second = (loss for loss, _ in islice(follow_gradient(one, one.train, one.weights, gradient), 2))
        assert sign * (first - second) > 0


def test_after_as_many_passes_the_gradient_is_lower_than_local_and_that_than_random_search(material):
    one = material()
    calculus = follow_gradient(one, one.train, one.weights, analytic_gradient)
    ends = [list(islice(search, 60))[-1][0] for search in (random_search(one), local_search(one), calculus)]
    assert ends == sorted(ends, reverse=True)


def test_calculus_makes_the_steps_of_trying(material):
    one = material()
    X, y = one.few(50)
    zeros = np.zeros((10, 4))
    tried, computed = (
        [loss for loss, _ in islice(follow_gradient(one, Batch.of(coarse(X, (6, 6, 1), 3), y), zeros, gradient), 9)]
        for gradient in (numerical_gradient, analytic_gradient)
    )
    assert tried == pytest.approx(computed, rel=1e-9)
    assert computed[-1] < computed[0] == pytest.approx(np.log(4))


def test_coarse_images_keep_corners(material):
    X = np.arange(2 * 6 * 6, dtype=float).reshape(2, 36)
    assert coarse(X, (6, 6, 1), 2)[0].tolist() == [0, 5, 30, 35]
    assert coarse(X, (36,), 2)[1].tolist() == [36, 37, 38, 39]


def test_progress_of_each_search_is_told(material, monkeypatch):
    monkeypatch.setattr(strategies, "SECONDS", 0.02)
    told = []
    with listening(told.append):
        study(material())
    assert [one.done for one in told] == [0, 1, 2, 3, 4, 5]
    assert {one.total for one in told} == {5}


def test_the_lesson_tells_what_each_found(material, monkeypatch):
    monkeypatch.setattr(strategies, "SECONDS", 0.02)
    seen = study(material()).numbers
    assert seen["small_parameters"] == (7**2 + 1) * 4
    assert all(seen[name]["passes"] >= 1 for name in ("random", "local", "gradient"))
    assert seen["numerical"] == pytest.approx(seen["analytic"], rel=1e-6)
