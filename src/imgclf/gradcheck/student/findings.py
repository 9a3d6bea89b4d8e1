"""What was looked at, one by one: pass, fail or inconclusive, and why in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.differences import Comparison, Place
from imgclf.gradcheck.student.ours import Reference
from imgclf.gradcheck.student.points import LARGE, Point
from imgclf.gradcheck.student.process import Answer, StudentFailure

COARSE = 1e-12  # noise relative to what the value is summed up from: between float64 and float32


class Seen(NamedTuple):
    """What it said there, and what we say, if there is something to compare with."""

    point: Point
    answer: Answer
    ours: Reference | None


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

    name: str  # repeatable, inputs, precision, value, gradient, slope or large scores
    verdict: str  # pass, fail or inconclusive
    sentence: str
    point: str
    reg: float
    checked: int
    worst: Worst | None = None


def is_single(value: float) -> bool:
    """Whether a value has no more digits than float32 holds: one of float64 has, but for one in 2**29."""
    return value != 0 and abs(value) < float(np.finfo(np.float32).max) and float(np.float32(value)) == value


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


def precision_finding(coarse: bool, dtypes: set[str], noise: float, point: Point) -> Finding:
    """Whether it is computed in float64."""
    words = f"rounding blurs your loss by {noise:.0e}, dW is {', '.join(sorted(dtypes))}"
    if coarse:
        words += ": too coarse to see small mistakes; compute in float64, without astype(np.float32) or dtype=int"
    return Finding("precision", "inconclusive" if coarse else "pass", words, point.name, point.reg, 1)


def beside_ours(seen: Sequence[Seen], coarse: bool) -> list[Finding]:
    """Whether loss and dW are ours, wherever it was asked."""
    compared = [(one, one.ours) for one in seen if one.ours]
    return [_value_finding(compared, coarse), _gradient_finding(compared, coarse)] if compared else []


def slope_finding(slope: Comparison, plain: Seen, full: Seen, X: FloatArray, coarse: bool) -> Finding:
    """Whether dW is the slope of the returned loss."""
    tried, wrong = len(slope.tried), slope.count("wrong")
    words = f"dW is the slope of your loss: {tried:,} of {slope.parameters:,} parameters moved"
    words += "".join(
        f", {slope.count(outcome):,} {what}"
        for outcome, what in (("kink", "at a kink"), ("undecided", "lost in rounding"))
        if slope.count(outcome)
    )
    verdict = "pass"
    dead = np.flatnonzero(~X.any(axis=0))
    ghosts = dead[plain.answer.dW[dead].any(axis=1)]
    if wrong:
        verdict, words = "fail", f"dW is not the slope of your loss at {wrong:,} of {tried:,} parameters moved"
    elif len(ghosts):
        verdict, words = "fail", f"dW[{ghosts[0]}] is not 0 with reg = 0, though that feature is 0 in every image"
    elif coarse or not slope.is_telling or not X.any():
        verdict, words = "inconclusive", "the slope of your loss is too small, or too blurred, to tell anything"
    return Finding("slope", verdict, words, full.point.name, full.point.reg, tried, slope_worst(slope))


def large_finding(one: Seen | StudentFailure) -> Finding:
    """Whether it survives scores that exp does not."""
    if isinstance(one, StudentFailure):
        return Finding("large scores", "fail", str(one), "wide", 0.0, 1)
    if one.ours and abs(one.answer.loss - one.ours.loss) > one.ours.loss_bound:
        words = f"{one.point.words}: your loss is {one.answer.loss:.10g}, ours {one.ours.loss:.10g}"
        return Finding("large scores", "fail", words, "wide", 0.0, 1)
    return Finding("large scores", "pass", f"scores of {LARGE:g} give finite numbers", "wide", 0.0, 1)


def slope_worst(slope: Comparison) -> Worst | None:
    """Return the place that is furthest from the slope of the value."""
    one = slope.worst
    if one is None:
        return None
    return Worst(one.place, one.analytic, one.numerical, one.error, one.bound, "the slope of your loss")


def same_bits(one: Answer, other: Answer) -> bool:
    """Whether two answers are one to the last bit."""
    return one.loss == other.loss and one.dW.tobytes() == other.dW.tobytes()


def is_coarse(noise: float, value: float, W: FloatArray, X: FloatArray) -> bool:
    """Whether a value is blurred by more than rounding in float64."""
    summed = float((np.abs(X) @ np.abs(W)).max(axis=1).mean())
    return noise > COARSE * (abs(value) + summed + 1)


def _value_finding(compared: Sequence[Compared], coarse: bool) -> Finding:
    def ratio(pair: Compared) -> float:
        return abs(pair[0].answer.loss - pair[1].loss) / pair[1].loss_bound

    one, right = max(compared, key=ratio)
    verdict = "inconclusive" if coarse else "pass"
    words = f"your loss is ours at all {len(compared)} W tried, within {'float32 ' if coarse else ''}rounding"
    if ratio((one, right)) > 1:
        verdict, words = "fail", f"{one.point.words}: your loss is {one.answer.loss:.10g}, ours {right.loss:.10g}"
    return Finding("value", verdict, words, one.point.name, one.point.reg, len(compared))


def _gradient_finding(compared: Sequence[Compared], coarse: bool) -> Finding:
    one, right = max(compared, key=lambda pair: float(_ratios(pair).max()))
    ratios = _ratios((one, right))
    row, column = map(int, np.unravel_index(ratios.argmax(), ratios.shape))
    own, known = float(one.answer.dW[row, column]), float(right.dW[row, column])
    worst = Worst((row, column), own, known, abs(own - known), float(right.dW_bound[row, column]), "ours")
    wrong = int((ratios > 1).sum())
    verdict = "inconclusive" if coarse else "pass"
    words = f"dW is ours at all {ratios.size:,} parameters, within {'float32 ' if coarse else ''}rounding"
    if wrong:
        verdict, words = "fail", f"{one.point.words}: dW is not ours at {wrong:,} of {ratios.size:,} parameters"
    return Finding("gradient", verdict, words, one.point.name, one.point.reg, ratios.size, worst)


def _ratios(pair: Compared) -> FloatArray:
    """Return the errors of dW in units of their bounds."""
    error = np.abs(pair[0].answer.dW - pair[1].dW)
    with np.errstate(over="ignore"):  # a bound may be 0
        return np.asarray(error / np.maximum(pair[1].dW_bound, np.finfo(np.float64).tiny))
