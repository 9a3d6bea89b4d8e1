"""Trying and calculus agree, and the best h is neither the largest nor the smallest."""

import numpy as np
import pytest

from imgclf.lessons.gradient import study


@pytest.mark.parametrize("loss", ["softmax", "svm_squared", "logistic_ovr"])
def test_trying_and_calculus_agree(material, loss):
    seen = study(material(f"model.loss={loss}", "regularization.l2=0.1")).numbers
    assert len(seen["weights"]) == 10
    assert max(seen["relative_error"]) < 1e-5
    assert np.allclose(seen["numerical"], seen["analytic"], rtol=1e-5)


def test_the_best_h_lies_between_truncation_and_rounding(material):
    errors = study(material()).numbers["largest_relative_error"]
    assert 0 < int(np.argmin(errors)) < len(errors) - 1
    assert min(errors[0], errors[-1]) > 100 * min(errors)


def test_the_picture_says_what_h_is(material):
    picture = study(material()).picture
    assert "by a step h to either side" in picture.advice
    assert [panel.across for panel in picture.panels if panel.marks] == ["step h"]


def test_trying_needs_two_losses_a_parameter(material):
    one = material()
    assert study(one).numbers["losses"] == 2 * (36 + 1) * 4 == 2 * one.weights.size
