"""Hints of a report: the verdict alone, also where, also why."""

import math
from collections.abc import Sequence
from dataclasses import replace

from imgclf.gradcheck.student.check import StudentReport
from imgclf.gradcheck.student.findings import StudentFinding
from imgclf.gradcheck.verdict import Compared

HINTS = ("none", "where", "why")


def told(report: StudentReport, hints: str) -> StudentReport:
    """Return a report without what `hints` does not allow.

    none: nothing but counts and times; where: findings and parameters, without advice or numbers of ours; why: all.
    """
    if hints == "why":
        return report
    less = replace(report, our_seconds=None, worst=None, table=(), advice=(), curves=())
    if hints == "none":
        return replace(less, findings=(), notes=(), penalty=None, ratios=None)
    worst = _places([report.worst] if report.worst else [])
    return replace(less, findings=[_where(one) for one in report.findings], worst=worst[0] if worst else None)


def _where(finding: StudentFinding) -> StudentFinding:
    reason = finding.where or finding.outcome.reason
    outcome = finding.outcome._replace(reason=reason, worst=_places(finding.outcome.worst))
    return replace(finding, outcome=outcome)


def _places(compared: Sequence[Compared]) -> list[Compared]:
    return [Compared(one.parameter, math.nan, math.nan, math.nan) for one in compared]
