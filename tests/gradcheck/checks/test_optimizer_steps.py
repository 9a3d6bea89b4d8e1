"""Steps and their lengths: every optimizer and schedule passes as it is, and rings when it is another."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.optimizer_steps import RECURRENCES, STEPS, steps_of
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradients import analytic_gradient
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS, Optimizer
from imgclf.schedules import SCHEDULES
from imgclf.speed.threads import workers
from imgclf.trainer import TrainState, descend
from imgclf.training.plan import make_plan

DATA = "data.options={train: 60, classes: 3, size: 3, noise: 100}"
LAST = 179  # 30 epochs of 6 steps
PENALTIES = [(0.0, 0.0), (1e-3, 1e-3)]
# Settings of each optimizer that are not the defaults.
OTHER = {
    "sgd": {},
    "momentum": {"momentum": 0.5},
    "nesterov": {"momentum": 0.5},
    "adagrad": {"epsilon": 1e-2},
    "rmsprop": {"decay": 0.5, "epsilon": 1e-2},
    "adam": {"beta1": 0.5, "beta2": 0.8, "epsilon": 1e-2},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with workers(1):
        yield


def make(*overrides):
    chosen = ["data.source=synthetic", DATA, "train.batch_size=10", "train.epochs=30", *overrides]
    return make_plan(resolve(overrides=chosen).config)


@pytest.fixture(scope="module")
def plans():
    """One plan for each optimizer, with the constant schedule; and for each schedule, with momentum."""
    by_optimizer = {name: make(f"optimizer.name={name}", "schedule.name=constant") for name in OPTIMIZERS}
    return by_optimizer | {name: make(f"schedule.name={name}") for name in SCHEDULES}


def case(loss="softmax", N=12, D=9, C=3, seed=0):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((N, D)), rng.integers(0, C, N)
    return Case(loss, X, y, rng.standard_normal((D + 1, C)) / 3)


def look(plan, loss="softmax", penalty=(0.0, 0.0), one=None, **changes):
    code = replace(Implementation.of(plan, loss), **changes)
    return steps_of(plan)(code, one or case(loss), *penalty)


def test_every_optimizer_has_its_recurrence():
    assert RECURRENCES.keys() == OPTIMIZERS.keys() == OTHER.keys()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_right_steps_pass(plans, name, loss):
    for penalty in PENALTIES:
        found = look(plans[name], loss, penalty)
        assert found.verdict == "pass", found
        assert name in found.reason


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_optimizer_goes_with_every_schedule(name, schedule):
    for warmup in (0.0, 2.5):
        settings = [f"optimizer.{key}={value}" for key, value in OTHER[name].items()]
        plan = make(
            f"optimizer.name={name}", *settings, f"schedule.name={schedule}", f"schedule.warmup_epochs={warmup}"
        )
        assert look(plan).verdict == "pass"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("epochs", [1, 2, 7])
@pytest.mark.parametrize("batch", ["all", 1, 7, 50])
def test_a_run_of_any_length_passes(schedule, epochs, batch):
    plan = make(f"schedule.name={schedule}", f"train.epochs={epochs}", f"train.batch_size={batch}")
    assert look(plan).verdict == "pass"


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1e-30, 1e-6, 1e30])
def test_steps_of_any_length_pass(name, loss, size):
    plan = make(f"optimizer.name={name}", f"schedule.step_size={size}")
    assert look(plan, loss, PENALTIES[1]).verdict == "pass"


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_weights_of_0_and_a_gradient_of_0_pass(plans, name, loss):
    one = case(loss)
    assert look(plans[name], loss, one=replace(one, weights=0 * one.weights)).verdict == "pass"
    content = np.vstack([99 * np.eye(9)[:, :3], np.zeros(3)])
    easy = Case(loss, np.eye(9)[:3], np.arange(3), content)
    assert look(plans[name], loss, one=easy).verdict == "pass"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_another_optimizer_in_its_place_rings(plans, name):
    for other in OPTIMIZERS.keys() - {name}:
        found = look(plans[name], optimizer=OPTIMIZERS[other]())
        assert found.verdict == "fail", other
        assert f"from the formula of {name}" in found.reason


@pytest.mark.parametrize(("name", "setting"), [(name, key) for name, settings in OTHER.items() for key in settings])
def test_every_setting_of_an_optimizer_rings(plans, name, setting):
    right = plans[name].config.optimizer.model_dump()[setting]
    slightly = right * 1.01 if setting == "epsilon" else right * (1 - 1e-6)
    found = look(plans[name], optimizer=OPTIMIZERS[name](**{setting: slightly}))
    assert found.verdict == "fail"
    assert name in found.reason


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "sgd"])
def test_a_memory_that_is_lost_rings(plans, name):
    right = plans[name].optimizer
    forgetful = Optimizer(right.init, lambda grad, memory: (right.direction(grad, memory)[0], right.init(grad)))
    found = look(plans[name], optimizer=forgetful)
    assert found.verdict == "fail"
    assert found.reason.startswith("step 2 ")  # the first step has nothing to remember


def test_adam_without_its_correction_rings(plans):
    def direction(grad, memory):
        mean, squares = 0.9 * memory["mean"] + 0.1 * grad, 0.999 * memory["squares"] + 0.001 * grad**2
        return mean / (np.sqrt(squares) + 1e-8), {**memory, "mean": mean, "squares": squares}

    assert look(plans["adam"], optimizer=plans["adam"].optimizer._replace(direction=direction)).verdict == "fail"


def descent(change):
    """Return a loop with a mistake: change(before, after, step_size) gives the weights after a step."""

    def wrong(state, **given):
        before = state.weights
        for seen, after in descend(state, **given):
            yield (
                seen,
                TrainState(after.step, change(before, after.weights, given["step_size"](after.step - 1)), after.memory),
            )
            before = after.weights

    return {"descend": wrong}


LOOPS = {
    "uphill": lambda before, after, size: 2 * before - after,
    "no step": lambda before, after, size: before,
    "decay in the step too": lambda before, after, size: after - size * 1e-3 * before,
    "off by a billionth": lambda before, after, size: after * (1 + 1e-9),
    "the bias left": lambda before, after, size: np.vstack([after[:-1], before[-1:]]),
    "clipped": lambda before, after, size: after.clip(-0.5, 0.5),
    "not a number": lambda before, after, size: after * np.nan,
    "infinite": lambda before, after, size: after + np.inf,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_steps_elsewhere_rings(plans, name, loop):
    found = look(plans[name], penalty=PENALTIES[1], **descent(LOOPS[loop]))
    assert found.verdict == "fail"
    assert found.reason.startswith("step 1 ")


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_direction_that_is_no_number_rings(plans, name, bad):
    right = plans[name].optimizer
    wrong = right._replace(direction=lambda grad, memory: (grad * 0 + bad, memory))
    assert look(plans[name], optimizer=wrong).verdict == "fail"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_first_gradient_that_is_no_number_never_passes(plans, bad):
    def wrong(objective, batch, weights):
        return analytic_gradient(objective, batch, weights)._replace(grad=np.full_like(weights, bad))

    assert look(plans["sgd"], gradient=wrong).verdict == "fail"


def test_only_the_last_of_the_steps_may_be_wrong_and_rings(plans):
    def wrong(state, **given):
        for seen, after in descend(state, **given):
            yield seen, after._replace(weights=2 * after.weights) if after.step == STEPS else after

    assert look(plans["momentum"], descend=wrong).reason.startswith(f"step {STEPS} ")


SIZES = {
    "twice as long": lambda right, step: 2 * right,
    "longer by a billionth": lambda right, step: right * (1 + 1e-9),
    "not a number": lambda right, step: np.nan,
    "infinite": lambda right, step: np.inf,
    "0": lambda right, step: 0.0,
    "backwards": lambda right, step: -right,
    "wrong halfway": lambda right, step: right if step < 80 else right + 1e-3,
    "not a number at the end": lambda right, step: right if step < LAST else np.nan,
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("wrong", SIZES)
def test_a_step_of_another_length_rings(plans, name, wrong):
    right = plans[name].step_size
    assert plans[name].steps == LAST + 1
    found = look(plans[name], step_size=lambda step: SIZES[wrong](right(step), step))
    assert found.verdict == "fail"
    if not np.isfinite(SIZES[wrong](1.0, 0)):
        assert found.reason.startswith("step 1 differs")
    else:
        assert f"by the {name} schedule" in found.reason


@pytest.mark.parametrize("name", SCHEDULES)
def test_another_schedule_in_its_place_rings(plans, name):
    for other in SCHEDULES.keys() - {name}:
        found = look(plans[name], step_size=plans[other].step_size)
        assert found.verdict == "fail", other
        assert f"by the {name} schedule" in found.reason


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "constant"])
def test_a_schedule_that_is_a_step_late_rings(plans, name):
    right = plans[name].step_size
    found = look(plans[name], step_size=lambda step: right(max(0, step - 1)))
    assert found.verdict == "fail"
    assert f"by the {name} schedule" in found.reason


@pytest.mark.parametrize("name", ["step", "exponential"])
def test_a_schedule_of_another_factor_rings(plans, name):
    other = make(f"schedule.name={name}", "schedule.factor=0.5")
    assert look(plans[name], step_size=other.step_size).verdict == "fail"


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warmup_forgotten_or_too_long_rings(name):
    plan = make(f"schedule.name={name}", "schedule.warmup_epochs=2")
    for epochs in (0, 1, 3):
        other = make(f"schedule.name={name}", f"schedule.warmup_epochs={epochs}")
        found = look(plan, step_size=other.step_size)
        assert found.verdict == "fail", epochs
        assert f"by the {name} schedule" in found.reason


def test_steps_that_always_look_at_the_first_batch_ring(plans):
    def stuck(state, *, sample, **parts):
        return descend(state, sample=lambda step: sample(0), **parts)

    assert look(plans["sgd"], descend=stuck).verdict == "fail"


def test_a_descent_that_goes_wrong_only_later_rings(plans):
    def late(state, **parts):
        for seen, after in descend(state, **parts):
            yield seen, after._replace(weights=after.weights * (1.01 if after.step > 5 else 1))

    assert look(plans["sgd"], descend=late).verdict == "fail"
