"""`run_student`: a report for learners, an object for programs, and whether all is well."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from imgclf.cli.console import Console
from imgclf.cli.student_report import run_student
from imgclf.errors import UsageError
from imgclf.gradcheck.student import process
from imgclf.gradcheck.student.child import checked
from imgclf.gradcheck.student.process import Answer, open_student

RIGHT = """
import numpy as np

def my_svm(W, X, y, reg):
    rows = np.arange(len(y))
    s = X @ W
    margins = np.maximum(0, s - s[rows, y][:, None] + 1)
    margins[rows, y] = 0
    G = (margins > 0) * 1.0
    G[rows, y] = -G.sum(axis=1)
    return margins.sum() / len(y) + reg * np.sum(W * W), X.T @ G / len(y) + 2 * reg * W
"""
NO_MEAN = RIGHT.replace("X.T @ G / len(y)", "X.T @ G")
SHAPE = (2, 2, 3)
NAMES = ("cat", "dog", "cow")


@contextmanager
def opened_here(path, name, patience):
    """Open a function in this process: a child process costs more than its check."""
    module = {}
    exec(path.read_text(), module)

    def ask(W, X, y, reg):
        loss, dW, dtype = checked(module[name](W.copy(), X.copy(), y.copy(), reg), W.shape)
        return Answer(loss, dW, dtype, 1e-4, ())

    ask.notes, ask.uses_imgclf = (), False
    yield ask


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Check the function my_svm of this file; return whether it passed, and what was printed."""

    def check(text, against="svm", *, as_json=False, quiet=False, name="my_svm", in_child=False, **options):
        monkeypatch.setattr(process, "open_student", open_student if in_child else opened_here)
        (tmp_path / "student.py").write_text(text)
        rng = np.random.default_rng(0)
        X, y = rng.random((16, 12)), np.arange(16) % 3
        console = Console(SimpleNamespace(obj={"quiet": quiet, "verbose": False}), as_json=as_json)
        plan = SimpleNamespace(
            train=SimpleNamespace(class_names=NAMES, example_shape=SHAPE),
            preprocess=SimpleNamespace(is_image=True),
            weights=np.zeros((13, 3)),
            config=SimpleNamespace(seed=0, regularization=SimpleNamespace(l2=0.5)),
        )
        passed = run_student(console, plan, f"{tmp_path}/student.py:{name}", against, X, y, **options)
        printed = capsys.readouterr()
        return passed, printed.out, printed.err

    return check


def unfolded(lines):
    """Return lines that were folded as one text."""
    return " ".join(line.strip() for line in lines)


FLOAT32 = RIGHT.replace("    rows", "    W, X = W.astype('f4'), X.astype('f4')\n    rows")
CRASHING = RIGHT.replace("    rows", f"    raise ValueError('{20 * 'long words '}')\n    rows")


@pytest.mark.parametrize("text", [RIGHT, NO_MEAN, FLOAT32, CRASHING])
def test_no_line_is_wider_than_a_terminal(run, text):
    _, out, _ = run(f"print('{30 * 'words '}')\n{text}", in_child=True)
    own = [line for line in out.splitlines() if "/student.py" not in line]  # a temporary folder is as long as it likes
    assert "note: it prints: words" in out or text is CRASHING
    assert max(map(len, own)) <= 80


@pytest.mark.parametrize("against", ["svm", None])
def test_a_right_function_passes(run, against):
    passed, out, err = run(RIGHT, against)
    assert passed
    assert not err
    assert out.splitlines()[-1] == "verdict: pass, with the penalty reg * sum(W * W)"
    assert "16 images, 36 parameters" in out
    assert ("against svm" in out) == bool(against)
    assert "FAIL" not in out
    assert "advice" not in out


def test_a_wrong_function_fails_with_a_way_out(run):
    passed, out, _ = run(NO_MEAN)
    assert not passed
    assert out.splitlines()[-1] == "verdict: fail"
    finding = "FAIL  derivative    dW is not the gradient of your loss at 36 of 36 checked parameters"
    assert finding in unfolded(out.splitlines())
    assert "advice: your gradient is 16 times too large (N = 16): divide by N\n" in out
    assert "the worst parameter is dW[" in out
    assert any(name in out for name in NAMES)


def test_the_table_of_a_wrong_place_shows_that_its_error_stays(run):
    _, out, _ = run(NO_MEAN)
    lines = out.splitlines()
    first = next(i for i, line in enumerate(lines) if "previous error" in line) + 1
    assert [line.split()[-1] for line in lines[first : first + 8]] == ["-"] + 7 * ["1.00"]


def test_a_place_is_a_pixel_of_a_class(run):
    _, out, _ = run(
        RIGHT.replace("/ len(y) + 2 * reg * W", "/ len(y) + 2 * reg * W + 0.1 * (np.arange(36) == 21).reshape(12, 3)")
    )
    assert "dW[7,0], row 1, column 0, green; cat" in out


TWICE = RIGHT.replace("margins.sum() /", "2 * margins.sum() /").replace("X.T @ G /", "2 * X.T @ G /")


@pytest.mark.parametrize(("text", "beside"), [(NO_MEAN, "central difference"), (TWICE, "ours")])
def test_what_a_wrong_parameter_is_compared_with_is_named(run, text, beside):
    line = next(line for line in run(text)[1].splitlines() if line.startswith("  yours "))
    assert f", {beside} " in line


def test_a_finding_names_its_penalty_as_l2(run):
    wrong_there = RIGHT.replace("reg * np.sum(W * W)", "reg * np.sum(W * W) + (reg == 0.25)")
    checks = json.loads(run(wrong_there, as_json=True)[1])["checks"]
    assert next(check["l2"] for check in checks if check["layer"] == "value") == 0.5


@pytest.mark.parametrize("text", [RIGHT, NO_MEAN])
def test_a_program_gets_one_object(run, text):
    passed, out, err = run(text, as_json=True)
    seen = json.loads(out)
    assert seen["verdict"] == ("pass" if passed else "fail")
    assert list(seen) == [
        "verdict", "checked", "parameters", "seconds", "worst", "checks", "advice", "outcome", "penalty", "notes",
        "uses_imgclf",
    ]  # fmt: skip
    assert (seen["checked"], seen["parameters"]) == (36, 36)
    assert set(seen["worst"]) == {"parameter", "analytic", "numerical", "error", "bound"}
    assert seen["worst"]["parameter"].startswith("W[")
    for check in seen["checks"]:
        assert list(check) == [
            "loss", "l2", "l1", "point", "layer", "verdict", "reason", "checked", "worst", "outcome"
        ]  # fmt: skip
        assert check["loss"] == "my_svm"
        assert check["point"] in ("zero", "start", "steps", "wide")
    assert "verdict: " in err


def test_same_seed_same_bytes(run):
    one, other = (json.loads(run(NO_MEAN, as_json=True)[1]) for _ in range(2))
    one.pop("seconds"), other.pop("seconds")
    assert json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize(("text", "words"), [
    (RIGHT.replace("len(y)", "len(z)"), "my_svm raises NameError: name 'z' is not defined (student.py, line 5: "),
    ("def my_svm(", "student.py cannot be imported: SyntaxError"),
    ("def my_svm(*_):\n    while True: pass", "my_svm does not return within 0.3 s"),
])  # fmt: skip
@pytest.mark.parametrize("as_json", [True, False])
def test_no_answer_is_a_line_and_a_verdict(run, text, words, as_json):
    passed, out, err = run(text, as_json=as_json, quiet=True, patience=0.3, in_child=True)
    assert not passed
    *lines, verdict = (err if as_json else out).splitlines()
    assert words in unfolded(lines)
    assert verdict == "verdict: fail (crashed)"
    if as_json:
        seen = json.loads(out)
        assert (seen["verdict"], seen["outcome"]) == ("fail", "crashed")
        assert words in seen["checks"][0]["reason"]
        assert set(seen["checks"][0]) == {
            "loss", "l2", "l1", "point", "layer", "verdict", "reason", "checked", "worst", "outcome"
        }  # fmt: skip


def test_what_cannot_be_told_is_no_pass(run):
    passed, out, _ = run(
        RIGHT.replace("2 * reg * W", "(2 * reg * W).astype(np.float16)").replace(
            "X.T @ G / len(y)", "(X.T @ G / len(y)).astype(np.float16)"
        )
    )
    assert not passed
    assert out.splitlines()[-1] == "verdict: inconclusive"
    assert "  ?     precision " in out


def test_right_arithmetic_in_float32_passes_and_is_named(run):
    passed, out, _ = run(RIGHT.replace("s = X @ W", "s = (X @ W).astype(np.float32)"))
    assert passed
    assert "you compute in float32" in out


@pytest.mark.parametrize("against", ["svm", None])
def test_what_is_right_for_one_number_of_images_only_fails_with_a_way_out(run, against):
    passed, out, _ = run(RIGHT.replace("len(y)", "16").replace("arange(16)", "arange(len(y))"), against)
    assert not passed
    assert "  FAIL  other data    with 1" in out
    assert "the worst parameter" not in out  # of these images, all parameters are right
    divides = "right for 16 images, wrong for 13: it divides by 16, not by N = len(y)"
    assert f"advice: {divides if against else 'your loss is a sum over the images'}" in out


def test_what_it_prints_is_a_note(run):
    passed, out, _ = run(RIGHT.replace("    s = X", "    print('scores of', X.shape)\n    s = X"), in_child=True)
    assert passed
    assert "note: it prints: scores of (16, 12)\n" in out


def test_quiet_leaves_what_was_asked_for(run):
    assert run(RIGHT, quiet=True)[1] == "verdict: pass, with the penalty reg * sum(W * W)\n"
    assert "advice: " in run(NO_MEAN, quiet=True)[1]


@pytest.mark.parametrize("name", ["my_swm", "no name"])
def test_a_wrong_use_is_no_verdict(run, name):
    with pytest.raises(UsageError):
        run(RIGHT, name=name, in_child=True)


def test_hints_say_nothing_where_or_why(run):
    """Text and object of each: with an object, the text goes to stderr."""
    told = {hints: run(NO_MEAN, hints=hints, as_json=True)[1:] for hints in ("none", "where", "why")}
    objects = {hints: json.loads(out) for hints, (out, _) in told.items()}
    assert told["none"][1] == "verdict: fail\n"
    nothing = {"worst": None, "penalty": None, "checks": [], "advice": [], "notes": []}
    assert {key: objects["none"][key] for key in nothing} == nothing
    assert objects["none"].keys() == objects["where"].keys() == objects["why"].keys()
    assert "the worst parameter is dW[" in told["where"][1]
    worst = objects["where"]["worst"]
    assert worst.pop("parameter") == objects["why"]["worst"]["parameter"]
    assert set(worst.values()) == {None}
    for words in ("advice: ", "  yours ", "ours 0", "previous error"):
        assert words not in told["where"][1]
        assert words in told["why"][1]


def test_wrong_and_crashed_are_different_words(run):
    crashes = RIGHT.replace("    s = X", "    if len(y) == 1: raise ValueError('one')\n    s = X")
    wrong, crashed = (json.loads(run(text, as_json=True, in_child=True)[1]) for text in (NO_MEAN, crashes))
    assert (wrong["outcome"], crashed["outcome"]) == ("wrong", "crashed")
    assert {"right", "wrong"} == {check["outcome"] for check in wrong["checks"]}
    assert {"right", "crashed"} == {check["outcome"] for check in crashed["checks"]}
    out = run(crashes, in_child=True)[1]
    assert "  CRASH other data    my_svm raises ValueError: one" in out
    assert out.endswith("verdict: fail (crashed)\n")
    assert json.loads(run(RIGHT, as_json=True)[1])["outcome"] == "right"


def test_a_right_function_has_no_table_of_steps(run):
    assert "previous error" not in run(RIGHT)[1]


def test_the_penalty_is_named_in_verdict_and_object(run):
    half = RIGHT.replace("reg * np.sum", "reg / 2 * np.sum").replace("2 * reg * W", "reg * W")
    assert run(half)[1].endswith("verdict: pass, with the penalty reg/2 * sum(W * W)\n")
    assert json.loads(run(half, as_json=True)[1])["penalty"] == "reg/2 * sum(W * W)"
    passed, out, _ = run(half, penalty="full")
    assert not passed
    assert "advice: your penalty is half ours: it should be reg * sum(W * W)\n" in out


def test_who_uses_imgclf_itself_is_told_and_no_less_right(run):
    text = RIGHT.replace("import numpy as np", "import numpy as np\nimport imgclf.losses")
    assert json.loads(run(text, as_json=True, in_child=True)[1])["uses_imgclf"] is True
    passed, out, _ = run(text, in_child=True)
    assert passed
    assert "note: it uses imgclf itself\n" in out


@pytest.mark.parametrize(("hints", "files"), [("why", ["errors-my_svm.png", "steps-my_svm.png"]),
                                              ("where", ["errors-my_svm.png"])])  # fmt: skip
def test_errors_are_drawn(run, tmp_path, hints, files):
    _, out, _ = run(NO_MEAN, hints=hints, plot=tmp_path / "look")
    assert sorted(path.name for path in (tmp_path / "look").iterdir()) == files
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "look").iterdir())
    assert f"pictures  {tmp_path / 'look'} ({', '.join(files)})\n" in out


def test_what_returns_nothing_has_no_picture(run, tmp_path):
    assert (
        "pictures  there is nothing to draw"
        in run("def my_svm(*_):\n    1 / 0", plot=tmp_path / "look", in_child=True)[1]
    )
