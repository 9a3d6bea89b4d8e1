"""Questions to a learner's function, and its answers beside ours."""

from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.differences import Derivative
from imgclf.gradcheck.student.ours import Reference, ours
from imgclf.gradcheck.student.points import Point
from imgclf.gradcheck.student.process import Answer, Ask, StudentFailure
from imgclf.gradcheck.verdict import ratios


class Answered(NamedTuple):
    """An answer, and ours where there is one to compare with."""

    point: Point
    answer: Answer
    ours: Reference | None = None
    derivative: Derivative | None = None  # along one direction, where nothing of ours is there

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
        """How the loss differs from ours; "" if by no more than rounding, or if there is none of ours."""
        if not self.ours or self.loss_ratio <= 1:
            return ""
        return f"{self.point.words}: your loss is {self.answer.loss:.10g}, ours {self.ours.loss:.10g}"

    @property
    def wrong_dW(self) -> str:  # noqa: N802
        """How dW differs from ours, likewise."""
        wrong = int((self.dW_ratios > 1).sum())
        return f"{self.point.words}: dW is not ours at {wrong:,} of {self.answer.dW.size:,} parameters" if wrong else ""

    def mistake(self, *, gradient: bool = True) -> str:
        """Return what is wrong with the loss or, if it counts, with dW; "" if nothing is."""
        wrong = self.wrong_loss or (self.wrong_dW if gradient else "")
        if not wrong and self.derivative and self.derivative.outcome == "wrong":
            return f"{self.point.words}: dW is not the slope of your loss"
        return wrong


class Unanswered(NamedTuple):
    """A point where the function gave no answer."""

    point: Point
    failure: StudentFailure

    def mistake(self, *, gradient: bool = True) -> str:
        """Return why there is no answer."""
        return str(self.failure)


Response: TypeAlias = Answered | Unanswered


class Conversation:
    """Asks the function, and keeps what is needed of all answers."""

    def __init__(self, ask: Ask, X: FloatArray, y: IntArray, against: str | None) -> None:
        self.ask, self.X, self.y, self.against = ask, X, y, against
        self.seconds: list[float] = []  # of each question about the images at hand
        self.changed: set[str] = set()  # inputs
        self.dtypes: set[str] = set()
        self.unit = 1.0  # how much coarser than float64 rounding is

    def at(self, point: Point) -> Answer:
        """Ask at a point; a failure says where."""
        try:
            answer = self.ask(point.W, point.X, point.y, point.reg)
        except StudentFailure as failure:
            raise StudentFailure(f"{failure} - {point.words}", alive=failure.alive) from failure
        if point.X is self.X:
            self.seconds.append(answer.seconds)
        self.changed |= set(answer.changed)
        self.dtypes.add(answer.dtype)
        return answer

    def compared_at(self, point: Point) -> Answered:
        """Ask at a point, and compute our own answer."""
        answer = self.at(point)
        if not self.against:
            return Answered(point, answer)
        return Answered(point, answer, ours(self.against, point.W, point.X, point.y, point.reg, self.unit))
