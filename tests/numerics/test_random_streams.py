"""An order is a pure function of the seed, however little memory it is made in."""

from types import SimpleNamespace

import numpy as np
import pytest

from imgclf.numerics import random_streams as seeds


@pytest.mark.parametrize("n", [1, 999, 1000, 1001, 5003])
def test_an_order_made_in_parts_is_that_of_one_sort(monkeypatch, n):
    monkeypatch.setattr(seeds, "SORTED_AT_ONCE", 1000)
    monkeypatch.setattr(seeds, "_DRAWN_AT_ONCE", 64)
    once = seeds.stream(5, seeds.ORDER, 2).random_raw(n).argsort(kind="stable")
    np.testing.assert_array_equal(seeds.shuffled(n, 5, seeds.ORDER, 2), once)


def test_of_equal_numbers_the_first_comes_first(monkeypatch):
    raw = np.random.default_rng(0).integers(0, 7, 5000).astype(np.uint64) << np.uint64(59)

    def few(*_):
        numbers = iter(raw)
        return SimpleNamespace(random_raw=lambda n: np.array([next(numbers) for _ in range(n)]))

    monkeypatch.setattr(seeds, "stream", few)
    monkeypatch.setattr(seeds, "SORTED_AT_ONCE", 1000)
    np.testing.assert_array_equal(seeds.shuffled(5000, 0, 1), raw.argsort(kind="stable"))


def test_a_shuffled_order_takes_four_bytes_per_index():
    assert seeds.shuffled(10, 0, 1).dtype.itemsize == 4


def test_a_number_for_each_row_is_an_output_of_splitmix64():
    rows, draws, key = np.array([0, 1, 7, 2**32 - 1], np.uint32), 3, 2**64 - 5
    mask = 2**64 - 1
    for row, got in zip(rows.tolist(), seeds.hashed(key, rows, draws), strict=True):
        state = key + row * draws * 0x9E3779B97F4A7C15
        for number in got:
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            assert number == ((z ^ (z >> 31)) >> 11) / 2**53


def test_it_starts_as_the_published_generator():
    outputs = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # the first ones of seed 0
    assert seeds.hashed(0, np.array([0]), 3)[0].tolist() == [(number >> 11) / 2**53 for number in outputs]
