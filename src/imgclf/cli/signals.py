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
    """A signal asks to stop; no KeyboardInterrupt, of which click makes an end of its own."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.exit_code = 130 if number == signal.SIGINT else 143

    def error(self, where: object, remedy: str) -> StoppedError:
        """Return what the user is told."""
        stopped = StoppedError(where, "stopped", remedy)
        stopped.exit_code = self.exit_code
        return stopped


_asked: list[Stop] = []


def asked() -> Stop | None:
    """Return the Stop that was raised, if one was: on its way through a library it may have become another error."""
    return _asked[0] if _asked else None


def listen() -> None:
    """Raise Stop on the first signal, pending ones included; signals ignored by the parent stay ignored."""
    _asked.clear()
    _handle(_stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """Be Python's hook for what may not be raised, as in `__del__`: of a Stop that is lost there, `asked` knows."""
    if not isinstance(lost.exc_value, Stop):
        sys.__unraisablehook__(lost)


def leave_at_once() -> None:
    """Let the next signal end the process where it is."""
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
    # Whoever asks twice wants to be out at once. The last checkpoint is whole, whatever is being written.
    os._exit(Stop(number).exit_code)
