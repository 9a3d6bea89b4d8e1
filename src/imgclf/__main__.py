"""The command `imgclf`, and `python -m imgclf`."""

import os
import signal
import sys
from typing import NoReturn

if os.name != "posix":  # before anything is imported that such a system lacks
    sys.stderr.write(f"imgclf: error: {sys.platform}: imgclf needs Linux or macOS - on Windows, install it in WSL\n")
    sys.exit(2)

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
