"""The penalty of a learner's function: its convention and its mistakes."""

import math
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.student.process import Answer
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF

# Printed only if there is no more specific advice.
NO_MULTIPLE = "the penalty's part of dW is not a multiple of W: the derivative of reg * W**2 is 2 * reg * W"
EXACT = 1e-6  # relative; a constant factor with a larger error is another one
NEAR = 0.1  # relative; nearer to one convention than to the other
CONVENTIONS = {"full": 1.0, "half": 0.5}  # multiples of reg * sum(W * W): of courses, and of imgclf with l2 = reg


class Penalty(NamedTuple):
    """What a function adds with reg > 0, in multiples of reg * sum(W * W) and of its gradient, 2 * reg * W."""

    value: float
    gradient: float  # NaN if it is no multiple of W
    room: float = EXACT  # the rounding of the multiples

    @property
    def convention(self) -> float | None:
        """The multiple that loss and dW share, if it is one of CONVENTIONS."""
        return next((one for one in CONVENTIONS.values() if self.is_near(one)), None)

    def is_near(self, multiple: float) -> bool:
        """Whether loss and dW have about this multiple; other checks find small errors."""
        room = max(NEAR * multiple, self.room)
        return abs(self.value - multiple) <= room and abs(self.gradient - multiple) <= room


def measure_penalty(without: Answer, answer: Answer, W: FloatArray, reg: float, noise: float, unit: float) -> Penalty:
    """Measure the penalty by results at one W (D, C), without and with reg.

    noise: the rounding of the loss; unit: how much coarser than float64 rounding is.
    """
    size, right = reg * float(np.sum(W * W)), 2 * reg * W
    if not size:
        return Penalty(1.0, 1.0)
    added = answer.dW - without.dW
    largest = float(np.abs(without.dW).max() + np.abs(answer.dW).max())
    gradient = float(np.vdot(added, right) / np.vdot(right, right))
    rounding = (1e-11 + 16 * unit * UNIT_ROUNDOFF) * largest / float(np.abs(right).max())
    room = EXACT * max(1.0, abs(gradient)) + rounding
    if float(np.abs(added - gradient * right).max()) > room * float(np.abs(right).max()):
        gradient = math.nan
    of_value = EXACT + 16 * noise / size
    return Penalty(_clean((answer.loss - without.loss) / size, of_value), _clean(gradient, room), max(of_value, room))


def convention_of(penalty: Penalty, asked: str) -> float:
    """Return the multiple of reg * sum(W * W) that is right: the one asked for, or that of the loss."""
    half = CONVENTIONS["half"]
    return CONVENTIONS.get(asked) or (half if abs(penalty.value - half) <= NEAR * half else CONVENTIONS["full"])


def formula(convention: float) -> str:
    """Return the penalty of a convention."""
    return f"{_reg(convention)} * sum(W * W)"


def explain_penalty(penalty: Penalty, convention: float, N: int) -> str | None:
    """Name the mistake in the penalty; None if there is none."""
    if math.isnan(penalty.gradient):
        return NO_MULTIPLE
    value, gradient = _clean(penalty.value / convention, EXACT), _clean(penalty.gradient / convention, EXACT)
    right, dright = formula(convention), _derivative(convention)
    if (value, gradient) == (1, 1):
        return None
    if value == 1:
        return _wrong_gradient(gradient, convention, N)
    if value and (gradient == 1 or math.isclose(gradient, value, rel_tol=EXACT)):
        return f"your penalty is {_times(value, N)}: it should be {right}"
    if value == 0:
        where = "from the loss" if gradient else "from the loss and from dW"
        return f"the penalty is missing {where}: add {right}{'' if gradient else f' and {dright}'}"
    both = f"your penalty is {_times(value, N)}, and its part of dW {_times(gradient, N)}"
    return f"{both}: they are {right} and {dright}"


def _wrong_gradient(factor: float, convention: float, N: int) -> str:
    words = f"the derivative of {_reg(convention)} * W**2 is {_derivative(convention)}"
    if factor == 0:
        return f"the penalty's gradient is missing: add {_derivative(convention)} to dW"
    if factor == -1:
        return f"the penalty's gradient has the wrong sign: {words}"
    if N > 1 and abs(factor * N - 1) < EXACT:
        return f"the penalty's gradient is divided by N = {N}: add {_derivative(convention)} after the mean is taken"
    if factor * convention in CONVENTIONS.values():
        words += f"; {_derivative(factor * convention)} is that of {_reg(factor * convention)} * W**2"
    return f"the penalty's gradient is {_times(factor, N).replace(' ours', '')}: {words}"


def _reg(convention: float) -> str:
    return "reg" if convention == 1 else "reg/2"


def _derivative(convention: float) -> str:
    return "2 * reg * W" if convention == 1 else "reg * W"


def _times(factor: float, N: int) -> str:
    """Return a factor of the penalty in words."""
    named = {1.0: "as ours", 0.0: "missing", 0.5: "half ours", 2.0: "twice ours", -1.0: "of the wrong sign"}
    if factor in named:
        return named[factor]
    if N > 1 and abs(factor * N - 1) < EXACT:
        return f"divided by N = {N}"
    return f"{factor:.4g} times ours"


def _clean(factor: float, room: float) -> float:
    """Round a factor to 0, 1/2, 1, 2 or -1 if it is within `room` of one of them."""
    return next((known for known in (0.0, 0.5, 1.0, 2.0, -1.0) if abs(factor - known) <= room), factor)
