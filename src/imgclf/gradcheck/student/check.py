"""Check a learner's function and report the findings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.student.conversation import Conversation, Seen
from imgclf.gradcheck.student.differences import (
    Comparison,
    Surroundings,
    TableRow,
    Tried,
    along_a_direction,
    compare,
    grain_of,
    step_table,
    surroundings,
)
from imgclf.gradcheck.student.elsewhere import ask_elsewhere
from imgclf.gradcheck.student.explain import (
    NO_MULTIPLE,
    Evidence,
    ValuePair,
    explain_gradient,
    explain_penalty,
    explain_values,
    matching_candidate,
)
from imgclf.gradcheck.student.findings import (
    Finding,
    Worst,
    beside_ours,
    images_finding,
    inputs_finding,
    precision_finding,
    repeatable_finding,
    same_bits,
    slope_finding,
    slope_worst,
)
from imgclf.gradcheck.student.ours import with_bias
from imgclf.gradcheck.student.points import Point, balanced_reg, other_points, random_weights
from imgclf.gradcheck.student.precision import UNITS, Precision, is_single, magnitude, precision_of
from imgclf.gradcheck.student.process import Ask
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES

TIMED = 5
SLOW = 10.0  # times ours
DIRECTIONS = 20

# (W, X, y, reg) -> what known mistakes would return as dW, by the sentence that explains them
Candidates: TypeAlias = Callable[[FloatArray, FloatArray, IntArray, float], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class StudentReport:
    """All findings about one function."""

    findings: Sequence[Finding]
    worst: Worst | None
    table: Sequence[TableRow]  # of the worst place
    checked: int  # places where dW was held against the slope of the value
    parameters: int
    advice: Sequence[str]
    notes: Sequence[str]
    seconds_a_call: float
    our_seconds: float | None  # with `against`

    @property
    def verdict(self) -> str:
        """Return the worst of all findings."""
        verdicts = {finding.verdict for finding in self.findings}
        return next(verdict for verdict in ("fail", "inconclusive", "pass") if verdict in verdicts)


def check_student(
    ask: Ask, X: FloatArray, y: IntArray, classes: int, *, against: str | None = None, reg: float = 0.0,
    seed: int = 0, budget: float = 20.0, candidates: Candidates | None = None,
) -> StudentReport:  # fmt: skip
    """Check f(W, X, y, reg) -> (loss, dW) on X (N, D) float64 and y (N,), and on other data made from them.

    Is dW the slope of the loss, and, with `against`, are both ours? `budget` is in seconds, for the slopes; where both
    are ours, the fewest slopes do.
    StudentFailure where it gives no answer.
    """
    talk = Conversation(ask, X, y, against)
    W = random_weights(X, classes, seed)
    plain = Point("steps", "at random W, reg = 0", W, 0.0, X, y)
    first = talk.at(plain)
    if not same_bits(first, talk.at(plain)):
        return _report(talk, W, [repeatable_finding(False, plain)])
    full = plain._replace(words="at random W, reg > 0", reg=balanced_reg(first.dW, W))
    around, precision = _measured(talk, plain, full, seed)
    talk.unit = precision.unit
    seen = [talk.seen(point) for point in (plain, full, *other_points(full, reg))]
    beside = beside_ours(seen, precision)
    is_ours = bool(beside) and all(finding.verdict == "pass" for finding in beside)
    slope = compare(around, seen[1].answer.dW, seed=seed, budget=0 if is_ours else budget)
    directions = [] if is_ours or not precision.is_coarse else _along_directions(around, X, seen[1], seed, talk.unit)
    here = [
        inputs_finding(talk.changed, plain),
        images_finding(y, classes, plain),
        precision_finding(precision, talk.dtypes, full),
        *beside,
        slope_finding(slope, directions, seen[0], seen[1], X, precision),
    ]
    is_right = all(finding.verdict != "fail" for finding in here) and not precision.is_blurred
    there = ask_elsewhere(talk, around, plain, full, seed, is_right=is_right, apart=not precision.is_coarse)
    findings = [repeatable_finding(same_bits(first, talk.at(plain)), plain), *here, *there.findings]
    worst = _worst(slope, findings)
    table = step_table(around, worst.place, float(seen[1].answer.dW[worst.place])) if worst else ()
    advice = [*_advice(talk, seen, slope, here, candidates), *there.advice]
    return _report(talk, W, findings, worst, table, len(slope.tried), advice)


def _measured(talk: Conversation, plain: Point, full: Point, seed: int) -> tuple[Surroundings, Precision]:
    """Measure how much rounding blurs the loss at `full`, and tell from it, and from the answers, the precision."""
    first, answer = talk.at(plain), talk.at(full)
    # Digits of W that float32 does not hold change nothing, or the loss has no more digits than float32.
    rounded = full._replace(W=full.W.astype(np.float32).astype(np.float64))
    is_float32 = same_bits(answer, talk.at(rounded)) or is_single(first.loss)
    unit = UNITS["float32" if is_float32 else "float64"]
    around = surroundings(lambda W: talk.ask(W, full.X, full.y, full.reg).loss, full.W, full.X, seed, unit)
    size = magnitude(around.middle, full.W, full.X)
    precision = precision_of(talk.dtypes, around.noise, size, is_float32=is_float32)
    if precision.is_coarse:
        around = around._replace(grain=grain_of(answer.dW, around.largest, precision.unit))
    return around, precision


def _along_directions(around: Surroundings, X: FloatArray, full: Seen, seed: int, unit: float) -> list[Tried]:
    """Move all weights at once, many times: rounding in float32 hides the slope along one weight."""
    return [
        along_a_direction(
            around, around.value, around.middle, around.noise, around.W, X, full.answer.dW, seed, unit, number=i + 1
        )
        for i in range(DIRECTIONS)
    ]


def _worst(slope: Comparison, findings: Sequence[Finding]) -> Worst | None:
    """Return the place where dW is not the slope, else where it is not ours, else where it is nearest to a mistake."""
    failed = [finding.worst for finding in findings if finding.verdict == "fail" and finding.worst]
    return slope_worst(slope) if slope.count("wrong") or not failed else failed[0]


def _advice(
    talk: Conversation, seen: Sequence[Seen], slope: Comparison, findings: Sequence[Finding],
    candidates: Candidates | None,
) -> list[str]:  # fmt: skip
    failed = {finding.name for finding in findings if finding.verdict == "fail"}
    if not failed & {"value", "gradient", "slope"}:
        return []
    if not all(dtype.startswith("float") for dtype in talk.dtypes):
        return [f"dW is {', '.join(sorted(talk.dtypes))}: its fractions are lost; np.zeros(W.shape) is float64"]
    sentences = [_about_penalty(seen[0], seen[1], len(talk.y))]
    if "value" in failed:
        sentences.append(_about_values(talk, seen))
    if failed & {"gradient", "slope"}:
        sentences.append(explain_gradient(_evidence(seen, slope, "value" in failed), len(talk.y)))
    if candidates and not any(sentences):
        known = candidates(seen[1].point.W, talk.X, talk.y, seen[1].point.reg)
        bound = seen[1].ours.dW_bound if seen[1].ours else 1e-12 * np.abs(seen[1].answer.dW)
        sentences.append(matching_candidate(seen[1].answer.dW, known, bound))
    said = [sentence for sentence in sentences if sentence]
    return [sentence for sentence in said if sentence != NO_MULTIPLE or len(said) == 1]


def _about_penalty(plain: Seen, full: Seen, N: int) -> str | None:
    """Take away what the answers have in common: the rest is the penalty."""
    rounding = 1e-13 * N * float(np.abs(plain.answer.dW).max() + np.abs(full.answer.dW).max())
    right = 2 * full.point.reg * full.point.W
    return explain_penalty(_penalty_factor(plain, full), full.answer.dW - plain.answer.dW, right, rounding, N)


def _penalty_factor(plain: Seen, full: Seen) -> float:
    """Return the penalty in the value over reg * sum(W * W)."""
    return (full.answer.loss - plain.answer.loss) / (full.point.reg * float(np.sum(full.point.W**2)))


def _about_values(talk: Conversation, seen: Sequence[Seen]) -> str | None:
    plain = sorted((one for one in seen if not one.point.reg), key=lambda one: one.point.name != "zero")
    pairs = [ValuePair(o.point.name, o.answer.loss, o.ours.loss, o.ours.loss_bound) for o in plain if o.ours]
    batch, classes = Batch.of(talk.X, talk.y), seen[0].point.W.shape[1]
    others = {
        name: [evaluate_loss(Objective(loss), batch, with_bias(one.point.W))[0] for one in plain]
        for name, loss in LOSSES.items()
    }
    return explain_values(pairs, others, classes, len(talk.y), talk.against or "")


def _evidence(seen: Sequence[Seen], slope: Comparison, value_is_wrong: bool) -> Evidence:
    """Hold the data term's gradient against ours where the value is ours, else against the value's own slope."""
    plain, full = seen[0], seen[1]
    if plain.ours and not value_is_wrong:
        rows, columns = (index.ravel() for index in np.indices(plain.answer.dW.shape))
        return Evidence(plain.answer.dW, rows, columns, plain.ours.dW.ravel(), plain.ours.dW_bound.ravel())
    clear = [one for one in slope.tried if one.outcome in ("agrees", "wrong")]
    rows, columns = (np.array([one.place[i] for one in clear], int) for i in (0, 1))
    penalty = 2 * full.point.reg * full.point.W[rows, columns]
    slopes = np.array([one.numerical for one in clear]) - _penalty_factor(plain, full) * penalty
    return Evidence(plain.answer.dW, rows, columns, slopes, np.array([one.bound for one in clear]))


def _report(
    talk: Conversation, W: FloatArray, findings: Sequence[Finding], worst: Worst | None = None,
    table: Sequence[TableRow] = (), checked: int = 0, advice: Sequence[str] = (),
) -> StudentReport:  # fmt: skip
    our_seconds = _our_seconds(talk.against, talk.X, talk.y, W) if talk.against else None
    seconds = min(talk.seconds)
    slow = our_seconds is not None and seconds > SLOW * our_seconds
    notes = ("it is slower than it needs to be: a product of matrices does the work of a loop over images",) * slow
    unique = tuple(dict.fromkeys(advice))
    return StudentReport(findings, worst, table, checked, W.size, unique, notes, seconds, our_seconds)


def _our_seconds(loss: str, X: FloatArray, y: IntArray, W: FloatArray) -> float:
    """Return the time of our own loss and gradient, the best of a few."""
    times = []
    for _ in range(TIMED):
        began = time.perf_counter()
        analytic_gradient(Objective(LOSSES[loss]), Batch.of(X, y), with_bias(W))
        times.append(time.perf_counter() - began)
    return min(times)
