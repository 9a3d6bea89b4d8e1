"""The command `imgclf`, and `python -m imgclf`."""

import signal

# What asks to stop waits until `main` listens: in the middle of an import it would be a traceback.
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))

from imgclf.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
