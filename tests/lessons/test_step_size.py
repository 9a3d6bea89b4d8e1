"""A convex loss lies above its tangent, and the best step size is neither the shortest nor the longest."""

import numpy as np
import pytest

from imgclf.lessons.step_size import study
from imgclf.losses import LOSSES


@pytest.mark.parametrize("loss", LOSSES)
def test_no_step_does_better_than_first_order_says(material, loss):
    seen = study(material(f"model.loss={loss}", "train.dtype=float64")).numbers
    assert (np.array(seen["loss_after"]) >= np.array(seen["first_order"]) - 1e-12).all()
    if loss != "svm_cs":  # at W = 0 its rivals tie: a kink
        shortest = seen["start"] - seen["first_order"][0]
        assert seen["start"] - seen["loss_after"][0] == pytest.approx(shortest, rel=0.05)


def test_too_short_and_too_long_steps_end_higher_than_the_best(material):
    seen = study(material()).numbers
    assert seen["step_sizes"][0] < seen["best"] < seen["step_sizes"][-1]
    assert min(seen["end"]) == seen["end"][seen["step_sizes"].index(seen["best"])]
    assert seen["end"][0] < seen["start"] < seen["end"][-1]


def test_larger_values_make_a_longer_gradient(material):
    assert "is 1,000 times as long" in str(study(material()).shown)
