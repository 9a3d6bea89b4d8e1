"""Threads that help each other in machine code: who computes a block never changes a bit."""

from concurrent.futures import Future, wait
from contextlib import ExitStack

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES, softmax
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed.compiled import compiled
from imgclf.speed.compiled.examples import placed, stored_by
from imgclf.speed.compiled.team import Team, has_threads
from imgclf.speed.ranks import on_ranks
from imgclf.speed.threads import workers
from imgclf.training.class_weights import weighted
from ranks_in_threads import on_each

pytestmark = pytest.mark.bits

RNG = np.random.default_rng(0)
N = 41 * BLOCK + 5
SIZES = 1, 31, 64, 255, 256, 1000, N


def data(kind="uint8", dtype="float32", C=3, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (N, 4, 5, 3), dtype=np.uint8) if kind == "uint8" else rng.normal(size=(N, 60))
    dataset = Dataset.of(values.astype(kind), rng.integers(0, C, N), tuple("abcdefg"[:C]))
    scale = 255 if kind == "uint8" else 1
    return Reader(fit_preprocess(dataset, scale=scale, center="pixel", std="none", dtype=dtype), dataset)


def weights_of(dtype="float32", C=3):
    return np.asfortranarray(RNG.normal(size=(61, C)).astype(dtype))


def block_by_block(term, n):
    """A `Summation` of unknown threads: each block is then a call of its own."""
    return serial_sum(term, n)


def assert_same_bits(seen, expected):
    assert (seen.loss, seen.correct) == (expected.loss, expected.correct)
    assert (type(seen.loss), type(seen.correct)) == (float, int)
    assert seen.grad.tobytes() == expected.grad.tobytes()
    assert seen.grad.strides == expected.grad.strides


def test_a_team_is_for_threads_that_are_known():
    assert not has_threads(block_by_block)
    with workers(2) as sum_blocks:
        assert all(map(has_threads, (serial_sum, sum_blocks, on_ranks(serial_sum, None), on_ranks(sum_blocks, None))))
        assert not has_threads(lambda term, n: sum_blocks(term, n))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("kind", "dtype", "C"), [("uint8", "float32", 3), ("float64", "float64", 2)])
@pytest.mark.parametrize("class_weights", [False, True])
def test_any_number_of_threads_adds_as_blocks_are_added_one_by_one(loss, kind, dtype, C, class_weights):
    read, weights = data(kind, dtype, C), weights_of(dtype, C)
    objective = Objective(weighted(LOSSES[loss], np.array([0.5, 2, 3][:C]) if class_weights else None), 0.1, 0.2)
    apart = compiled(block_by_block)
    with ExitStack() as stack:
        teams = [compiled(stack.enter_context(workers(threads))) for threads in (1, 2, 3, 5)]
        for size in SIZES:
            batch = Batch(RNG.permutation(N)[:size], read)
            expected = apart(objective, batch, weights)
            for evaluate in teams:
                assert_same_bits(evaluate(objective, batch, weights), expected)
            textbook = analytic_gradient(objective, batch, weights)
            tolerance = {"float32": 1e-5, "float64": 1e-12}[dtype]
            np.testing.assert_allclose(expected.grad, textbook.grad, atol=tolerance * np.abs(textbook.grad).max())


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_ranks_add_what_their_teams_have_added(threads):
    read, weights, objective = data(), weights_of(), Objective(softmax, 0.1)
    for size in (1, 256, N):
        batch = Batch(RNG.permutation(N)[:size], read)
        expected = compiled(block_by_block)(objective, batch, weights)
        for ranks in (2, 3):
            with ExitStack() as stack:
                sums = [stack.enter_context(workers(threads)) for _ in range(ranks)]
                found, _ = on_each(
                    ranks, lambda comm, s=sums, b=batch: compiled(on_ranks(s[comm.rank], comm))(objective, b, weights)
                )
            for seen in found:
                assert_same_bits(seen, expected)


def test_more_threads_than_cores_never_read_what_is_not_written():
    """Many steps in a row: helpers that are late for one meet the next."""
    read, objective, apart = data(), Objective(softmax, 0.1), compiled(block_by_block)
    with workers(4) as sum_blocks:
        together = compiled(sum_blocks)
        for _ in range(300):
            batch, weights = Batch(RNG.permutation(N)[: RNG.integers(1, 700)], read), weights_of()
            assert_same_bits(together(objective, batch, weights), apart(objective, batch, weights))


def test_a_team_follows_whatever_changes():
    with workers(3) as sum_blocks:
        together, apart = compiled(sum_blocks), compiled(block_by_block)
        readers = data(seed=1), data(seed=2), data("float64"), data("float32", C=5)
        for read in readers * 2:
            C = len(read.dataset.class_names)
            for size in (300, 30, 700):
                batch, weights = Batch(RNG.permutation(N)[:size], read), weights_of(C=C)
                for loss in ("softmax", "svm"):
                    objective = Objective(LOSSES[loss], 0.1)
                    assert_same_bits(together(objective, batch, weights), apart(objective, batch, weights))


@pytest.fixture
def team_of_two():
    """A team, and the call of its sum over a batch of 256."""
    stored, weights = stored_by(data(), 60, np.dtype(np.float32)), np.zeros((4, 64), np.float32)
    weights[:3, :61] = weights_of().T
    examples = placed(stored, RNG.permutation(N)[:256])
    with workers(2) as sum_blocks:
        team = Team(sum_blocks, stored, weights, 3, 256)

        def add():
            loss, correct, grad = team.sum(0, np.ones(256, np.float32), examples, 64, range(4))
            return loss, correct, grad.tobytes()

        yield team, add


def test_helpers_go_when_there_is_nothing_to_do_and_are_called_again(team_of_two):
    team, add = team_of_two
    first = add()
    (helper,) = team._helpers
    wait([helper])  # it goes by itself
    assert add() == first
    assert team._helpers[0] is not helper


def test_what_went_wrong_in_a_helper_is_raised(team_of_two):
    team, add = team_of_two
    team._helpers[0] = Future()
    team._helpers[0].set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        add()
