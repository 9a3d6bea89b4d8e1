"""Calls of a learner's function, and their results beside ours."""

from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.differences import Derivative
from imgclf.gradcheck.student.ours import Reference, ours
from imgclf.gradcheck.student.points import Point
from imgclf.gradcheck.student.process import Answer, Ask, StudentFailure
from imgclf.gradcheck.verdict import ratios


class Answered(NamedTuple):
    """A result, and ours if there is one to compare with."""

    point: Point
    answer: Answer
    ours: Reference | None = None
    derivative: Derivative | None = None  # along one direction, if there is none of ours

    @property
    def loss_ratio(self) -> float:
        """The error of the loss in units of its bound."""
        return abs(self.answer.loss - self.ours.loss) / self.ours.loss_bound if self.ours else 0.0

    @property
    def dW_ratios(self) -> FloatArray:  # noqa: N802
        """The errors of dW in units of their bounds, (D, C)."""
        return ratios(self.answer.dW, self.ours.dW, self.ours.dW_bound) if self.ours else np.zeros(self.answer.dW.shape)

    @property
    def wrong_loss(self) -> str:
        """The difference of the loss from ours; "" if rounding explains it, or if there is none of ours."""
        if not self.ours or self.loss_ratio <= 1:
            return ""
        return f"{self.point.words}: your loss is {self.answer.loss:.10g}, ours {self.ours.loss:.10g}"

    @property
    def wrong_dW(self) -> str:  # noqa: N802
        """The difference of dW from ours, likewise."""
        wrong = int((self.dW_ratios > 1).sum())
        return f"{self.point.words}: dW is wrong at {wrong:,} of {self.answer.dW.size:,} parameters" if wrong else ""

    def where(self, *, gradient: bool = True) -> str:
        """Say whether the loss or, if `gradient`, dW is wrong here, without the numbers; "" if both are right."""
        return f"{self.point.words}: the loss is wrong" if self.wrong_loss else self.mistake(gradient=gradient)

    def mistake(self, *, gradient: bool = True) -> str:
        """Describe a wrong loss or, if `gradient`, a wrong dW; "" if both are right."""
        wrong = self.wrong_loss or (self.wrong_dW if gradient else "")
        if not wrong and self.derivative and self.derivative.outcome == "wrong":
            return f"{self.point.words}: dW is not the gradient of your loss"
        return wrong


class Unanswered(NamedTuple):
    """A point where the function returned no loss and gradient."""

    point: Point
    failure: StudentFailure

    def where(self, *, gradient: bool = True) -> str:
        """Return the reason, without a remedy."""
        return self.failure.where

    def mistake(self, *, gradient: bool = True) -> str:
        """Return the reason."""
        return str(self.failure)


Response: TypeAlias = Answered | Unanswered


class Conversation:
    """Calls the function, and keeps times, changed inputs and dtypes of all calls."""

    def __init__(self, ask: Ask, X: FloatArray, y: IntArray, against: str | None) -> None:
        self.ask, self.X, self.y, self.against = ask, X, y, against
        self.seconds: list[float] = []  # of each call on the original images
        self.changed: set[str] = set()  # inputs
        self.dtypes: set[str] = set()
        self.unit = 1.0  # how much coarser than float64 rounding is
        self.convention = 1.0  # our penalty, as a multiple of reg * sum(W * W)

    def at(self, point: Point) -> Answer:
        """Call the function at a point; a failure names the point."""
        try:
            answer = self.ask(point.W, point.X, point.y, point.reg)
        except StudentFailure as failure:
            raise failure.at(point.words) from failure
        if point.X is self.X:
            self.seconds.append(answer.seconds)
        self.changed |= set(answer.changed)
        self.dtypes.add(answer.dtype)
        return answer

    def compared_at(self, point: Point) -> Answered:
        """Call the function at a point, and compute our own result."""
        answer = self.at(point)
        if not self.against:
            return Answered(point, answer)
        reg = self.convention * point.reg
        return Answered(point, answer, ours(self.against, point.W, point.X, point.y, reg, self.unit))
