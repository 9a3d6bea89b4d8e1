"""A pseudo-terminal in place of stdout and stderr."""

import os
import pty
import sys
import threading

import pytest

from imgclf.cli import main


class Terminal:
    """stdout and stderr are one pseudo-terminal; `text` is what it was sent."""

    def __enter__(self):
        self._ours, theirs = pty.openpty()
        self._before, self._sent = (sys.stdout, sys.stderr), b""
        sys.stdout = sys.stderr = os.fdopen(theirs, "w", encoding="utf-8")
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self):
        try:
            while piece := os.read(self._ours, 4096):
                self._sent += piece
        except OSError:  # how Linux says that nobody writes any more
            pass

    def __exit__(self, *_):
        sys.stdout.close()
        sys.stdout, sys.stderr = self._before
        self._reader.join()
        os.close(self._ours)
        self.text = self._sent.decode().replace("\r\n", "\n")  # the terminal's own way to end a line


def run(*arguments):
    before, sys.argv = sys.argv, ["imgclf", *map(str, arguments)]
    try:
        with Terminal() as terminal, pytest.raises(SystemExit) as stop:
            main()
    finally:
        sys.argv = before
    return stop.value.code, terminal.text
