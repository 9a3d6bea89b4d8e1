"""Ranks decide who computes a block, never what comes out."""

from contextlib import ExitStack
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgclf.arrays import Batch
from imgclf.data.augment import augmented
from imgclf.data.batches import Reader, epoch_sampler
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.errors import DataError
from imgclf.gradients import Objective
from imgclf.losses import LOSSES
from imgclf.numerics import products
from imgclf.numerics.products import LARGE_BLOCK
from imgclf.numerics.sums import BLOCK, serial_sum, tree_sum
from imgclf.speed.blocks import in_blocks
from imgclf.speed.compiled import compiled
from imgclf.speed.compiled.many_weights import LARGE_BATCH
from imgclf.speed.kernels import by_torch
from imgclf.speed.ranks import branches, check_agreement, deal, on_ranks
from imgclf.speed.threads import workers
from ranks_in_threads import on_each

pytestmark = pytest.mark.bits


def case(N, seed=0, dtype=np.float32, order="C"):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, 50)).astype(dtype)
    return Batch.of(X, rng.integers(0, 4, N)), np.array(rng.standard_normal((51, 4)), dtype, order=order)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("N", [1, BLOCK + 1, 9 * BLOCK + 5])
@pytest.mark.parametrize("kernel", [in_blocks, compiled, pytest.param(by_torch, marks=pytest.mark.torch)])
def test_any_number_of_ranks_gives_the_same_bytes_in_the_same_order(kernel, name, N, order):
    batch, weights = case(N, order=order)
    objective = Objective(LOSSES[name], 0.1)
    plain = kernel(serial_sum)(objective, batch, weights)
    for ranks in (1, 2, 3, 4, 5):
        found, _ = on_each(ranks, lambda comm: kernel(on_ranks(serial_sum, comm))(objective, batch, weights))
        for seen in found:
            assert seen.grad.dtype == plain.grad.dtype
            assert seen.grad.tobytes() == plain.grad.tobytes()
            assert seen.grad.strides == weights.strides
            assert (seen.loss, seen.correct) == (plain.loss, plain.correct)
            # What is written into metrics.csv is a Python number.
            assert (type(seen.loss), type(seen.correct)) == (float, int)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [LARGE_BATCH - 5, 3 * LARGE_BLOCK + 5])
def test_of_many_weights_the_ranks_share_blocks_and_their_threads_those_or_each(monkeypatch, threads, size):
    monkeypatch.setattr(products, "LARGE", 0)
    batch, weights = case(size)
    objective = Objective(LOSSES["softmax"], 0.1)
    plain = compiled(serial_sum)(objective, batch, weights)
    for ranks in (2, 3):
        with ExitStack() as stack:
            sums = [stack.enter_context(workers(threads)) for _ in range(ranks)]
            found, _ = on_each(
                ranks, lambda comm, sums=sums: compiled(on_ranks(sums[comm.rank], comm))(objective, batch, weights)
            )
        assert [seen.grad.tobytes() for seen in found] == ranks * [plain.grad.tobytes()]
        assert {seen[:2] for seen in found} == {plain[:2]}


@pytest.mark.parametrize("kernel", [in_blocks, compiled, pytest.param(by_torch, marks=pytest.mark.torch)])
def test_threads_add_up_the_share_of_a_rank(kernel):
    batch, weights = case(40 * BLOCK)
    objective = Objective(LOSSES["softmax"])
    plain = kernel(serial_sum)(objective, batch, weights)
    with workers(2) as sum_blocks:
        found, _ = on_each(3, lambda comm: kernel(on_ranks(sum_blocks, comm))(objective, batch, weights))
    assert [seen.grad.tobytes() for seen in found] == 3 * [plain.grad.tobytes()]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(1, 7))
def test_all_ranks_add_as_one_would(n, ranks):
    rng = np.random.default_rng(n)
    large, small = rng.standard_normal((n, 3, 2)).astype(np.float32), rng.integers(0, 9, (n, 1))
    terms = [(float(large[i, 0, 0]), i, large[i].sum(), large[i], small[i]) for i in range(n)]
    plain = tree_sum(map(deepcopy, terms))
    found, _ = on_each(ranks, lambda comm: on_ranks(serial_sum, comm)(lambda i: deepcopy(terms[i]), n))
    for seen in found:
        assert [type(part) for part in seen] == [type(part) for part in plain]
        assert [np.asarray(part).tobytes() for part in seen] == [np.asarray(part).tobytes() for part in plain]


@given(st.integers(1, 5000), st.integers(1, 300))
def test_every_block_has_one_rank_and_no_rank_much_more_than_others(n, ranks):
    shares = deal(n, ranks)
    assert len(shares) == ranks
    assert [i for share in shares for i in share] == list(range(n))
    assert max(map(len, shares)) <= 1 + 1.5 * n / ranks


@given(st.integers(1, 5000), st.integers(1, 300))
def test_a_share_is_few_branches_of_the_tree(n, ranks):
    for share in deal(n, ranks):
        cut = list(branches(0, n, share))
        assert [i for branch in cut for i in branch] == list(share)
        assert len(cut) <= 6


@pytest.mark.parametrize(("n", "ranks"), [(32, 2), (32, 4), (64, 16), (8, 8), (391, 1), (2, 2)])
def test_where_all_divides_evenly_a_share_is_one_branch(n, ranks):
    assert [len(list(branches(0, n, share))) for share in deal(n, ranks)] == [1] * ranks
    assert {len(share) for share in deal(n, ranks)} == {n // ranks}


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_a_rank_sends_twice_the_array_however_many_ranks_there_are(ranks):
    array = np.ones((64, 16), np.float32)
    _, comms = on_each(ranks, lambda comm: on_ranks(serial_sum, comm)(lambda i: (array,), 32))
    assert {comm.sent for comm in comms} == {2 * array.size * (ranks - 1) // ranks}


def test_a_rank_computes_its_own_blocks_and_no_others():
    def seen_by(comm):
        seen = []
        on_ranks(serial_sum, comm)(lambda i: (seen.append(i) or i,), 50)
        return seen

    found, _ = on_each(3, seen_by)
    assert found == [list(share) for share in deal(50, 3)]


def test_nothing_to_add_is_an_error_on_every_rank():
    def fails(comm):
        with pytest.raises(ValueError, match="nothing to add"):
            on_ranks(serial_sum, comm)(lambda i: (i,), 0)
        return True

    assert on_each(3, fails)[0] == [True] * 3


def test_all_ranks_hear_of_the_one_that_has_more_or_less_to_add():
    def add(comm):
        with pytest.raises(DataError, match="rank 1: 7 blocks to add up, rank 0 has 8") as stop:
            on_ranks(serial_sum, comm)(lambda i: (i, np.ones(3)), 7 if comm.rank == 1 else 8)
        return str(stop.value)

    assert len(set(on_each(3, add)[0])) == 1


def test_all_ranks_hear_of_the_one_that_differs():
    def check(comm):
        check_agreement(comm, "its numbers are", 0.5, "")
        with pytest.raises(DataError, match="rank 2: its numbers are not those of rank 0") as stop:
            check_agreement(comm, "its numbers are", 0.5 + 2**-53 * (comm.rank == 2), "try")
        return str(stop.value)

    assert len(set(on_each(3, check)[0])) == 1


def test_ranks_read_the_same_augmented_images():
    rng = np.random.default_rng(3)
    images, y = rng.integers(0, 256, (700, 6, 6, 3), dtype=np.uint8), rng.integers(0, 3, 700)
    read = Reader(Preprocess((6, 6, 3), 255.0, None, None, "float32"), Dataset.of(images, y, ("a", "b", "c")))
    batch = augmented(epoch_sampler(700, 650, 0, read), read, 0, flip=0.5, shift=2)(5)
    objective, weights = Objective(LOSSES["softmax"]), rng.standard_normal((109, 3)).astype(np.float32)
    plain = in_blocks(serial_sum)(objective, batch, weights)
    for ranks in (2, 3):
        found, _ = on_each(ranks, lambda comm: in_blocks(on_ranks(serial_sum, comm))(objective, batch, weights))
        assert [seen.grad.tobytes() for seen in found] == ranks * [plain.grad.tobytes()]
