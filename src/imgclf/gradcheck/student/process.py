"""Run a learner's function in a process of its own."""

import difflib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.errors import UsageError
from imgclf.gradcheck.student import frames
from imgclf.gradcheck.student.child import CLOSED

START = 60.0  # seconds for Python and NumPy to start, which is nobody's mistake
LOOK = 0.05  # seconds between two looks whether the child still lives
LIBRARIES = ("OPENBLAS", "OMP", "MKL", "BLIS", "NUMEXPR")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in LIBRARIES} | {"VECLIB_MAXIMUM_THREADS": "1"}


class Answer(NamedTuple):
    """What the function said at one W."""

    loss: float
    dW: NDArray[np.float64]  # (D, C)
    dtype: str  # of dW, as it was returned
    seconds: float  # inside the function
    changed: tuple[str, ...]  # the inputs that it changed: W, X, y


Ask: TypeAlias = Callable[[FloatArray, FloatArray, IntArray, float], Answer]


class StudentFailure(Exception):  # noqa: N818 - no error of this program: what the function did wrong
    """The function gave no answer, in one line."""

    def __init__(self, line: str, *, alive: bool) -> None:
        super().__init__(line)
        self.alive = alive  # whether it can be asked again


class Student:
    """Somebody to ask: W (D, C), X (N, D), y (N,), reg. X and y are sent once, so they must not change."""

    def __init__(self, path: Path, name: str, patience: float, channel: socket.socket, child: "Child") -> None:
        self.path, self.name, self.patience = path, name, patience
        self.printed = self.warned = ""  # the first line each
        self.stood_in = ""  # what it imports and is not there
        self._channel, self._child = channel, child
        self._sent: tuple[FloatArray, IntArray] | None = None
        self._deadline = 0.0
        self._waiting_for = ""

    def __call__(self, W: FloatArray, X: FloatArray, y: IntArray, reg: float) -> Answer:
        """Ask at one W; StudentFailure where there is no answer."""
        self._wait_at_most(self.patience, f"{self.name} gives no answer within {self.patience:g} s")
        arrays: frames.Arrays = {"W": np.asarray(W, np.float64)}
        if self._sent is None or self._sent[0] is not X or self._sent[1] is not y:
            arrays |= {"X": np.asarray(X, np.float64), "y": np.asarray(y, np.int64)}
        self._send({"reg": float(reg)}, arrays)
        self._sent = X, y
        header, answer = self._receive()
        if "failure" in header:
            raise StudentFailure(f"{self.name} {header['failure']}", alive=True)
        try:
            changed = tuple(map(str, header["changed"]))
            said = Answer(float(header["loss"]), answer["dW"], str(header["dtype"]), float(header["seconds"]), changed)
        except (KeyError, TypeError, ValueError):
            self._fail(f"{self.name} breaks the connection: file descriptors it did not open are not its own")
        if said.dW.shape != W.shape:
            self._fail(f"{self.name} breaks the connection: an answer to another question")
        return said

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what it said that nobody asked for."""
        told = [("prints", self.printed), ("warns", self.warned)]
        return tuple(f"it {verb}: {line}" for verb, line in told if line) + (self.stood_in,) * bool(self.stood_in)

    def load(self) -> None:
        """Wait until the file is imported, and the function found in it."""
        self._wait_at_most(START, "Python does not start")
        self._receive()
        self._wait_at_most(
            self.patience,
            f"{self.path.name} is still being imported after {self.patience:g} s: put what runs by itself under "
            "if __name__ == '__main__'",
        )
        header, _ = self._receive()
        if "failure" in header:
            self._fail(f"{self.path.name} {header['failure']}")
        if "missing" in header:
            raise no_such_function(self.path, self.name, [str(name) for name in header["missing"]])

    def _wait_at_most(self, seconds: float, or_else: str) -> None:
        if self._child.failure:
            raise self._child.failure
        self._deadline, self._waiting_for = time.monotonic() + seconds, or_else

    def _send(self, header: dict[str, Any], arrays: frames.Arrays) -> None:
        self._channel.settimeout(max(LOOK, self._deadline - time.monotonic()))
        try:
            frames.send(self._channel, header, **arrays)
        except TimeoutError:
            self._fail(self._waiting_for)
        except OSError:
            self._gone()

    def _receive(self) -> tuple[dict[str, Any], frames.Arrays]:
        self._channel.settimeout(LOOK)
        try:
            header, arrays = frames.receive(self._read)
        except frames.BrokenFrameError as error:
            self._fail(f"{self.name} breaks the connection ({error}): file descriptors are not its own")
        self.printed = self.printed or str(header.get("printed", ""))
        self.warned = self.warned or str(header.get("warned", ""))
        self.stood_in = self.stood_in or str(header.get("stood_in", ""))
        return header, arrays

    def _read(self, n: int) -> bytearray:
        data = bytearray(n)
        view = memoryview(data)
        while view:
            try:
                got = self._channel.recv_into(view)
            except TimeoutError:
                self._look()
                continue
            except OSError:
                got = 0
            if not got:
                self._gone()
            view = view[got:]
        return data

    def _look(self) -> None:
        """Nothing came for a moment: see whether there is anybody, and whether it is time to give up."""
        # A copy that the function has forked may hold the connection open when the process itself is gone.
        if self._child.process.poll() is not None:
            self._gone()
        if time.monotonic() > self._deadline:
            self._fail(self._waiting_for)

    def _gone(self) -> NoReturn:
        try:
            code = self._child.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = CLOSED
        if code == CLOSED:
            self._fail(f"{self.name} closes file descriptors that it did not open")
        if code < 0:
            with suppress(ValueError):
                self._fail(f"{self.name} is killed by {signal.Signals(-code).name}")
        self._fail(f"{self.name} ends the program with exit code {code}")

    def _fail(self, line: str) -> NoReturn:
        self._child.failure = StudentFailure(line, alive=False)
        self._child.end()
        raise self._child.failure


class Child:
    """A process and all of its group; nothing of that stays."""

    def __init__(self, arguments: list[str], descriptor: int) -> None:
        self.failure: StudentFailure | None = None
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            start_new_session=True,
            env=os.environ | ONE_THREAD,
        )

    def end(self) -> None:
        """Kill the whole group, and see it dead."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def open_student(path: Path, function_name: str, patience: float = 10.0) -> Iterator[Student]:
    """Start a child with a learner's function, to be asked: `with open_student(...) as ask: ask(W, X, y, reg)`.

    `patience` is how many seconds it may take for an answer.
    Raises UsageError if there is no such file or function, StudentFailure if the file cannot be imported.
    """
    if sys.platform == "win32":
        raise UsageError("--loss", "does not work on Windows", "use WSL, Linux or macOS")
    path = path.absolute()
    if not path.is_file():
        raise UsageError(path, "there is no such file", "give FILE.py:FUNCTION")
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            # -P: a file in the current folder must not stand in for NumPy; -B: no bytecode beside the learner's file.
            command = [sys.executable, "-P", "-B", "-m", "imgclf.gradcheck.student.child"]
            arguments = [str(theirs.fileno()), str(os.getpid()), str(path), function_name]
            child = Child([*command, *arguments], theirs.fileno())
        try:
            student = Student(path, function_name, patience, ours, child)
            student.load()
            yield student
        finally:
            child.end()


def parse_spec(spec: str) -> tuple[Path, str]:
    """Take FILE.py:FUNCTION apart."""
    file, _, name = spec.rpartition(":")
    if not file or not name.isidentifier() or Path(file).suffix != ".py":
        raise UsageError(f"--loss {spec}", "is not FILE.py:FUNCTION", "as in --loss student.py:my_svm")
    return Path(file), name


def no_such_function(path: Path, name: str, there: list[str]) -> UsageError:
    """Say what there is instead."""
    close = difflib.get_close_matches(name, there, 1)
    there_is = f"there is {', '.join(there)}" if there else "it defines none"
    return UsageError(path, f"has no function {name}", f"did you mean {close[0]}?" if close else there_is)
