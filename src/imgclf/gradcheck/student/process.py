"""Run a learner's function in its own process."""

import difflib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray, IntArray
from imgclf.errors import UsageError
from imgclf.gradcheck.student.child import CLOSED, USES_IMGCLF
from imgclf.machine.orphans import adopting

START = 60.0  # seconds for Python and NumPy to start
LOOK = 0.05  # seconds between two tests whether the process is alive and in time
LONGEST_HEADER = 1 << 16  # bytes
LIBRARIES = ("OPENBLAS", "OMP", "MKL", "BLIS", "NUMEXPR")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in LIBRARIES} | {"VECLIB_MAXIMUM_THREADS": "1"}


# What Python, NumPy and BLAS need to start; anything else may be a secret.
PASSED_ON = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX",
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "OPENBLAS_CORETYPE",
)  # fmt: skip


class Limits(NamedTuple):
    """What a function may use; no limit for None."""

    call: float = 10.0  # seconds of a call, and of the import
    seconds: float = math.inf  # in all
    processor: int | None = None  # seconds of each of its processes
    memory: int | None = None  # bytes of address space; half of the machine's at most
    file: int | None = None  # bytes of a file that it writes

    def of_kernel(self) -> dict[str, int]:
        """Return those that the kernel enforces, by their names in `resource`."""
        half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        limits = {"RLIMIT_AS": min(self.memory or half, half), "RLIMIT_CPU": self.processor, "RLIMIT_FSIZE": self.file}
        return {name: most for name, most in limits.items() if most is not None}


class Answer(NamedTuple):
    """Loss and gradient at one W, as the function returned them."""

    loss: float
    dW: NDArray[np.float64]  # (D, C)
    dtype: str  # of dW, as it was returned
    seconds: float  # inside the function
    changed: tuple[str, ...]  # modified inputs: W, X, y


Ask: TypeAlias = Callable[[FloatArray, FloatArray, IntArray, float], Answer]


class StudentFailure(Exception):  # noqa: N818 - a mistake of the function, not of this program
    """The function returned no loss and gradient; one line says why.

    problem   what happened, and `remedy`, what to do about it
    alive     whether it can be called again
    crashed   whether it returned nothing, rather than something else
    place     words for its arguments
    """

    def __init__(self, problem: str, remedy: str = "", *, alive: bool, crashed: bool = True, place: str = "") -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.alive, self.crashed, self.place = problem, remedy, alive, crashed, place

    @property
    def where(self) -> str:
        """What happened, and where, without the remedy."""
        return self.problem + (f" - {self.place}" if self.place else "")

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.problem, self.remedy))) + (f" - {self.place}" if self.place else "")

    def at(self, place: str) -> "StudentFailure":
        """Return the failure with words for its arguments."""
        return StudentFailure(self.problem, self.remedy, alive=self.alive, crashed=self.crashed, place=place)


class Child:
    """A process with its group, and the connection to it, which a thread cuts when the process is gone or late.

    So the parent never blocks for longer, not even on half a message.
    """

    def __init__(self, path: Path, name: str, limits: Limits) -> None:
        self.connection, theirs = Pipe()
        # -P: a file in the current folder must not stand in for NumPy; -B: no bytecode beside the learner's file.
        command = [sys.executable, "-P", "-B", "-m", "imgclf.gradcheck.student.child"]
        with theirs:
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid()), str(path), name, json.dumps(limits.of_kernel())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=environment(),
            )
        self.deadline = math.inf  # of the current call
        self.is_late = False
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            self.is_late = time.monotonic() > self.deadline
            # A copy that the function has forked may hold the connection open when the process itself is gone.
            if self.is_late or self.process.poll() is not None:
                self._kill()
                with suppress(OSError), socket.socket(fileno=os.dup(self.connection.fileno())) as ours:
                    ours.shutdown(socket.SHUT_RDWR)  # an error on some systems if the other side is closed
                return

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill the whole group, and wait until the process is dead."""
        self._kill()
        self.process.wait()
        self._over.set()
        self._watcher.join()
        self.connection.close()


class Student:
    """A learner's function f(W (D, C), X (N, D), y (N,), reg). X and y are sent once, so they must not change.

    Its messages are read as JSON and numbers, never unpickled, and only up to the expected size.
    """

    def __init__(self, path: Path, name: str, limits: Limits, child: Child) -> None:
        self.path, self.name, self.limits = path, name, limits
        self.notes: tuple[str, ...] = ()  # on what it prints and imports
        self._child, self._connection = child, child.connection
        self._sent: tuple[FloatArray, IntArray] | None = None
        self._failure: StudentFailure | None = None
        self._left = math.inf

    def __call__(self, W: FloatArray, X: FloatArray, y: IntArray, reg: float) -> Answer:
        """Call the function; raises StudentFailure if it returns no loss and gradient."""
        arrays: dict[str, NDArray[Any]] = {"W": np.asarray(W, np.float64)}
        if self._sent is None or self._sent[0] is not X or self._sent[1] is not y:
            arrays |= {"X": np.asarray(X, np.float64), "y": np.asarray(y, np.int64)}
        self._sent = X, y
        shapes = {name: array.shape for name, array in arrays.items()}
        with self._waiting(self.limits.call, f"{self.name} does not return within {self.limits.call:g} s"):
            self._connection.send_bytes(json.dumps({"reg": float(reg), "shapes": shapes}).encode())
            for array in arrays.values():
                self._connection.send_bytes(array.tobytes())
            header = self._receive()
            if "failure" in header:
                raise _failure(self.name, header, alive=True)
            dW = np.frombuffer(self._connection.recv_bytes(8 * W.size)).reshape(W.shape)
            loss, seconds, changed = float(header["loss"]), float(header["seconds"]), map(str, header["changed"])
            if not (math.isfinite(loss + seconds) and np.isfinite(dW).all()):
                raise ValueError("not finite, which the child process does not send")
            return Answer(loss, dW, str(header["dtype"]), seconds, tuple(changed))

    @property
    def uses_imgclf(self) -> bool:
        """Whether its file, or one that it imports, imports imgclf."""
        return USES_IMGCLF in self.notes

    def load(self) -> None:
        """Wait until the file is imported and the function found in it."""
        with self._waiting(START, "Python does not start"):
            self._receive()
        self._left = self.limits.seconds
        late = f"{self.path.name} is still being imported after {self.limits.call:g} s"
        with self._waiting(self.limits.call, late, "put code outside of functions under if __name__ == '__main__'"):
            header = self._receive()
            if "failure" in header:
                raise _failure(self.path.name, header, alive=False)
            if "missing" in header:
                raise no_such_function(self.path, self.name, list(map(str, header["missing"])))

    def _receive(self) -> dict[str, Any]:
        header: dict[str, Any] = json.loads(self._connection.recv_bytes(LONGEST_HEADER))
        self.notes = tuple(map(str, header["notes"]))
        return header

    @contextmanager
    def _waiting(self, seconds: float, if_late: str, remedy: str = "") -> Iterator[None]:
        """Turn errors of the connection and timeouts into a StudentFailure."""
        if self._failure:
            raise self._failure
        if self._left < seconds:
            seconds, if_late, remedy = self._left, f"{self.name} takes more than {self.limits.seconds:g} s in all", ""
        began = time.monotonic()
        self._child.deadline = began + seconds
        try:
            yield
        except (EOFError, OSError) as error:
            late = self._child.is_late
            self._failure = StudentFailure(*((if_late, remedy) if late else (self._reason(),)), alive=False)
            raise self._failure from error
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            self._failure = StudentFailure(self._broken, alive=False)
            raise self._failure from error
        finally:
            self._child.deadline = math.inf
            self._left -= time.monotonic() - began

    @property
    def _broken(self) -> str:
        return f"{self.name} breaks the connection: it closes or writes to file descriptors that it did not open"

    def _reason(self) -> str:
        try:
            code = self._child.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = CLOSED
        if code == CLOSED:
            return self._broken
        if code < 0:
            with suppress(ValueError):
                return f"{self.name} is killed by {signal.Signals(-code).name}"
        return f"{self.name} ends the program with exit code {code}"


def _failure(name: str, header: dict[str, Any], *, alive: bool) -> StudentFailure:
    problem, remedy = f"{name} {header['failure']}", str(header["remedy"])
    return StudentFailure(problem, remedy, alive=alive, crashed=bool(header["crashed"]))


@contextmanager
def open_student(path: Path, function_name: str, limits: Limits = Limits()) -> Iterator[Student]:  # noqa: B008
    """Start a child process with a learner's function: `with open_student(...) as ask: ask(W, X, y, reg)`.

    Raises UsageError if there is no such file or function, StudentFailure if the file cannot be imported.
    """
    path = path.absolute()
    if not path.is_file():
        raise UsageError(path, "there is no such file", "give FILE.py:FUNCTION")
    with adopting():
        child = Child(path, function_name, limits)
        try:
            student = Student(path, function_name, limits, child)
            student.load()
            yield student
        finally:
            child.end()


def environment() -> dict[str, str]:
    """Return the variables that a process for strangers' code gets: no secrets, and BLAS on one thread."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | ONE_THREAD


def parse_spec(spec: str) -> tuple[Path, str]:
    """Split FILE.py:FUNCTION."""
    file, _, name = spec.rpartition(":")
    if not file or not name.isidentifier() or Path(file).suffix != ".py":
        raise UsageError(f"--loss {spec}", "is not FILE.py:FUNCTION", "as in --loss student.py:my_svm")
    return Path(file), name


def no_such_function(path: Path, name: str, there: list[str]) -> UsageError:
    """Return the error for a missing function, with the names of those that the file has."""
    close = difflib.get_close_matches(name, there, 1)
    there_is = f"it has {', '.join(there)}" if there else "it defines none"
    return UsageError(path, f"has no function {name}", f"did you mean {close[0]}?" if close else there_is)
