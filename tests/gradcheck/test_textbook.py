"""The check passes what is right, whatever the numbers, and rings for what is wrong."""

import numpy as np
import pytest
from imgclf.gradcheck.textbook import (
    after_steps,
    check_term,
    data_term,
    overall,
    penalty_term,
    random_weights,
    sample_places,
    stratified_batch,
)

from imgclf.arrays import Batch
from imgclf.compose import make_objective, make_plan
from imgclf.config import resolve
from imgclf.gradcheck import textbook
from imgclf.gradcheck.bounds import FACTS
from imgclf.gradcheck.kinks import PIECES
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.model import scores
from imgclf.parallel import workers


def case(N=12, D=5, C=3, seed=0, pixels=1.0, deviation=1.0):
    rng = np.random.default_rng(seed)
    batch = Batch.of(pixels * rng.standard_normal((N, D)), rng.integers(0, C, N))
    weights = rng.standard_normal((D + 1, C))
    return batch, deviation * weights / (pixels * np.sqrt(D))


def all_places(weights):
    return list(np.ndindex(*weights.shape))


def check(loss, objective, batch, weights):
    return check_term(data_term(loss, objective, batch, weights), loss, "wide", weights, all_places(weights))


def test_every_loss_has_what_the_check_needs_to_know():
    assert FACTS.keys() == LOSSES.keys()
    assert PIECES.keys() <= LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
def test_no_false_alarm_in_random_configurations(name):
    rng = np.random.default_rng(1)
    compared = 0
    for seed in range(60):
        N, D, C = int(rng.integers(1, 40)), int(rng.integers(1, 30)), int(rng.integers(2, 12))
        pixels, deviation = 10.0 ** rng.integers(-3, 3), 10.0 ** rng.integers(-2, 3)
        batch, weights = case(N, D, C, seed, pixels, deviation)
        found = check(name, Objective(LOSSES[name]), batch, weights)
        assert found.verdict in ("pass", "inconclusive"), (N, D, C, pixels, deviation, found.worst)
        compared += len(found.compared)
    assert compared > 3000


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("penalty", [(1e-4, 0.0), (1e6, 0.0), (0.0, 0.1), (0.5, 0.5)])
def test_the_penalty_is_checked_apart(name, penalty):
    batch, weights = case()
    objective = Objective(LOSSES[name], *penalty)
    found = check_term(penalty_term(objective, batch, weights), name, "wide", weights, all_places(weights))
    assert found.verdict == "pass"
    assert len(found.compared) == weights.size


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e3])
def test_the_penalty_of_weights_of_any_size_passes(size):
    batch, weights = case(D=60, pixels=1e-6)  # so small that the data's gradient hides nothing
    weights = size * np.sign(weights) * (np.abs(weights) / np.abs(weights).max())
    for objective in (Objective(LOSSES["softmax"], 1e-4), Objective(LOSSES["svm"], 1.0)):
        found = check_term(penalty_term(objective, batch, weights), "softmax", "wide", weights, all_places(weights))
        assert found.verdict != "fail", found.worst


def test_the_kink_of_l1_is_left_out_and_counted():
    batch, weights = case()
    weights[2, 1] = 0.0
    objective = Objective(LOSSES["softmax"], l1=0.1)
    found = check_term(penalty_term(objective, batch, weights), "softmax", "wide", weights, all_places(weights))
    assert (found.verdict, found.left_out) == ("pass", 1)


BUGS = {
    "one part in a thousand too long": lambda grad, batch: grad * 1.001,
    "not divided by N": lambda grad, batch: grad * len(batch),
    "divided by N - 1": lambda grad, batch: grad * len(batch) / (len(batch) - 1),
    "wrong sign": lambda grad, batch: -grad,
    "all zeros": lambda grad, batch: 0 * grad,
    "bias forgotten": lambda grad, batch: np.vstack([grad[:-1], 0 * grad[-1:]]),
    "two classes swapped": lambda grad, batch: grad[:, [1, 0, *range(2, grad.shape[1])]],
    "two pixels swapped": lambda grad, batch: grad[[1, 0, *range(2, len(grad))]],
    "not a number": lambda grad, batch: grad * np.nan,
    "infinite": lambda grad, batch: grad / 0.0,
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_rings(monkeypatch, name, bug):
    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        with np.errstate(all="ignore"):
            return seen._replace(grad=BUGS[bug](seen.grad, batch))

    monkeypatch.setattr(textbook, "analytic_gradient", wrong)
    batch, weights = case()
    with np.errstate(invalid="ignore"):
        assert check(name, Objective(LOSSES[name]), batch, weights).verdict == "fail"


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0, -1.0])
def test_a_wrong_penalty_rings(monkeypatch, factor):
    def wrong(objective, batch, weights):
        right = analytic_gradient(objective, batch, weights)
        data = analytic_gradient(Objective(objective.loss_fn), batch, weights)
        return right._replace(grad=data.grad + factor * (right.grad - data.grad))

    monkeypatch.setattr(textbook, "analytic_gradient", wrong)
    batch, weights = case()
    term = penalty_term(Objective(LOSSES["softmax"], 1e-3), batch, weights)
    assert check_term(term, "softmax", "wide", weights, all_places(weights)).verdict == "fail"


@pytest.mark.parametrize("name", PIECES)
def test_a_step_across_a_kink_is_left_out_and_counted(name):
    # One example of one pixel; the rival's margin is 1e-6 above its kink, the step 1e-5.
    batch = Batch.of(np.ones((1, 1)), np.array([0]))
    weights = np.array([[0.0, -1 + 1e-6], [0.0, 0.0]])
    found = check(name, Objective(LOSSES[name]), batch, weights)
    assert (found.verdict, found.left_out, len(found.compared)) == ("inconclusive", 4, 0)
    weights[0, 1] += 1e-3
    found = check(name, Objective(LOSSES[name]), batch, weights)
    assert (found.verdict, found.left_out, len(found.compared)) == ("pass", 0, 4)


def test_without_the_kink_rule_a_right_gradient_would_be_called_wrong(monkeypatch):
    monkeypatch.setattr(textbook, "crosses_kink", lambda *_: False)
    batch = Batch.of(np.ones((1, 1)), np.array([0]))
    assert check("svm", Objective(LOSSES["svm"]), batch, np.array([[0.0, -1 + 1e-6], [0.0, 0.0]])).verdict == "fail"


def test_the_whole_is_as_bad_as_its_worst_part():
    batch, weights = case()
    good = check("softmax", Objective(LOSSES["softmax"]), batch, weights)
    kinked = check(
        "svm", Objective(LOSSES["svm"]), Batch.of(np.ones((1, 1)), np.array([0])), np.array([[0.0, -1.0], [0.0, 0.0]])
    )
    assert overall([good]) == "pass"
    assert overall([good, kinked]) == "inconclusive"


@pytest.mark.parametrize(("rows", "classes"), [(785, 10), (3073, 100), (5, 3), (2, 2)])
def test_places_are_every_bias_and_each_class_alike(rows, classes):
    places = sample_places(rows, classes, seed=0)
    assert len(set(places)) == len(places)
    assert {(rows - 1, c) for c in range(classes)} <= set(places)
    counts = np.bincount([c for d, c in places if d < rows - 1], minlength=classes)
    assert counts.min() == counts.max() == min(rows - 1, max(2, 200 // classes))


@pytest.fixture(scope="module")
def plan():
    return make_plan(resolve().config)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("point", [after_steps, None])
def test_on_real_data_a_mistake_of_a_ten_thousandth_rings(monkeypatch, plan, name, point):
    batch = stratified_batch(plan, 64)
    objective = make_objective(plan.config, name)
    weights = random_weights(plan, batch) if point is None else point(plan, objective)
    places = sample_places(*weights.shape, seed=0)
    assert check_term(data_term(name, objective, batch, weights), name, "", weights, places).verdict == "pass"

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(grad=seen.grad * 1.0001)

    monkeypatch.setattr(textbook, "analytic_gradient", wrong)
    assert check_term(data_term(name, objective, batch, weights), name, "", weights, places).verdict == "fail"


def test_random_weights_give_scores_of_standard_deviation_1(plan):
    batch = stratified_batch(plan, 64)
    assert scores(batch.read(batch.rows).X, random_weights(plan, batch)).std() == pytest.approx(1, rel=1e-12)


def test_the_first_point_is_where_training_is_after_ten_steps(plan):
    objective = make_objective(plan.config, "svm")
    weights = plan.weights
    memory = plan.optimizer.init(weights)
    for step in range(10):
        grad = analytic_gradient(objective, plan.sample(step), weights).grad
        direction, memory = plan.optimizer.direction(grad, memory)
        weights = weights - plan.step_size(step) * direction
    assert after_steps(plan, objective).tobytes() == weights.astype(np.float64).tobytes()


def test_training_that_diverges_is_checked_at_its_last_finite_weights():
    wild = make_plan(resolve(overrides=["schedule.step_size=1e30", "data.limit=300"]).config)
    with workers(1):
        weights = after_steps(wild, make_objective(wild.config, "svm_squared"))
    assert np.isfinite(weights).all()


def test_a_weight_in_which_the_step_is_lost_is_left_out():
    batch, weights = case()
    weights[1, 1] = 1e12
    found = check("softmax", Objective(LOSSES["softmax"]), batch, weights)
    assert found.left_out == 1


def test_a_gradient_that_rounding_could_hide_is_inconclusive(monkeypatch):
    batch, _ = case(pixels=1e-13)
    weights = np.ones((6, 3))

    def zero(objective, batch, weights):
        return analytic_gradient(objective, batch, weights)._replace(grad=np.zeros_like(weights))

    pixels_only = all_places(weights)[: -weights.shape[1]]
    monkeypatch.setattr(textbook, "analytic_gradient", zero)
    term = data_term("softmax", Objective(LOSSES["softmax"]), batch, weights)
    found = check_term(term, "softmax", "wide", weights, pixels_only)
    assert found.verdict == "inconclusive"
    assert "too small" in found.reason


def test_places_differ_by_class_and_seed():
    one, other = sample_places(785, 10, seed=0), sample_places(785, 10, seed=1)
    assert one != other
    assert {d for d, c in one if c == 0} != {d for d, c in one if c == 1}
