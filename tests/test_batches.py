"""Batches: every epoch deals every example once; batch number `step` needs no history."""

import threading

import numpy as np
import pytest

from imgclf.arrays import Example, sum_in_turn
from imgclf.batches import epoch_sampler, full_pass, per_thread, steps_per_epoch


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
    assert full_pass(300, read, sum_in_turn).rows.tolist() == list(range(300))


def test_every_thread_reads_with_one_reader_of_its_own():
    made = []

    def new_reader():
        reader = (len(made), threading.get_ident())
        made.append(reader)
        return lambda rows: Example(np.array([reader]), rows)

    read, seen, met = per_thread(new_reader), [], threading.Barrier(3, timeout=60)

    def twice():
        seen.append([tuple(read([0]).X[0].tolist()) for _ in range(2)])
        met.wait()  # or a thread that has ended might pass its number on

    threads = [threading.Thread(target=twice) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert sorted(first for first, _ in seen) == sorted(made)
    assert all(first == second for first, second in seen)
