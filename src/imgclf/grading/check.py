"""Check one function of a student, in a process of its own.

Run as `python -m imgclf.grading.check PARENT FILE FUNCTION LOSS HINTS` by `grade`; prints a `Checked` as JSON. Even a
function that kills its parent stops no other.
"""

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from imgclf.arrays import FloatArray, IntArray
from imgclf.config import resolve
from imgclf.errors import UsageError
from imgclf.gradcheck.points import stratified_images
from imgclf.gradcheck.student.check import StudentReport, check_student
from imgclf.gradcheck.student.findings import failure_finding
from imgclf.gradcheck.student.hints import told
from imgclf.gradcheck.student.known_mistakes import known_mistakes
from imgclf.gradcheck.student.process import Limits, StudentFailure, open_student
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

VERDICTS = ("right", "wrong", "crashed", "inconclusive", "missing")
IMAGES = 64  # as `imgclf gradcheck --loss` takes, so that students find the same
LIMITS = Limits(call=10, seconds=60, processor=90, memory=4 << 30, file=64 << 20)


class Checked(NamedTuple):
    """What was found about one function.

    verdict   one of VERDICTS
    passed    names of the findings that are right
    findings  (name, reason) of the others
    told      lines for the student, as the hints allow
    """

    verdict: str
    passed: list[str] = []  # noqa: RUF012 - never changed
    findings: list[tuple[str, str]] = []  # noqa: RUF012
    advice: list[str] = []  # noqa: RUF012
    told: list[str] = []  # noqa: RUF012
    uses_imgclf: bool = False


def check(path: Path, function: str, loss: str, hints: str) -> Checked:
    """Check a function beside a loss of ours, with the images of the default config."""
    plan = make_plan(resolve().config)
    X, y = stratified_images(plan, IMAGES)
    try:
        report = _report(path, function, loss, X, y, len(plan.train.class_names), plan.config.seed)
    except StudentFailure as failure:
        report = StudentReport([failure_finding(failure, 0.0)], X.shape[1] * len(plan.train.class_names))
    except UsageError as error:  # no such function
        words = f"{error.problem}: {error.remedy}"
        return Checked("missing", findings=[("answer", words)], told=[words] if hints != "none" else [])
    return Checked(
        report.outcome,
        [one.check for one in report.findings if one.verdict == "pass"],
        _failed(report),
        list(report.advice),
        _lines(told(report, hints)),
        report.uses_imgclf,
    )


def _report(path: Path, function: str, loss: str, X: FloatArray, y: IntArray, classes: int, seed: int) -> StudentReport:
    with open_student(path, function, LIMITS) as ask:
        try:
            report = check_student(ask, X, y, classes, against=loss, seed=seed, candidates=known_mistakes(loss))
        except StudentFailure as failure:
            report = StudentReport([failure_finding(failure, 0.0)], X.shape[1] * classes)
        return replace(report, uses_imgclf=ask.uses_imgclf)


def _failed(report: StudentReport) -> list[tuple[str, str]]:
    return [(one.check, one.outcome.reason) for one in report.findings if one.verdict != "pass"]


def _lines(report: StudentReport) -> list[str]:
    return [f"{check}: {reason}" for check, reason in _failed(report)] + [f"advice: {one}" for one in report.advice]


def main(parent: int, path: str, function: str, loss: str, hints: str) -> None:
    """Check a function, and print the result."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # on the way out, all that it has started is killed
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    with workers(1):
        sys.stdout.write(json.dumps(check(Path(path), function, loss, hints)))


def _watch(parent: int) -> None:
    """End when the grader does."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:6])
