"""Findings about a learner's function: verdicts and sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.conversation import Outcome, Seen, Unanswered
from imgclf.gradcheck.student.differences import Comparison, Place, Tried
from imgclf.gradcheck.student.ours import Reference
from imgclf.gradcheck.student.points import LARGE, Point
from imgclf.gradcheck.student.precision import Precision
from imgclf.gradcheck.student.process import Answer


class Worst(NamedTuple):
    """The parameter with the largest error for its bound."""

    place: Place
    analytic: float
    numerical: float
    error: float
    bound: float
    beside: str  # what `numerical` is


Compared: TypeAlias = tuple[Seen, Reference]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str  # repeatable, inputs, images, precision, value, gradient, slope, large scores or other data
    verdict: str  # pass, fail or inconclusive
    sentence: str
    point: str
    reg: float
    checked: int
    worst: Worst | None = None


def repeatable_finding(repeats: bool, point: Point) -> Finding:
    """Whether the same question is answered the same way."""
    words = "the same question has the same answer, to the bit"
    if not repeats:
        words = "the same question has another answer each time: nothing random, and nothing kept from call to call"
    return Finding("repeatable", "pass" if repeats else "fail", words, point.name, point.reg, 1)


def inputs_finding(changed: set[str], point: Point) -> Finding:
    """Whether W, X and y are as they were."""
    words = "W, X and y are left as they were"
    if changed:
        words = f"it changes its input {', '.join(sorted(changed))}: work on a copy, as in s = s - 1, not s -= 1"
    return Finding("inputs", "fail" if changed else "pass", words, point.name, point.reg, 3)


def images_finding(y: IntArray, classes: int, point: Point) -> Finding:
    """Whether the images can show what a mistake would change."""
    absent, verdict, words = classes - len(np.unique(y)), "pass", f"{len(y)} images of all {classes} classes"
    if absent or len(y) < 2:
        missing = f"{absent} of {classes} classes have no image" if absent else "one image hides a missing 1/N"
        verdict, words = "inconclusive", f"{missing}: take at least {max(2, classes)} images"
    return Finding("images", verdict, words, point.name, point.reg, len(y))


def precision_finding(precision: Precision, dtypes: set[str], point: Point) -> Finding:
    """In which precision it is computed: that of float32 is judged by its own rounding, a coarser one not at all."""
    words = f"rounding blurs your loss by {precision.noise:.0e}, dW is {', '.join(sorted(dtypes))}"
    if precision.is_blurred:
        words += ": too coarse to see mistakes; compute in float64, without astype(np.float16) or dtype=int"
    elif precision.is_coarse:
        words += ": you compute in float32 and are judged by its rounding; in float64 smaller mistakes are seen"
    elif precision.name == "longdouble":
        words += ": you compute in longdouble; it is judged as float64, which is as exact as needed"
    verdict = "inconclusive" if precision.is_blurred else "pass"
    return Finding("precision", verdict, words, point.name, point.reg, 1)


def beside_ours(seen: Sequence[Seen], precision: Precision) -> list[Finding]:
    """Whether loss and dW are ours, wherever it was asked."""
    compared = [(one, one.ours) for one in seen if one.ours]
    return [_value_finding(compared, precision), _gradient_finding(compared, precision)] if compared else []


def slope_finding(
    slope: Comparison, directions: Sequence[Tried], plain: Seen, full: Seen, X: FloatArray, precision: Precision
) -> Finding:
    """Whether dW is the slope of the returned loss.

    directions: where all weights are moved at once, in float32, as there the slope along one may be lost in rounding.
    It may be lost, too, where dW is ours.
    """
    tried, wrong = len(slope.tried), slope.count("wrong")
    words = f"dW is the slope of your loss: {tried:,} of {slope.parameters:,} parameters moved"
    words += "".join(
        f", {slope.count(outcome):,} {what}"
        for outcome, what in (("kink", "at a kink"), ("undecided", "lost in rounding"))
        if slope.count(outcome)
    )
    verdict = "pass"
    is_enough = (
        slope.is_telling or (precision.is_coarse and full.ours) or 2 * sum(map(_tells, directions)) > len(directions)
    )
    dead = np.flatnonzero(~X.any(axis=0))
    ghosts = dead[plain.answer.dW[dead].any(axis=1)]
    words += f", and all of them along {len(directions)} directions" if directions else ""
    if wrong:
        verdict, words = "fail", f"dW is not the slope of your loss at {wrong:,} of {tried:,} parameters moved"
    elif any(one.outcome == "wrong" for one in directions):
        verdict, words = "fail", "dW is not the slope of your loss where all parameters are moved at once"
    elif len(ghosts):
        verdict, words = "fail", f"dW[{ghosts[0]}] is not 0 with reg = 0, though that feature is 0 in every image"
    elif not X.any() or not is_enough:
        verdict, words = "inconclusive", "the slope of your loss is too small, or too blurred, to tell anything"
    return Finding("slope", verdict, words, full.point.name, full.point.reg, tried, slope_worst(slope))


def _tells(one: Tried) -> bool:
    return one.outcome == "kink" or (one.outcome == "agrees" and one.is_telling)


def large_finding(outcomes: Sequence[Outcome], *, gradient: bool) -> Finding:
    """Whether it survives scores that exp does not; `gradient`: and has the right dW there."""
    wrong = next(filter(None, (disagreement(one, gradient=gradient) for one in outcomes)), None)
    words = f"scores of {LARGE:g} give {'the right' if gradient else 'finite'} numbers"
    return Finding("large scores", "fail" if wrong else "pass", wrong or words, "wide", 0.0, len(outcomes))


def other_data_finding(outcomes: Sequence[Outcome], parts: str | None) -> Finding:
    """Whether it is right for other images too; `parts`: what is wrong with the loss of some of them, if anything."""
    wrong = next(filter(None, (disagreement(one) for one in outcomes)), None) or parts
    words = "as right for other numbers of images, features and classes, and for X of other sizes"
    point = outcomes[0].point
    return Finding("other data", "fail" if wrong else "pass", wrong or words, point.name, point.reg, len(outcomes))


def disagreement(one: Outcome, *, gradient: bool = True) -> str | None:
    """Say what is wrong at a point; None if nothing is."""
    if isinstance(one, Unanswered):
        return str(one.failure)
    if one.ours and _value_ratio((one, one.ours)) > 1:
        return f"{one.point.words}: your loss is {one.answer.loss:.10g}, ours {one.ours.loss:.10g}"
    wrong = int((_ratios((one, one.ours)) > 1).sum()) if one.ours and gradient else 0
    if wrong:
        return f"{one.point.words}: dW is not ours at {wrong:,} of {one.point.W.size:,} parameters"
    if one.slope and one.slope.outcome == "wrong":
        return f"{one.point.words}: dW is not the slope of your loss"
    return None


def slope_worst(slope: Comparison) -> Worst | None:
    """Return the place that is furthest from the slope of the value."""
    one = slope.worst
    if one is None:
        return None
    return Worst(one.place, one.analytic, one.numerical, one.error, one.bound, "the slope of your loss")


def same_bits(one: Answer, other: Answer) -> bool:
    """Whether two answers are one to the last bit."""
    return one.loss == other.loss and one.dW.tobytes() == other.dW.tobytes()


def _value_finding(compared: Sequence[Compared], precision: Precision) -> Finding:
    one, right = max(compared, key=_value_ratio)
    words = f"your loss is ours at all {len(compared)} W tried, within {_rounding(precision)}"
    verdict = "pass"
    if _value_ratio((one, right)) > 1:
        verdict, words = "fail", f"{one.point.words}: your loss is {one.answer.loss:.10g}, ours {right.loss:.10g}"
    return Finding("value", verdict, words, one.point.name, one.point.reg, len(compared))


def _gradient_finding(compared: Sequence[Compared], precision: Precision) -> Finding:
    one, right = max(compared, key=lambda pair: float(_ratios(pair).max()))
    ratios = _ratios((one, right))
    row, column = map(int, np.unravel_index(ratios.argmax(), ratios.shape))
    own, known = float(one.answer.dW[row, column]), float(right.dW[row, column])
    worst = Worst((row, column), own, known, abs(own - known), float(right.dW_bound[row, column]), "ours")
    wrong = int((ratios > 1).sum())
    verdict = "pass"
    words = f"dW is ours at all {ratios.size:,} parameters, within {_rounding(precision)}"
    if wrong:
        verdict, words = "fail", f"{one.point.words}: dW is not ours at {wrong:,} of {ratios.size:,} parameters"
    return Finding("gradient", verdict, words, one.point.name, one.point.reg, ratios.size, worst)


def _rounding(precision: Precision) -> str:
    return f"{precision.name if precision.is_coarse else ''} rounding".strip()


def _value_ratio(pair: Compared) -> float:
    """Return the error of the loss in units of its bound."""
    return abs(pair[0].answer.loss - pair[1].loss) / pair[1].loss_bound


def _ratios(pair: Compared) -> FloatArray:
    """Return the errors of dW in units of their bounds."""
    error = np.abs(pair[0].answer.dW - pair[1].dW)
    with np.errstate(over="ignore"):  # a bound may be 0
        return np.asarray(error / np.maximum(pair[1].dW_bound, np.finfo(np.float64).tiny))
