"""Report of `imgclf gradcheck --loss`, the check of a learner's own function."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgclf.cli.console import Console, table
from imgclf.cli.gradcheck_report import common_keys, pixel_and_class
from imgclf.errors import plural

if TYPE_CHECKING:
    from imgclf.arrays import FloatArray, IntArray
    from imgclf.gradcheck.student.check import StudentReport
    from imgclf.gradcheck.student.differences import TableRow
    from imgclf.training.plan import Plan

MARKS = {"pass": "ok", "fail": "FAIL", "inconclusive": "?"}
NUMERICAL = {"derivative": "central difference", "gradient": "ours"}  # what dW is compared with
SLOW = "it is slow: replace a loop over images by a matrix product"


def run_student(
    console: Console, plan: "Plan", spec: str, against: str | None, X: "FloatArray", y: "IntArray",
    *, patience: float = 10.0, budget: float = 20.0,
) -> bool:  # fmt: skip
    """Check FILE.py:FUNCTION on X (N, D) float64 and y (N,), print the findings, and return whether it passes."""
    from imgclf.gradcheck.student.check import check_student
    from imgclf.gradcheck.student.known_mistakes import known_mistakes
    from imgclf.gradcheck.student.process import StudentFailure, open_student, parse_spec
    from imgclf.gradcheck.verdict import Finding, Outcome

    path, name = parse_spec(spec)
    began = time.perf_counter()
    rows, classes = X.shape[1], len(plan.train.class_names)
    reg = plan.config.regularization.l2 / 2
    try:
        with open_student(path, name, patience) as ask:
            console.say(
                f"{spec}{f' against {against}' if against else ''}: {plural(len(y), 'image')}, "
                f"{plural(rows * classes, 'parameter')}; central differences of at least 50"
                f"{'' if against else f', and of more for up to {budget:.0f} s'}",
                "",
            )
            report = check_student(
                ask, X, y, classes, against=against, reg=reg, seed=plan.config.seed, budget=budget,
                candidates=known_mistakes(against) if against else None,
            )  # fmt: skip
            notes = ask.notes
    except StudentFailure as failure:
        console.result(str(failure), "verdict: fail")
        findings = [Finding(name, 2 * reg, 0.0, "steps", "answer", Outcome("fail", str(failure)))]
        seconds = time.perf_counter() - began
        console.object(common_keys("fail", 0, rows * classes, seconds, None, findings, rows + 1) | {"advice": []})
        return False
    _print(console, report, notes, plan)
    findings = [replace(finding, loss=name) for finding in report.findings]
    seconds = time.perf_counter() - began
    content = common_keys(report.verdict, report.checked, report.parameters, seconds, report.worst, findings, rows + 1)
    console.object(content | {"advice": report.advice})
    return report.verdict == "pass"


def _print(console: Console, report: "StudentReport", notes: Sequence[str], plan: "Plan") -> None:
    for finding in report.findings:
        show = console.say if finding.verdict == "pass" else console.result
        show(f"  {MARKS[finding.verdict]:<4}  {finding.check:<12}  {finding.outcome.reason}")
    speed = f"{1000 * report.seconds_a_call:.2g} ms a call"
    if report.our_seconds:
        times = report.seconds_a_call / report.our_seconds
        speed += f", ours {1000 * report.our_seconds:.2g} ms: {times:.2g} times ours"
    console.say(f"  {'':<4}  {'speed':<12}  {speed}")
    worst = report.worst
    if worst and worst.error > worst.bound and report.verdict == "fail":
        row, column = worst.parameter
        beside = next(NUMERICAL[finding.check] for finding in report.findings if finding.worst == worst)
        console.result(
            "",
            f"the worst parameter is dW[{row},{column}], {pixel_and_class(worst.parameter, plan)}:",
            f"  yours {worst.analytic:.10g}, {beside} {worst.numerical:.10g}, "
            f"error {worst.error:.1e}, bound {worst.bound:.1e}",
        )
    if report.table:
        console.say("", *_step_table(report.table), "")
    console.result(*(f"advice: {sentence}" for sentence in report.advice))
    console.say(*(f"note: {note}" for note in [SLOW] * report.is_slow + [*notes]))
    console.result(f"verdict: {report.verdict}")


def _step_table(rows: "Sequence[TableRow]") -> list[str]:
    header = ["step", "central difference", "error", "previous error / error"]
    lines = [
        [f"{step:.2e}", f"{quotient:.10g}", f"{error:.1e}", "-" if ratio is None else f"{ratio:.2f}"]
        for step, quotient, error, ratio in rows
    ]
    words = "The step is halved: the error of a right gradient falls to rounding (-), that of a wrong one stays (1.00)."
    return [*table(header, lines, left=0), words]
