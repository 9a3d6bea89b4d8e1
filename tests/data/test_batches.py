"""Batches: every epoch takes every example once; batch number `step` needs no history."""

import numpy as np
import pytest

from imgclf.arrays import Examples
from imgclf.data.batches import Reader, epoch_sampler, steps_per_epoch
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess


def read(rows):
    return Examples(np.zeros((len(rows), 1)), rows)


@pytest.mark.parametrize(("n", "batch_size"), [(10, 3), (10, 10), (10, 1), (7, 100), (256, 128)])
def test_every_epoch_deals_every_example_once(n, batch_size):
    sample = epoch_sampler(n, batch_size, 5, read)
    per_epoch = steps_per_epoch(n, batch_size)
    for epoch in range(3):
        batches = [sample(epoch * per_epoch + i) for i in range(per_epoch)]
        assert sorted(np.concatenate([batch.rows for batch in batches]).tolist()) == list(range(n))
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (per_epoch - 1)


def test_epochs_and_seeds_have_different_orders():
    orders = {tuple(epoch_sampler(50, 50, seed, read)(epoch).rows) for seed in range(3) for epoch in range(4)}
    assert len(orders) == 12


def test_a_batch_is_a_function_of_the_step_alone():
    straight = [epoch_sampler(100, 7, 1, read)(step).rows.tolist() for step in range(60)]
    sample = epoch_sampler(100, 7, 1, read)
    backwards = [sample(step).rows.tolist() for step in reversed(range(60))]
    assert straight == backwards[::-1]


def test_the_order_is_made_of_raw_bits():
    expected = np.random.PCG64([9, 1, 2]).random_raw(20).argsort(kind="stable")
    np.testing.assert_array_equal(epoch_sampler(20, 20, 9, read)(2).rows, expected)


@pytest.mark.parametrize("center", ["none", "pixel"])
@pytest.mark.parametrize("std", ["none", "pixel"])
def test_a_reader_returns_preprocessed_examples(center, std):
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 3, 3), dtype=np.uint8)
    data = Dataset.of(images, np.arange(30) % 2, ("a", "b")).subset(np.arange(29, -1, -1))
    fitted = fit_preprocess(data, scale=255, center=center, std=std, dtype="float32")
    read, rows = Reader(fitted, data), np.array([5, 5, 0])
    X, y = read(rows)
    assert X.tobytes() == fitted.apply(images[::-1][rows]).tobytes()
    assert y.tolist() == [0, 0, 1]
    assert read.as_stored(rows).X.tolist() == images[::-1][rows].reshape(3, -1).tolist()
    assert not np.shares_memory(read(rows).X, X)
