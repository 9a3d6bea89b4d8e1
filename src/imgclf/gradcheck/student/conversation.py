"""Ask a learner's function and keep its answers."""

from typing import NamedTuple, TypeAlias

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.differences import Tried
from imgclf.gradcheck.student.ours import Reference, ours
from imgclf.gradcheck.student.points import Point
from imgclf.gradcheck.student.process import Answer, Ask, StudentFailure


class Seen(NamedTuple):
    """What it said at a point, and what we say, if there is something to compare with."""

    point: Point
    answer: Answer
    ours: Reference | None
    slope: Tried | None = None  # along one direction, where nothing of ours is there


class Unanswered(NamedTuple):
    """A point where it gave no answer."""

    point: Point
    failure: StudentFailure


Outcome: TypeAlias = Seen | Unanswered


class Conversation:
    """Asks, and remembers what there is to remember of all answers."""

    def __init__(self, ask: Ask, X: FloatArray, y: IntArray, against: str | None) -> None:
        self.ask, self.X, self.y, self.against = ask, X, y, against
        self.seconds: list[float] = []  # of each question about the images at hand
        self.changed: set[str] = set()
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

    def seen(self, point: Point) -> Seen:
        """Ask at a point, and look what we say."""
        answer = self.at(point)
        if not self.against:
            return Seen(point, answer, None)
        return Seen(point, answer, ours(self.against, point.W, point.X, point.y, point.reg, self.unit))

    def tried(self, point: Point) -> Outcome:
        """Ask at a point where a failure is no end, if the function can be asked again."""
        try:
            return self.seen(point)
        except StudentFailure as failure:
            if not failure.alive:
                raise
            return Unanswered(point, failure)
