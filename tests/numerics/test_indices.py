"""Row indices: each one once, in four bytes while these suffice."""

import numpy as np

from imgclf.numerics.indices import index_dtype, row_indices, slices


def test_slices_cover_every_index_once():
    for n in (0, 1, 6, 7, 8):
        assert [row for part in slices(n, 3) for row in range(n)[part]] == list(range(n))


def test_row_indices_take_four_bytes_while_these_suffice():
    assert row_indices(5).tolist() == [0, 1, 2, 3, 4]
    assert row_indices(5).dtype == index_dtype(1 << 32) == np.uint32
    assert index_dtype((1 << 32) + 1) is np.int64
