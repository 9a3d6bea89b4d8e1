"""A learner's function may do anything: it costs one clear line, and nothing of it stays."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from imgclf.errors import UsageError
from imgclf.gradcheck.student.child import checked, error_line, functions_of, import_file
from imgclf.gradcheck.student.process import Limits, StudentFailure, no_such_function, open_student, parse_spec

pytestmark = pytest.mark.slow

W, X, y = np.arange(6.0).reshape(2, 3), np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]), np.array([0, 1, 2, 1])
RIGHT = "return float(W.sum() + reg), 2 * W"


@pytest.fixture
def student(tmp_path):
    """Write student.py, a function f(W, X, y, reg) with this body below these lines; return its path."""

    def write(body, above="", name="student.py"):
        path = tmp_path / name
        lines = textwrap.indent(textwrap.dedent(body), "    ")
        path.write_text(
            f"import os, sys\nimport numpy as np\n{textwrap.dedent(above)}\ndef f(W, X, y, reg):\n{lines}\n"
        )
        return path

    return write


@pytest.fixture
def failure(student):
    """Ask a function that fails; return the line."""

    def ask_it(body, above="", patience=10.0, **limits):
        path = student(body, above)
        with pytest.raises(StudentFailure) as caught, open_student(path, "f", Limits(patience, **limits)) as ask:
            ask(W, X, y, 0.5)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return ask_it


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_dead(pid):
    """Whether it runs no more; whose child it is may not have noticed yet."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] in ("", "Z")


def wait_until_dead(pid):
    for _ in range(3000):
        if is_dead(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_function_is_asked_and_answers(student):
    with open_student(student(RIGHT), "f") as ask:
        for reg in (0.5, 0.25):
            answer = ask(W, X, y, reg)
            assert answer.loss == 15 + reg
            assert answer.dW.dtype == np.float64
            assert np.array_equal(answer.dW, 2 * W)
            assert (answer.dtype, answer.changed) == ("float64", ())
            assert answer.seconds > 0
        assert ask.notes == ()
        assert not ask.uses_imgclf


BODY_OF_SEVERAL = """
    if reg == 1:
        return float((X[:, 0] * y).sum()), np.full(W.shape, float(y.dtype == np.int64 and X.dtype == np.float64))
    if reg == 2:
        return W[1, 1], W
    if reg == 3:
        W += 1; X += 1
        return float(W.sum() + X.sum()), W
    return float(os.environ['OPENBLAS_NUM_THREADS']), W
    """


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Several functions in one process, told apart by reg."""
    path = tmp_path_factory.mktemp("several") / "student.py"
    path.write_text(f"import os\nimport numpy as np\n\ndef f(W, X, y, reg):{BODY_OF_SEVERAL}")
    with open_student(path, "f") as ask:
        yield ask


def test_it_gets_what_was_sent(several):
    assert several(W, X, y, 1).loss == 3 + 10 + 7
    assert several(W, 2 * X, y, 1).loss == 40
    assert several(W, X[:2], y[:2], 1).loss == 3
    assert several(W, X, y.astype(np.uint8), 1).dW.min() == 1


def test_bits_survive_the_way(several):
    odd = np.array([[5e-324, -0.0, 1e308], [np.pi, 1 / 3, -1e-300]])
    answer = several(odd, X, y, 2)
    assert answer.dW.tobytes() == odd.tobytes()
    assert answer.loss == 1 / 3


def test_what_it_changes_is_named_and_made_good(several):
    first, second = several(W, X, y, 3), several(W, X, y, 3)
    assert first.changed == second.changed == ("W", "X")
    assert first.loss == second.loss == 21 + 44


def test_blas_runs_on_one_thread(several):
    assert several(W, X, y, 4).loss == 1


def test_it_runs_in_its_own_folder_and_leaves_no_bytecode(student, tmp_path):
    (tmp_path / "colorsys.py").write_text("HALF = 0.5\n")  # stands before the one of the standard library
    (tmp_path / "json.py").write_text("raise ImportError('the wrong json')\n")
    path = student("return HALF + QUARTER, W", "from colorsys import HALF\nfrom .further import QUARTER")
    (tmp_path / "further.py").write_text("QUARTER = 0.25\n")
    with open_student(path, "f") as ask:
        assert ask(W, X, y, 0.0).loss == 0.75
    assert sorted(p.name for p in tmp_path.iterdir()) == ["colorsys.py", "further.py", "json.py", "student.py"]


# Ways to return no loss and gradient, and words of the line; all are asked of one process.
MISTAKES = [
    (
        "return W[7]",
        ["f raises IndexError: index 7 is out of bounds", "(student.py, line {line}: if reg == 1: return W"],
    ),
    (
        "return np.linalg.inv(W)",
        ["f raises numpy.linalg.LinAlgError", "(student.py, line {line}: if reg == 2: return"],
    ),
    ("raise ValueError('one\\ntwo \\x1b[31m')", ["f raises ValueError: one"]),
    ("return f(W, X, y, reg)", ["f raises RecursionError", "student.py, line "]),
    ("sys.exit(3)", ["SystemExit, code 3", "student.py, line {line}"]),
    ("raise KeyboardInterrupt", ["f raises KeyboardInterrupt"]),
    ("return input()", ["f raises EOFError"]),
    ("return", ["f returns None, not a pair (loss, dW)"]),
    ("return 1.0", ["f returns a float, not a pair"]),
    ("return 1.0, W, W", ["f returns a tuple of 3, not a pair"]),
    ("return W, 1.0", ["f returns (dW, loss): the loss comes first"]),
    ("return 'low', W", ["a loss that is not a real number: str"]),
    ("return 1j, W", ["a loss that is not a real number: complex"]),
    ("return True, W", ["a loss that is not a real number: bool"]),
    ("return [1.0], W", ["a loss that is not a real number: list"]),
    ("return W[0], W", ["a loss of shape (3,), not one number: is it the mean over the images?"]),
    ("return W[:1, :1], W", ["a loss of shape (1, 1), not one number: return loss.item()"]),
    ("return float('nan'), W", ["f returns a loss that is nan"]),
    ("return 10**400, W", ["f returns a loss that is inf"]),
    ("return 1.0, None", ["a dW that is None, not an array of shape (2, 3)"]),
    ("return 1.0, W.tolist()", ["a dW that is a list, not an array of shape (2, 3)"]),
    ("return 1.0, W.T", ["a dW of shape (3, 2), not (2, 3), the shape of W: transpose it"]),
    ("return 1.0, W[:1]", ["a dW of shape (1, 3), not (2, 3)"]),
    ("return 1.0, W.astype(complex)", ["a dW of dtype complex128, not float64"]),
    ("return 1.0, W.astype(object)", ["a dW of dtype object, not float64"]),
    ("W[1, 2] = np.inf; return 1.0, W", ["f returns dW[1,2] = inf"]),
    ("return 1.0, W * np.nan", ["f returns dW[0,0] = nan (6 of 6 are not finite)"]),
]


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """A function that makes mistake number `reg`, and with 0 none."""
    path = tmp_path_factory.mktemp("mistaken") / "student.py"
    lines = [f"    if reg == {number}: {body}\n" for number, (body, _) in enumerate(MISTAKES, 1)]
    path.write_text(f"import os, sys\nimport numpy as np\n\ndef f(W, X, y, reg):\n{''.join(lines)}    return 1.0, W\n")
    with open_student(path, "f") as ask:
        yield ask


@pytest.mark.parametrize("number", range(1, len(MISTAKES) + 1), ids=[body for body, _ in MISTAKES])
def test_a_mistake_is_one_line_and_the_function_can_be_asked_again(mistaken, number):
    with pytest.raises(StudentFailure) as caught:
        mistaken(W, X, y, number)
    assert caught.value.alive
    assert caught.value.crashed == (" raises " in str(caught.value))
    for word in MISTAKES[number - 1][1]:
        assert word.format(line=4 + number) in str(caught.value)
    assert str(caught.value).isprintable()
    assert mistaken(W, X, y, 0.0).loss == 1


@pytest.mark.parametrize(("body", "words"), [
    ("os._exit(5)", "f ends the program with exit code 5"),
    ("os.kill(os.getpid(), 11)", "f is killed by SIGSEGV"),
    ("os.closerange(0, 256); return 1.0, W", "f breaks the connection: it closes or writes to file descriptors"),
])  # fmt: skip
def test_a_process_that_is_gone_is_one_line_and_stays_gone(student, body, words):
    with open_student(student(body), "f") as ask:
        for _ in range(2):
            with pytest.raises(StudentFailure, match=words) as caught:
                ask(W, X, y, 0.5)
            assert not caught.value.alive


DESCRIPTOR = "DESCRIPTOR = next(int(word) for word in sys.orig_argv if word.isdigit())"
SEND = """
    import json, struct
    def send(data):
        os.write(DESCRIPTOR, struct.pack("!i", len(data)) + data)
    def answer(dW, **changes):
        header = {"notes": [], "loss": 1.0, "dtype": "float64", "seconds": 0.0, "changed": []}
        send(json.dumps(header | changes).encode())
        send(dW)
    """


@pytest.mark.parametrize("forged", [
    "os.write(DESCRIPTOR, b'x' * 999)",
    "os.write(DESCRIPTOR, struct.pack('!iQ', -1, 10**15))",
    "os.write(DESCRIPTOR, struct.pack('!i', -7))",
    "send(b'')", "send(b'no json')", "send(b'[]')", "send(b'{}')", "send(b'[' * 50_000)", "send(b'1' * 50_000)",
    "send(b'x' * 70_000)", "send(b'{\"notes\": 1}')",
    "answer(b'')", "answer(b'x' * 47)", "answer(b'x' * 40)", "answer(b'x' * 56)", "answer((W * np.nan).tobytes())",
    "answer(bytes(48), loss=None)", "answer(bytes(48), loss=10**400)", "answer(bytes(48), loss=float('nan'))",
    "answer(bytes(48), seconds=[])", "answer(bytes(48), changed=0)",
])  # fmt: skip
def test_an_answer_that_is_forged_wrongly_is_one_line(failure, forged):
    line = failure(f"{forged}\nwhile True: pass", DESCRIPTOR + textwrap.dedent(SEND))
    assert line == "f breaks the connection: it closes or writes to file descriptors that it did not open"


@pytest.mark.parametrize("body", [
    "os.write(DESCRIPTOR, bytes(3))\nwhile True: pass",
    "os.write(DESCRIPTOR, bytes([0, 0, 1, 0]))\nwhile True: os.write(DESCRIPTOR, b'x'); time.sleep(0.02)",
    "if os.fork(): time.sleep(9)\n"
    "os.setsid(); os.write(DESCRIPTOR, bytes(3)); time.sleep(2); os.write(DESCRIPTOR, b'\\1x')",
], ids=["a part", "drop by drop", "in another session"])  # fmt: skip
def test_half_a_message_does_not_keep_us_waiting(failure, body):
    assert failure(body, f"import time\n{DESCRIPTOR}", patience=0.3) == "f does not return within 0.3 s"


@pytest.mark.parametrize("body", [
    "while True: pass",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "while True: pass",
    "while True: print('x' * 10**6)",
    "os.fork()\nwhile True: pass",
    "sys.setrecursionlimit(10**9); return f(W, X, y, reg)",
], ids=["loop", "signals", "print", "fork", "recursion"])  # fmt: skip
def test_a_function_that_never_ends_is_ended(failure, body):
    line = failure(body, patience=0.3)
    assert "does not return within 0.3 s" in line or "MemoryError" in line or "killed by" in line


def test_a_handler_that_never_ends_does_not_stop_us_from_sending(student):
    body = """
        import signal
        def forever(*_):
            while True: pass
        signal.signal(signal.SIGALRM, forever)
        if reg: signal.setitimer(signal.ITIMER_REAL, 0.05)
        return 1.0, W
        """
    large = np.zeros((200, 3000))
    with open_student(student(body), "f", Limits(0.3)) as ask:
        ask(W, X, y, 1.0)
        with pytest.raises(StudentFailure, match="does not return"):
            [ask(large, np.zeros((2, 200)), y[:2], 0.0) for _ in range(1000)]


def test_megabytes_of_prints_and_warnings_are_a_note(student):
    body = """
        print("\\nhello\\x1b[31m", X.shape)
        print("x" * 10**7)
        os.write(1, b"y" * 10**6)
        np.log(0 * W)
        return 1.0, W
        """
    with open_student(student(body), "f") as ask:
        assert ask(W, X, y, 0.0).loss == 1
        assert ask.notes == (
            "it prints: hello [31m (4, 2)",
            "it warns: student.py:9: RuntimeWarning: divide by zero encountered in log",
        )


def test_a_file_of_cs231n_finds_xrange_and_is_told_so(student):
    above = "from builtins import range\nfrom past.builtins import xrange\nfrom random import shuffle"
    with open_student(student("return float(sum(xrange(4))), W", above), "f") as ask:
        assert ask(W, X, y, 0.0).loss == 6
        assert ask.notes == ("it imports past.builtins, which is not installed: xrange is range here, as in Python 3",)


def test_a_past_of_its_own_comes_first_and_another_module_is_still_missing(student, failure, tmp_path):
    (tmp_path / "past").mkdir()
    (tmp_path / "past/builtins.py").write_text("def xrange(n): return [n, n]\n")
    with open_student(student("return float(sum(xrange(4))), W", "from past.builtins import xrange"), "f") as ask:
        assert ask(W, X, y, 0.0).loss == 8
        assert ask.notes == ()
    assert "No module named 'past.utils'" in failure(RIGHT, "from past.utils import old_div")


def test_who_uses_imgclf_itself_is_told_so(student, tmp_path):
    (tmp_path / "further.py").write_text("from imgclf.losses import svm\n")
    with open_student(student("if reg: from .further import svm\nreturn 1.0, W"), "f") as ask:
        for reg, uses in ((0.0, False), (1.0, True)):
            ask(W, X, y, reg)
            assert ask.uses_imgclf == uses
        assert ask.notes == ("it uses imgclf itself",)


def test_a_copy_that_it_forks_does_not_answer_too(student):
    with open_student(student("os.fork()\nreturn float(reg), W"), "f") as ask:
        assert [ask(W, X, y, float(i)).loss for i in range(20)] == list(range(20))


def test_a_copy_that_it_leaves_behind_does_not_keep_us_waiting(failure):
    assert "exit code 0" in failure("if os.fork(): os._exit(0)\nwhile True: pass", patience=60)


def imported(path):
    """Import a file as the child process does, and leave this one as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(sys, "modules", {**sys.modules})
        return import_file(str(path))


@pytest.mark.parametrize(("above", "words"), [
    ("def g(:", ["SyntaxError: invalid syntax", "(student.py, line 3: def g(:)"]),
    ("import no_such_module", ["ModuleNotFoundError: No module named 'no_such_module' (student.py, line 3"]),
    ("sys.exit('stop')", ["SystemExit, code stop"]),
    ("1 / 0", ["ZeroDivisionError", "line 3"]),
])  # fmt: skip
def test_an_error_of_a_file_is_one_line(student, above, words):
    path = student(RIGHT, above)
    with pytest.raises((Exception, SystemExit)) as caught:
        imported(path)
    line = error_line(caught.value, str(path))
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize(("above", "words"), [
    ("def g(:", "student.py cannot be imported: SyntaxError: invalid syntax"),
    ("os._exit(0)", "f ends the program with exit code 0"),
])  # fmt: skip
def test_a_file_that_cannot_be_imported_is_one_line(failure, above, words):
    assert words in failure(RIGHT, above)


def test_an_import_that_never_ends_is_ended(failure):
    assert "if __name__ == '__main__'" in failure(RIGHT, "while True: pass", patience=0.3)


def test_a_function_that_is_not_there_is_a_wrong_use(student):
    path = student(RIGHT, "NUMBER = 1\ndef my_svm(): pass\ndef _hidden(): pass")
    with pytest.raises(UsageError, match="it has my_svm, f"), open_student(path, "NUMBER"):
        pass


def test_the_functions_of_a_file_are_those_that_it_defines(student):
    module = imported(student(RIGHT, "from json import dumps\nNUMBER = 1\ndef my_svm(): pass\ndef _hidden(): pass"))
    assert functions_of(module) == ["my_svm", "f"]
    assert "it defines none" in str(no_such_function(Path("a.py"), "f", []))
    assert "did you mean my_svm?" in str(no_such_function(Path("a.py"), "my_swm", ["my_svm", "f"]))


def test_a_file_that_is_not_there_is_a_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="there is no such file"), open_student(tmp_path / "none.py", "f"):
        pass


def test_a_spec_is_a_file_and_a_function():
    path, name = parse_spec("a:b/student.py:my_svm")
    assert (str(path), name) == ("a:b/student.py", "my_svm")
    for spec in ("student.py", "student.py:", ":my_svm", "student.py:my svm", "student.ipynb:f", ""):
        with pytest.raises(UsageError, match=r"FILE\.py:FUNCTION"):
            parse_spec(spec)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_nothing_stays_whatever_happens(student, tmp_path, error):
    body = f"""
        child = os.fork()
        if not child:
            while True: pass
        open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child}}")
        return 1.0, W
        """
    try:
        with open_student(student(body), "f") as ask:
            ask(W, X, y, 0.0)
            if error:
                raise error
    except KeyboardInterrupt:
        pass
    pid, child = map(int, (tmp_path / "pids").read_text().split())
    assert not exists(pid)  # not even as a zombie
    assert wait_until_dead(child)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, what leaves the group escapes")
def test_a_session_of_its_own_is_no_way_out(student, tmp_path):
    pid = tmp_path / "pid"
    body = f"""
        if not os.fork():
            os.setsid()
            if not os.fork():
                open({str(pid)!r}, "w").write(str(os.getpid()))
                while True: pass
            os._exit(0)
        while not os.path.exists({str(pid)!r}) or not open({str(pid)!r}).read(): pass
        return 1.0, W
        """
    with open_student(student(body), "f") as ask:
        ask(W, X, y, 0.0)
    assert not exists(int(pid.read_text()))


def test_limits_hold(failure, tmp_path):
    assert "MemoryError" in failure("np.ones(1 << 27)", memory=1 << 30)
    assert "File too large" in failure(f"open({str(tmp_path / 'file')!r}, 'wb').write(bytes(1 << 16))", file=99)
    assert failure("while True: pass", processor=1) == "f is killed by SIGXCPU"
    assert failure("while True: pass", seconds=0.2) == "f takes more than 0.2 s in all"


def test_time_adds_up_over_calls(student):
    def ask_often():
        with open_student(student("import time; time.sleep(0.1); return 1.0, W"), "f", Limits(seconds=0.35)) as ask:
            for _ in range(9):
                ask(W, X, y, 0.0)

    with pytest.raises(StudentFailure, match=r"f takes more than 0\.35 s in all"):
        ask_often()


def test_secrets_are_not_passed_on(student, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("PYTHON_GITLAB_TOKEN", "x")
    body = "return float(sum('SECRET' in name or 'TOKEN' in name for name in os.environ)), W"
    with open_student(student(body), "f") as ask:
        assert ask(W, X, y, 0.0).loss == 0


def test_whoever_is_killed_leaves_no_endless_loop_behind(student, tmp_path):
    pids = tmp_path / "pids"
    path = student(f"open({str(pids)!r}, 'w').write(str(os.getpid()))\nwhile True: pass")
    script = f"""
        import numpy as np
        from pathlib import Path
        from imgclf.gradcheck.student.process import Limits, open_student
        with open_student(Path({str(path)!r}), "f", Limits(60)) as ask:
            ask(np.zeros((2, 3)), np.zeros((4, 2)), np.zeros(4, int), 0.0)
        """
    asker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    while not (pids.exists() and pids.read_text()):
        time.sleep(0.01)
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    assert wait_until_dead(int(pids.read_text()))


@pytest.mark.parametrize("order", "<>=")
def test_the_order_of_bytes_is_no_precision(order):
    loss, dW, dtype = checked((0.5, np.ones((2, 3), f"{order}f8")), (2, 3))
    assert (loss, dW.tolist(), dtype) == (0.5, [[1.0] * 3] * 2, "float64")
