"""Batches and blocks: every row once, in one fixed order of additions."""

import numpy as np
import pytest

from imgclf.arrays import BLOCK, Batch, place_type, places, slices, tree_sum


@pytest.mark.parametrize("N", [1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3])
def test_blocks_deal_every_row_once_in_order(N):
    X = np.arange(2.0 * N).reshape(N, 2)
    y = np.arange(N)
    batch = Batch.of(X, y)
    blocks = [batch.block(i) for i in range(batch.blocks)]
    assert len(batch) == N
    assert all(len(block.y) == BLOCK for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([block.X for block in blocks]), X)
    np.testing.assert_array_equal(np.concatenate([block.y for block in blocks]), y)


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


def test_a_batch_without_examples_has_no_sum():
    with pytest.raises(ValueError, match="no examples"):
        Batch.of(np.zeros((0, 3)), np.zeros(0, int)).sum(lambda X, y: (len(y),))


def test_a_label_is_missing():
    with pytest.raises(ValueError, match=r"not \(N, D\) and \(N,\)"):
        Batch.of(np.zeros((3, 1)), np.zeros(2, int))


def test_pieces_cover_every_place_once():
    for n in (0, 1, 6, 7, 8):
        assert [place for part in slices(n, 3) for place in range(n)[part]] == list(range(n))


def test_places_are_numbers_of_four_bytes_while_those_suffice():
    assert places(5).tolist() == [0, 1, 2, 3, 4]
    assert places(5).dtype == place_type(1 << 32) == np.uint32
    assert place_type((1 << 32) + 1) is np.int64
