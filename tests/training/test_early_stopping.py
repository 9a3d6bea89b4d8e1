"""Early stopping by hand: what is better, and for how long nothing was."""

import numpy as np
import pytest

from imgclf.training.early_stopping import watch


def follow(values, **rule):
    best, seen = None, []
    for epoch, value in enumerate(values, 1):
        best = watch(best, epoch, value, np.full(1, epoch), **rule)
        seen.append((best.epoch, best.waited, best.improved))
    assert best.weights[0] == best.epoch
    return seen


@pytest.mark.parametrize("sign", [1, -1])
def test_the_best_epoch_and_the_wait_since(sign):
    values = [sign * v for v in (0.5, 0.6, 0.6, 0.55, 0.7)]
    assert follow(values, larger_is_better=sign > 0, min_delta=0.0) == [
        (1, 0, True), (2, 0, True), (2, 1, False), (2, 2, False), (5, 0, True),
    ]  # fmt: skip


def test_a_gain_must_be_more_than_min_delta():
    seen = follow([0.5, 0.55, 0.625, 0.75], larger_is_better=True, min_delta=0.125)
    assert [epoch for epoch, _, _ in seen] == [1, 1, 1, 4]
