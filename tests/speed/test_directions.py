"""Directions by parts, on threads: those of the optimizer itself, to the byte."""

from itertools import islice

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import softmax
from imgclf.numerics.products import PART, order_of
from imgclf.numerics.sums import serial_sum
from imgclf.optimizers import OPTIMIZERS
from imgclf.speed.directions import in_parts
from imgclf.speed.threads import workers
from imgclf.trainer import descend, start

RNG = np.random.default_rng(0)
D, C = 700, 800  # many weights, and not a whole number of parts
BATCH = Batch.of(RNG.normal(size=(3, D)), np.array([0, 5, 799]))


def states(optimizer, weights):
    steps = descend(
        start(weights, optimizer), sample=lambda step: BATCH, objective=Objective(softmax, 0.1),
        evaluate_gradient=analytic_gradient, optimizer=optimizer, step_size=lambda step: 0.1 / (1 + step),
    )  # fmt: skip
    return list(islice(steps, 3))


def test_these_are_many_weights():
    assert order_of(D, C) == "C"
    assert D * C % PART


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_by_parts_have_the_bytes_of_the_textbook(name, threads):
    weights = RNG.normal(size=(D + 1, C))
    before = weights.copy()
    with workers(threads) as sum_blocks:
        optimizer = OPTIMIZERS[name]()
        ours, textbook = states(in_parts(optimizer, sum_blocks), weights), states(optimizer, weights)
    for (seen, state), (seen_there, expected) in zip(ours, textbook, strict=True):
        assert state.step == expected.step
        assert seen.loss == seen_there.loss
        assert state.weights.tobytes() == expected.weights.tobytes()
        assert state.memory.keys() == expected.memory.keys()
        for key, array in expected.memory.items():
            assert (state.memory[key].tobytes(), state.memory[key].dtype) == (array.tobytes(), array.dtype)
    assert before.tobytes() == weights.tobytes()  # states that were yielded are not changed


def test_of_few_weights_the_direction_is_that_of_the_optimizer_itself():
    grad = np.ones((3, 2))
    assert in_parts(OPTIMIZERS["sgd"](), serial_sum).direction(grad, {})[0] is grad
