"""Curves of batches are those of the loop of the textbook."""

import math
from itertools import islice

import numpy as np
import pytest

from imgclf.gradients import evaluate_loss
from imgclf.lessons import batches
from imgclf.lessons.batches import Curve, study
from imgclf.optimizers import sgd
from imgclf.schedules import constant


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch):
    monkeypatch.setattr(batches, "SECONDS", 0.0)
    monkeypatch.setattr(batches, "MOST", 60.0)


@pytest.mark.parametrize("batch_size", [300, 64])
def test_a_curve_ends_with_the_loss_after_five_epochs(material, batch_size):
    one = material("regularization.l2=0.01")
    curve = batches.train(one, batch_size, 0.1)
    *_, (_, state) = islice(one.descend(sgd(), constant(0.1), batch_size), 5 * math.ceil(300 / batch_size))
    assert curve.after(curve.epochs, 5) == evaluate_loss(one.data_loss, one.train, state.weights)[0]
    assert curve.epochs[-1] == 5
    assert curve.losses[0] == pytest.approx(np.log(4))  # without the penalty


def test_what_was_not_reached_has_no_loss():
    curve = Curve(0.1, [0.0, 1.0, 3.0], [0.0, 0.5, 1.5], [2.0, 1.0, 0.5])
    assert curve.after(curve.epochs, 2) == 0.75
    assert math.isnan(curve.after(curve.epochs, 5))
    assert curve.after(curve.seconds, 1.5) == 0.5


def test_every_size_makes_its_steps_an_epoch(material):
    seen = study(material("data.options={train: 60, val: 20, classes: 2, size: 4, noise: 30}")).numbers["batches"]
    assert {name: one["steps_per_epoch"] for name, one in seen.items()} == {"all": 1, "256": 1, "16": 4, "1": 60}
    assert seen["all"]["after_epochs"] == seen["256"]["after_epochs"]  # the same batches
