"""Threads decide who computes a block, never what comes out."""

import threading

import numpy as np
import pytest

from imgclf.arrays import BLOCK, Batch
from imgclf.gradients import Objective, analytic_gradient, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.parallel import in_blocks, workers


def case(N, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, 50)).astype(np.float32)
    return Batch.of(X, rng.integers(0, 4, N)), rng.standard_normal((51, 4)).astype(np.float32)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("N", [1, BLOCK, BLOCK + 1, 9 * BLOCK + 5])
def test_any_number_of_threads_gives_the_same_bytes(name, N):
    batch, weights = case(N)
    objective = Objective(LOSSES[name], 0.1)
    plain = analytic_gradient(objective, batch, weights)
    for threads in (1, 2, 4, 16):
        with workers(threads) as map_blocks:
            seen = in_blocks(analytic_gradient, map_blocks)(objective, batch, weights)
        assert seen.grad.tobytes() == plain.grad.tobytes()
        assert (seen.loss, seen.correct) == (plain.loss, plain.correct)


def test_the_numerical_gradient_is_wrapped_alike():
    batch, weights = case(BLOCK + 2)
    weights = weights[:, :2]
    small = Batch.of(batch.read(batch.rows).X, batch.read(batch.rows).y % 2)
    objective = Objective(LOSSES["svm"])
    with workers(2) as map_blocks:
        seen = in_blocks(numerical_gradient, map_blocks)(objective, small, weights)
    assert seen.grad.tobytes() == numerical_gradient(objective, small, weights).grad.tobytes()


def test_blocks_are_computed_on_other_threads_and_come_back_in_order():
    names = set()

    def function(i):
        names.add(threading.current_thread().name)
        return (i,)

    with workers(3) as map_blocks:
        assert [term for (term,) in map_blocks(function, range(50))] == list(range(50))
    assert threading.current_thread().name not in names


def test_few_results_wait_whatever_the_length():
    started = []
    with workers(2) as map_blocks:
        results = iter(map_blocks(lambda i: started.append(i) or (i,), range(1000)))
        next(results)
        next(results)
        assert len(started) <= 8


def test_an_error_in_a_block_comes_out():
    def fail(i):
        raise ZeroDivisionError(i)

    with workers(2) as map_blocks, pytest.raises(ZeroDivisionError):
        list(map_blocks(fail, range(3)))
