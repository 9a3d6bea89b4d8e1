"""The recipe "add a loss" of CONTRIBUTING.md, followed: a one-vs-rest hinge, in two dicts and nowhere else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradcheck.check import check_plan
from imgclf.gradcheck.checks.small_cases import small_case
from imgclf.gradcheck.self_test import run
from imgclf.gradcheck.self_test.mutants import MUTANTS
from imgclf.gradcheck.self_test.run import self_test
from imgclf.gradcheck.student.ours import ours
from imgclf.gradcheck.truth.exact_differences import RAMP
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS, LossFacts, no_rounding
from imgclf.gradcheck.verdict import judge
from imgclf.losses import LOSSES
from imgclf.run.model_file import load_model
from imgclf.run.session import train_run
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

NAME = "hinge_ovr"


# Step 1: losses.py
def hinge_ovr(scores, y):
    """A hinge for every class: sum_j max(0, 1 - z_j s_j), z = +1 for y, else -1."""
    signs = np.full_like(scores, -1)
    signs[np.arange(len(y)), y] = 1
    margins = np.maximum(0, 1 - signs * scores)
    return margins.sum(axis=1), -signs * (margins > 0)


# Step 2: gradcheck/loss_facts.py
def definition(s, y):
    m = 1 + np.where(np.arange(s.shape[1]) == y[:, None], -s, s)
    return np.where(m.real > 0, m, 0).sum(axis=1)


def margins(scores, y):
    return 1 + np.where(np.arange(scores.shape[1]) == y[:, None], -scores, scores)


FACTS = LossFacts(
    definition=definition,
    at_zero=lambda C: C,
    curve=RAMP,
    argument=margins,
    derivative_rounding=no_rounding,
    compares_scores=False,
    margins=margins,
)


@pytest.fixture(autouse=True)
def added(monkeypatch):
    monkeypatch.setitem(LOSSES, NAME, hinge_ovr)
    monkeypatch.setitem(LOSS_FACTS, NAME, FACTS)
    small_case.cache_clear()
    with workers(1):
        yield
    small_case.cache_clear()


@pytest.fixture(scope="module")
def plan():
    small = ("data.source=synthetic", "data.options={train: 400, classes: 4, size: 6}", "data.val_fraction=0")
    return make_plan(resolve(overrides=small).config)


def checked(plan):
    (one,) = check_plan(plan, [NAME], 64, as_config=False)
    return one.findings


def test_the_whole_check_passes_it(plan):
    findings = checked(plan)
    assert [one for one in findings if one.verdict != "pass"] == []
    assert judge(findings) == "pass"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s, y: (hinge_ovr(s, y)[0], hinge_ovr(s, y)[1] * (1 + 1e-6)),
        lambda s, y: (hinge_ovr(s, y)[0], hinge_ovr(s + 0.1, y)[1]),
        lambda s, y: (hinge_ovr(s, y)[0], hinge_ovr(s, y)[1] - hinge_ovr(s, y)[1].mean(axis=1, keepdims=True)),
        lambda s, y: tuple(2 * part for part in hinge_ovr(s, y)),
    ],
    ids=["a millionth", "a smaller margin", "as if it compared scores", "twice the loss"],
)
def test_a_wrong_one_is_found(plan, monkeypatch, wrong):
    monkeypatch.setitem(LOSSES, NAME, wrong)
    assert judge(checked(plan)) == "fail"


@pytest.mark.parametrize(
    "change",
    [
        {"argument": lambda s, y: margins(s, y) - 0.5},
        {"right_class_mirrors": False},
        {"compares_scores": True},
        {"at_zero": lambda C: C - 1},
        {"definition": LOSS_FACTS["svm"].definition},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_wrong_fact_is_found(plan, monkeypatch, change):
    monkeypatch.setitem(LOSS_FACTS, NAME, FACTS._replace(**change))
    assert judge(checked(plan)) == "fail"


@pytest.mark.slow
def test_every_mistake_that_can_be_made_in_any_loss_is_found_in_it(plan, monkeypatch):
    general = [replace(one, losses=(NAME,)) for one in MUTANTS if len(one.losses) >= 5]
    monkeypatch.setattr(run, "MUTANTS", general)
    done = self_test(plan, [NAME], 64, (1e-4, 3e-5))
    assert len(done.trials) == len(general) > 40
    assert [one.mutant.name for one in done.trials if not one.is_as_it_should_be] == []
    assert done.verdict == "pass"


def test_a_learners_function_is_compared_with_it():
    rng = np.random.default_rng(0)
    W, X, y = rng.standard_normal((5, 3)), rng.standard_normal((20, 5)), rng.integers(0, 3, 20)
    found = ours(NAME, W, X, y, reg=0.0)
    losses, dscores = hinge_ovr(X @ W, y)
    assert found.loss == pytest.approx(losses.mean(), abs=found.loss_bound)
    assert (np.abs(found.dW - X.T @ dscores / 20) <= found.dW_bound).all()
    assert 0 < found.dW_bound.max() < 1e-12
    on_an_edge = ours(NAME, np.tile([1.0, 0.0, 0.0], (5, 1)), np.eye(1, 5), np.array([0]), reg=0.0)  # a margin of 0
    assert on_an_edge.dW_bound[0, 0] > 0.99


def test_it_is_chosen_by_its_name_and_trains(tmp_path):
    chosen = resolve(overrides=(f"model.loss={NAME}", "schedule.step_size=0.01", "train.epochs=3"))
    run_directory = train_run(chosen.config, tmp_path / "run").directory
    val = json.loads((run_directory / "metrics.json").read_text("utf-8"))["val"]
    assert val["accuracy"] > 0.75
    assert val["data_loss"] < 2.5  # from 10, that of 10 classes at W = 0
    assert load_model(run_directory / "model.npz").loss == NAME
