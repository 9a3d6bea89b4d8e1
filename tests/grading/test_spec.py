"""A spec of exercises comes from strangers, too: every mistake is told at once, with its position."""

import pytest

from imgclf.config.problems import ConfigError
from imgclf.errors import UsageError
from imgclf.grading.spec import READY, SPEC, choose, read_spec

GOOD = """
exercises:
  mine: {file: a/mine.py, function: f, loss: softmax, points: 3, findings: {value: 1.5}}
"""


@pytest.fixture
def spec(tmp_path):
    def read(text):
        path = tmp_path / "spec.yaml"
        path.write_text(text)
        return read_spec(path)

    return read


def test_a_spec_is_read(spec):
    exercise = spec(GOOD)["mine"]
    assert (exercise.file, exercise.function, exercise.loss, exercise.points) == ("a/mine.py", "f", "softmax", 3)
    assert exercise.findings == {"value": 1.5}
    assert read_spec(READY / SPEC) == read_spec(None)


def test_every_mistake_is_told_at_once_with_its_position(spec):
    with pytest.raises(ConfigError) as caught:
        spec(
            "exercises:\n"
            "  one: {file: ../one.py, function: a-b, loss: softmx, points: -1}\n"
            "  two: {file: two.py, functoin: f, loss: svm, points: 1, findings: {value: 1, vlaue: 1}}\n"
            "  'a b': {file: x.py, function: f, loss: svm, points: 1, findings: {value: 2}}\n"
            "more: 1\n"
            "more: 2\n"
        )
    lines = [line.partition("spec.yaml:")[2] for line in caught.value.lines()]
    assert lines == [
        "2:15: exercises.one.file: must be a .py file inside a student's folder, such as softmax.py",
        "2:36: exercises.one.function: must be the name of a function, such as softmax_loss",
        "2:47: exercises.one.loss: 'softmx' is not one of softmax, svm, svm_squared, svm_cs, logistic_ovr; "
        "did you mean 'softmax'?",
        "2:63: exercises.one.points: must be at least 0, is -1",
        "3:8: exercises.two.function: is missing",
        "3:23: exercises.two.functoin: unknown key; did you mean 'function'?",
        "3:79: exercises.two.findings.vlaue: 'vlaue' is not one of value, gradient, penalty, derivative; "
        "did you mean 'value'?",
        "4:3: exercises.a b: 'a b' is no name: letters, digits, _ and - only",
        "4:10: exercises.a b: the findings are worth more than a function that is right: lower them",
        "5:1: more: unknown key; the keys here are exercises",
        "6:1: more: given twice; first in line 5",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a spec is a section of exercises"),
        ("- 1", "a spec is a section of exercises"),
        ("exercises: {}", "names no exercise"),
        ("exercises: []", "a section of keys"),
        ("{}", "is missing"),
        ("exercises: &a {}", "anchors"),
        ("exercises: {a: !!python/object 1}", "the tag"),
        (GOOD.replace("3,", ".nan,"), "finite"),
        (GOOD.replace("3,", "true,"), "expected a number"),
    ],
)
def test_a_mistake_is_told(spec, text, words):
    with pytest.raises(ConfigError, match=words):
        spec(text)


def test_what_is_not_there_is_told(tmp_path, spec):
    with pytest.raises(UsageError, match="--starter"):
        read_spec(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="there are mine"):
        choose(spec(GOOD), ["your"])
