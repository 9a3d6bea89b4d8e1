"""Handle Ctrl-C, SIGTERM and SIGHUP.

Stop once, in one way, with the exit code that shells expect.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from imgclf.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """A signal asks to stop. Not a KeyboardInterrupt, which click would handle in its own way."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.exit_code = 130 if number == signal.SIGINT else 143

    def error(self, where: object, remedy: str) -> StoppedError:
        """Return the error that the user sees."""
        stopped = StoppedError(where, "stopped", remedy)
        stopped.exit_code = self.exit_code
        return stopped


_asked: list[Stop] = []


def asked() -> Stop | None:
    """Return the Stop that was raised, if any: a library on its way may have turned it into another error."""
    return _asked[0] if _asked else None


def listen() -> None:
    """Raise Stop on the first signal, pending ones included; signals ignored by the parent stay ignored."""
    _asked.clear()
    _handle(_stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """Ignore a Stop that cannot propagate, such as in `__del__`: `asked` still returns it."""
    if not isinstance(lost.exc_value, Stop):
        sys.__unraisablehook__(lost)


def leave_at_once() -> None:
    """Let the next signal end the process at once."""
    _handle(_leave)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    leave_at_once()
    _asked.append(Stop(number))
    raise _asked[0]


def _leave(number: int, frame: FrameType | None) -> None:
    # A second signal means: at once. The last checkpoint stays whole, whatever is being written.
    os._exit(Stop(number).exit_code)
