"""Read Parquet files in a child process with a memory limit.

pyarrow is a large library, and files come from strangers: what it is made to do ends with that process. Its answers are
read as JSON, numbers and bytes, never unpickled.
"""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.errors import DataError, UsageError, excerpt
from imgclf.files.reading import open_regular
from imgclf.machine.memory import format_bytes

_OLDEST = (14, 0, 1)  # older ones ran code that is in a file
_MEMORY = 2 << 30  # bytes that the child may take beside its libraries
_PATIENCE = 300.0  # seconds for some rows
_LONGEST_HEADER = 1 << 24
_LONGEST_ANSWER = 512 << 20
_REMEDY = "write it again, or download it again"
_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "ARROW_IO_THREADS": "1", "OMP_NUM_THREADS": "1"}
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)


Label: TypeAlias = str | int | float


class Schema(NamedTuple):
    """The number of rows, the type of each column, and the metadata that Hugging Face's libraries write."""

    rows: int
    columns: dict[str, str]
    metadata: bytes


class Parquet:
    """A Parquet file: `with Parquet(path) as file`. The child process is started when it is first asked.

    Raises DataError for a file that cannot be read within the limits, UsageError without pyarrow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def schema(self) -> Schema:
        """Return the number of rows, the columns and the metadata."""
        ((header, raw),) = self._ask({"what": "schema"})
        rows, columns = header.get("rows"), header.get("columns")
        if type(rows) is not int or not 0 < rows < 1 << 48 or not isinstance(columns, dict):
            raise DataError(self.path, "holds no rows", "name a file with examples")
        return Schema(rows, {str(name): str(kind) for name, kind in columns.items()}, raw)

    def labels(self, column: str) -> list[Label]:
        """Return the labels in a column of numbers, booleans or texts; numbers that are whole as integers."""
        found: list[Label] = []
        for _, raw in self._ask({"what": "labels", "column": column, "start": 0}):
            found += json.loads(raw)
        return found

    def words(self, column: str) -> list[str]:
        """Return the words in a column of texts; where there is none, an empty one."""
        return [
            str(word)
            for _, raw in self._ask({"what": "words", "column": column, "start": 0})
            for word in json.loads(raw)
        ]

    def images(self, column: str, start: int = 0) -> Iterator[list[bytes]]:
        """Yield the bytes of the images from a row on, some at a time."""
        for header, raw in self._ask({"what": "images", "column": column, "start": start}):
            ends = np.cumsum([0, *header["lengths"]]).tolist()
            if ends[-1] != len(raw):
                raise self._damaged("lengths that do not fit")
            yield [raw[begin:end] for begin, end in pairwise(ends)]

    def features(self, column: str, start: int = 0) -> Iterator[NDArray[Any]]:
        """Yield the features (n, D) from a row on, some at a time, in the type that they are stored in."""
        for header, raw in self._ask({"what": "floats", "column": column, "start": start}):
            shape, dtype = (int(header["rows"]), int(header["width"])), np.dtype(str(header["dtype"]))
            if dtype.kind != "f" or math.prod(shape) * dtype.itemsize != len(raw):
                raise self._damaged("values that do not fit")
            yield np.frombuffer(raw, dtype).reshape(shape)

    def close(self) -> None:
        """End the child process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._connection.close()
            self._process = None

    def _ask(self, question: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield what the child answers; a child whose answer is not read to its end is ended."""
        if self._process is None:
            self._start()
        try:
            self._connection.send_bytes(json.dumps(question).encode())
            while True:
                header = json.loads(self._receive(_LONGEST_HEADER))
                if "failure" in header:
                    raise self._failure(header)
                if "end" in header:
                    return
                yield header, self._receive(_LONGEST_ANSWER)
        except (EOFError, OSError) as error:
            raise self._died() from error
        except _BROKEN as error:
            raise self._damaged(excerpt(error)) from error
        except BaseException:  # also when the generator is closed
            self.close()
            raise

    def _receive(self, limit: int) -> bytes:
        if not self._connection.poll(_PATIENCE):
            raise DataError(self.path, f"cannot be read within {_PATIENCE:.0f} s", _REMEDY)
        return self._connection.recv_bytes(limit)

    def _start(self) -> None:
        require_pyarrow(self.path)
        self._connection, theirs = Pipe()
        with theirs, open_regular(self.path) as file:
            file.seek(0)
            numbers = [theirs.fileno(), file.fileno()]
            # -P: a file in the current folder must not stand in for pyarrow.
            command = [sys.executable, "-P", "-m", "imgclf.files.parquet_child", *map(str, [*numbers, _MEMORY])]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=numbers,
                start_new_session=True,  # Ctrl-C is for the parent, which ends the child
                env=os.environ | _ENVIRONMENT,
            )

    def _failure(self, header: dict[str, Any]) -> DataError:
        text = str(header["failure"])
        if header.get("known"):
            return DataError(self.path, text.partition(": ")[2], "correct or remove the row")
        if "MemoryError" in text or "malloc" in text or "bad_alloc" in text:
            return DataError(
                self.path,
                f"takes more than {format_bytes(_MEMORY)} of memory to read",
                "write it in smaller row groups",
            )
        return self._damaged(excerpt(text))

    def _died(self) -> DataError:
        code = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=5)
        self.close()
        reason = f"exit {code}"
        if code is not None and code < 0:
            with suppress(ValueError):
                reason = signal.Signals(-code).name
        return self._damaged(f"pyarrow ended: {reason}")

    def _damaged(self, why: str) -> DataError:
        self.close()
        return DataError(self.path, f"damaged, or not a Parquet file ({why})", _REMEDY)


def require_pyarrow(path: Path) -> None:
    """Raise UsageError without pyarrow, or with one that is too old."""
    try:
        found = version("pyarrow")
    except PackageNotFoundError as error:
        raise UsageError(path, "Parquet files need pyarrow", "pip install 'imgclf[parquet]'") from error
    if tuple(int(part) for part in found.split(".")[:3] if part.isdecimal()) < _OLDEST:
        raise UsageError(path, f"pyarrow {found} is not safe", "pip install --upgrade 'imgclf[parquet]'")
