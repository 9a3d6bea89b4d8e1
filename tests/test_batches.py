"""Batches: every epoch deals every example once; batch number `step` needs no history."""

import numpy as np
import pytest

from imgclf.arrays import Example
from imgclf.batches import epoch_sampler, full_pass, steps_per_epoch


def read(rows):
    return Example(np.zeros((len(rows), 1)), rows)


@pytest.mark.parametrize(("n", "batch_size"), [(10, 3), (10, 10), (10, 1), (7, 100), (256, 128)])
def test_every_epoch_deals_every_example_once(n, batch_size):
    sample = epoch_sampler(n, batch_size, 5, read)
    per_epoch = steps_per_epoch(n, batch_size)
    for epoch in range(3):
        batches = [sample(epoch * per_epoch + i) for i in range(per_epoch)]
        assert sorted(np.concatenate([batch.rows for batch in batches]).tolist()) == list(range(n))
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (per_epoch - 1)


def test_epochs_and_seeds_have_orders_of_their_own():
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


def test_a_full_pass_is_all_in_order():
    assert full_pass(300, read, map).rows.tolist() == list(range(300))
