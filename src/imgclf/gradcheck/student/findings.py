"""Findings about a learner's function: verdicts with reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.errors import plural
from imgclf.gradcheck.student.conversation import Answered, Response, Unanswered
from imgclf.gradcheck.student.differences import Comparison, Derivative
from imgclf.gradcheck.student.penalty import NEAR, Penalty, formula
from imgclf.gradcheck.student.points import Point
from imgclf.gradcheck.student.precision import Precision
from imgclf.gradcheck.student.process import Answer, StudentFailure
from imgclf.gradcheck.verdict import Compared, Finding, Outcome, worst_indices


@dataclass(frozen=True)
class StudentFinding(Finding):
    """A finding whose reason also says why.

    where     the mistake and its place, without advice or numbers of ours; "" if it passes
    crashed   whether the function returned nothing
    """

    where: str = ""
    crashed: bool = False

    @property
    def word(self) -> str:
        """Return right, wrong, crashed or inconclusive."""
        return "crashed" if self.crashed else {"pass": "right", "fail": "wrong"}.get(self.verdict, self.verdict)


def finding(
    check: str, point: Point, checked: int, words: str, where: str = "", why: str = "", *, verdict: str = "fail",
    worst: Compared | None = None, crashed: bool = False,
) -> StudentFinding:  # fmt: skip
    """Return a finding with `verdict` and `why` (else `where`) as its reason; if that is "", one that passes."""
    wrong = why or where
    outcome = Outcome(verdict if wrong else "pass", wrong or words, checked, [worst] if worst else [])
    return StudentFinding("", 2 * point.reg, 0.0, point.name, check, outcome, where, crashed)


def failure_finding(failure: StudentFailure, l2: float) -> StudentFinding:
    """Report a function that returned no loss and gradient on the original images."""
    return StudentFinding("", l2, 0.0, "steps", "answer", Outcome("fail", str(failure)), failure.where, failure.crashed)


def repeatable_finding(repeats: bool, point: Point) -> StudentFinding:
    """Check that the same arguments give the same result."""
    words = "the same arguments give the same result, to the bit"
    if repeats:
        return finding("repeatable", point, 1, words)
    wrong = "the same arguments give different results"
    why = f"{wrong}: use no random numbers, and keep nothing between calls"
    return finding("repeatable", point, 1, words, wrong, why)


def inputs_finding(changed: set[str], point: Point) -> StudentFinding:
    """Check that no input was modified."""
    if not changed:
        return finding("inputs", point, 3, "W, X and y are not modified")
    wrong = f"it modifies its input {', '.join(sorted(changed))}"
    return finding("inputs", point, 3, "", wrong, f"{wrong}: write s = s - 1, which makes a copy, not s -= 1")


def images_finding(y: IntArray, classes: int, point: Point) -> StudentFinding:
    """Check that there are enough images to show a mistake."""
    absent = classes - len(np.unique(y))
    if not absent and len(y) > 1:
        return finding("images", point, len(y), f"{len(y)} images of all {classes} classes")
    wrong = f"{absent} of {classes} classes have no image" if absent else "one image hides a missing 1/N"
    why = f"{wrong}: take at least {max(2, classes)} images"
    return finding("images", point, len(y), "", wrong, why, verdict="inconclusive")


def precision_finding(
    precision: Precision, dtypes: set[str], point: Point, decimals: int | None = None
) -> StudentFinding:
    """Name the precision: float32 is judged by its own rounding; a coarser one is inconclusive.

    decimals: those that the loss is rounded to, a mistake.
    """
    if decimals is not None:
        wrong = f"your loss is rounded to {plural(decimals, 'decimal')}"
        return finding("precision", point, 1, "", wrong, f"{wrong}: return it as it is, and round where you print it")
    words = f"your loss is rounded by {precision.noise:.0e}, dW is {', '.join(sorted(dtypes))}"
    if precision.is_blurred:
        wrong = f"{words}: too coarse to find mistakes"
        why = f"{wrong}; compute in float64, without astype(np.float16) or dtype=int"
        return finding("precision", point, 1, words, wrong, why, verdict="inconclusive")
    if precision.is_coarse:
        words += ": you compute in float32 and are judged by its rounding; float64 would show smaller mistakes"
    elif precision.name == "longdouble":
        words += ": you compute in longdouble, which is judged as float64"
    return finding("precision", point, 1, words)


def penalty_finding(penalty: Penalty, convention: float, point: Point, *, is_free: bool) -> StudentFinding:
    """Name the penalty; unless it is free, its multiple must be that of the convention, in the loss and in dW."""
    found = penalty.convention
    words = f"your penalty is {formula(found)}" if found else "your penalty is one of your own"
    if is_free or penalty.room > 1 or penalty.is_near(convention):  # rounding may hide it
        return finding("penalty", point, 1, words)
    parts = {"in the loss": penalty.value, "in dW": penalty.gradient}
    wrong = [part for part, multiple in parts.items() if not abs(multiple - convention) <= NEAR * convention]
    return finding("penalty", point, 1, words, f"the penalty is wrong {' and '.join(wrong)}")


def beside_ours(answers: Sequence[Answered], precision: Precision) -> list[StudentFinding]:
    """Compare loss and dW with ours at all points; no finding without a loss of ours."""
    if not answers[0].ours:
        return []
    rounding = f"{precision.name if precision.is_coarse else ''} rounding".strip()
    one = max(answers, key=lambda one: one.loss_ratio)
    words = f"your loss equals ours at all {len(answers)} W, within {rounding}"
    value = finding("value", one.point, len(answers), words, one.wrong_loss and one.where(), one.wrong_loss)
    one = max(answers, key=lambda one: float(one.dW_ratios.max()))
    assert one.ours
    index = worst_indices(one.dW_ratios, 1)[0]
    worst = Compared(index, float(one.answer.dW[index]), float(one.ours.dW[index]), float(one.ours.dW_bound[index]))
    words = f"dW equals ours at all {one.answer.dW.size:,} parameters, within {rounding}"
    return [value, finding("gradient", one.point, one.answer.dW.size, words, one.wrong_dW, worst=worst)]


def derivative_finding(
    comparison: Comparison, directions: Sequence[Derivative], plain: Answered, full: Answered, X: FloatArray,
    precision: Precision,
) -> StudentFinding:  # fmt: skip
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
) -> StudentFinding:
    """Check the results at other points; also: another mistake there; gradient: whether dW counts."""
    for one in responses:
        if why := one.mistake(gradient=gradient):
            where, crashed = one.where(gradient=gradient), isinstance(one, Unanswered) and one.failure.crashed
            return finding(check, one.point, len(responses), words, where, why, crashed=crashed)
    return finding(check, responses[0].point, len(responses), words, also.split(": ")[0], also)


def same_bits(one: Answer, other: Answer) -> bool:
    """Whether two results are identical to the bit."""
    return one.loss == other.loss and one.dW.tobytes() == other.dW.tobytes()
