"""`imgclf gradcheck --loss`: check a learner's own function."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imgclf.cli.console import Console, plural, table
from imgclf.cli.gradcheck_report import pixel_name

if TYPE_CHECKING:
    from imgclf.arrays import FloatArray, IntArray
    from imgclf.gradcheck.student.check import Candidates, StudentReport
    from imgclf.gradcheck.student.differences import TableRow
    from imgclf.gradcheck.student.findings import Worst

MARKS = {"pass": "ok", "fail": "FAIL", "inconclusive": "?"}


def run_student(
    console: Console, spec: str, against: str | None, X: "FloatArray", y: "IntArray", classes: int,
    class_names: Sequence[str], example_shape: Sequence[int], reg: float, seed: int,
    candidates: "Candidates | None" = None, *, patience: float = 10.0, budget: float = 20.0,
) -> bool:  # fmt: skip
    """Check FILE.py:FUNCTION on X (N, D) float64 and y (N,), and print what was found; whether all is well."""
    from dataclasses import replace

    from imgclf.gradcheck.student.check import check_student
    from imgclf.gradcheck.student.process import StudentFailure, open_student, parse_spec

    path, name = parse_spec(spec)
    began = time.perf_counter()
    beside = f" against {against}" if against else ""
    try:
        with open_student(path, name, patience) as ask:
            console.say(
                f"{spec}{beside}: {plural(len(y), 'image')}, {plural(X.shape[1] * classes, 'parameter')}; "
                f"at least 50 of them are moved{'' if against else f', and as many as fit in {budget:.0f} s'}",
                "",
            )
            report = check_student(
                ask, X, y, classes, against=against, reg=reg, seed=seed, budget=budget, candidates=candidates
            )
            report = replace(report, notes=[*report.notes, *ask.notes])
    except StudentFailure as failure:
        console.result(str(failure), "verdict: fail")
        console.object(_no_answer(str(failure), name, reg, X.shape[1] * classes, time.perf_counter() - began))
        return False
    _print(console, report, class_names, example_shape)
    console.object(summarise(report, name, time.perf_counter() - began))
    return report.verdict == "pass"


def summarise(report: "StudentReport", name: str, seconds: float) -> dict[str, Any]:
    """Return what `--json` prints."""
    checks = [
        {
            "loss": name,
            "l2": 2 * finding.reg,
            "l1": 0.0,
            "point": finding.point,
            "layer": finding.name,
            "verdict": finding.verdict,
            "reason": finding.sentence,
            "checked": finding.checked,
            "worst": _worst(finding.worst),
        }
        for finding in report.findings
    ]
    return {
        "verdict": report.verdict,
        "checked": report.checked,
        "parameters": report.parameters,
        "seconds": seconds,
        "worst": _worst(report.worst),
        "checks": checks,
        "advice": list(report.advice),
    }


def _no_answer(line: str, name: str, reg: float, parameters: int, seconds: float) -> dict[str, Any]:
    check = {
        "loss": name,
        "l2": 2 * reg,
        "l1": 0.0,
        "point": "steps",
        "layer": "answer",
        "verdict": "fail",
        "reason": line,
        "checked": 0,
        "worst": None,
    }
    return {
        "verdict": "fail",
        "checked": 0,
        "parameters": parameters,
        "seconds": seconds,
        "worst": None,
        "checks": [check],
        "advice": [],
    }


def _worst(worst: "Worst | None") -> dict[str, Any] | None:
    if worst is None:
        return None
    row, column = worst.place
    numbers = {key: getattr(worst, key) for key in ("analytic", "numerical", "error", "bound")}
    finite = {key: value if math.isfinite(value) else None for key, value in numbers.items()}
    return {"parameter": f"W[{row},{column}]", **finite}


def _print(console: Console, report: "StudentReport", class_names: Sequence[str], example_shape: Sequence[int]) -> None:
    for finding in report.findings:
        tell = console.say if finding.verdict == "pass" else console.result
        tell(f"  {MARKS[finding.verdict]:<4}  {finding.name:<12}  {finding.sentence}")
    console.say(f"  {'':<4}  {'speed':<12}  {_speed(report)}")
    if report.worst and report.worst.error > report.worst.bound and report.verdict == "fail":
        console.result("", *_place(report.worst, class_names, example_shape))
    if report.table:
        console.say("", *_step_table(report.table), "")
    for sentence in report.advice:
        console.result(f"advice: {sentence}")
    for note in report.notes:
        console.say(f"note: {note}")
    console.result(f"verdict: {report.verdict}")


def _speed(report: "StudentReport") -> str:
    text = f"{1000 * report.seconds_a_call:.2g} ms a call"
    if report.our_seconds:
        text += (
            f", ours {1000 * report.our_seconds:.2g} ms: {report.seconds_a_call / report.our_seconds:.2g} times ours"
        )
    return text


def _place(worst: "Worst", class_names: Sequence[str], example_shape: Sequence[int]) -> list[str]:
    row, column = worst.place
    name = class_names[column] if column < len(class_names) else str(column)
    return [
        f"the worst place is dW[{row},{column}], {pixel_name(row, example_shape)}; {name}:",
        f"  yours {worst.analytic:.10g}, {worst.beside} {worst.numerical:.10g}, "
        f"error {worst.error:.1e}, rounding explains {worst.bound:.1e}",
    ]


def _step_table(rows: "Sequence[TableRow]") -> list[str]:
    header = ["step", "slope by trying", "error", "error before / error"]
    lines = [
        [
            f"{row.step:.2e}",
            f"{row.quotient:.10g}",
            f"{row.error:.1e}",
            "-" if row.ratio is None else f"{row.ratio:.2f}",
        ]
        for row in rows
    ]
    words = "The step is halved: a right gradient's error falls to rounding (-), a wrong one's stays (1.00)."
    return [*table(header, lines, left=0), words]
