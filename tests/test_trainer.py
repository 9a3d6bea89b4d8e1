"""The loop is the textbook's four lines, to the byte."""

from itertools import islice

import numpy as np
import pytest

from imgclf.arrays import Examples
from imgclf.data.batches import epoch_sampler
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.schedules import SCHEDULES
from imgclf.trainer import TrainState, descend, start

pytestmark = pytest.mark.bits

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((300, 8)).astype(np.float32), RNG.integers(0, 3, 300)


def parts(loss="softmax", optimizer="sgd"):
    return {
        "sample": epoch_sampler(300, 64, 0, lambda rows: Examples(X[rows], Y[rows])),
        "objective": Objective(LOSSES[loss], 0.01),
        "evaluate_gradient": analytic_gradient,
        "optimizer": OPTIMIZERS[optimizer](),
        "step_size": SCHEDULES["cosine"](0.1, steps=40),
    }


def run(steps, state=None, **names):
    made = parts(**names)
    state = state or start(np.zeros((9, 3), np.float32), made["optimizer"])
    return [state for _, state in islice(descend(state, **made), steps)]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loop_is_the_four_lines_of_the_textbook(loss):
    made = parts(loss)
    sample_training_data, evaluate_gradient = made["sample"], made["evaluate_gradient"]
    weights = np.zeros((9, 3), np.float32)
    for step in range(40):
        data_batch = sample_training_data(step)
        weights_grad = evaluate_gradient(made["objective"], data_batch, weights).grad
        weights += -made["step_size"](step) * weights_grad
    assert run(40, loss=loss)[-1].weights.tobytes() == weights.tobytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_continued_from_any_state_is_the_straight_run(optimizer):
    straight = run(12, optimizer=optimizer)
    for k in (0, 3, 7):
        continued = run(11 - k, state=straight[k], optimizer=optimizer)
        assert continued[-1].weights.tobytes() == straight[-1].weights.tobytes()
        assert continued[-1].step == straight[-1].step == 12


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("order", "CF")
def test_weights_keep_their_order_in_memory(optimizer, order):
    made = parts(optimizer=optimizer)
    first = start(np.zeros((9, 3), np.float32, order=order), made["optimizer"])
    assert run(3, state=first, optimizer=optimizer)[-1].weights.strides == first.weights.strides


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_states_already_yielded_keep_their_weights(optimizer):
    states = run(6, optimizer=optimizer)
    assert [state.step for state in states] == [1, 2, 3, 4, 5, 6]
    assert len({state.weights.tobytes() for state in states}) == 6


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_same_seed_same_bytes(optimizer):
    assert run(20, optimizer=optimizer)[-1].weights.tobytes() == run(20, optimizer=optimizer)[-1].weights.tobytes()


def test_what_is_seen_is_the_batch_before_the_step():
    made = parts()
    weights = np.zeros((9, 3), np.float32)
    seen, state = next(descend(start(weights, made["optimizer"]), **made))
    assert seen.loss == pytest.approx(np.log(3), rel=1e-6)
    np.testing.assert_array_equal(weights, 0)
    assert isinstance(state, TrainState)
