"""Run all checks of a learner's function, with advice for known mistakes."""

import math
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.step_sizes import ErrorCurve
from imgclf.gradcheck.student.conversation import Answered, Conversation
from imgclf.gradcheck.student.differences import (
    ENOUGH,
    Comparison,
    Surroundings,
    TableRow,
    along_a_direction,
    compare,
    random_order,
    rounding_of_dW,
    step_errors,
    step_table,
    surroundings,
)
from imgclf.gradcheck.student.elsewhere import ask_elsewhere, which_images
from imgclf.gradcheck.student.explain import (
    Evidence,
    ValuePair,
    explain_gradient,
    explain_values,
    matching_candidate,
)
from imgclf.gradcheck.student.findings import (
    StudentFinding,
    beside_ours,
    derivative_finding,
    images_finding,
    inputs_finding,
    penalty_finding,
    precision_finding,
    repeatable_finding,
    same_bits,
)
from imgclf.gradcheck.student.ours import with_bias
from imgclf.gradcheck.student.penalty import (
    CONVENTIONS,
    NO_MULTIPLE,
    Penalty,
    convention_of,
    explain_penalty,
    formula,
    measure_penalty,
)
from imgclf.gradcheck.student.points import Point, balanced_reg, other_points, random_weights
from imgclf.gradcheck.student.precision import UNITS, Precision, decimals_of, is_single, magnitude, precision_of
from imgclf.gradcheck.student.process import Ask
from imgclf.gradcheck.verdict import VERDICTS, Compared
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES, MARGIN

TIMED = 5
SLOW = 10.0  # times ours
DIRECTIONS = 20
CURVED = 10  # parameters whose errors are drawn by step size

# (W, X, y, reg) -> dW of known mistakes, by the sentence that explains them
Candidates: TypeAlias = Callable[[FloatArray, FloatArray, IntArray, float], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class StudentReport:
    """Findings, advice and speed of one function."""

    findings: Sequence[StudentFinding]
    parameters: int
    seconds_a_call: float | None = None
    our_seconds: float | None = None  # with `against`
    worst: Compared | None = None
    table: Sequence[TableRow] = ()  # of the worst parameter, by step size
    checked: int = 0  # parameters where dW was compared with central differences
    advice: Sequence[str] = ()
    penalty: str | None = None  # its formula, if it is one of the two conventions
    ratios: FloatArray | None = None  # (D, C), errors of dW in units of their bounds; 0 where it was not checked
    curves: Sequence[ErrorCurve] = ()  # if they were asked for
    notes: Sequence[str] = ()  # on what it prints and imports
    uses_imgclf: bool = False

    @property
    def verdict(self) -> str:
        """Return the worst verdict of all findings."""
        return min((finding.verdict for finding in self.findings), key=VERDICTS.index)

    @property
    def outcome(self) -> str:
        """Return right, inconclusive, wrong, or crashed if that is all that is wrong."""
        worst = [finding.word for finding in self.findings if finding.verdict == self.verdict]
        return "wrong" if "wrong" in worst else worst[0]

    @property
    def is_slow(self) -> bool:
        """Whether it takes more than SLOW times as long as our loss and gradient."""
        return (self.seconds_a_call or 0.0) > SLOW * (self.our_seconds or math.inf)


def check_student(
    ask: Ask, X: FloatArray, y: IntArray, classes: int, *, against: str | None = None, reg: float = 0.0,
    seed: int = 0, budget: float = 20.0, candidates: Candidates | None = None, penalty: str = "either",
    curves: bool = False,
) -> StudentReport:  # fmt: skip
    """Check f(W, X, y, reg) -> (loss, dW) on X (N, D) float64 and y (N,), and on other data made from them.

    dW must be the gradient of the loss and, with `against`, both must equal ours. budget: seconds for central
    differences: beside ours FEWEST are enough, and ENOUGH where derivatives along directions of all weights agree.
    penalty: one of CONVENTIONS, or either. curves: whether to measure errors by step size, to be drawn. Raises
    StudentFailure if it returns no loss and gradient.
    """
    talk = Conversation(ask, X, y, against)
    W = random_weights(X, classes, seed)
    plain = Point("steps", "at random W, reg = 0", W, 0.0, X, y)
    first = talk.at(plain)
    if not same_bits(first, talk.at(plain)):
        return StudentReport([repeatable_finding(False, plain)], W.size, *_seconds(talk, W))
    full = plain._replace(words="at random W, reg > 0", reg=balanced_reg(first.dW, W))
    around, precision = _measured(talk, plain, full, seed)
    added = measure_penalty(first, talk.at(full), W, full.reg, around.noise, precision.unit)
    talk.unit, talk.convention = precision.unit, convention_of(added, penalty)
    answers = [talk.compared_at(point) for point in (plain, full, *other_points(full, reg))]
    dW = answers[1].answer.dW
    beside = beside_ours(answers, precision)
    is_ours = bool(beside) and all(finding.verdict == "pass" for finding in beside)
    worst_beside = [one.worst.parameter for one in beside if one.verdict == "fail" and one.worst]
    # All weights moved at once, many times: that shows a mistake in any of them, and in float32 what rounding hides in
    # the derivative of one.
    numbers = range(1, DIRECTIONS + 1) if not beside or (precision.is_coarse and not is_ours) else ()
    directions = [along_a_direction(around, X, dW, seed, number) for number in numbers]
    agree = all(one.outcome in ("agrees", "kink") for one in directions)
    comparison = compare(
        around, dW, worst_beside, seed=seed, budget=0 if beside else budget, most=ENOUGH if agree else None
    )
    here = [
        images_finding(y, classes, plain),
        precision_finding(precision, talk.dtypes, full, decimals_of([one.answer.loss for one in answers[:2]])),
        penalty_finding(added, talk.convention, full, is_free=against is None and penalty not in CONVENTIONS),
        *beside,
        derivative_finding(comparison, directions, answers[0], answers[1], X, precision),
    ]
    is_right = not talk.changed and not precision.is_blurred and all(one.verdict != "fail" for one in here)
    # A wrong penalty alone hides no other mistake: without it, the function is right here.
    is_right_without = bool(beside) and not any(one.point.reg == 0 and one.mistake() for one in answers)
    there, more_advice = ask_elsewhere(
        talk, around, plain, full, seed, is_right=is_right or (is_right_without and not precision.is_blurred),
        penalty=is_right, apart=not precision.is_coarse,
    )  # fmt: skip
    repeats = same_bits(first, talk.at(plain))
    findings = [repeatable_finding(repeats, plain), inputs_finding(talk.changed, plain), *here, *there]
    worst = _worst(comparison, findings)
    is_wrong = worst is not None and comparison.count("wrong") > 0
    advice = [*_advice(talk, answers, comparison, here, candidates, added), *more_advice]
    return StudentReport(
        [replace(one, l2=talk.convention * one.l2) for one in findings],
        W.size,
        *_seconds(talk, W),
        worst,
        step_table(around, worst.parameter, float(dW[worst.parameter])) if worst and is_wrong else (),
        len(comparison.derivatives),
        list(dict.fromkeys(advice)),
        formula(added.convention) if added.convention else None,
        _ratios(answers, comparison),
        _curves(around, dW, worst, seed) if curves and worst else (),
    )


def _measured(talk: Conversation, plain: Point, full: Point, seed: int) -> tuple[Surroundings, Precision]:
    """Measure the rounding of the loss at `full`, and infer the precision from it and from the results."""
    first, answer = talk.at(plain), talk.at(full)
    # In float32, digits of W beyond float32 change nothing, and the loss is a float32.
    rounded = full._replace(W=full.W.astype(np.float32).astype(np.float64))
    is_float32 = (answer.dW.any() and same_bits(answer, talk.at(rounded))) or is_single(first.loss)
    unit = UNITS["float32" if is_float32 else "float64"]
    around = surroundings(lambda W: talk.ask(W, full.X, full.y, full.reg).loss, full.W, full.X, seed, unit)
    size = magnitude(around.middle, full.W, full.X)
    precision = precision_of(talk.dtypes, around.noise, size, is_float32=is_float32)
    if precision.is_coarse:
        rounding = rounding_of_dW(answer.dW, around.largest, precision.unit)
        around = around._replace(unit=precision.unit, dW_rounding=rounding)
    return around, precision


def _worst(comparison: Comparison, findings: Sequence[StudentFinding]) -> Compared | None:
    """Return the worst parameter: of the central differences, unless only the comparison with ours fails."""
    failed = [finding.worst for finding in findings if finding.verdict == "fail" and finding.worst]
    return comparison.worst if comparison.count("wrong") or not failed else failed[0]


def _ratios(answers: Sequence[Answered], comparison: Comparison) -> FloatArray:
    """Return the largest errors of dW in units of their bounds, (D, C); without ours, of the compared derivatives."""
    ratios = np.asarray(np.max([one.dW_ratios for one in answers], axis=0))
    if not answers[0].ours:
        for one in comparison.derivatives:
            ratio = one.compared.ratio
            ratios[one.compared.parameter] = ratio if one.outcome == "wrong" else min(1.0, ratio)
    return ratios


def _curves(around: Surroundings, dW: FloatArray, worst: Compared, seed: int) -> list[ErrorCurve]:
    """Measure the errors by step size, of the worst parameter and of some others."""
    others = list(islice(random_order(dW.shape, seed), CURVED))
    row, column = worst.parameter
    return [
        step_errors(around, dW, [worst.parameter], f"dW[{row},{column}], the worst"),
        step_errors(around, dW, others, f"the largest of {len(others)} others"),
    ]


def _advice(
    talk: Conversation, answers: Sequence[Answered], comparison: Comparison, findings: Sequence[StudentFinding],
    candidates: Candidates | None, penalty: Penalty,
) -> list[str]:  # fmt: skip
    """Name what is wrong on these images: the penalty, the loss, the gradient of the data term."""
    failed = {finding.check for finding in findings if finding.verdict == "fail"}
    if not failed & {"value", "gradient", "derivative", "penalty"}:
        return []
    if not all(dtype.startswith("float") for dtype in talk.dtypes):
        return [f"dW is {', '.join(sorted(talk.dtypes))}, which loses fractions: np.zeros(W.shape) is float64"]
    plain, full = answers[:2]
    if not any(one.answer.loss or one.answer.dW.any() for one in answers):
        return ["your loss and dW are 0 everywhere: does the function compute anything yet?"]
    N = len(talk.y)
    sentences = [explain_penalty(penalty, talk.convention, N)]
    if "value" in failed:
        sentences.append(_about_values(talk, answers))
    if "derivative" in failed or ("gradient" in failed and "value" not in failed):
        sentences += _about_gradient(talk, plain, full, comparison, candidates, penalty)
    advice = [sentence for sentence in sentences if sentence]
    if plain.mistake() and not advice and (clause := which_images(talk, plain)):
        advice = [f"{'the loss' if plain.wrong_loss else 'dW'} is wrong: {clause}"]
    return [sentence for sentence in advice if sentence != NO_MULTIPLE or len(advice) == 1]


def _about_gradient(
    talk: Conversation, plain: Answered, full: Answered, comparison: Comparison, candidates: Candidates | None,
    penalty: Penalty,
) -> list[str]:  # fmt: skip
    """Name the mistake in the gradient of the data term: beside ours, or else beside the slopes of the loss."""
    N, point = len(talk.y), plain.point
    if plain.ours:
        if not plain.wrong_dW:
            return []
        rows, columns = (index.ravel() for index in np.indices(plain.answer.dW.shape))
        ours = Evidence(plain.answer.dW, rows, columns, plain.ours.dW.ravel(), plain.ours.dW_bound.ravel())
        if sentence := explain_gradient(ours, N):
            return [sentence]
    if candidates:
        bound = plain.ours.dW_bound if plain.ours else 1e-12 * np.abs(plain.answer.dW)
        known = candidates(point.W, talk.X, talk.y, point.reg)
        if sentences := matching_candidate(plain.answer.dW, known, bound, N):
            return sentences
    sentence = explain_gradient(_by_differences(plain, full, comparison, penalty), N)
    return [sentence] if sentence else []


def _by_differences(plain: Answered, full: Answered, comparison: Comparison, penalty: Penalty) -> Evidence:
    """Return the gradient of the data term as central differences of the loss."""
    clear = [one.compared for one in comparison.derivatives if one.outcome in ("agrees", "wrong")]
    rows, columns = (np.array([one.parameter[i] for one in clear], int) for i in (0, 1))
    of_penalty = penalty.value * 2 * full.point.reg * full.point.W[rows, columns]
    right = np.array([one.numerical for one in clear]) - of_penalty
    return Evidence(plain.answer.dW, rows, columns, right, np.array([one.bound for one in clear]))


def _about_values(talk: Conversation, answers: Sequence[Answered]) -> str | None:
    plain = sorted((one for one in answers if not one.point.reg), key=lambda one: one.point.name != "zero")
    pairs = [ValuePair(o.point.name, o.answer.loss, o.ours.loss, o.ours.loss_bound) for o in plain if o.ours]
    batch, classes = Batch.of(talk.X, talk.y), answers[0].point.W.shape[1]
    others = {
        name: [evaluate_loss(Objective(loss), batch, with_bias(one.point.W))[0] for one in plain]
        for name, loss in LOSSES.items()
    }
    is_right = np.eye(classes)[talk.y]

    def with_margin(margin: float) -> FloatArray:
        moved = (one.point.X @ one.point.W - (margin - MARGIN) * is_right for one in plain)
        return np.array([LOSSES[talk.against or ""](scores, talk.y)[0].mean() for scores in moved])

    return explain_values(pairs, others, with_margin, classes, len(talk.y), talk.against or "")


def _seconds(talk: Conversation, W: FloatArray) -> tuple[float, float | None]:
    """Return the shortest time of its loss and gradient, and of ours."""
    if not talk.against:
        return min(talk.seconds), None
    objective, batch = Objective(LOSSES[talk.against]), Batch.of(talk.X, talk.y)
    ours = timeit.repeat(lambda: analytic_gradient(objective, batch, with_bias(W)), number=1, repeat=TIMED)
    return min(talk.seconds), min(ours)
