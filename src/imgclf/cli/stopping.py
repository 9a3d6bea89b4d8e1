"""Ctrl-C, SIGTERM and a terminal that closes: stop once, in one way, with the exit code that shells expect."""

import os
import signal
from types import FrameType

from imgclf.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(KeyboardInterrupt):
    """A signal asks to stop."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number

    def error(self, where: object, remedy: str) -> StoppedError:
        """Return what the user is told."""
        stopped = StoppedError(where, "stopped", remedy)
        stopped.exit_code = 130 if self.number == signal.SIGINT else 143
        return stopped


_asked: list[Stop] = []


def asked() -> Stop | None:
    """Return the Stop that was raised, if one was: on its way through a library it may have become another error."""
    return _asked[0] if _asked else None


def listen() -> None:
    """Turn the first signal into a Stop, unless whoever started us wants it ignored."""
    _asked.clear()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for one in SIGNALS:
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _leave)
    _asked.append(Stop(number))
    raise _asked[0]


def _leave(number: int, frame: FrameType | None) -> None:
    # Whoever asks twice wants to be out at once. The last checkpoint is whole, whatever is being written.
    os._exit(Stop(number).error("", "").exit_code)
