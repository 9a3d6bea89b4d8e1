"""Schedules: known values at known steps."""

import itertools
import math

import pytest

from imgclf.schedules import SCHEDULES, with_warmup

MADE = {
    "constant": SCHEDULES["constant"](0.5),
    "step": SCHEDULES["step"](0.5, every_epochs=2, factor=0.1, steps_per_epoch=5),
    "exponential": SCHEDULES["exponential"](0.5, factor=0.1, steps_per_epoch=10),
    "cosine": SCHEDULES["cosine"](0.5, steps=100),
    "linear": SCHEDULES["linear"](0.5, steps=100),
}


def test_every_schedule_is_tested():
    assert MADE.keys() == SCHEDULES.keys()


@pytest.mark.parametrize("name", SCHEDULES)
def test_starts_at_the_step_size_and_never_grows(name):
    sizes = [MADE[name](step) for step in range(200)]
    assert sizes[0] == 0.5
    assert all(type(size) is float for size in sizes)
    assert all(later <= earlier for earlier, later in itertools.pairwise(sizes))


@pytest.mark.parametrize(("name", "step", "expected"), [
    ("constant", 10**9, 0.5),
    ("step", 9, 0.5), ("step", 10, 0.05), ("step", 25, 0.005),
    ("exponential", 5, 0.5 * math.sqrt(0.1)), ("exponential", 10, 0.05),
    ("cosine", 50, 0.25), ("cosine", 25, 0.25 * (1 + math.sqrt(0.5))), ("cosine", 100, 0.0), ("cosine", 500, 0.0),
    ("linear", 50, 0.25), ("linear", 75, 0.125), ("linear", 100, 0.0), ("linear", 500, 0.0),
])  # fmt: skip
def test_known_values(name, step, expected):
    assert MADE[name](step) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_a_run_of_one_step_takes_it_whole(name):
    assert SCHEDULES[name](0.5, steps=1)(0) == 0.5


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_rises_to_the_schedule_and_then_is_it(name):
    warm = with_warmup(MADE[name], 4)
    assert [warm(step) for step in range(4)] == [MADE[name](step) * (step + 1) / 4 for step in range(4)]
    assert [warm(step) for step in range(4, 50)] == [MADE[name](step) for step in range(4, 50)]
    assert with_warmup(MADE[name], 0)(0) == MADE[name](0)
