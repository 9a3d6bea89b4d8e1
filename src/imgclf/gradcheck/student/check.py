"""Run all checks of a learner's function, with advice for known mistakes."""

import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.student.conversation import Answered, Conversation
from imgclf.gradcheck.student.differences import (
    Comparison,
    Surroundings,
    TableRow,
    along_a_direction,
    compare,
    rounding_of_dW,
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
    beside_ours,
    derivative_finding,
    images_finding,
    inputs_finding,
    precision_finding,
    repeatable_finding,
    same_bits,
)
from imgclf.gradcheck.student.ours import with_bias
from imgclf.gradcheck.student.points import Point, balanced_reg, other_points, random_weights
from imgclf.gradcheck.student.precision import UNITS, Precision, is_single, magnitude, precision_of
from imgclf.gradcheck.student.process import Ask
from imgclf.gradcheck.verdict import VERDICTS, Compared, Finding
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES

TIMED = 5
SLOW = 10.0  # times ours
DIRECTIONS = 20

# (W, X, y, reg) -> dW of known mistakes, by the sentence that explains them
Candidates: TypeAlias = Callable[[FloatArray, FloatArray, IntArray, float], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class StudentReport:
    """Findings, advice and speed of one function."""

    findings: Sequence[Finding]
    parameters: int
    seconds_a_call: float
    our_seconds: float | None  # with `against`
    worst: Compared | None = None
    table: Sequence[TableRow] = ()  # of the worst parameter, by step size
    checked: int = 0  # parameters where dW was compared with central differences
    advice: Sequence[str] = ()

    @property
    def verdict(self) -> str:
        """Return the worst verdict of all findings."""
        return min((finding.verdict for finding in self.findings), key=VERDICTS.index)

    @property
    def is_slow(self) -> bool:
        """Whether it takes more than SLOW times as long as our loss and gradient."""
        return self.our_seconds is not None and self.seconds_a_call > SLOW * self.our_seconds


def check_student(
    ask: Ask, X: FloatArray, y: IntArray, classes: int, *, against: str | None = None, reg: float = 0.0,
    seed: int = 0, budget: float = 20.0, candidates: Candidates | None = None,
) -> StudentReport:  # fmt: skip
    """Check f(W, X, y, reg) -> (loss, dW) on X (N, D) float64 and y (N,), and on other data made from them.

    dW must be the gradient of the loss and, with `against`, both must equal ours. budget: seconds for central
    differences; if both equal ours, FEWEST are enough. Raises StudentFailure if it returns no loss and gradient.
    """
    talk = Conversation(ask, X, y, against)
    W = random_weights(X, classes, seed)
    plain = Point("steps", "at random W, reg = 0", W, 0.0, X, y)
    first = talk.at(plain)
    if not same_bits(first, talk.at(plain)):
        return StudentReport([repeatable_finding(False, plain)], W.size, *_seconds(talk, W))
    full = plain._replace(words="at random W, reg > 0", reg=balanced_reg(first.dW, W))
    around, precision = _measured(talk, plain, full, seed)
    talk.unit = precision.unit
    answers = [talk.compared_at(point) for point in (plain, full, *other_points(full, reg))]
    dW = answers[1].answer.dW
    beside = beside_ours(answers, precision)
    is_ours = bool(beside) and all(finding.verdict == "pass" for finding in beside)
    comparison = compare(around, dW, seed=seed, budget=0 if is_ours else budget)
    # Rounding in float32 hides the derivative of one weight: all of them are moved at once, many times.
    numbers = range(1, DIRECTIONS + 1) if precision.is_coarse and not is_ours else ()
    directions = [along_a_direction(around, X, dW, seed, number) for number in numbers]
    here = [
        inputs_finding(talk.changed, plain),
        images_finding(y, classes, plain),
        precision_finding(precision, talk.dtypes, full),
        *beside,
        derivative_finding(comparison, directions, answers[0], answers[1], X, precision),
    ]
    is_right = all(finding.verdict != "fail" for finding in here) and not precision.is_blurred
    there, more_advice = ask_elsewhere(
        talk, around, plain, full, seed, is_right=is_right, apart=not precision.is_coarse
    )
    findings = [repeatable_finding(same_bits(first, talk.at(plain)), plain), *here, *there]
    worst = _worst(comparison, findings)
    return StudentReport(
        findings,
        W.size,
        *_seconds(talk, W),
        worst,
        step_table(around, worst.parameter, float(dW[worst.parameter])) if worst else (),
        len(comparison.derivatives),
        list(dict.fromkeys([*_advice(talk, answers, comparison, here, candidates), *more_advice])),
    )


def _measured(talk: Conversation, plain: Point, full: Point, seed: int) -> tuple[Surroundings, Precision]:
    """Measure the rounding of the loss at `full`, and infer the precision from it and from the results."""
    first, answer = talk.at(plain), talk.at(full)
    # In float32, digits of W beyond float32 change nothing, and the loss is a float32.
    rounded = full._replace(W=full.W.astype(np.float32).astype(np.float64))
    is_float32 = same_bits(answer, talk.at(rounded)) or is_single(first.loss)
    unit = UNITS["float32" if is_float32 else "float64"]
    around = surroundings(lambda W: talk.ask(W, full.X, full.y, full.reg).loss, full.W, full.X, seed, unit)
    size = magnitude(around.middle, full.W, full.X)
    precision = precision_of(talk.dtypes, around.noise, size, is_float32=is_float32)
    if precision.is_coarse:
        rounding = rounding_of_dW(answer.dW, around.largest, precision.unit)
        around = around._replace(unit=precision.unit, dW_rounding=rounding)
    return around, precision


def _worst(comparison: Comparison, findings: Sequence[Finding]) -> Compared | None:
    """Return the worst parameter: of the central differences, unless only the comparison with ours fails."""
    failed = [finding.worst for finding in findings if finding.verdict == "fail" and finding.worst]
    return comparison.worst if comparison.count("wrong") or not failed else failed[0]


def _advice(
    talk: Conversation, answers: Sequence[Answered], comparison: Comparison, findings: Sequence[Finding],
    candidates: Candidates | None,
) -> list[str]:  # fmt: skip
    failed = {finding.check for finding in findings if finding.verdict == "fail"}
    if not failed & {"value", "gradient", "derivative"}:
        return []
    if not all(dtype.startswith("float") for dtype in talk.dtypes):
        return [f"dW is {', '.join(sorted(talk.dtypes))}, which loses fractions: np.zeros(W.shape) is float64"]
    plain, full = answers[:2]
    sentences = [_about_penalty(plain, full, len(talk.y))]
    if "value" in failed:
        sentences.append(_about_values(talk, answers))
    if failed & {"gradient", "derivative"}:
        sentences.append(explain_gradient(_evidence(plain, full, comparison, "value" in failed), len(talk.y)))
    if candidates and not any(sentences):
        known = candidates(full.point.W, talk.X, talk.y, full.point.reg)
        bound = full.ours.dW_bound if full.ours else 1e-12 * np.abs(full.answer.dW)
        sentences.append(matching_candidate(full.answer.dW, known, bound))
    advice = [sentence for sentence in sentences if sentence]
    return [sentence for sentence in advice if sentence != NO_MULTIPLE or len(advice) == 1]


def _about_penalty(plain: Answered, full: Answered, N: int) -> str | None:
    """Explain a wrong penalty, by the difference of the results with and without it."""
    rounding = 1e-13 * N * float(np.abs(plain.answer.dW).max() + np.abs(full.answer.dW).max())
    right = 2 * full.point.reg * full.point.W
    return explain_penalty(_penalty_factor(plain, full), full.answer.dW - plain.answer.dW, right, rounding, N)


def _penalty_factor(plain: Answered, full: Answered) -> float:
    """Return the penalty in the loss, divided by reg * sum(W * W)."""
    return (full.answer.loss - plain.answer.loss) / (full.point.reg * float(np.sum(full.point.W**2)))


def _about_values(talk: Conversation, answers: Sequence[Answered]) -> str | None:
    plain = sorted((one for one in answers if not one.point.reg), key=lambda one: one.point.name != "zero")
    pairs = [ValuePair(o.point.name, o.answer.loss, o.ours.loss, o.ours.loss_bound) for o in plain if o.ours]
    batch, classes = Batch.of(talk.X, talk.y), answers[0].point.W.shape[1]
    others = {
        name: [evaluate_loss(Objective(loss), batch, with_bias(one.point.W))[0] for one in plain]
        for name, loss in LOSSES.items()
    }
    return explain_values(pairs, others, classes, len(talk.y), talk.against or "")


def _evidence(plain: Answered, full: Answered, comparison: Comparison, loss_is_wrong: bool) -> Evidence:
    """Compare the data gradient with ours if the loss is ours, else with central differences of the loss."""
    if plain.ours and not loss_is_wrong:
        rows, columns = (index.ravel() for index in np.indices(plain.answer.dW.shape))
        return Evidence(plain.answer.dW, rows, columns, plain.ours.dW.ravel(), plain.ours.dW_bound.ravel())
    clear = [one.compared for one in comparison.derivatives if one.outcome in ("agrees", "wrong")]
    rows, columns = (np.array([one.parameter[i] for one in clear], int) for i in (0, 1))
    penalty = 2 * full.point.reg * full.point.W[rows, columns]
    right = np.array([one.numerical for one in clear]) - _penalty_factor(plain, full) * penalty
    return Evidence(plain.answer.dW, rows, columns, right, np.array([one.bound for one in clear]))


def _seconds(talk: Conversation, W: FloatArray) -> tuple[float, float | None]:
    """Return the shortest time of its loss and gradient, and of ours."""
    if not talk.against:
        return min(talk.seconds), None
    objective, batch = Objective(LOSSES[talk.against]), Batch.of(talk.X, talk.y)
    ours = timeit.repeat(lambda: analytic_gradient(objective, batch, with_bias(W)), number=1, repeat=TIMED)
    return min(talk.seconds), min(ours)
