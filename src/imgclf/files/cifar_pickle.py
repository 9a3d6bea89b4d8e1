"""Parse CIFAR pickles without running code.

A pickle is a program for a small stack machine; Python's own machine can import and call anything. This one
knows the instructions that CIFAR's files consist of (protocols 2 to 5: as Python 2 wrote them, and as Python 3
does), and instead of importing it compares names with seven that it knows. So a file cannot run code of its own.
Memory is taken only for bytes that are there, and pixels are not copied.
"""

import pickle
import struct
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.errors import DataError

_CODE, _BYTE, _TWO_BYTES, _INT, _LENGTH, _LONG_LENGTH = map(struct.Struct, ("c", "<B", "<H", "<i", "<I", "<Q"))
_UINT8 = np.dtype(np.uint8)  # the only type of an array here


class _Array:
    """Stands for an array, which may be made before its pixels are known."""

    def __init__(self, pixels: ByteArray | None = None) -> None:
        self.pixels = pixels


def read_pickle(raw: bytes, where: object) -> dict[str, Any]:
    """Return a pickled dict: its keys as text, its arrays as uint8 (read-only views of `raw`).

    Other values are int, str, bytes, list and the like; the caller must check them. Raises DataError(where, ...)
    for anything but a dict made by the known instructions.
    """
    try:
        found = _Machine(raw).run()
        if type(found) is not dict:
            raise ValueError(f"holds a {type(found).__name__}, not a dict")
        return {key if isinstance(key, str) else key.decode(): _plain(value) for key, value in found.items()}
    except (ValueError, TypeError, IndexError, KeyError, struct.error) as error:
        reason = f" ({error})" if type(error) is ValueError else ""
        raise DataError(where, f"damaged, or not a pickle of CIFAR{reason}", "download it again") from error


def _plain(value: Any) -> Any:
    if type(value) is memoryview:
        raise ValueError(f"a text of {len(value)} bytes")
    if type(value) is not _Array:
        return value
    if value.pixels is None:
        raise ValueError("an array without pixels")
    return value.pixels


class _Machine:
    """The stack machine: one instruction at a time, from a view of the bytes to one value."""

    def __init__(self, raw: bytes) -> None:
        self.raw = memoryview(raw)
        self.position = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []  # stack indices at which the items of a list, tuple or dict begin
        self.memo: dict[int, Any] = {}  # a dict: the file chooses the numbers, so a list could become huge
        # An image is 3,072 bytes and at most six instructions; empty lists would need 60 bytes for each byte.
        self.left = 10_000 + len(raw) // 256
        self.may_encode = len(raw)

    def run(self) -> Any:
        """Return what the program leaves on the stack."""
        while (code := self.next(_CODE)) != pickle.STOP:
            if code not in _INSTRUCTIONS:
                raise ValueError(f"byte {self.position - 1}: instruction {code!r} is not allowed")
            if self.left == 0:
                raise ValueError("more instructions than its size allows")
            self.left -= 1
            _INSTRUCTIONS[code](self)
        if self.position != len(self.raw) or len(self.stack) != 1 or self.marks:
            raise ValueError(f"{len(self.raw) - self.position} bytes after its end")
        return self.stack.pop()

    def take(self, count: int) -> memoryview:
        """Return the next bytes of the program, without a copy."""
        taken = self.raw[self.position : self.position + count]
        if len(taken) != count:
            raise ValueError(f"byte {self.position}: announces {count} bytes, {len(taken)} are there")
        self.position += count
        return taken

    def next(self, layout: struct.Struct) -> Any:
        """Return the next number, or the code of the next instruction."""
        (value,) = layout.unpack_from(self.raw, self.position)
        self.position += layout.size
        return value

    def text(self, layout: struct.Struct) -> bytes | memoryview:
        """Return bytes that follow their count; only names, which are short, are copied: pixels are 30 MB."""
        taken = self.take(self.next(layout))
        return taken if len(taken) >= 1024 else taken.tobytes()

    def line(self) -> bytes:
        """Return the next line, which is a name."""
        line, newline, _ = self.raw[self.position : self.position + 128].tobytes().partition(b"\n")
        self.position += len(line + newline)
        return line

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self, count: int) -> tuple[Any, ...]:
        """Take values from the stack, in the order they were put there."""
        values = tuple(self.stack[-count:])
        if len(values) != count:
            raise ValueError("takes a value that is not there")
        del self.stack[-count:]
        return values

    def pop_to_mark(self) -> tuple[Any, ...]:
        """Take all values since the last mark, and the mark."""
        begin = self.marks.pop()
        items = tuple(self.stack[begin:])
        del self.stack[begin:]
        return items

    def append(self, items: tuple[Any, ...]) -> None:
        """Add items to the list on top of the stack."""
        if type(self.stack[-1]) is not list:
            raise ValueError("adds to something that is not a list")
        self.stack[-1].extend(items)

    def set_items(self, items: tuple[Any, ...]) -> None:
        """Add keys and values, in turn, to the dict on top of the stack."""
        keys = items[::2]
        # Hashing nested tuples may take exponential time, or overflow Python's stack.
        if type(self.stack[-1]) is not dict or not all(type(key) in (bytes, str) for key in keys):
            raise ValueError("sets a key that is not text, or in something that is not a dict")
        self.stack[-1].update(zip(keys, items[1::2], strict=True))

    def remember(self, number: int) -> None:
        """Memoize what is on top of the stack under a number."""
        self.memo[number] = self.stack[-1]

    def name(self, module: bytes, name: bytes) -> None:
        """GLOBAL, STACK_GLOBAL: Python would import; this compares with the known names."""
        called = b".".join((module, name))
        if called not in _NAMES:
            raise ValueError(f"names {str(called)[:60]}, which is not allowed")
        self.push(_NAMES[called])

    def reduce(self) -> None:
        """REDUCE: Python would call anything; this calls one of the functions in _NAMES."""
        function, arguments = self.pop(2)
        # Of functions, only those of _NAMES are ever on the stack.
        if type(function) is not FunctionType or type(arguments) is not tuple:
            raise ValueError("calls something that is not allowed")
        made = function(*arguments)
        # One memoized text could otherwise be encoded again and again.
        self.may_encode -= len(made) if type(made) is bytes else 0
        if self.may_encode < 0:
            raise ValueError("more text than its size allows")
        self.push(made)

    def build(self) -> None:
        """BUILD: give an array its shape and pixels; a dtype is uint8 and needs nothing."""
        target, state = self.stack[-2], self.stack.pop()
        if type(target) is _Array and type(state) is tuple:
            target.pixels = _pixels(*state)
        elif target is not _UINT8:
            raise ValueError("builds something that is not an array")


def _pixels(_version: int, shape: Any, dtype: Any, fortran: Any, raw: Any) -> ByteArray:
    if dtype is not _UINT8 or type(raw) not in (bytes, memoryview):
        raise ValueError("an array of another type than uint8")
    if fortran:
        raise ValueError("an array in Fortran order")
    if type(shape) is not tuple or len(shape) != 2 or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("an array that is not a table of rows and columns")
    if shape[0] * shape[1] != len(raw):
        raise ValueError(f"an array of shape {str(shape)[:40]} with {len(raw)} bytes")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _reconstruct(_kind: Any, _shape: Any, _code: Any) -> _Array:
    return _Array()


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array(_pixels(1, shape, dtype, order != "C", raw))


def _dtype(name: Any, _align: Any, _copy: Any) -> Any:
    if name not in ("u1", b"u1"):
        raise ValueError("an array of another type than uint8")
    return _UINT8


def _encode(text: Any, encoding: Any) -> bytes:
    if encoding not in ("latin1", b"latin1"):
        raise ValueError("text in an encoding other than latin1")
    return str.encode(text, "latin1")


_NAMES: dict[bytes, Callable[..., Any] | None] = {
    b"numpy.core.multiarray._reconstruct": _reconstruct,
    b"numpy._core.multiarray._reconstruct": _reconstruct,
    b"numpy.core.numeric._frombuffer": _frombuffer,
    b"numpy._core.numeric._frombuffer": _frombuffer,
    b"numpy.ndarray": None,  # is never called
    b"numpy.dtype": _dtype,
    b"_codecs.encode": _encode,
}

_INSTRUCTIONS: dict[bytes, Callable[[_Machine], Any]] = {
    pickle.PROTO: lambda m: m.take(1),
    pickle.MARK: lambda m: m.marks.append(len(m.stack)),
    pickle.EMPTY_DICT: lambda m: m.push({}),
    pickle.EMPTY_LIST: lambda m: m.push([]),
    pickle.EMPTY_TUPLE: lambda m: m.push(()),
    pickle.TUPLE: lambda m: m.push(m.pop_to_mark()),
    pickle.TUPLE1: lambda m: m.push(m.pop(1)),
    pickle.TUPLE2: lambda m: m.push(m.pop(2)),
    pickle.TUPLE3: lambda m: m.push(m.pop(3)),
    pickle.NONE: lambda m: m.push(None),
    pickle.NEWTRUE: lambda m: m.push(True),
    pickle.NEWFALSE: lambda m: m.push(False),
    pickle.BININT: lambda m: m.push(m.next(_INT)),
    pickle.BININT1: lambda m: m.push(m.next(_BYTE)),
    pickle.BININT2: lambda m: m.push(m.next(_TWO_BYTES)),
    pickle.LONG1: lambda m: m.push(int.from_bytes(m.text(_BYTE), "little", signed=True)),
    pickle.SHORT_BINSTRING: lambda m: m.push(m.text(_BYTE)),
    pickle.SHORT_BINBYTES: lambda m: m.push(m.text(_BYTE)),
    pickle.BINSTRING: lambda m: m.push(m.text(_LENGTH)),
    pickle.BINBYTES: lambda m: m.push(m.text(_LENGTH)),
    pickle.BYTEARRAY8: lambda m: m.push(m.text(_LONG_LENGTH)),
    pickle.BINUNICODE: lambda m: m.push(str(m.take(m.next(_LENGTH)), "utf-8")),
    pickle.SHORT_BINUNICODE: lambda m: m.push(str(m.take(m.next(_BYTE)), "utf-8")),
    pickle.FRAME: lambda m: m.next(_LONG_LENGTH),
    pickle.MEMOIZE: lambda m: m.remember(len(m.memo)),
    pickle.BINPUT: lambda m: m.remember(m.next(_BYTE)),
    pickle.LONG_BINPUT: lambda m: m.remember(m.next(_LENGTH)),
    pickle.BINGET: lambda m: m.push(m.memo[m.next(_BYTE)]),
    pickle.LONG_BINGET: lambda m: m.push(m.memo[m.next(_LENGTH)]),
    pickle.APPEND: lambda m: m.append(m.pop(1)),
    pickle.APPENDS: lambda m: m.append(m.pop_to_mark()),
    pickle.SETITEM: lambda m: m.set_items(m.pop(2)),
    pickle.SETITEMS: lambda m: m.set_items(m.pop_to_mark()),
    pickle.GLOBAL: lambda m: m.name(m.line(), m.line()),
    pickle.STACK_GLOBAL: lambda m: m.name(*(str.encode(text[:128]) for text in m.pop(2))),
    pickle.REDUCE: lambda m: m.reduce(),
    pickle.BUILD: lambda m: m.build(),
}
