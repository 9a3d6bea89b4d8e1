"""The exercises that ship with imgclf: no starter passes, every solution does."""

import numpy as np
import pytest

from imgclf.gradcheck.student.check import check_student
from imgclf.gradcheck.student.child import checked
from imgclf.gradcheck.student.known_mistakes import known_mistakes
from imgclf.gradcheck.student.process import Answer
from imgclf.grading.spec import READY, choose, read_spec

EXERCISES = read_spec(None)
NOTHING_YET = "your loss and dW are 0 everywhere: does the function compute anything yet?"
FINDINGS = {  # of starters that compute something: the check that fails first, and words of the advice
    "repair-1": ("penalty", "the penalty's gradient is half"),
    "repair-2": ("value", "the right class counts as a violation; exclude it"),
    "repair-3": ("large scores", "exp overflows: subtract the largest score of each row first"),
    "repair-4": ("gradient", "the right class missing"),
    "repair-5": ("gradient", "your gradient is half what it should be"),
}


def report_of(name, folder):
    """Check a function in this process: a child process costs more than its check."""
    exercise, module = EXERCISES[name], {}
    exec((READY / folder / exercise.file).read_text(), module)

    def ask(W, X, y, reg):
        with np.errstate(all="ignore"):
            loss, dW, dtype = checked(module[exercise.function](W.copy(), X.copy(), y.copy(), reg), W.shape)
        return Answer(loss, dW, dtype, 1e-4, ())

    rng = np.random.default_rng(0)
    X, y = rng.random((24, 12)), rng.permutation(np.arange(24) % 5)
    return check_student(in_words(ask), X, y, 5, against=exercise.loss, candidates=known_mistakes(exercise.loss))


def in_words(ask):
    from imgclf.gradcheck.student.child import WrongAnswerError
    from imgclf.gradcheck.student.process import StudentFailure

    def translated(*arguments):
        try:
            return ask(*arguments)
        except WrongAnswerError as wrong:
            raise StudentFailure(str(wrong), alive=True, crashed=False) from wrong

    return translated


@pytest.mark.parametrize("name", EXERCISES)
def test_every_solution_is_right(name):
    assert report_of(name, "solution").outcome == "right"


@pytest.mark.parametrize("name", EXERCISES)
def test_every_starter_fails_with_the_finding_that_is_named(name):
    report = report_of(name, "starter")
    assert report.outcome == "wrong"
    check, advice = FINDINGS.get(name, ("penalty", NOTHING_YET))
    assert next(one.check for one in report.findings if one.verdict == "fail") == check
    assert any(advice in sentence for sentence in report.advice)


def test_six_exercises_ship_and_a_beginning_names_several():
    assert list(dict.fromkeys(name.rpartition("-")[0] for name in EXERCISES)) == ["svm", "softmax", "squared", "repair"]
    assert list(choose(EXERCISES, ["repair"])) == [f"repair-{number}" for number in range(1, 6)]
    assert list(choose(EXERCISES, ["svm-looped", "svm"])) == ["svm-looped", "svm-vectorized"]
    assert len(choose(EXERCISES, [])) == 10


def test_a_file_for_all_exercises_can_hold_all_functions():
    assert len({exercise.function for exercise in EXERCISES.values()}) == len(EXERCISES)
