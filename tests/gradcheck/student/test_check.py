"""Right functions pass, wrong ones fail, and known mistakes are named."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from imgclf.gradcheck.student import differences
from imgclf.gradcheck.student.check import check_student
from imgclf.gradcheck.student.conversation import Answered
from imgclf.gradcheck.student.differences import ENOUGH, Comparison, Derivative, random_order
from imgclf.gradcheck.student.findings import derivative_finding, images_finding
from imgclf.gradcheck.student.known_mistakes import known_mistakes
from imgclf.gradcheck.student.ours import ours
from imgclf.gradcheck.student.points import Point
from imgclf.gradcheck.student.precision import UNITS, precision_of
from imgclf.gradcheck.student.process import Answer, StudentFailure
from imgclf.gradcheck.verdict import Compared
from imgclf.losses import LOSSES


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


right_answers = beside("right_answers")
RIGHT, PRECISIONS = right_answers.RIGHT, right_answers.PRECISIONS
wrong_answers = beside("wrong_answers")
WRONG, ELSEWHERE = wrong_answers.WRONG, wrong_answers.ELSEWHERE
FEWEST = 12
ALL_RIGHT = [(loss, function) for loss, functions in RIGHT.items() for function in functions]


@pytest.fixture(autouse=True)
def _few_slopes(monkeypatch):
    """Beside ours, fewer slopes than usual show the same, and sooner."""
    monkeypatch.setattr(differences, "FEWEST", FEWEST)


def findings(report):
    return {finding.check: finding.verdict for finding in report.findings}


def test_there_is_what_is_needed_for_every_loss():
    assert RIGHT.keys() == LOSSES.keys()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("loss", "function"), ALL_RIGHT)
def test_right_functions_pass(asking, make_case, loss, function, known):
    X, y = make_case(N=12)
    report = check_student(asking(function), X, y, 5, against=loss if known else None, reg=0.1)
    assert report.verdict == "pass", report.findings
    assert report.parameters == 35
    assert report.checked == (FEWEST if known else 35)
    assert not report.advice
    assert report.worst.error <= report.worst.bound
    assert findings(report).keys() - {"value", "gradient"} == {
        "repeatable", "inputs", "images", "precision", "penalty", "derivative", "large scores", "other data"
    }  # fmt: skip
    assert ({"value", "gradient"} <= findings(report).keys()) == known


@pytest.mark.parametrize(("loss", "function"), ALL_RIGHT)
@pytest.mark.parametrize("case", [
    {"N": 1, "D": 3, "C": 2}, {"N": 2, "D": 13, "C": 7, "pixels": 1.0, "center": True},
    {"N": 16, "D": 2, "C": 3, "pixels": 1e-3}, {"N": 12, "D": 5, "C": 4, "pixels": 1e3, "seed": 1, "center": True},
])  # fmt: skip
def test_right_functions_never_fail(asking, make_case, loss, function, case):
    center, sizes = case.get("center", False), {key: value for key, value in case.items() if key != "center"}
    X, y = make_case(**sizes)
    report = check_student(asking(function), X - center * X.mean(axis=0), y, case["C"], against=loss, seed=3)
    assert report.verdict != "fail", report.findings


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_fail_and_known_mistakes_are_named(asking, make_case, name):
    wrong = WRONG[name]
    X, y = make_case(wrong.N)
    report = check_student(asking(wrong.function), X, y, 5, against=wrong.loss, reg=0.1)
    assert report.verdict == "fail", report.findings
    if wrong.words:
        assert any(wrong.words in sentence for sentence in report.advice), report.advice
    else:
        assert not report.advice
    if name in ELSEWHERE:  # right here
        assert {finding.check for finding in report.findings if finding.verdict == "fail"} <= {
            "other data", "large scores"
        }  # fmt: skip
        assert len(report.advice) == bool(wrong.words)


@pytest.mark.parametrize("name", [name for name, wrong in WRONG.items() if wrong.seen_alone])
def test_mistakes_between_loss_and_gradient_are_seen_without_knowing_the_loss(asking, make_case, name):
    X, y = make_case(WRONG[name].N)
    report = check_student(asking(WRONG[name].function), X, y, 5)
    assert report.verdict == "fail", report.findings


def test_there_are_enough_mistakes():
    assert len(WRONG) >= 25
    assert {wrong.loss for wrong in WRONG.values()} == set(LOSSES)


@pytest.mark.parametrize(("name", "finding"), [
    ("changes X", "inputs"), ("changes W", "inputs"), ("something random", "repeatable"), ("grows", "repeatable"),
    ("no shift", "large scores"), ("a ghost", "derivative"), ("twice the penalty", "value"),
    ("one parameter", "gradient"),
])  # fmt: skip
def test_the_finding_that_fails_is_the_one(asking, make_case, name, finding):
    X, y = make_case()
    report = check_student(asking(WRONG[name].function), X, y, 5, against=WRONG[name].loss)
    assert findings(report)[finding] == "fail"


@pytest.mark.parametrize("against", ["softmax", None])
def test_a_rounded_loss_is_wrong_not_float32(asking, make_case, against):
    X, y = make_case(pixels=1.0)

    def rounded(W, X, y, reg):
        loss, dW = RIGHT["softmax"][1](W, X, y, reg)
        return round(float(loss), 4), dW

    report = check_student(asking(rounded), X, y, 5, against=against)
    assert findings(report)["precision"] == "fail"


def test_inputs_that_change_on_other_data_only_are_seen(asking, make_case):
    X, y = make_case()
    report = check_student(asking(wrong_answers.changes_labels_elsewhere), X, y, 5, against="svm")
    assert [finding.check for finding in report.findings if finding.verdict == "fail"] == ["inputs"]


def test_an_answer_that_changes_later_is_seen(asking, make_case):
    X, y = make_case()
    calls = []

    def tires(W, X, y, reg):
        calls.append(0)
        loss, dW = RIGHT["svm"][1](W, X, y, reg)
        return loss, dW * (1 + 1e-15 * (len(calls) > 100))

    report = check_student(asking(tires), X, y, 5, against="svm")
    assert [finding.check for finding in report.findings if finding.verdict == "fail"] == ["repeatable"]


@pytest.mark.parametrize("loss", ["softmax", "svm_cs"])  # smooth, and with kinks
def test_where_directions_agree_some_parameters_are_enough(asking, make_case, loss):
    X, y = make_case(N=64, D=80)
    report = check_student(asking(RIGHT[loss][0]), X, y, 5)
    assert (report.verdict, report.parameters, report.checked) == ("pass", 400, ENOUGH)


def test_a_mistake_in_a_parameter_that_is_not_compared_is_seen_along_directions(asking, make_case):
    X, y = make_case(N=64, D=80)
    last = list(random_order((80, 5), seed=0))[-1]

    def wrong(W, X, y, reg):
        loss, dW = RIGHT["softmax"][1](W, X, y, reg)
        dW[last] += 1e-4 * np.abs(dW).max()
        return loss, dW

    report = check_student(asking(wrong), X, y, 5)
    assert findings(report)["derivative"] == "fail"
    assert report.worst.parameter == last  # so it was looked for


@pytest.mark.parametrize("coordinate", [(0, 0), (4, 4), (6, 2)])
def test_one_coordinate_wrong_by_1e_4_is_seen_and_is_the_worst(asking, make_case, coordinate):
    X, y = make_case()

    def wrong(W, X, y, reg):
        loss, dW = RIGHT["softmax"][1](W, X, y, reg)
        dW[coordinate] *= 1 + 1e-4
        return loss, dW

    for against in (None, "softmax"):
        report = check_student(asking(wrong), X, y, 5, against=against)
        assert report.verdict == "fail"
        assert report.worst.parameter == coordinate
        assert all(0.9 < row.ratio < 1.1 for row in report.table[5:])


def test_the_worst_parameter_beside_ours_is_among_the_few_whose_slope_is_taken(asking, make_case):
    X, y = make_case(D=40)
    last = list(random_order((40, 5), 0))[-1]

    def wrong(W, X, y, reg):
        loss, dW = RIGHT["softmax"][1](W, X, y, reg)
        dW[min(last[0], len(dW) - 1), last[1] % dW.shape[1]] += 1
        return loss, dW

    report = check_student(asking(wrong), X, y, 5, against="softmax")
    assert report.worst.parameter == last
    assert report.checked == FEWEST
    assert len(report.table) == 8


def test_without_a_loss_of_ours_a_sum_over_the_images_is_told_from_their_mean(asking, make_case):
    X, y = make_case()
    report = check_student(asking(WRONG["neither over N"].function), X, y, 5)
    assert findings(report)["other data"] == report.verdict == "fail"
    assert list(report.advice) == ["your loss is a sum over the images, or divided by a constant: divide by N = len(y)"]


def test_a_failure_at_other_data_is_a_finding_and_no_end(asking, make_case):
    X, y = make_case()

    def stops_at_one_image(W, X, y, reg):
        if len(y) == 1:
            raise ValueError("one")
        return RIGHT["svm"][1](W, X, y, reg)

    for against in ("svm", None):
        report = check_student(asking(stops_at_one_image), X, y, 5, against=against)
        wrong = [finding for finding in report.findings if finding.verdict == "fail"]
        assert [finding.check for finding in wrong] == ["other data"]
        assert "ValueError" in wrong[0].outcome.reason
        assert wrong[0].outcome.reason.endswith(" - with 1 image")


def test_where_loss_and_gradient_are_ours_fewer_questions_are_asked(asking, make_case):
    X, y = make_case(D=100)
    calls = []

    def counted(W, X, y, reg):
        calls.append(len(y))
        return RIGHT["softmax"][1](W, X, y, reg)

    asked = {}
    for against in ("softmax", None):
        check_student(asking(counted), X, y, 5, against=against)
        asked[against] = len(calls)
        calls.clear()
    assert asked["softmax"] < 250 < 500 < asked[None]


def test_only_a_wrong_gradient_has_a_table_of_halved_steps(asking, make_case):
    X, y = make_case()
    tables = [
        check_student(asking(function), X, y, 5, against="softmax").table
        for function in (RIGHT["softmax"][1], WRONG["all over 64"].function, WRONG["wrong sign"].function)
    ]
    assert [len(table) for table in tables] == [0, 0, 8]
    assert all(0.9 < row.ratio < 1.1 for row in tables[2][5:])


def penalized(value, gradient):
    """A softmax function with multiples of reg * sum(W * W) in its loss, and of 2 * reg * W in dW."""

    def function(W, X, y, reg):
        loss, dW = RIGHT["softmax"][1](W, X, y, 0.0)
        return loss + value * reg * np.sum(W * W), dW + gradient * 2 * reg * W

    return function


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("value", "penalty", "named", "verdict"), [
    (1, "either", "reg * sum(W * W)", "pass"),
    (0.5, "either", "reg/2 * sum(W * W)", "pass"),
    (1, "full", "reg * sum(W * W)", "pass"),
    (0.5, "half", "reg/2 * sum(W * W)", "pass"),
    (0.5, "full", "reg/2 * sum(W * W)", "fail"),
    (1, "half", "reg * sum(W * W)", "fail"),
])  # fmt: skip
def test_either_penalty_is_right_and_named_unless_one_is_asked_for(
    asking, make_case, value, penalty, named, verdict, known
):
    X, y = make_case(N=17, D=5, C=3)
    against = "softmax" if known else None
    report = check_student(asking(penalized(value, value)), X, y, 3, against=against, reg=0.1, penalty=penalty)
    assert (report.verdict, report.penalty) == (verdict, named), report.findings
    assert findings(report)["penalty"] == verdict
    assert len(report.advice) == (verdict == "fail")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("value", "gradient", "words"), [(1, 0.5, "gradient is half"), (0.5, 1, "gradient is twice")])
def test_two_conventions_in_one_function_are_a_mistake_that_is_named(asking, make_case, value, gradient, words, known):
    X, y = make_case(N=17, D=5, C=3)
    report = check_student(asking(penalized(value, gradient)), X, y, 3, against="softmax" if known else None)
    assert (report.verdict, report.penalty) == ("fail", None)
    assert words in report.advice[0]


def test_without_a_loss_of_ours_any_penalty_whose_gradient_is_right_passes(asking, make_case):
    X, y = make_case(N=17, D=5, C=3)
    for multiple in (0, 3):
        report = check_student(asking(penalized(multiple, multiple)), X, y, 3)
        assert (report.verdict, report.penalty) == ("pass", None)


def mistaken(*, loss_is_sum=False, sign=1, slope_is_sum=False, right_class=True, penalty=1.0, dpenalty=1.0, over=None):
    """An SVM function with some mistakes at once."""

    def function(W, X, y, reg):
        losses, slopes = LOSSES["svm"](X @ W, y)
        slopes = slopes.copy()
        slopes[np.arange(len(y)), y] *= right_class
        N = over or len(y)
        loss = losses.sum() / (1 if loss_is_sum else N) + penalty * reg * np.sum(W * W)
        return loss, sign * X.T @ slopes / (1 if slope_is_sum else N) + dpenalty * 2 * reg * W

    return function


FORGOTTEN, TOO_LARGE, HALF = "right class missing", "23 times too large (N = 23)", "the penalty's gradient is half"


@pytest.mark.parametrize(("mistakes", "words"), [
    ({"slope_is_sum": True, "dpenalty": 0.5}, [HALF, TOO_LARGE]),
    ({"right_class": False, "dpenalty": 0.5}, [HALF, FORGOTTEN]),
    ({"right_class": False, "slope_is_sum": True}, [FORGOTTEN, TOO_LARGE]),
    ({"right_class": False, "penalty": 0}, ["the penalty is missing from the loss", FORGOTTEN]),
    ({"loss_is_sum": True, "sign": -1}, ["your loss is N = 23 times ours", "the wrong sign"]),
    ({"loss_is_sum": True, "right_class": False}, ["your loss is N = 23 times ours", FORGOTTEN]),
    ({"over": 23, "dpenalty": 0}, ["the penalty's gradient is missing", "it divides by 23, not by N"]),
])  # fmt: skip
def test_two_mistakes_at_once_are_both_named(asking, make_case, mistakes, words):
    X, y = make_case()
    report = check_student(asking(mistaken(**mistakes)), X, y, 5, against="svm", candidates=known_mistakes("svm"))
    assert len(report.advice) == 2, report.advice
    for word, sentence in zip(words, report.advice, strict=True):
        assert word in sentence


def test_a_wrong_penalty_alone_is_not_found_again_elsewhere(asking, make_case):
    X, y = make_case()
    report = check_student(asking(mistaken(dpenalty=0)), X, y, 5, against="svm")
    assert findings(report)["other data"] == findings(report)["large scores"] == "pass"
    assert len(report.advice) == 1


def test_what_computes_nothing_yet_is_told_so(asking, make_case):
    X, y = make_case()
    report = check_student(asking(lambda W, X, y, reg: (0.0, np.zeros(W.shape))), X, y, 5, against="svm")
    assert list(report.advice) == ["your loss and dW are 0 everywhere: does the function compute anything yet?"]
    assert findings(report)["precision"] == "pass"
    assert "float32" not in str(report.findings)


def test_errors_are_measured_for_pictures_where_asked(asking, make_case):
    X, y = make_case()
    for against in ("softmax", None):
        right = check_student(asking(RIGHT["softmax"][1]), X, y, 5, against=against)
        wrong = check_student(asking(WRONG["last class never"].function), X, y, 5, against=against, curves=True)
        assert not right.curves
        assert right.ratios.max() <= 1
        assert (wrong.ratios[:, 4] > 1).any()
        assert (wrong.ratios[:, :4] <= 1).all()
        assert [len(curve.errors) for curve in wrong.curves] == [21, 21]
        assert (
            wrong.curves[0].errors.min()
            > 1e3
            * check_student(asking(RIGHT["softmax"][1]), X, y, 5, against=against, curves=True).curves[0].errors.min()
        )


@pytest.mark.parametrize("known", [True, pytest.param(False, marks=pytest.mark.long)])
@pytest.mark.parametrize(("loss", "function"), [
    pytest.param(loss, function, marks=[] if function.__name__ == loss else pytest.mark.long)
    for loss, function in ALL_RIGHT if not function.__name__.endswith("loops")
])  # fmt: skip
@pytest.mark.parametrize("way", PRECISIONS)
def test_a_right_function_in_another_precision_passes_and_is_told_so(asking, make_case, loss, function, known, way):
    X, y = make_case(pixels=1.0)
    rewrite, precision = PRECISIONS[way]
    X = X.astype(np.float32).astype(np.float64)  # as images are
    report = check_student(asking(rewrite(function)), X, y, 5, against=loss if known else None, reg=0.1)
    assert report.verdict == "pass", report.findings
    assert not report.advice
    if precision and np.dtype(precision) != np.float64:  # on some machines, a longdouble is one
        sentence = next(finding.outcome.reason for finding in report.findings if finding.check == "precision")
        assert f"you compute in {precision}" in sentence


@pytest.mark.parametrize(("outcome", "bound", "verdict"), [
    ("agrees", 1e-3, "pass"), ("agrees", 1.0, "inconclusive"), ("undecided", 1e-3, "inconclusive"),
    ("wrong", 1e-3, "fail"),
])  # fmt: skip
def test_slopes_lost_one_by_one_are_made_up_for_by_directions(outcome, bound, verdict):
    X, W = np.ones((2, 2)), np.ones((2, 2))
    point = Point("steps", "", W, 0.1, X, np.arange(2))
    seen = Answered(point, Answer(1.0, W, "float32", 0.0, ()))
    lost = Comparison([Derivative(Compared((0, 0), 0.1, 0.1, 1.0), "agrees")], 4)
    directions = [Derivative(Compared((0, 0), 0.1, 0.1, bound), outcome)] * 3
    precision = precision_of({"float32"}, 1e-7, 1.0, is_float32=True)
    assert derivative_finding(lost, directions, seen, seen, X, precision).verdict == verdict
    assert derivative_finding(lost, [], seen, seen, X, precision).verdict == "inconclusive"


def test_weights_in_float32_are_told_where_their_rounding_is_lost_in_the_loss(asking, make_case):
    X, y = make_case(pixels=1e3)

    def penalty_alone(W, X, y, reg):
        W = W.astype(np.float32)
        return 4 / 3 + reg * float(np.sum(W * W)), (2 * reg * W).astype(np.float64)

    report = check_student(asking(penalty_alone), X, y, 5)
    assert report.verdict != "fail", report.findings
    sentence = next(finding.outcome.reason for finding in report.findings if finding.check == "precision")
    assert "you compute in float32" in sentence


@pytest.mark.parametrize("reg", [0.01, 0.001])
def test_a_sum_that_begins_with_a_large_penalty_is_within_the_bounds(reg):
    rng = np.random.default_rng(0)
    X, y = 1e-4 * rng.random((64, 1)).astype(np.float32), np.zeros(64, int)
    W = (1e4 * rng.standard_normal((1, 25))).astype(np.float32)
    loss, dW = RIGHT["svm_squared"][0](W, X, y, np.float32(reg))
    known = ours("svm_squared", W.astype(float), X.astype(float), y, float(np.float32(reg)), UNITS["float32"])
    assert dW.dtype == np.float32
    assert abs(loss - known.loss) <= known.loss_bound
    assert (np.abs(dW - known.dW) <= known.dW_bound).all()


@pytest.mark.parametrize("name", [
    "whole batches", "all over 64", "penalty for 64", "C of the labels", "five classes", "scores clipped in dW",
    "dW not over N", "no dpenalty", "twice the penalty", "last class never", "right class counts", "no shift",
])  # fmt: skip
def test_mistakes_are_seen_in_float32(asking, make_case, name):
    wrong = WRONG[name]
    X, y = make_case(wrong.N)

    def single(W, X, y, reg):
        value, dW = wrong.function(W.astype(np.float32), X.astype(np.float32), y, np.float32(reg))
        return np.float32(value), dW.astype(np.float32)

    report = check_student(asking(single), X, y, 5, against=wrong.loss)
    assert report.verdict == "fail", report.findings


def test_what_is_coarser_than_float32_is_inconclusive(asking, make_case):
    X, y = make_case(pixels=1.0)

    def half(W, X, y, reg):
        loss, dW = RIGHT["softmax"][1](W, X, y, reg)
        return loss, dW.astype(np.float16)

    for against in ("softmax", None):
        report = check_student(asking(half), X, y, 5, against=against)
        assert findings(report)["precision"] == report.verdict == "inconclusive"


@pytest.mark.parametrize(("name", "words"), [
    ("every rival counts", "every rival counts as a violation"),
    ("every class counts", "every class counts as a violation"), ("whole columns", "it is p[np.arange(N), y] -= 1"),
])  # fmt: skip
def test_mistakes_of_indices_and_signs_are_named(asking, make_case, name, words):
    X, y = make_case()
    wrong = WRONG[name]
    report = check_student(asking(wrong.function), X, y, 5, against=wrong.loss, candidates=known_mistakes(wrong.loss))
    (sentence,) = report.advice
    assert words in sentence


def test_what_tells_nothing_is_inconclusive(asking, make_case):
    X, y = make_case()
    for against in (None, "softmax"):
        report = check_student(asking(RIGHT["softmax"][1]), 0 * X, y, 5, against=against)
        assert report.verdict == "inconclusive"


def test_a_mistake_the_caller_knows_is_named(asking, make_case):
    X, y = make_case()
    wrong = WRONG["right class not moved"]

    def candidates(W, X, y, reg):
        return {"something else": 2 * W, "the right class never moves": wrong.function(W, X, y, reg)[1]}

    report = check_student(asking(wrong.function), X, y, 5, against="svm", candidates=candidates)
    assert list(report.advice) == ["the right class never moves"]


def test_a_failure_says_where(asking, make_case):
    X, y = make_case()
    right = RIGHT["svm"][1]

    def undefined_at_0(W, X, y, reg):
        loss, dW = right(W, X, y, reg)
        return loss / (1 if W.any() else np.nan), dW

    with pytest.raises(StudentFailure, match=r"returns a loss that is nan - at W = 0"):
        check_student(asking(undefined_at_0), X, y, 5)


def test_same_seed_same_report(asking, make_case):
    X, y = make_case()
    one, other = (check_student(asking(WRONG["dW not over N"].function), X, y, 5, against="svm") for _ in range(2))
    assert (one.findings, one.worst, one.table, one.advice) == (other.findings, other.worst, other.table, other.advice)


def test_a_small_budget_is_kept_but_for_the_fewest_slopes(asking, make_case):
    X, y = make_case(D=40)
    report = check_student(asking(RIGHT["svm"][1]), X, y, 5, budget=0)
    assert report.checked == FEWEST
    assert report.parameters == 200


@pytest.mark.parametrize(("N", "labels"), [(1, 1), (12, 2)])
def test_images_that_hide_a_mistake_are_inconclusive(N, labels):
    y = np.arange(N) % labels
    point = Point("steps", "", np.zeros((2, 3)), 0.0, np.zeros((N, 2)), y)
    found = images_finding(y, 3, point)
    assert found.verdict == "inconclusive"
    assert "take at least 3 images" in found.outcome.reason
    assert images_finding(np.arange(12) % 3, 3, point).verdict == "pass"
