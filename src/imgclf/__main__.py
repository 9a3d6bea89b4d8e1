"""The command `imgclf`, and `python -m imgclf`."""

import signal
import sys
from typing import NoReturn

# Hold signals back until `run` handles them: in the middle of an import they would cause a traceback.
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))

from imgclf.cli import main as run  # noqa: E402
from imgclf.cli.signals import unraisable  # noqa: E402


def main() -> NoReturn:
    """Run the command line in its own process."""
    sys.unraisablehook = unraisable
    run()


if __name__ == "__main__":
    main()
