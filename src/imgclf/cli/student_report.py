"""Report of `imgclf gradcheck --loss`, the check of a learner's own function."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.cli.console import Console, fold, table
from imgclf.cli.drawing import drawing
from imgclf.cli.gradcheck_report import common_keys, pixel_and_class
from imgclf.errors import plural

if TYPE_CHECKING:
    from imgclf.arrays import FloatArray, IntArray
    from imgclf.gradcheck.student.check import StudentReport
    from imgclf.gradcheck.student.differences import TableRow
    from imgclf.training.plan import Plan

MARKS = {"right": "ok", "wrong": "FAIL", "crashed": "CRASH", "inconclusive": "?"}
NUMERICAL = {"derivative": "central difference", "gradient": "ours"}  # what dW is compared with
SLOW = "it is slow: replace a loop over images by a matrix product"


def run_student(
    console: Console, plan: "Plan", spec: str, against: str | None, X: "FloatArray", y: "IntArray",
    *, penalty: str = "either", hints: str = "why", plot: Path | None = None, patience: float = 10.0,
    budget: float = 20.0,
) -> bool:  # fmt: skip
    """Check FILE.py:FUNCTION on X (N, D) float64 and y (N,), print the findings, and return whether it passes.

    penalty: full, half or either; hints: none, where or why; plot: a folder for pictures.
    """
    from imgclf.files.writing import make_folder
    from imgclf.gradcheck.student.check import StudentReport, check_student
    from imgclf.gradcheck.student.findings import failure_finding
    from imgclf.gradcheck.student.hints import told
    from imgclf.gradcheck.student.known_mistakes import known_mistakes
    from imgclf.gradcheck.student.process import Limits, StudentFailure, open_student, parse_spec

    path, name = parse_spec(spec)
    began = time.perf_counter()
    rows, classes = X.shape[1], len(plan.train.class_names)
    reg = plan.config.regularization.l2 / 2
    if plot is not None:
        make_folder(plot)  # an unusable folder is an error before the work, not after
    try:
        with open_student(path, name, Limits(patience)) as ask:
            if hints != "none":
                about = (
                    f"{spec}{f' against {against}' if against else ''}: {plural(len(y), 'image')}, "
                    f"{plural(rows * classes, 'parameter')}; central differences of at least 50"
                    f"{'' if against else f', and of more for up to {budget:.0f} s'}"
                )
                console.say(*fold("", about), "")
            report = check_student(
                ask, X, y, classes, against=against, reg=reg, seed=plan.config.seed, budget=budget, penalty=penalty,
                candidates=known_mistakes(against) if against else None, curves=plot is not None,
            )  # fmt: skip
            report = replace(report, notes=ask.notes, uses_imgclf=ask.uses_imgclf)
    except StudentFailure as failure:
        report = StudentReport([failure_finding(failure, 2 * reg)], rows * classes)
    verdict, outcome = report.verdict, report.outcome
    report = told(report, hints)
    if hints != "none":
        _print(console, report, plan)
    if plot is not None:
        _draw(console, report, name, against, plan, plot)
    penalized = f", with the penalty {report.penalty}" if verdict == "pass" and report.penalty else ""
    console.result(f"verdict: {verdict}{' (crashed)' * (outcome == 'crashed')}{penalized}")
    findings = [replace(finding, loss=name) for finding in report.findings]
    seconds = time.perf_counter() - began
    content = common_keys(verdict, report.checked, report.parameters, seconds, report.worst, findings, rows + 1)
    for check, finding in zip(content["checks"], findings, strict=True):
        check["outcome"] = finding.word
    content |= {"advice": list(report.advice), "outcome": outcome, "penalty": report.penalty}
    console.object(content | {"notes": list(report.notes), "uses_imgclf": report.uses_imgclf})
    return verdict == "pass"


def _print(console: Console, report: "StudentReport", plan: "Plan") -> None:
    for finding in report.findings:
        show = console.say if finding.verdict == "pass" else console.result
        show(*fold(f"  {MARKS[finding.word]:<5} {finding.check:<12}  ", finding.outcome.reason))
    if report.seconds_a_call is not None:
        speed = f"{1000 * report.seconds_a_call:.2g} ms a call"
        if report.our_seconds:
            times = report.seconds_a_call / report.our_seconds
            speed += f", ours {1000 * report.our_seconds:.2g} ms: {times:.2g} times ours"
        console.say(*fold(f"  {'':<5} {'speed':<12}  ", speed))
    worst = report.worst
    if worst and report.verdict == "fail" and not worst.error <= worst.bound:
        row, column = worst.parameter
        place = f"dW[{row},{column}], {pixel_and_class(worst.parameter, plan)}"
        console.result("", *fold("the worst parameter is ", place))
        if math.isfinite(worst.bound):
            beside = next(NUMERICAL[finding.check] for finding in report.findings if finding.worst == worst)
            compared = (
                f"yours {worst.analytic:.10g}, {beside} {worst.numerical:.10g}, "
                f"error {worst.error:.1e}, bound {worst.bound:.1e}"
            )
            console.result(*fold("  ", compared))
    if report.table:
        console.say("", *_step_table(report.table), "")
    for sentence in report.advice:
        console.result(*fold("advice: ", sentence))
    for note in [SLOW] * report.is_slow + [*report.notes]:
        console.say(*fold("note: ", note))


def _draw(
    console: Console, report: "StudentReport", name: str, against: str | None, plan: "Plan", directory: Path
) -> None:
    drawn: list[str] = []
    with drawing(console, directory, "the check is done; only its pictures are missing"):
        from imgclf.report.student_pictures import draw_student

        drawn += draw_student(report, name, against, plan, directory)
    console.say(f"pictures  {directory} ({', '.join(drawn)})" if drawn else "pictures  there is nothing to draw")


def _step_table(rows: "Sequence[TableRow]") -> list[str]:
    header = ["step", "central difference", "error", "previous error / error"]
    lines = [
        [f"{step:.2e}", f"{quotient:.10g}", f"{error:.1e}", "-" if ratio is None else f"{ratio:.2f}"]
        for step, quotient, error, ratio in rows
    ]
    words = "The step is halved: the error of a right gradient falls to rounding (-), that of a wrong one stays (1.00)."
    return [*table(header, lines, left=0), *fold("", words)]
