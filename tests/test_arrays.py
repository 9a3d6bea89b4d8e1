"""Batches: row numbers, and X and y of those rows when they are asked for."""

import numpy as np
import pytest

from imgclf.arrays import Batch, Examples


def test_a_batch_reads_its_rows():
    stored = np.arange(12.0).reshape(6, 2)
    batch = Batch(np.array([4, 0, 4]), lambda rows: Examples(stored[rows], rows))
    X, y = batch
    assert len(batch) == 3
    assert X.tolist() == [[8, 9], [0, 1], [8, 9]]
    assert y.tolist() == [4, 0, 4]


def test_a_batch_of_arrays_is_all_of_them():
    X, y = np.eye(3), np.array([0, 1, 1])
    seen = Batch.of(X, y)
    assert [part.tolist() for part in seen] == [X.tolist(), y.tolist()]


def test_a_label_is_missing():
    with pytest.raises(ValueError, match=r"not \(N, D\) and \(N,\)"):
        Batch.of(np.zeros((3, 1)), np.zeros(2, int))
