"""What the check knows of each loss is true, and no other module decides by a loss's name."""

import ast
from pathlib import Path

import numpy as np
import pytest

import imgclf
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradcheck.truth.reference import EXTENDED
from imgclf.losses import LOSSES
from losses_by_hand import BY_HAND


def example(seed, N=9, C=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, C)) * 2, rng.integers(0, C, N)


def test_of_every_loss_the_facts_are_known():
    assert LOSS_FACTS.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_a_definition_is_the_formula_by_hand(name, seed):
    s, y = example(seed)
    by_hand = [BY_HAND[name](row.tolist(), label) for row, label in zip(s, y, strict=True)]
    np.testing.assert_allclose(LOSS_FACTS[name].definition(s, y), by_hand, rtol=1e-13, atol=1e-15)
    extended = LOSS_FACTS[name].definition(s.astype(EXTENDED), y)
    assert extended.dtype == EXTENDED
    np.testing.assert_allclose(extended.astype(float), by_hand, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_a_definition_stays_finite_at_huge_scores(name):
    s, y = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]]), np.array([0, 0])
    assert np.isfinite(LOSS_FACTS[name].definition(s.astype(EXTENDED), y)).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("C", [2, 5])
def test_scores_of_0_cost_what_every_definition_says(name, C):
    known = LOSS_FACTS[name].at_zero(C)
    assert float(LOSS_FACTS[name].definition(np.zeros((1, C)), np.array([1]))[0]) == pytest.approx(known, rel=1e-15)
    assert BY_HAND[name]([0.0] * C, 1) == pytest.approx(known, rel=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_compares_scores_if_raising_all_of_them_changes_nothing(name):
    s, y = example(0)
    s = np.round(1024 * s) / 1024  # so that differences stay exact
    definition = LOSS_FACTS[name].definition
    assert np.allclose(definition(s + 64, y), definition(s, y), rtol=1e-13) == LOSS_FACTS[name].compares_scores


@pytest.mark.parametrize("name", LOSSES)
def test_a_hinge_costs_something_where_a_margin_is_violated_and_only_there(name):
    s, y = example(0, N=200)
    losses, margins = LOSS_FACTS[name].definition(s, y), LOSS_FACTS[name].margins
    if margins is None:
        assert (losses > 0).all()
    else:
        violated = (margins(s, y) > 0).any(axis=1)
        np.testing.assert_array_equal(losses > 0, violated)
        assert 0 < violated.sum() < len(y)


# Who names a loss: the two files that say what it is; which one is the default; which mistakes are made in which.
# `objective` has words about them, `messages` what other programs call them, `gradient` is a lesson on the kink of a
# hinge; the estimator has the default, too.
NAMED = {"losses", "loss_facts", "schema", "mutants", "known_mistakes", "objective", "messages", "gradient"}


def test_no_other_module_decides_by_a_losss_name():
    package = Path(imgclf.__file__).parent
    for path in package.rglob("*.py"):
        constants = [n.value for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant)]
        named = {one for one in constants if isinstance(one, str)} & LOSSES.keys()
        assert not named or path.stem in NAMED or path.parent.name == "sklearn", (path, named)
