"""The numbers of one step are those of the textbook, and nothing is steeper than the gradient."""

import numpy as np
import pytest

from imgclf.lessons.step import study
from imgclf.losses import LOSSES


@pytest.mark.parametrize("loss", LOSSES)
def test_no_direction_is_steeper_than_the_gradient(material, loss):
    seen = study(material(f"model.loss={loss}", "model.init_scale=0.1")).numbers
    assert seen["directions"] == 1000
    assert 0 < seen["best_random_slope"] < 1
    assert seen["gradient_slope"] == pytest.approx(1, rel=1e-3)


def test_the_number_beside_the_random_directions_is_that_of_the_best(material):
    found = study(material())
    (panel,) = found.picture.panels
    _, slopes = panel.lines["best random"]
    assert slopes[-1] == max(slopes) == 100 * found.numbers["best_random_slope"]


def test_a_kink_is_said(material):
    assert "kink" in str(study(material("model.loss=svm_cs")).shown)  # at W = 0 all rivals tie
    assert "kink" not in str(study(material()).shown)


def test_a_small_step_takes_from_the_loss_what_the_gradient_says(material):
    seen = study(material("schedule.step_size=1e-6")).numbers
    assert seen["loss"] - seen["loss_after"] == pytest.approx(1e-6 * seen["gradient_length"] ** 2, rel=1e-3)


def test_at_zero_weights_the_numbers_are_those_of_four_equal_classes(material):
    seen = study(material()).numbers
    assert seen["losses"] == pytest.approx([np.log(4)] * 4)
    for row in seen["dscores"]:  # p - 1 at the right class, p elsewhere
        assert sorted(row) == pytest.approx([-0.75, 0.25, 0.25, 0.25])
