"""Run the gradient check: every loss, penalty, point and kind of check."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks import CheckFn
from imgclf.gradcheck.checks.float32 import float32
from imgclf.gradcheck.checks.invariances import invariances
from imgclf.gradcheck.checks.optimizer_steps import steps_of
from imgclf.gradcheck.checks.purity import purity
from imgclf.gradcheck.checks.small_cases import small_cases
from imgclf.gradcheck.checks.textbook import textbook
from imgclf.gradcheck.checks.training import training_on
from imgclf.gradcheck.checks.value import value
from imgclf.gradcheck.coverage import missing
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import POINTS, stratified_images
from imgclf.gradcheck.verdict import Finding, Outcome
from imgclf.machine.progress import advancing
from imgclf.training.plan import Plan, make_objective

Penalty: TypeAlias = tuple[float, float]  # l2, l1


class Check(NamedTuple):
    """One kind of check, the points where it applies, and whether a penalty changes its result."""

    run: CheckFn
    points: Sequence[str] = tuple(POINTS)
    sees_penalty: bool = True


@dataclass(frozen=True)
class CheckedLoss:
    """One loss: its cases by point, and the findings."""

    loss: str
    cases: Mapping[str, Case]
    findings: Sequence[Finding]


def exhaustive(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Compare the analytic gradient with the numerical one at every parameter."""
    return case.compare(code.gradient_at(case.X, case.y, case.weights, l2, l1), l2, l1)


def complex_step(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Compare the numerical gradient with the complex-step gradient: two methods, one result."""
    return case.compare(case.complex_step)


def checks_of(plan: Plan) -> dict[str, Check]:
    """Return the kinds of check by name, in the order in which reports list them."""
    checks = {
        "value": Check(value),
        "textbook": Check(textbook, ("steps", "wide")),
        "exhaustive": Check(exhaustive),
        "complex step": Check(complex_step, ("steps", "wide"), sees_penalty=False),
        "invariances": Check(invariances, ("steps", "wide")),
        "purity": Check(purity, ("zero", "wide")),
        "small_cases": Check(small_cases, ("wide",)),
        "optimizer": Check(steps_of(plan), ("steps",)),
    }
    if plan.weights.dtype == np.float32:
        checks["float32"] = Check(float32)
    if plan.config.train.gradient == "analytic":
        moved = ("start",) if plan.weights.any() else ()  # at W = 0 svm_cs ties: any subgradient is right
        checks["training"] = Check(training_on(plan), (*moved, "steps", "wide"))
    return checks


def penalties_of(plan: Plan, *, as_config: bool) -> list[Penalty]:
    """Return the penalties to check: none and the config's; unless `as_config`, neither l2 nor l1 of it is 0."""
    chosen = plan.config.regularization
    penalty = (chosen.l2, chosen.l1) if as_config else (chosen.l2 or 1e-4, chosen.l1 or 3e-5)
    return [(0.0, 0.0)] + [penalty] * (penalty != (0.0, 0.0))


def make_cases(plan: Plan, loss: str, X: FloatArray, y: IntArray) -> dict[str, Case]:
    """Return the cases of a loss, by point."""
    objective = make_objective(plan.config, loss, plan.class_weights)
    return {
        point: Case(loss, X, y, weights(plan, objective, X), plan.class_weights) for point, weights in POINTS.items()
    }


def check_loss(
    plan: Plan,
    code: Implementation,
    cases: Mapping[str, Case],
    penalties: Sequence[Penalty],
    checks: Mapping[str, Check],
) -> Iterator[Finding]:
    """Run every check on an implementation, with every penalty, at every point."""
    loss = next(iter(cases.values())).loss
    present = np.unique(plan.train.y).tolist()
    for l2, l1 in penalties:
        vague = missing(list(cases.values()), l2, l1, plan.train.class_names, present)
        for point, case in cases.items():
            for name, check in checks.items():
                if point not in check.points or not _applies(check, (l2, l1)):
                    continue
                outcome = check.run(code, case, l2, l1)
                if name == "exhaustive" and vague and outcome.verdict == "pass":
                    outcome = outcome._replace(verdict="inconclusive", reason=vague)
                yield Finding(loss, l2, l1, point, name, outcome)


def _applies(check: Check, penalty: Penalty) -> bool:
    return check.sees_penalty or penalty == (0.0, 0.0)


def check_plan(plan: Plan, losses: Sequence[str], images: int, *, as_config: bool) -> Iterator[CheckedLoss]:
    """Check each loss on this number of training images."""
    X, y = stratified_images(plan, images)
    checks, penalties = checks_of(plan), penalties_of(plan, as_config=as_config)
    a_loss = sum(len(check.points) for penalty in penalties for check in checks.values() if _applies(check, penalty))
    advance = advancing("checking", len(losses) * a_loss, "check")
    for loss in losses:
        cases, findings = make_cases(plan, loss, X, y), []
        for finding in check_loss(plan, Implementation.of(plan, loss), cases, penalties, checks):
            findings.append(finding)
            advance(1)
        yield CheckedLoss(loss, cases, findings)
