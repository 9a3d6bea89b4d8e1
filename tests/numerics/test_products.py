"""Products in pieces are sums of products, and scores never depend on the company."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgclf import model
from imgclf.numerics.products import (
    FEW,
    LARGE,
    LARGE_BLOCK,
    PART,
    SCORES,
    SLAB,
    STRIP,
    backward,
    block_of,
    order_of,
    parts_of,
    rows_at_once,
    slab_of,
    slab_scores,
)
from imgclf.numerics.sums import BLOCK

pytestmark = pytest.mark.bits

TYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("N", [0, 1, SLAB - 1, SLAB, SLAB + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_scores_are_sums_of_products(dtype, N):
    rng = np.random.default_rng(N)
    X, weights = rng.integers(-3, 4, (N, 6)).astype(dtype), rng.integers(-3, 4, (7, 4)).astype(dtype)
    got = slab_scores(X, weights)
    by_hand = [[sum(X[n, d] * weights[d, c] for d in range(6)) + weights[6, c] for c in range(4)] for n in range(N)]
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.reshape(by_hand, (N, 4)))


SHAPES = [(3072, 10), (3072, 11), (2883, 10), (784, 64), (31, 200), (17, 3), (520, 1000), (300, 1700)]  # D, C


def case(D, C, dtype, order):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3 * rows_at_once(D, C) + 5, D)).astype(dtype)
    return X, np.array(rng.standard_normal((D + 1, C)), dtype, order=order)


def test_every_slab_is_tried():
    assert {slab_of(*shape) for shape in SHAPES} == {SLAB, BLOCK, 2 * BLOCK, LARGE_BLOCK}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize(("D", "C"), SHAPES)
def test_a_row_at_one_place_of_a_slab_has_the_same_scores_to_the_bit_whatever_is_beside_it(D, C, dtype, order):
    X, weights = case(D, C, dtype, order)
    together = slab_scores(X, weights)
    for n in (0, 31, 130, len(X) - 1):
        start = n // rows_at_once(D, C) * rows_at_once(D, C)
        company = np.zeros((n - start + 1, D), dtype)
        company[-1] = X[n]
        assert slab_scores(company, weights)[-1].tobytes() == together[n].tobytes()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("D", "C"), SHAPES)
def test_a_row_has_the_same_scores_alone_and_in_company_but_for_the_rounding_of_sums(D, C, dtype):
    """Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.1: in any order of additions.

    So it has the same class, too, unless its two best scores are nearer to each other than that.
    """
    X, weights = case(D, C, dtype, order_of(D, C))
    together = slab_scores(X, weights)
    rows = np.linspace(0, len(X) - 1, 5, dtype=int)
    u = (D + 1) * np.finfo(dtype).eps / 2
    exact = np.abs(X[rows].astype(np.float64)) @ np.abs(weights[:-1].astype(np.float64)) + np.abs(weights[-1])
    for n, bound in zip(rows, 2 * u / (1 - u) * exact, strict=True):
        alone = slab_scores(X[n : n + 1], weights)[0]
        assert (np.abs(alone.astype(np.float64) - together[n]) <= bound).all()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("D", "C"), [(768, 1000), (5001, 101), (60, 9001)])
def test_many_weights_give_the_same_scores_to_the_bit_in_either_order(D, C, dtype):
    assert D * C > LARGE
    X, weights = case(D, C, dtype, "C")
    assert slab_scores(X, np.asfortranarray(weights)).tobytes() == slab_scores(X, weights).tobytes()


SMALL_SHAPES = {"mnist": (784, 10), "emnist": (784, 62), "cifar10": (3072, 10), "cifar100": (3072, 100)}


@pytest.mark.parametrize("data", SMALL_SHAPES)
def test_images_as_small_as_those_of_cifar_are_computed_in_blocks_of_128_rows(data):
    shape = SMALL_SHAPES[data]
    assert {block_of(*shape, N) for N in (1, 256, 4096, 60_000)} == {rows_at_once(*shape)} == {BLOCK}
    assert order_of(*shape) == "F"
    assert parts_of(*shape) == [slice(0, shape[0] + 1)]


@given(st.integers(1, 10**5), st.integers(2, 10**5), st.integers(1, 10**6))
def test_many_weights_take_large_blocks_if_a_batch_has_enough_of_them(D, C, N):
    rows, block = rows_at_once(D, C), block_of(D, C, N)
    assert rows in (BLOCK, 2 * BLOCK, LARGE_BLOCK)
    assert rows == BLOCK or (D * C > LARGE and rows * C <= SCORES)
    assert block in (BLOCK, 2 * BLOCK, LARGE_BLOCK)
    assert block <= rows
    assert block == BLOCK or block * FEW <= N
    assert block == rows or 2 * block * FEW > N


@given(st.integers(1, 10**4), st.integers(2, 10**5))
@settings(deadline=None)
def test_each_row_of_w_is_penalized_in_one_part(D, C):
    rows = [range(D + 1)[part] for part in parts_of(D, C)]
    assert [row for part in rows for row in part[:-1]] == list(range(D))
    assert len(rows) == 1 or all((len(part) - 1) * C <= max(C, PART) for part in rows)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("N", [0, 1, 5, BLOCK])
@pytest.mark.parametrize(("D", "C"), [(1, 2), (STRIP - 1, 3), (2 * STRIP, 3), (3 * STRIP + 1, 4), (STRIP + 5, 31)])
def test_backward_is_sums_of_products(dtype, order, N, D, C):
    rng = np.random.default_rng(N)
    X, dscores = rng.integers(-3, 4, (N, D)), rng.integers(-3, 4, (N, C))
    out = np.full((D + 1, C), np.nan, dtype, order=order)
    backward(X.astype(dtype), dscores.astype(dtype), out=out)
    by_hand = np.zeros((D + 1, C))
    for x, slopes in zip(X, dscores, strict=True):
        by_hand[:-1] += np.outer(x, slopes)
        by_hand[-1] += slopes
    np.testing.assert_array_equal(out, by_hand)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("D", "C"), SHAPES)
def test_they_are_the_scores_of_the_model(D, C, dtype):
    X, weights = case(D, C, dtype, "F")
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(slab_scores(X, weights), model.scores(X, weights), rtol=tolerance, atol=D * tolerance)
