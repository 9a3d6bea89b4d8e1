"""Check a learner's function on other data and at larger scores.

With a loss of ours to compare with, one call per point is enough. Without one, two invariances remain: dW is the
gradient of the loss along any direction, and the loss of some images is the weighted mean over parts of them.
"""

import math
from collections.abc import Sequence

import numpy as np

from imgclf.gradcheck.student.conversation import Answered, Conversation, Response, Unanswered
from imgclf.gradcheck.student.differences import Surroundings, along_a_direction
from imgclf.gradcheck.student.explain import explain_number
from imgclf.gradcheck.student.findings import StudentFinding, elsewhere_finding
from imgclf.gradcheck.student.other_data import more_images, other_data, part, toys
from imgclf.gradcheck.student.points import LARGE, Point, huge_scores, large_scores
from imgclf.gradcheck.student.precision import magnitude
from imgclf.gradcheck.student.process import StudentFailure
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.losses import LOSSES
from imgclf.numerics.random_streams import CHECK, normal, stream

PROJECTION = 5_000_000  # counter of the seed's stream


def ask_elsewhere(
    talk: Conversation, around: Surroundings, plain: Point, full: Point, seed: int, *, is_right: bool,
    penalty: bool, apart: bool,
) -> tuple[list[StudentFinding], list[str]]:  # fmt: skip
    """Check large scores and, if all is right so far, other data; return findings and advice.

    A mistake found so far would be found again everywhere. penalty: whether to ask with reg > 0. apart: whether to
    check scores so far apart that exp of their difference is 0 in float32.
    """
    findings: list[StudentFinding] = []
    advice: list[str | None] = []
    large = [large_scores(plain, seed)]
    if is_right:
        points = [point if penalty else point._replace(reg=0.0) for point in other_data(full, seed)]
        others = [answer_at(talk, around, point, seed) for point in points]
        wrong, likely = ("", "") if talk.against else mean_of_parts(talk, around, full, seed)
        words = "right for other numbers of images, features and classes, and other scales of X"
        findings.append(elsewhere_finding("other data", others, words, wrong))
        advice += [_advice_about(talk, others), likely]
        if findings[0].verdict == "pass":
            large.append(large_scores(toys(full, seed)[0], seed))  # few features: a score is a short sum
            large += [huge_scores(plain)] if apart else []
    responses = [answer_at(talk, around, point, seed) for point in large]
    words = f"{'right' if is_right else 'finite'} for scores of {LARGE:g}"
    findings.append(elsewhere_finding("large scores", responses, words, gradient=is_right))
    advice += [_against_overflow(talk, responses[0]), _advice_about(talk, responses) if is_right else ""]
    return findings, [sentence for sentence in advice if sentence][:1]


def answer_at(talk: Conversation, around: Surroundings, point: Point, seed: int) -> Response:
    """Call the function at a point; without a loss of ours, compare the derivative along one direction.

    around: the loss of the original images, from whose rounding that of others is estimated.
    """
    try:
        one = talk.compared_at(point)
        if one.ours:
            return one
        here = around._replace(
            value=lambda W: talk.at(point._replace(W=W)).loss,
            middle=one.answer.loss,
            W=point.W,
            noise=_noise_at(talk, around, point, one.answer.loss),
        )
        return one._replace(derivative=along_a_direction(here, point.X, one.answer.dW, seed))
    except StudentFailure as failure:
        if not failure.alive:
            raise
        return Unanswered(point, failure)


def mean_of_parts(talk: Conversation, around: Surroundings, full: Point, seed: int) -> tuple[str, str]:
    """Compare the loss of a prime number of images with the weighted mean over two parts: any mean passes.

    Return what is wrong, and advice; "" twice if they agree.
    """
    whole = more_images(full, seed)._replace(reg=0.0)
    n = len(whole.y)
    sizes = n // 2, n - n // 2
    try:
        loss = talk.at(whole).loss
        parts = [talk.at(part(whole, rows)).loss for rows in (slice(sizes[0]), slice(sizes[0], n))]
    except StudentFailure as failure:
        if not failure.alive:
            raise
        return str(failure), whole.advice
    mean = (sizes[0] * parts[0] + sizes[1] * parts[1]) / n
    room = around.critical * sum(_noise_at(talk, around, whole, one) for one in (loss, *parts))
    if abs(loss - mean) <= room:
        return "", ""
    wrong = f"{whole.words}: your loss is {loss:.10g}, the mean over {sizes[0]} and {sizes[1]} of them {mean:.10g}"
    is_sum = abs(loss - sum(parts)) <= 2 * room
    advice = "your loss is a sum over the images, or divided by a constant: divide by N = len(y)"
    return wrong, advice if is_sum else whole.advice


def _advice_about(talk: Conversation, responses: Sequence[Response]) -> str:
    """Return the advice for the first wrong point; "" if there is none."""
    for one in responses:
        if one.mistake():
            return (isinstance(one, Answered) and _about_number(talk, one)) or one.point.advice
    return ""


def _against_overflow(talk: Conversation, large: Response) -> str | None:
    if not isinstance(large, Unanswered):
        return None
    if talk.against and not LOSS_FACTS[talk.against].compares_scores:  # a shift of all scores would change the loss
        return "log(1 + exp(t)) overflows: use np.logaddexp(0, t)"
    return "exp overflows: subtract the largest score of each row first, s - s.max(axis=1, keepdims=True)"


def _about_number(talk: Conversation, one: Answered) -> str | None:
    """Find which images count where their number differs."""
    usual, here = len(talk.y), len(one.point.y)
    clause = which_images(talk, one) if here != usual else None
    return f"right for {usual} images, wrong for {here}: {clause}" if clause else None


def which_images(talk: Conversation, one: Answered) -> str | None:
    """Find which images count in the loss or, if that is ours, in dW along one direction."""
    point, answer = one.point, one.answer
    if not talk.against or talk.unit > 1:
        return None
    reg = talk.convention * point.reg
    losses, dscores = LOSSES[talk.against](point.X @ point.W, point.y)
    if one.wrong_loss:
        theirs, penalty = answer.loss, reg * float(np.sum(point.W**2))
    else:
        row, column = (normal(stream(0, CHECK, PROJECTION, axis), (point.W.shape[axis],)) for axis in (0, 1))
        losses = (point.X @ row) * (dscores @ column)
        theirs, penalty = float(row @ answer.dW @ column), float(2 * reg * row @ point.W @ column)
    return explain_number(theirs, losses, penalty, len(talk.X))


def _noise_at(talk: Conversation, around: Surroundings, point: Point, loss: float) -> float:
    """Estimate the rounding of another loss: larger with larger terms, and with fewer images to average over."""
    larger = max(1.0, magnitude(loss, point.W, point.X) / (magnitude(around.middle, around.W, talk.X) or 1.0))
    fewer = max(1.0, len(talk.X) / len(point.y))
    return around.noise * larger * math.sqrt(fewer)
