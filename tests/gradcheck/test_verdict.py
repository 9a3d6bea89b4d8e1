"""How findings become a verdict: not a number is a failure, and a failure anywhere is one everywhere."""

from itertools import permutations

import numpy as np
import pytest

from imgclf.gradcheck.verdict import SHOWN, Compared, Finding, Outcome, all_of, judge, ratios, worst_indices

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("analytic", "numerical", "bound", "ratio"),
    [
        (3.0, 1.0, 4.0, 0.5),
        (1.0, 3.0, 4.0, 0.5),
        (-1.0, 1.0, 1.0, 2.0),
        (0.0, 0.0, 0.0, 0.0),
        (2.0, 2.0, 0.0, 0.0),
        (2.0, 2.0, 1.0, 0.0),
        (2.0, 3.0, 0.0, INF),
        (1e-320, 0.0, 0.0, INF),
        (1e300, 0.0, 1e-300, INF),
        (1e308, -1e308, 1.0, INF),
        (NAN, 1.0, 1.0, INF),
        (1.0, NAN, 1.0, INF),
        (NAN, NAN, 1.0, INF),
        (NAN, NAN, 0.0, INF),
        (INF, 1.0, 1.0, INF),
        (1.0, -INF, 1.0, INF),
        (INF, INF, 1.0, INF),
        (INF, INF, INF, INF),
        (1.0, 1.0, NAN, INF),
        (1.0, 2.0, NAN, INF),
        (1.0, 1.0, INF, INF),
        (1.0, 2.0, INF, INF),
    ],
)
def test_a_ratio_is_error_by_bound_and_what_is_not_finite_is_infinitely_wrong(analytic, numerical, bound, ratio):
    with np.errstate(over="ignore"):
        assert float(ratios(analytic, numerical, bound)) == ratio
        one = Compared((0, 0), analytic, numerical, bound)
        assert one.ratio == ratio
        assert ratios(np.array([analytic]), np.array([numerical]), np.array([bound])).tolist() == [ratio]


def test_ratios_are_taken_place_by_place():
    analytic, numerical = np.array([[1.0, 2.0], [NAN, 0.0]]), np.array([[1.5, 2.0], [0.0, 0.0]])
    assert ratios(analytic, numerical, np.array([[1.0, 0.0], [1.0, 0.0]])).tolist() == [[0.5, 0.0], [INF, 0.0]]
    assert ratios(analytic, numerical, 0.5).tolist() == [[1.0, 0.0], [INF, 0.0]]


def test_an_error_is_a_distance():
    assert Compared((0, 0), 1.0, 3.0, 1.0).error == 2.0


def test_the_worst_come_first_and_of_equals_the_first():
    ratio = np.array([[0.0, 2.0, 1.0], [INF, 2.0, 0.0], [INF, 1.0, 0.5]])
    slow = sorted(np.ndindex(3, 3), key=lambda index: (-ratio[index], index))
    assert worst_indices(ratio) == slow
    assert worst_indices(ratio, 3) == [(1, 0), (2, 0), (0, 1)]


def test_no_more_places_than_are_shown_and_than_there_are():
    assert len(worst_indices(np.zeros((5, 7)))) == SHOWN
    assert worst_indices(np.zeros((5, 7))) == [(0, c) for c in range(7)] + [(1, 0), (1, 1), (1, 2)]
    assert worst_indices(np.zeros((1, 2))) == [(0, 0), (0, 1)]


def finding(verdict, loss="svm", check="value", point="wide", l2=0.0, l1=0.0):
    return Finding(loss, l2, l1, point, check, Outcome(verdict, ""))


def test_a_finding_tells_its_verdict_and_its_worst():
    worst = Compared((1, 2), 1.0, 2.0, 3.0)
    found = Finding(
        "svm", 0.0, 0.0, "wide", "exhaustive", Outcome("fail", "why", 9, [worst, worst._replace(bound=9.0)])
    )
    assert (found.verdict, found.worst) == ("fail", worst)
    assert finding("pass").worst is None


def test_nothing_found_is_inconclusive():
    assert judge([]) == "inconclusive"


def test_all_that_pass_pass():
    assert judge([finding("pass", loss, check) for loss in ("svm", "softmax") for check in ("value", "b")]) == "pass"


@pytest.mark.parametrize("others", [["pass"], ["inconclusive"], ["pass", "inconclusive", "pass"]])
def test_one_failure_wins(others):
    findings = [finding("fail"), *(finding(other, check=f"check {i}") for i, other in enumerate(others))]
    for order in permutations(findings):
        assert judge(order) == "fail"
    same_check = [finding("fail"), *(finding(other, point=f"point {i}") for i, other in enumerate(others))]
    assert judge(same_check) == "fail"


def test_what_a_check_cannot_tell_at_one_point_it_may_tell_at_another():
    for order in permutations([finding("inconclusive", point="zero"), finding("pass"), finding("pass", check="other")]):
        assert judge(order) == "pass"


@pytest.mark.parametrize("same", ["loss", "check", "l2", "l1"])
def test_what_is_told_of_one_thing_says_nothing_of_another(same):
    other = {"loss": "softmax", "check": "other", "l2": 1e-4, "l1": 1e-4}[same]
    assert judge([finding("pass"), finding("inconclusive", **{same: other})]) == "inconclusive"


def test_a_check_that_can_tell_nowhere_is_inconclusive():
    findings = [finding("inconclusive", point=point) for point in ("zero", "wide")]
    assert judge(findings) == "inconclusive"
    assert judge([*findings, finding("pass", check="other")]) == "inconclusive"


def test_parts_are_as_bad_as_the_worst_of_them_which_is_named():
    good, vague, bad, worse = (
        Outcome("pass", ""),
        Outcome("inconclusive", "dim"),
        Outcome("fail", "x"),
        Outcome("fail", "y"),
    )
    assert all_of([("a", good), ("b", good)]) == Outcome("pass", "all 2 pass")
    assert all_of([("a", good), ("b", vague), ("c", good)]) == Outcome("inconclusive", "b: dim")
    assert all_of([("a", good), ("b", vague), ("c", bad), ("d", worse)]) == Outcome("fail", "c: x")


def test_parts_are_taken_as_they_come():
    assert all_of((name, Outcome("pass", "")) for name in "abc") == Outcome("pass", "all 3 pass")
