"""Child process that imports and calls a learner's function.

Run as `python -m imgclf.gradcheck.student.child DESCRIPTOR PARENT FILE FUNCTION LIMITS` by `process`.
"""

import ctypes
import io
import json
import linecache
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, ClassVar, NoReturn, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

KEPT = 4096  # bytes of its output
LONGEST = 300  # characters of a failure
LONGEST_NOTE = 100
PACKAGE = "student_folder"
USES_IMGCLF = "it uses imgclf itself"
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
CLOSED = 77  # exit code: the connection was closed from inside

Arrays: TypeAlias = dict[str, NDArray[Any]]
Send: TypeAlias = Callable[[dict[str, Any]], None]


class WrongAnswerError(Exception):
    """The function returned something other than a loss and a gradient."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


class OldNames(MetaPathFinder, Loader):
    """Stand-in for `past.builtins` where it is not installed: files of CS231n import xrange from there."""

    NAMES: ClassVar[dict[str, Any]] = {
        "xrange": range, "raw_input": input, "unicode": str, "basestring": str, "long": int, "unichr": chr,
    }  # fmt: skip

    def __init__(self) -> None:
        self.note = ""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find `past` and `past.builtins`, where they are not installed."""
        return ModuleSpec(fullname, self, is_package=True) if fullname in ("past", "past.builtins") else None

    def exec_module(self, module: ModuleType) -> None:
        """Define the old names."""
        if module.__name__ == "past.builtins":
            vars(module).update(self.NAMES)
            self.note = "it imports past.builtins, which is not installed: xrange is range here, as in Python 3"


class Discarded(io.RawIOBase):
    """A stream that discards all but its beginning: output of any size needs neither disk nor memory."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.beginning = b""

    def writable(self) -> bool:
        """Answer TextIOWrapper."""
        return True

    def fileno(self) -> int:
        """Return 1 or 2, which lead to /dev/null."""
        return self.descriptor

    def write(self, data: Any) -> int:
        """Discard all but the beginning."""
        size = len(data)
        if len(self.beginning) < KEPT:
            self.beginning += bytes(data[:KEPT])
        return size

    def as_text(self) -> io.TextIOWrapper:
        """Return the stream that print writes to, unbuffered."""
        return io.TextIOWrapper(cast(BinaryIO, self), "utf-8", "backslashreplace", write_through=True)

    def first_line(self) -> str:
        """Return the first line that is not blank."""
        lines = (line.strip() for line in self.beginning.decode(errors="replace").splitlines())
        return next(filter(None, lines), "")


def main(descriptor: int, parent: int, path: str, name: str, limits: dict[str, int]) -> None:
    """Answer questions until the parent closes the connection.

    limits: of the kernel, by their names in `resource`, in its units.
    """
    _end_with(parent)
    for limit, most in {"RLIMIT_CORE": 0, **limits}.items():
        _lower(getattr(resource, limit), most)
    connection = Connection(descriptor)
    printed, warned = Discarded(1), Discarded(2)
    sys.stdout, sys.stderr = printed.as_text(), warned.as_text()
    sys.argv = [path]
    me, folder = os.getpid(), str(Path(path).parent) + os.sep
    old_names = OldNames()
    sys.meta_path.append(old_names)  # last: an installed module comes first
    for module in [name for name in sys.modules if name.partition(".")[0] == "imgclf"]:
        del sys.modules[module]  # imported again, it is the function that uses it

    def send(header: dict[str, Any]) -> None:
        if os.getpid() != me:  # the function has forked, and this is the copy: it must not answer too
            os._exit(0)
        texts = {"it prints: ": printed.first_line(), "it warns: ": warned.first_line().replace(folder, "")}
        notes = [verb + one_line(line, LONGEST_NOTE) for verb, line in texts.items() if line]
        notes += [old_names.note] * bool(old_names.note)
        notes += [USES_IMGCLF] * any(name.partition(".")[0] == "imgclf" for name in sys.modules)
        connection.send_bytes(json.dumps(header | {"notes": notes}).encode())

    try:
        send({})  # Python and NumPy have started
        function = _load(path, name, send)
        if function:
            _serve(function, path, connection, send)
        connection.recv_bytes()  # the parent knows the failure: it ends this process
    except (EOFError, ConnectionError):
        os._exit(0)
    except OSError:
        os._exit(CLOSED)


def _load(path: str, name: str, send: Send) -> Callable[..., Any] | None:
    try:
        module = import_file(path)
    except BaseException as error:  # noqa: BLE001 - any error is the learner's
        send(_crash("cannot be imported:", error, path))
        return None
    function = getattr(module, name, None)
    is_function = callable(function)
    send({} if is_function else {"missing": functions_of(module)})
    return function if is_function else None


def _serve(function: Callable[..., Any], path: str, connection: "Connection[Any, Any]", send: Send) -> NoReturn:
    data: Arrays = {}
    given: Arrays = {}
    while True:
        question = json.loads(connection.recv_bytes())
        for key, shape in question["shapes"].items():
            kind = np.int64 if key == "y" else np.float64
            data[key] = np.frombuffer(connection.recv_bytes(), kind).reshape(shape)
            # The function gets copies, which are restored: its changes must not last until the next question.
            given[key] = data[key].copy()
        try:
            began = time.perf_counter()
            returned = function(given["W"].view(), given["X"].view(), given["y"].view(), question["reg"])
            seconds = time.perf_counter() - began
            loss, dW, dtype = checked(returned, data["W"].shape)
            answer = {"loss": loss, "dtype": dtype, "seconds": seconds}
        except WrongAnswerError as wrong:
            answer = {"failure": str(wrong), "remedy": wrong.remedy, "crashed": False}
        except BaseException as error:  # noqa: BLE001 - any error is the learner's
            answer = _crash("raises", error, path)
        send(answer | {"changed": _restored(given, data)})
        if "loss" in answer:
            connection.send_bytes(dW.tobytes())


def _crash(verb: str, error: BaseException, path: str) -> dict[str, Any]:
    remedy = "a function must return, not end the program" if isinstance(error, SystemExit) else ""
    return {"failure": f"{verb} {error_line(error, path)}", "remedy": remedy, "crashed": True}


def import_file(path: str) -> ModuleType:
    """Run a file as a module; its folder is first in sys.path, and the package of `from . import`."""
    folder = str(Path(path).parent)
    sys.path.insert(0, folder)
    package = ModuleType(PACKAGE)
    package.__path__ = [folder]
    module = ModuleType(f"{PACKAGE}.{Path(path).stem}")
    module.__file__, module.__package__ = path, PACKAGE
    sys.modules[PACKAGE], sys.modules[module.__name__] = package, module
    # Compiled here and not by an import: a file that was just edited may have the time and size of its old bytecode.
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), vars(module))
    return module


def functions_of(module: ModuleType) -> list[str]:
    """Return the names of the functions that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    ][:50]


def checked(returned: Any, shape: tuple[int, ...]) -> tuple[float, NDArray[np.float64], str]:
    """Return loss, dW (D, C) and its dtype; raise WrongAnswerError if they are not a loss and a gradient."""
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        many = f" of {len(returned)}" if isinstance(returned, tuple | list) else ""
        kind = "None" if returned is None else f"a {type(returned).__name__}{many}"
        raise WrongAnswerError(f"returns {kind}, not a pair (loss, dW)")
    loss, dW = returned
    if np.ndim(dW) == 0 and isinstance(loss, np.ndarray) and loss.ndim == 2:
        raise WrongAnswerError("returns (dW, loss)", "the loss comes first")
    return _checked_loss(loss), *_checked_gradient(dW, shape)


def _checked_loss(loss: Any) -> float:
    if isinstance(loss, np.ndarray) and loss.ndim:
        problem = f"returns a loss of shape {loss.shape}, not one number"
        raise WrongAnswerError(problem, "is it the mean over the images?" if loss.size > 1 else "return loss.item()")
    # A Python int may be too large for any dtype.
    is_int = isinstance(loss, int) and not isinstance(loss, bool)
    is_real = isinstance(loss, float | np.generic | np.ndarray) and np.asarray(loss).dtype.kind in "fiu"
    if not is_int and not is_real:
        kind = loss.dtype if isinstance(loss, np.ndarray | np.generic) else type(loss).__name__
        raise WrongAnswerError(f"returns a loss that is not a real number: {kind}")
    try:
        number = float(loss)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise WrongAnswerError(f"returns a loss that is {number}")
    return number


def _checked_gradient(dW: Any, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], str]:
    if not isinstance(dW, np.ndarray):
        kind = "None" if dW is None else f"a {type(dW).__name__}"
        raise WrongAnswerError(f"returns a dW that is {kind}, not an array of shape {shape}")
    if dW.shape != shape:
        remedy = "transpose it" if dW.shape == shape[::-1] else ""
        raise WrongAnswerError(f"returns a dW of shape {dW.shape}, not {shape}, the shape of W", remedy)
    if dW.dtype.kind not in "fiu":
        raise WrongAnswerError(f"returns a dW of dtype {dW.dtype}, not float64")
    with np.errstate(over="ignore"):
        array = np.asarray(dW).astype(np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.argwhere(~finite)
        index = ",".join(map(str, bad[0]))
        more = f" ({len(bad):,} of {array.size:,} are not finite)" if len(bad) > 1 else ""
        raise WrongAnswerError(f"returns dW[{index}] = {array[tuple(bad[0])]}{more}")
    return array, dW.dtype.name  # whatever the order of its bytes


def error_line(error: BaseException, path: str) -> str:
    """Describe an error in one line, with the line of the learner's own files that raised it."""
    if isinstance(error, SystemExit):
        text = f"SystemExit, code {error.code}"
    else:
        lines = "".join(traceback.format_exception_only(error)).splitlines()
        text = next((line for line in lines if line and not line.startswith(" ")), type(error).__name__)
    if isinstance(error, SyntaxError) and error.lineno:
        return _with_line(text, error.filename or path, error.lineno)
    own = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).parent == Path(path).parent
    ]
    return _with_line(text, *own[-1]) if own else one_line(text, LONGEST)


def _with_line(text: str, path: str, line: int) -> str:
    source = one_line(linecache.getline(path, line).strip(), 80)
    return f"{one_line(text, LONGEST)} ({Path(path).name}, line {line}{': ' + source if source else ''})"


def one_line(text: str, longest: int) -> str:
    """Shorten a text, and blank control characters."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def _restored(given: Arrays, data: Arrays) -> list[str]:
    """Restore the inputs that the function modified, and return their names. Bits are compared: NaN == NaN is false."""
    changed = [key for key in given if not np.array_equal(given[key].view(np.int64), data[key].view(np.int64))]
    for key in changed:
        given[key] = data[key].copy()
    return changed


def _lower(limit: int, most: int) -> None:
    """Lower a limit of this process and its children: a MemoryError comes before the machine runs out."""
    soft, hard = resource.getrlimit(limit)
    if soft == resource.RLIM_INFINITY or soft > most:
        with suppress(OSError, ValueError):  # not every system has every limit
            resource.setrlimit(limit, (most, hard))


def _end_with(parent: int) -> None:
    """End when the parent does; on Linux the kernel does it, even if no thread of this process can run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """Kill the whole process group when the parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], json.loads(sys.argv[5]))
