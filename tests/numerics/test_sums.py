"""Sums over blocks: every row once, in one fixed order of additions."""

import numpy as np
import pytest

from imgclf.numerics.sums import BLOCK, all_finite, serial_sum, sum_over_blocks, tree_sum


@pytest.mark.parametrize("N", [1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3])
def test_blocks_deal_every_row_once_in_order(N):
    rows, seen = np.arange(N)[::-1], []
    sum_over_blocks(lambda block: (seen.append(block) or 0,), rows, serial_sum)
    assert all(len(block) == BLOCK for block in seen[:-1])
    np.testing.assert_array_equal(np.concatenate(seen), rows)


def test_tree_sum_is_a_balanced_tree():
    class Term(str):
        def __add__(self, other):
            return Term(f"({self!s}+{other!s})")

    def tree(n):
        return str(tree_sum((Term(i),) for i in range(n))[0])

    assert tree(1) == "0"
    assert tree(4) == "((0+1)+(2+3))"
    assert tree(7) == "(((0+1)+(2+3))+((4+5)+6))"
    assert tree(6) == "(((0+1)+(2+3))+(4+5))"


def test_arrays_are_added_in_memory_that_is_there_already():
    terms = [(np.full(3, i), i) for i in range(7)]
    total, number = tree_sum(terms)
    assert total is terms[0][0]
    assert (total.tolist(), number) == ([21, 21, 21], 21)


def test_without_rows_there_is_no_sum():
    with pytest.raises(ValueError, match="no examples"):
        sum_over_blocks(lambda block: (0,), np.arange(0), serial_sum)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_found(order, odd):
    array = np.ones((7, 5), order=order)
    assert all_finite(array)
    array[6, 2] = odd
    assert not all_finite(array)


@pytest.mark.parametrize("array", [np.full((2, 3), 3e38, np.float32), np.array(7), np.zeros((0, 2))], ids=str)
def test_large_numbers_and_whole_ones_are_finite(array):
    with np.errstate(over="ignore"):
        assert all_finite(array)
