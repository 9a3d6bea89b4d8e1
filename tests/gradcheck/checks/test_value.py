"""The loss is the loss: every statement of the check holds for the right code, and rings when it does not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from imgclf.gradcheck import case as case_module
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.value import elsewhere, mean_loss, value
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES
from imgclf.model import scores

PENALTIES = [(0.0, 0.0), (1e-4, 0.0), (0.0, 1e-3), (10.0, 0.1)]


def code(loss, **changes):
    return replace(Implementation.of_loss(loss), **changes)


def case(loss="softmax", N=20, D=6, C=4, seed=0, size=1.0):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((N, D)), rng.integers(0, C, N)
    weights = size * rng.standard_normal((D + 1, C)) / np.sqrt(D)
    return Case(loss, X, y, weights)


def raw(loss):
    """Return a case of raw pixels, 0 to 255."""
    X = np.random.default_rng(3).integers(0, 256, (20, 6)).astype(float)
    return replace(case(loss), X=X)


def of_one_class(loss):
    one = case(loss)
    return replace(one, y=np.full_like(one.y, 2))


SITUATIONS = {
    "narrow": lambda loss: case(loss, size=1e-6),
    "middling": case,
    "wide": lambda loss: case(loss, size=30.0),
    "huge": lambda loss: case(loss, size=1e6),
    "zero": lambda loss: case(loss, size=0.0),
    "one image": lambda loss: case(loss, N=1),
    "two classes": lambda loss: case(loss, C=2),
    "one pixel": lambda loss: case(loss, D=1),
    "a whole block": lambda loss: case(loss, N=128),
    "more than a block": lambda loss: case(loss, N=129),
    "raw pixels": raw,
    "one class only": of_one_class,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (1e-3, 1e-3)])
def test_the_right_loss_passes(loss, situation, penalty):
    found = value(code(loss), SITUATIONS[situation](loss), *penalty)
    assert found.verdict == "pass", found


@pytest.mark.parametrize("loss", LOSSES)
def test_no_false_alarm_in_random_configurations(loss):
    rng = np.random.default_rng(5)
    for seed in range(16):
        N, D, C = int(rng.integers(1, 150)), int(rng.integers(1, 60)), int(rng.integers(2, 20))
        one = case(loss, N, D, C, seed, 10.0 ** rng.uniform(-9, 9))
        pixels = 10.0 ** rng.uniform(-3, 3)
        common = 10.0 ** rng.uniform(-3, 5) * rng.standard_normal((D + 1, 1)) * rng.integers(0, 2)
        one = replace(one, X=pixels * one.X, weights=one.weights + common)
        penalty = tuple(10.0 ** rng.uniform(-6, 6, 2) * rng.integers(0, 2, 2))
        found = value(code(loss), one, *penalty)
        assert found.verdict == "pass", (seed, N, D, C, pixels, penalty, found)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_by_definition_is_the_mean_and_the_penalty(loss):
    one = case(loss, N=5)
    W = one.weights[:-1].tolist()
    penalty = 0.3 / 2 * math.fsum(w * w for row in W for w in row) + 0.2 * math.fsum(abs(w) for row in W for w in row)
    mean = math.fsum(LOSSES[loss](one.scores, one.y)[0].tolist()) / 5
    total, bound = mean_loss(one, 0.3, 0.2)
    assert float(total) == pytest.approx(mean + penalty, rel=1e-14)
    assert 0 < bound < 1e-12


@pytest.mark.parametrize("loss", LOSSES)
def test_other_scores_lie_near_and_far(loss):
    one = case(loss)
    away = [np.abs(moved - one.scores).max() for moved, _, _ in elsewhere(one)]
    assert min(away) < 0.1
    assert max(away) > 1e4


def wrong_value(change):
    """Return a value with a mistake: change(loss, correct, objective, weights)."""

    def wrong(objective, batch, weights):
        return change(*evaluate_loss(objective, batch, weights), objective, weights)

    return {"value": wrong}


def wrong_beside_gradient(**change):
    """Return a gradient with a mistake beside it."""

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(**{name: alter(getattr(seen, name)) for name, alter in change.items()})

    return {"gradient": wrong}


def no_penalty(objective):
    return Objective(objective.loss_fn)


# The penalty is (0.5, 0.1) in all of them.
BROKEN = {
    "the loss is twice itself": ("the loss is", wrong_value(lambda loss, n, *_: (2 * loss, n))),
    "the loss is off by 1e-12": ("the loss is", wrong_value(lambda loss, n, *_: (loss * (1 + 1e-12), n))),
    "the loss is not a number": ("the loss is nan", wrong_value(lambda loss, n, *_: (np.nan, n))),
    "the loss is infinite": ("the loss is inf", wrong_value(lambda loss, n, *_: (np.inf, n))),
    "the loss without penalty": ("the loss is", wrong_value(lambda loss, n, o, w: (loss - o.penalty(w), n))),
    "the loss with the penalty twice": ("the loss is", wrong_value(lambda loss, n, o, w: (loss + o.penalty(w), n))),
    "l2 without its half": ("the loss is", wrong_value(lambda loss, n, o, w: (loss + 0.25 * (w[:-1] ** 2).sum(), n))),
    "the bias penalized": ("the loss is", wrong_value(lambda loss, n, o, w: (loss + 0.25 * (w[-1] ** 2).sum(), n))),
    "l1 forgotten": ("the loss is", wrong_value(lambda loss, n, o, w: (loss - 0.1 * np.abs(w[:-1]).sum(), n))),
    "one image too many right": ("the loss counts", wrong_value(lambda loss, n, *_: (loss, n + 1))),
    "beside the gradient, off": (
        "the loss beside the gradient is",
        wrong_beside_gradient(loss=lambda loss: 1.001 * loss),
    ),
    "beside the gradient, nan": ("the loss beside the gradient is nan", wrong_beside_gradient(loss=lambda _: np.nan)),
    "beside it, none right": ("the loss beside the gradient counts", wrong_beside_gradient(correct=lambda n: n + 1)),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", BROKEN)
def test_every_statement_rings(loss, name):
    reason, changes = BROKEN[name]
    found = value(code(loss, **changes), case(loss), 0.5, 0.1)
    assert found.verdict == "fail"
    assert found.reason.startswith(reason)


@pytest.mark.parametrize("loss", LOSSES)
def test_wrong_scores_ring(monkeypatch, loss):
    def wrong(X, weights):
        out = scores(X, weights)
        out[4, 2] *= 1 + 1e-12
        return out

    monkeypatch.setattr(case_module, "scores", wrong)
    found = value(code(loss), case(loss), 0.0, 0.0)
    assert found.verdict == "fail"
    assert found.reason.startswith("the score of image 4 for class 2 is")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_definition_that_is_wrong_too_rings_at_zero(monkeypatch, loss):
    one = case(loss, size=0.0)
    right = LOSS_FACTS[loss]
    monkeypatch.setitem(LOSS_FACTS, loss, right._replace(definition=lambda s, y: 2 * right.definition(s, y)))

    def wrong(s, y):
        losses, dscores = LOSSES[loss](s, y)
        return 2 * losses, dscores

    found = value(code(loss, loss_fn=wrong), one, 0.0, 0.0)
    assert found.verdict == "fail"
    assert found.reason.startswith("at W = 0 the loss is")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "bad", [lambda losses: losses + 1, lambda losses: losses * np.nan, lambda losses: losses + np.inf]
)
@pytest.mark.parametrize("far", [50.0, 3000.0])
def test_a_loss_that_is_wrong_only_at_other_scores_rings(loss, bad, far):
    def wrong(s, y):
        losses, dscores = LOSSES[loss](s, y)
        return np.where(np.abs(s).max(axis=1) > far, bad(losses), losses), dscores

    found = value(code(loss, loss_fn=wrong), case(loss), 0.0, 0.0)
    assert found.verdict == "fail"
    assert found.reason.startswith("at other scores the loss of image")


def test_a_softmax_that_overflows_rings():
    def wrong(s, y):
        with np.errstate(all="ignore"):
            losses = np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]
        return losses, LOSSES["softmax"](s, y)[1]

    assert value(code("softmax", loss_fn=wrong), case(), 0.0, 0.0).reason.startswith("at other scores")


@pytest.mark.parametrize("loss", LOSSES)
def test_another_loss_in_its_place_rings(loss):
    for other in LOSSES.keys() - {loss}:
        assert value(code(other), case(loss), 0.0, 0.0).verdict == "fail"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("what", ["X", "weights"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_fail(loss, what, bad):
    one = case(loss)
    spoilt = getattr(one, what).copy()
    spoilt[2, 1] = bad
    with np.errstate(invalid="ignore"):
        found = value(code(loss), replace(one, **{what: spoilt}), 0.0, 0.0)
    assert found.verdict == "fail"
    assert "the score of image" in found.reason


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_that_writes_into_scores_spoils_nothing_for_those_after_it(loss):
    def wrong(s, y):
        seen = LOSSES[loss](s, y)
        s -= s.max(axis=1, keepdims=True)
        return seen

    one = case(loss)
    value(code(loss, loss_fn=wrong), one, 0.0, 0.0)
    assert one.scores.tobytes() == case(loss).scores.tobytes()
    assert value(code(loss), one, 0.0, 0.0) == value(code(loss), case(loss), 0.0, 0.0)
