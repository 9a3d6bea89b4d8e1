"""A report says the verdict, also where a mistake is, or also why, and no more than that."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from imgclf.gradcheck.student.check import StudentReport, check_student
from imgclf.gradcheck.student.findings import failure_finding
from imgclf.gradcheck.student.hints import told
from imgclf.gradcheck.student.process import StudentFailure
from imgclf.losses import LOSSES


def svm(W, X, y, reg, *, over=None, penalty=1.0, dpenalty=1.0):
    losses, slopes = LOSSES["svm"](X @ W, y)
    N = over or len(y)
    return losses.sum() / N + penalty * reg * np.sum(W * W), X.T @ slopes / len(y) + dpenalty * 2 * reg * W


def shifting(W, X, y, reg):
    X -= 1
    return svm(W, X, y, reg)


def random(W, X, y, reg):
    return svm(W, X * np.random.random(), y, reg)  # noqa: NPY002 - as learners do


def overflowing(W, X, y, reg):
    if np.abs(X @ W).max() > 700:
        raise OverflowError("exp")
    return svm(W, X, y, reg)


# Mistakes of all kinds; words of the place, of the advice or reason.
MISTAKES = {
    "value": (lambda *given: svm(*given, over=1), "at W = 0: the loss is wrong", "N = 16 times ours"),
    "elsewhere": (lambda *given: svm(*given, over=16), "with 13 images: the loss is wrong", "not by N"),
    "penalty": (lambda *given: svm(*given, dpenalty=0.5), "the penalty is wrong in dW", "the derivative of reg"),
    "inputs": (shifting, "it modifies its input X", "which makes a copy"),
    "repeatable": (random, "the same arguments give different results", "use no random"),
    "crash": (overflowing, "it raises OverflowError('exp') - at scores of 1000", "exp overflows"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_each_hint_holds_what_it_allows_and_no_more(asking, make_case, name):
    function, where, why = MISTAKES[name]
    report = check_student(asking(function), *make_case(N=16, D=4, C=3), 3, against="svm", curves=True)
    assert report.verdict == "fail"
    texts = {hints: json.dumps(asdict(told(report, hints)), default=str) for hints in ("none", "where", "why")}
    assert where in texts["where"]
    assert why in texts["why"]
    assert why not in texts["where"]
    assert ", ours " not in texts["where"]
    assert told(report, "why") == report
    nothing = told(report, "none")
    for empty in (nothing.findings, nothing.table, nothing.advice, nothing.notes, nothing.curves):
        assert len(empty) == 0
    assert nothing.worst is nothing.ratios is nothing.penalty is nothing.our_seconds is None


def test_where_a_parameter_is_wrong_comes_without_numbers(asking, make_case):
    report = check_student(asking(lambda *given: svm(*given, dpenalty=0.5)), *make_case(), 5, against="svm")
    less = told(report, "where")
    for one in [less.worst, *(worst for finding in less.findings for worst in finding.outcome.worst)]:
        assert all(math.isnan(number) for number in (one.analytic, one.numerical, one.bound))
    assert less.worst.parameter == report.worst.parameter


def test_a_failure_is_told_without_its_remedy():
    failure = StudentFailure("f returns a dW of shape (3, 2)", "transpose it", alive=True, crashed=False)
    report = StudentReport([failure_finding(failure.at("at W = 0"), 0.0)], 6)
    reasons = [told(report, hints).findings[0].outcome.reason for hints in ("where", "why")]
    assert reasons == [
        "f returns a dW of shape (3, 2) - at W = 0", "f returns a dW of shape (3, 2): transpose it - at W = 0"
    ]  # fmt: skip
    assert report.outcome == "wrong"
