"""Threads decide who computes a block, never what comes out."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from imgclf.arrays import Batch
from imgclf.gradients import Objective
from imgclf.losses import LOSSES
from imgclf.numerics.sums import BLOCK, serial_sum, tree_sum
from imgclf.run.environment import _of_numpy
from imgclf.speed.blocks import in_blocks
from imgclf.speed.threads import runs, workers

pytestmark = pytest.mark.bits


def case(N, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, 50)).astype(np.float32)
    return Batch.of(X, rng.integers(0, 4, N)), rng.standard_normal((51, 4)).astype(np.float32)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("N", [1, BLOCK, BLOCK + 1, 9 * BLOCK + 5])
def test_any_number_of_threads_gives_the_same_bytes(name, N):
    batch, weights = case(N)
    objective = Objective(LOSSES[name], 0.1)
    plain = in_blocks(serial_sum)(objective, batch, weights)
    for threads in (1, 2, 4, 16):
        with workers(threads) as sum_blocks:
            seen = in_blocks(sum_blocks)(objective, batch, weights)
        assert seen.grad.tobytes() == plain.grad.tobytes()
        assert (seen.loss, seen.correct) == (plain.loss, plain.correct)


@pytest.mark.parametrize("threads", [2, 3])
def test_every_block_is_computed_once_by_all_the_threads_together(threads):
    met = threading.Barrier(threads, timeout=60)
    seen = []

    def term(i):
        if i % 8 == 0 and i < 8 * threads:
            met.wait()  # passes only when so many threads are at work
        seen.append(i)
        return (i,)

    with workers(threads) as sum_blocks:
        assert sum_blocks(term, 8 * threads * 8) == (sum(range(8 * threads * 8)),)
    assert sorted(seen) == list(range(8 * threads * 8))


@given(st.integers(1, 600), st.integers(1, 40))
def test_runs_are_branches_of_the_tree(n, shares):
    cut = runs(n, shares)
    assert [i for run in cut for i in run] == list(range(n))
    assert len(cut) >= min(n, shares)
    terms = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    assert tree_sum(tree_sum((terms[i],) for i in run) for run in cut) == tree_sum((term,) for term in terms)


def test_few_sums_wait_whatever_the_length():
    assert max(len(runs(n, 16)) for n in range(1, 5000)) <= 32


def test_an_error_in_a_block_comes_out():
    def fail(i):
        raise ZeroDivisionError(i)

    for threads in (1, 2):
        with workers(threads) as sum_blocks, pytest.raises(ZeroDivisionError):
            sum_blocks(fail, 3)


def test_an_error_on_another_thread_comes_out():
    def fail(i):
        if threading.current_thread() is not threading.main_thread():
            raise ZeroDivisionError(i)
        failed.wait(60)
        return (i,)

    failed = threading.Event()

    def told(i):
        try:
            return fail(i)
        finally:
            failed.set()

    with workers(2) as sum_blocks, pytest.raises(ZeroDivisionError):
        sum_blocks(told, 2)


def test_blas_multiplies_on_one_thread_and_afterwards_as_before():
    def threads():
        return [library["num_threads"] for library in _of_numpy()]

    with workers(1):
        pass
    import scipy.linalg  # noqa: F401 - its own BLAS, which comes later, has no part in a run

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with workers(1):
            assert set(threads()) == {1}
        assert threads() == before != [1] * len(before)
