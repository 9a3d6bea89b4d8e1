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
