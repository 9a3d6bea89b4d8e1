"""Ask a learner's function at other data and larger scores.

With a loss of ours to compare with, one question a point is enough. Without one, two laws are left: dW is the slope of
the loss along any direction, and the loss of some images is the mean over their parts.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradcheck.loss_facts import LOSS_FACTS
from imgclf.gradcheck.student.conversation import Conversation, Outcome, Seen, Unanswered
from imgclf.gradcheck.student.differences import Surroundings, along_a_direction
from imgclf.gradcheck.student.explain import explain_number
from imgclf.gradcheck.student.findings import Finding, disagreement, large_finding, other_data_finding
from imgclf.gradcheck.student.other_data import more_images, other_data, part, toys
from imgclf.gradcheck.student.points import Point, huge_scores, large_scores
from imgclf.gradcheck.student.precision import magnitude
from imgclf.gradcheck.student.process import StudentFailure
from imgclf.losses import LOSSES
from imgclf.seeds import CHECK, normal, stream

PROJECTION = 5_000_000  # counter of the seed's stream


class Elsewhere(NamedTuple):
    """What came of all points away from the images at hand."""

    findings: list[Finding]
    advice: list[str]


class Broken(NamedTuple):
    """A law that does not hold, and what may be the reason."""

    sentence: str
    doubt: str


def ask_elsewhere(
    talk: Conversation, around: Surroundings, plain: Point, full: Point, seed: int, *, is_right: bool, apart: bool
) -> Elsewhere:
    """Ask at large scores and, if all is right so far, at other data: a known mistake would be found at all of them.

    apart: whether a difference between scores may be so large that exp of it is 0 in float32.
    """

    def looked(points: Iterable[Point]) -> list[Outcome]:
        return [look(talk, around, point, seed) for point in points]

    findings, doubts = [], []
    large = [large_scores(plain, seed)]
    if is_right:
        others = looked(other_data(full, seed))
        broken = None if talk.against else mean_of_parts(talk, around, full, seed)
        findings.append(other_data_finding(others, broken.sentence if broken else None))
        doubts += [_doubt_about(talk, others, seed), broken.doubt if broken else None]
        if findings[0].verdict == "pass":
            large.append(large_scores(toys(full, seed)[0], seed))  # a score is a short sum there: rounding hides less
            large += [huge_scores(plain)] if apart else []
    outcomes = looked(large)
    findings.append(large_finding(outcomes, gradient=is_right))
    doubts += [_against_overflow(talk, outcomes[0]), _doubt_about(talk, outcomes, seed) if is_right else None]
    return Elsewhere(findings, [doubt for doubt in doubts if doubt][:1])


def look(talk: Conversation, around: Surroundings, point: Point, seed: int) -> Outcome:
    """Ask at a point; without a loss of ours, try the slope along one direction. `around` is of the images at hand."""
    one = talk.tried(point)
    if isinstance(one, Unanswered) or one.ours:
        return one

    def value(W: FloatArray) -> float:
        return talk.at(point._replace(W=W)).loss

    noise = _noise_at(talk, around, point, one.answer.loss)
    try:
        slope = along_a_direction(
            around, value, one.answer.loss, noise, point.W, point.X, one.answer.dW, seed, talk.unit
        )
    except StudentFailure as failure:
        if not failure.alive:
            raise
        return Unanswered(point, failure)
    return one._replace(slope=slope)


def mean_of_parts(talk: Conversation, around: Surroundings, full: Point, seed: int) -> Broken | None:
    """Hold the loss of a prime number of images against the mean over two parts of them: any mean passes."""
    whole = more_images(full, seed)._replace(reg=0.0)
    n = len(whole.y)
    sizes = n // 2, n - n // 2
    outcomes = [talk.tried(point) for point in (whole, part(whole, slice(sizes[0])), part(whole, slice(sizes[0], n)))]
    losses = []
    for one in outcomes:
        if isinstance(one, Unanswered):
            return Broken(str(one.failure), whole.doubt)
        losses.append(one.answer.loss)
    mean = sum(size * loss for size, loss in zip(sizes, losses[1:], strict=True)) / n
    room = around.critical * sum(_noise_at(talk, around, whole, loss) for loss in losses)
    if abs(losses[0] - mean) <= room:
        return None
    sentence = (
        f"{whole.words}: your loss is {losses[0]:.10g}, the mean over {sizes[0]} and {sizes[1]} of them {mean:.10g}"
    )
    if abs(losses[0] - sum(losses[1:])) <= 2 * room:
        return Broken(sentence, "your loss is a sum over the images, or divided by a constant: divide by N = len(y)")
    return Broken(sentence, whole.doubt)


def _doubt_about(talk: Conversation, outcomes: Sequence[Outcome], seed: int) -> str | None:
    """Say what the mistake may be at the first point that is wrong; None if there is none."""
    for one in outcomes:
        if disagreement(one):
            return (_about_number(talk, one, seed) if isinstance(one, Seen) and one.ours else None) or one.point.doubt
    return None


def _against_overflow(talk: Conversation, large: Outcome) -> str | None:
    if not isinstance(large, Unanswered):
        return None
    if talk.against and not LOSS_FACTS[talk.against].compares_scores:  # a shift of all scores would change the loss
        return "log(1 + exp(t)) overflows: use np.logaddexp(0, t)"
    return "exp overflows: take the largest score of each row away first, s - s.max(axis=1, keepdims=True)"


def _about_number(talk: Conversation, one: Seen, seed: int) -> str | None:
    """Find which images count, in the loss or, where that is ours, in dW along one direction."""
    point, answer = one.point, one.answer
    if not talk.against or not one.ours or talk.unit > 1:
        return None
    losses, slopes = LOSSES[talk.against](point.X @ point.W, point.y)
    if abs(answer.loss - one.ours.loss) > one.ours.loss_bound:
        theirs, penalty = answer.loss, point.reg * float(np.sum(point.W**2))
    else:
        row, column = (normal(stream(seed, CHECK, PROJECTION, axis), (point.W.shape[axis],)) for axis in (0, 1))
        losses = (point.X @ row) * (slopes @ column)
        theirs, penalty = float(row @ answer.dW @ column), float(2 * point.reg * row @ point.W @ column)
    return explain_number(theirs, losses, penalty, len(talk.X))


def _noise_at(talk: Conversation, around: Surroundings, point: Point, loss: float) -> float:
    """Return the rounding of a loss elsewhere: as much larger as its terms are, and as fewer images average it out."""
    larger = max(1.0, magnitude(loss, point.W, point.X) / (magnitude(around.middle, around.W, talk.X) or 1.0))
    fewer = max(1.0, len(talk.X) / len(point.y))
    return around.noise * larger * math.sqrt(fewer)
