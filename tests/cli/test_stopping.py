"""The first signal stops; what comes after it must not break off the saving."""

import os
import signal

import pytest

from imgclf.cli.stopping import Stop, listen


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_stops_and_the_others_are_ignored(number, code):
    listen()
    with pytest.raises(Stop) as stop:
        os.kill(os.getpid(), number)
    assert stop.value.error("run", "").exit_code == code
    for later in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), later)


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen()
    os.kill(os.getpid(), signal.SIGINT)
