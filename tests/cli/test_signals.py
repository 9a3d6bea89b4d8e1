"""The first signal stops and saves; the second is out at once."""

import itertools
import os
import signal
import subprocess
import sys

import pytest

from imgclf.cli import explain
from imgclf.cli.signals import SIGNALS, Stop, asked, listen
from imgclf.errors import StorageError
from interruption import interrupt


def nobody_listens():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    nobody_listens()
    yield
    listen()  # forgets what was asked
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), list(zip(SIGNALS, (130, 143, 143), strict=True)))
def test_the_first_signal_stops_and_the_second_leaves_at_once(monkeypatch, number, code):
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    listen()
    with pytest.raises(Stop) as stop:
        os.kill(os.getpid(), number)
    assert stop.value.error("run", "").exit_code == code
    assert left == []
    for later in SIGNALS:
        os.kill(os.getpid(), later)
    assert left == [130, 143, 143]


def test_a_stop_that_became_another_error_on_its_way_is_still_a_stop():
    listen()
    assert asked() is None
    with pytest.raises(Stop):
        os.kill(os.getpid(), signal.SIGTERM)
    # zipfile, left while it writes, raises this in its place
    assert explain(ValueError("open writing handle")) == explain(Stop(signal.SIGTERM))
    assert explain(StorageError("disk", "full"))[1] == 6  # what kept it from saving is told
    listen()
    assert explain(ValueError("x"))[1] == 70


LOST = """
import os, signal
from imgclf import cli
from imgclf.__main__ import main
from imgclf.cli.signals import asked

class Object:
    def __del__(self):
        {does}

def command(**_):
    del [Object()][0]
    if stop := asked():
        raise stop

cli.cli.main = command
main()
"""


@pytest.mark.parametrize(
    ("does", "code", "says"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, "imgclf: error: imgclf: stopped"),
        ("raise ValueError('not ours')", 0, "ValueError: not ours"),
    ],
    ids=["a stop", "an error"],
)
def test_of_a_stop_where_python_may_not_raise_nothing_is_shown_but_its_line(does, code, says):
    done = subprocess.run(
        [sys.executable, "-c", LOST.format(does=does)], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == code
    assert says in done.stderr
    assert ("ignored" in done.stderr) == (code == 0)
    assert code == 0 or done.stderr.count("\n") == 1


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen()
    os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_at_any_instruction_of_the_command_line_is_one_line_at_most_and_the_right_exit_code(
    imgclf, monkeypatch
):
    monkeypatch.setattr(os, "_exit", sys.exit)
    done = None

    def run():
        nonlocal done
        done = imgclf("no-such-command")

    for number in itertools.count(1):
        nobody_listens()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # as `imgclf.__main__` does
        if not interrupt(number, run, lambda: signal.raise_signal(signal.SIGTERM), within="imgclf/cli/__init__.py"):
            break
        assert done.code == 143, (number, done)
        assert done.out == ""
        assert done.err == "" or (done.err.startswith("imgclf: error: ") and done.err.count("\n") == 1), (number, done)
    assert number > 100
    assert done.code == 2


def test_a_signal_before_anybody_listens_waits(tmp_path):
    script = "import os, signal, imgclf.__main__ as m; os.kill(os.getpid(), signal.SIGTERM); m.main()"
    done = subprocess.run([sys.executable, "-c", script, "train"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "imgclf: error: imgclf: stopped - nothing was changed\n"
