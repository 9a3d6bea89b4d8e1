"""The first signal stops and saves; the second is out at once."""

import os
import signal

import pytest

from imgclf.cli import explain
from imgclf.cli.stopping import SIGNALS, Stop, asked, listen
from imgclf.errors import StorageError


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
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


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen()
    os.kill(os.getpid(), signal.SIGINT)
