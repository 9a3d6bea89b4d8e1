"""The penalty of a function is measured, its convention told, and a mistake in it named."""

import math

import numpy as np
import pytest

from imgclf.gradcheck.student.penalty import (
    CONVENTIONS,
    NO_MULTIPLE,
    Penalty,
    convention_of,
    explain_penalty,
    formula,
    measure_penalty,
)
from imgclf.gradcheck.student.process import Answer

N = 64
FULL, HALF = CONVENTIONS["full"], CONVENTIONS["half"]
W = np.random.default_rng(1).standard_normal((12, 10))
DATA = np.random.default_rng(2).standard_normal(W.shape)


def measured(value, part, reg=0.25, dtype=np.float64, unit=1.0):
    without, answer = (
        Answer(float(dtype(loss)), np.asarray(dW, dtype).astype(np.float64), "", 0.0, ())
        for loss, dW in ((9.0, DATA), (9.0 + value * reg * np.sum(W * W), DATA + part * reg))
    )
    return measure_penalty(without, answer, W, reg, unit * 1e-15, unit)


@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, 1.0), (np.float32, 2.0**29)])
@pytest.mark.parametrize(("value", "gradient"), [(1, 1), (0.5, 0.5), (0, 0), (1, 0.5), (-1, 2)])
def test_it_is_measured_whatever_the_precision(value, gradient, dtype, unit):
    found = measured(value, gradient * 2 * W, dtype=dtype, unit=unit)
    assert (found.value, found.gradient) == (value, gradient)
    assert found.convention == (value if value == gradient and value else None)


@pytest.mark.parametrize("part", [W**2, np.sign(W), 1 + 0 * W])
def test_what_is_no_multiple_of_w_is_told(part):
    found = measured(1, part)
    assert math.isnan(found.gradient)
    assert found.convention is None
    assert explain_penalty(found, FULL, N) == NO_MULTIPLE


def test_the_loss_decides_between_the_conventions_unless_one_is_asked_for():
    assert [convention_of(Penalty(value, 1), "either") for value in (1, 0.5, 0, 2)] == [FULL, HALF, FULL, FULL]
    for asked, convention in CONVENTIONS.items():
        assert convention_of(Penalty(0.5, 0.5), asked) == convention
    assert [formula(one) for one in (FULL, HALF)] == ["reg * sum(W * W)", "reg/2 * sum(W * W)"]


@pytest.mark.parametrize(("value", "gradient", "sentence"), [
    (1, 1, None),
    (1, 0, "the penalty's gradient is missing: add 2 * reg * W to dW"),
    (1, 0.5, "the penalty's gradient is half: the derivative of reg * W**2 is 2 * reg * W; "
             "reg * W is that of reg/2 * W**2"),
    (1, 2, "the penalty's gradient is twice: the derivative of reg * W**2 is 2 * reg * W"),
    (1, -1, "the penalty's gradient has the wrong sign: the derivative of reg * W**2 is 2 * reg * W"),
    (1, 1 / N, "the penalty's gradient is divided by N = 64: add 2 * reg * W after the mean is taken"),
    (0, 1, "the penalty is missing from the loss: add reg * sum(W * W)"),
    (0, 0, "the penalty is missing from the loss and from dW: add reg * sum(W * W) and 2 * reg * W"),
    (0.5, 0.5, "your penalty is half ours: it should be reg * sum(W * W)"),
    (1 / N, 1 / N, "your penalty is divided by N = 64: it should be reg * sum(W * W)"),
    (2, 0.5, "your penalty is twice ours, and its part of dW half ours: they are reg * sum(W * W) and 2 * reg * W"),
])  # fmt: skip
def test_a_wrong_penalty_is_named(value, gradient, sentence):
    assert explain_penalty(Penalty(value, gradient), FULL, N) == sentence
    assert explain_penalty(Penalty(value + 1e-9, gradient + 1e-13), FULL, N) == sentence


@pytest.mark.parametrize(("value", "gradient", "sentence"), [
    (0.5, 0.5, None),
    (0.5, 0, "the penalty's gradient is missing: add reg * W to dW"),
    (0.5, 1, "the penalty's gradient is twice: the derivative of reg/2 * W**2 is reg * W; "
             "2 * reg * W is that of reg * W**2"),
    (1, 1, "your penalty is twice ours: it should be reg/2 * sum(W * W)"),
    (0, 0.5, "the penalty is missing from the loss: add reg/2 * sum(W * W)"),
])  # fmt: skip
def test_a_wrong_penalty_is_named_in_the_other_convention(value, gradient, sentence):
    assert explain_penalty(Penalty(value, gradient), HALF, N) == sentence
