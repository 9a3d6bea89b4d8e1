"""What nothing could show is said; and a set of points that shows enough says nothing."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.gradcheck.case import Case
from imgclf.gradcheck.coverage import missing
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.losses import LOSSES

NAMES = ["cat", "dog", "fox", "owl"]
ALL = range(4)
HINGES = [name for name, facts in LOSS_FACTS.items() if facts.margins]
SMOOTH = [name for name in LOSSES if name not in HINGES]
PENALTIES = [(0.0, 0.0), (1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-3)]


def wide(loss, N=60, D=8, C=4, seed=0, size=3.0):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((N, D)), np.append(np.arange(C), rng.integers(0, C, N - C))
    return Case(loss, X, y, size * rng.standard_normal((D + 1, C)) / np.sqrt(D))


def at(case, weights):
    return replace(case, weights=np.broadcast_to(weights, case.weights.shape).astype(float))


def sound(loss):
    """Return cases that show enough: all weights 0, and scores that spread widely."""
    one = wide(loss)
    return [at(one, 0), one]


def content(loss):
    """Return a case in which every margin is kept, by far."""
    one = wide(loss)
    X = np.hstack([np.eye(4)[one.y], one.X[:, :4]])
    weights = np.vstack([50 * np.eye(4), np.zeros((5, 4))])
    return replace(one, X=X, weights=weights)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_sound_set_of_cases_gives_no_reason(loss, penalty):
    assert missing(sound(loss), *penalty, NAMES, ALL) == ""


@pytest.mark.parametrize("loss", LOSSES)
def test_an_absent_class_is_named(loss):
    cases = [replace(one, y=np.where(one.y == 2, 1, one.y)) for one in sound(loss)]
    assert missing(cases, 0.0, 0.0, NAMES, ALL) == "no image of fox: take at least 4 images"


@pytest.mark.parametrize("loss", LOSSES)
def test_many_absent_classes_are_counted(loss):
    one = wide(loss, C=4)
    names = [f"class {c}" for c in range(9)]
    reason = missing([one], 0.0, 0.0, names, range(9))
    assert reason == "no image of class 4, class 5, class 6 and 2 more classes: take at least 9 images"


@pytest.mark.parametrize("loss", LOSSES)
def test_classes_that_the_data_does_not_have_are_not_asked_for(loss):
    cases = [replace(one, y=np.where(one.y == 2, 1, one.y)) for one in sound(loss)]
    assert missing(cases, 0.0, 0.0, NAMES, [0, 1, 3]) == ""


@pytest.mark.parametrize("loss", HINGES)
def test_no_violated_margin_is_a_reason(loss):
    reason = missing([content(loss)], 0.0, 0.0, NAMES, ALL)
    assert reason.startswith("no image of cat, dog, fox and 1 more classes violates a margin")


@pytest.mark.parametrize("loss", HINGES)
def test_one_class_that_violates_no_margin_is_named(loss):
    one = content(loss)
    far = one.weights.copy()
    far[[1, 2, 3], [1, 2, 3]] = 0  # only cats are told apart, and nothing looks like one
    assert missing([replace(one, weights=far)], 0.0, 0.0, NAMES, ALL).startswith("no image of cat violates a margin")


@pytest.mark.parametrize("loss", HINGES)
def test_all_margins_violated_is_a_reason(loss):
    zero = at(wide(loss), 0)
    assert (zero.facts.margins(zero.scores, zero.y) > 0).sum() == zero.scores.size * 3 // 4
    for cases in ([zero], [zero, at(zero, 1e-9)]):
        assert missing(cases, 0.0, 0.0, NAMES, ALL).startswith("every margin is violated at every point")


@pytest.mark.parametrize("loss", HINGES)
def test_it_is_judged_over_all_points_together(loss):
    happy, zero = content(loss), at(content(loss), 0)
    assert missing([happy], 0.0, 0.0, NAMES, ALL)  # no margin is violated
    assert missing([zero], 0.0, 0.0, NAMES, ALL)  # every margin is
    rng = np.random.default_rng(1)
    spread = [replace(happy, weights=3 * rng.standard_normal(happy.weights.shape)) for _ in range(2)]
    for cases in ([zero, *spread, happy], [happy, zero, *spread], spread):
        assert not missing(cases, 0.0, 0.0, NAMES, ALL)


def test_smooth_losses_need_no_margin():
    for loss in SMOOTH:
        assert not missing([at(wide(loss), 0)], 0.0, 0.0, NAMES, ALL)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", [(1e13, 0.0), (0.0, 1e13), (1e13, 1e13)])
def test_a_penalty_that_drowns_the_data_is_a_reason(loss, penalty):
    one = wide(loss)
    cases = [one, replace(one, weights=wide(loss, seed=1).weights)]
    assert missing(cases, 0.0, 0.0, NAMES, ALL) == ""
    assert "what rounding can hide" in missing(cases, *penalty, NAMES, ALL)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_penalty_that_the_data_drowns_is_a_reason(loss):
    assert "penalty" in missing(sound(loss), 1e-25, 0.0, NAMES, ALL)


@pytest.mark.parametrize("loss", LOSSES)
def test_dead_pixels_are_not_asked_for(loss):
    cases = []
    for one in sound(loss):
        X = one.X.copy()
        X[:, [0, 3, 5]] = 0
        cases.append(replace(one, X=X))
    assert missing(cases, 0.0, 0.0, NAMES, ALL) == ""


@pytest.mark.parametrize("loss", LOSSES)
def test_images_that_are_0_throughout_are_a_reason(loss):
    cases = [replace(one, X=0 * one.X) for one in sound(loss)]
    assert missing(cases, 0.0, 0.0, NAMES, ALL) != ""


@pytest.mark.parametrize("loss", SMOOTH)
def test_scores_so_far_apart_that_every_slope_is_0_are_a_reason(loss):
    one = content(loss)
    flat = replace(one, weights=1e4 * one.weights)
    assert missing([flat], 0.0, 0.0, NAMES, ALL).startswith("only ")
    assert missing([flat, replace(flat, weights=0 * flat.weights)], 0.0, 0.0, NAMES, ALL) == ""


@pytest.mark.parametrize("loss", LOSSES)
def test_parameters_too_small_to_be_seen_are_a_reason(loss):
    cases = []
    for one in sound(loss):
        X = one.X.copy()
        X[:, :4] *= 1e-30  # as weights for scores, so these 16 of the 36 parameters are nothing
        cases.append(replace(one, X=X))
    reason = missing(cases, 1e-3, 0.0, NAMES, ALL)
    assert reason.startswith("only 5")
    assert "a gradient and penalty larger than what rounding can hide" in reason
