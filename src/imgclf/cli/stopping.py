"""Ctrl-C and SIGTERM: stop once, in one way, with the exit code that shells expect."""

import signal
from types import FrameType

from imgclf.errors import StoppedError


class Stop(KeyboardInterrupt):
    """A signal asks to stop."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number

    def error(self, where: object, remedy: str) -> StoppedError:
        """Return what the user is told."""
        stopped = StoppedError(where, "stopped", remedy)
        stopped.exit_code = 128 + self.number
        return stopped


def listen() -> None:
    """Turn the first SIGINT or SIGTERM into a Stop, unless whoever started us wants it ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    # What follows saves and ends, in a moment: an impatient second Ctrl-C must not break that off.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    raise Stop(number)
