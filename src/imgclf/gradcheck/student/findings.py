"""Findings about a learner's function: verdicts with reasons."""

from collections.abc import Sequence

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.student.conversation import Answered, Response
from imgclf.gradcheck.student.differences import Comparison, Derivative
from imgclf.gradcheck.student.points import Point
from imgclf.gradcheck.student.precision import Precision
from imgclf.gradcheck.student.process import Answer
from imgclf.gradcheck.verdict import Compared, Finding, Outcome, worst_indices


def finding(
    check: str, point: Point, checked: int, words: str, wrong: str = "", *, verdict: str = "fail",
    worst: Compared | None = None,
) -> Finding:  # fmt: skip
    """Return a finding with `verdict` and `wrong` as its reason; if that is "", one that passes with `words`."""
    outcome = Outcome(verdict if wrong else "pass", wrong or words, checked, [worst] if worst else [])
    return Finding("", 2 * point.reg, 0.0, point.name, check, outcome)


def repeatable_finding(repeats: bool, point: Point) -> Finding:
    """Check that the same arguments give the same result."""
    words = "the same arguments give the same result, to the bit"
    wrong = "the same arguments give different results: use no random numbers, and keep nothing between calls"
    return finding("repeatable", point, 1, words, "" if repeats else wrong)


def inputs_finding(changed: set[str], point: Point) -> Finding:
    """Check that no input was modified."""
    wrong = f"it modifies its input {', '.join(sorted(changed))}: write s = s - 1, which makes a copy, not s -= 1"
    return finding("inputs", point, 3, "W, X and y are not modified", wrong if changed else "")


def images_finding(y: IntArray, classes: int, point: Point) -> Finding:
    """Check that there are enough images to show a mistake."""
    absent, wrong = classes - len(np.unique(y)), ""
    if absent or len(y) < 2:
        missing = f"{absent} of {classes} classes have no image" if absent else "one image hides a missing 1/N"
        wrong = f"{missing}: take at least {max(2, classes)} images"
    return finding("images", point, len(y), f"{len(y)} images of all {classes} classes", wrong, verdict="inconclusive")


def precision_finding(precision: Precision, dtypes: set[str], point: Point) -> Finding:
    """Name the precision: float32 is judged by its own rounding; a coarser one is inconclusive."""
    words = f"your loss is rounded by {precision.noise:.0e}, dW is {', '.join(sorted(dtypes))}"
    if precision.is_blurred:
        wrong = f"{words}: too coarse to find mistakes; compute in float64, without astype(np.float16) or dtype=int"
        return finding("precision", point, 1, words, wrong, verdict="inconclusive")
    if precision.is_coarse:
        words += ": you compute in float32 and are judged by its rounding; float64 would show smaller mistakes"
    elif precision.name == "longdouble":
        words += ": you compute in longdouble, which is judged as float64"
    return finding("precision", point, 1, words)


def beside_ours(answers: Sequence[Answered], precision: Precision) -> list[Finding]:
    """Compare loss and dW with ours at all points; no finding without a loss of ours."""
    if not answers[0].ours:
        return []
    rounding = f"{precision.name if precision.is_coarse else ''} rounding".strip()
    one = max(answers, key=lambda one: one.loss_ratio)
    words = f"your loss equals ours at all {len(answers)} W, within {rounding}"
    value = finding("value", one.point, len(answers), words, one.wrong_loss)
    one = max(answers, key=lambda one: float(one.dW_ratios.max()))
    assert one.ours
    index = worst_indices(one.dW_ratios, 1)[0]
    worst = Compared(index, float(one.answer.dW[index]), float(one.ours.dW[index]), float(one.ours.dW_bound[index]))
    words = f"dW equals ours at all {one.answer.dW.size:,} parameters, within {rounding}"
    return [value, finding("gradient", one.point, one.answer.dW.size, words, one.wrong_dW, worst=worst)]


def derivative_finding(
    comparison: Comparison, directions: Sequence[Derivative], plain: Answered, full: Answered, X: FloatArray,
    precision: Precision,
) -> Finding:  # fmt: skip
    """Check that dW is the gradient of the returned loss.

    directions: derivatives with all weights moved at once; in float32, rounding may hide those of single weights.
    """
    moved, wrong, verdict = len(comparison.derivatives), "", "fail"
    words = f"dW is the gradient of your loss: {moved:,} of {comparison.parameters:,} parameters checked"
    for outcome, what in (("kink", "at a kink"), ("undecided", "hidden by rounding")):
        words += f", {comparison.count(outcome):,} {what}" if comparison.count(outcome) else ""
    words += f", and {len(directions)} directions of all of them" if directions else ""
    dead = np.flatnonzero(~X.any(axis=0))
    ghosts = dead[plain.answer.dW[dead].any(axis=1)]
    directions_tell = 2 * sum(one.is_telling for one in directions) > len(directions)
    if comparison.count("wrong"):
        wrong = f"dW is not the gradient of your loss at {comparison.count('wrong'):,} of {moved:,} checked parameters"
    elif any(one.outcome == "wrong" for one in directions):
        wrong = "dW is not the gradient of your loss along a direction of all parameters"
    elif len(ghosts):
        wrong = f"dW[{ghosts[0]}] is not 0 with reg = 0, but that feature is 0 in every image"
    elif not X.any() or not (comparison.is_telling or (precision.is_coarse and full.ours) or directions_tell):
        wrong, verdict = "the gradient of your loss is smaller than what rounding can hide", "inconclusive"
    return finding("derivative", full.point, moved, words, wrong, verdict=verdict, worst=comparison.worst)


def elsewhere_finding(
    check: str, responses: Sequence[Response], words: str, also: str = "", *, gradient: bool = True
) -> Finding:
    """Check the results at other points; also: another mistake there; gradient: whether dW counts."""
    wrong = next(filter(None, (one.mistake(gradient=gradient) for one in responses)), also)
    return finding(check, responses[0].point, len(responses), words, wrong)


def same_bits(one: Answer, other: Answer) -> bool:
    """Whether two results are identical to the bit."""
    return one.loss == other.loss and one.dW.tobytes() == other.dW.tobytes()
