"""Parse CIFAR pickles without running code.

A pickle is a program for a small stack machine; Python's own machine can import and call anything. This one
knows the instructions that CIFAR's files consist of (protocols 2 to 5: what Python 2 wrote, and what Python 3
makes of it), and instead of importing it compares names with seven that it knows. There is nothing
in it that could run code of the file. Memory is taken only for bytes that are there, and pixels are not copied.
"""

import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.errors import DataError

_CODE, _BYTE, _TWO_BYTES, _INT, _LENGTH, _LONG_LENGTH = map(struct.Struct, ("c", "<B", "<H", "<i", "<I", "<Q"))
_NAMES = {
    b"numpy.core.multiarray _reconstruct": "array",
    b"numpy._core.multiarray _reconstruct": "array",
    b"numpy.core.numeric _frombuffer": "frombuffer",
    b"numpy._core.numeric _frombuffer": "frombuffer",
    b"numpy ndarray": "ndarray",
    b"numpy dtype": "dtype",
    b"_codecs encode": "encode",
}


@dataclass(frozen=True)
class _Name:
    """Stands for one of the five things that a file may name."""

    name: str


@dataclass
class _Dtype:
    """Stands for numpy.dtype("uint8"), the only one there is here."""


@dataclass
class _Array:
    """Stands for an array before its pixels are known."""

    pixels: ByteArray | None = None


class _Mark:
    """Where the items of a list, tuple or dict begin on the stack."""


_MARK = _Mark()


class _RefusedError(ValueError):
    """The file breaks a rule of this module."""


def read_pickle(raw: bytes, where: object) -> dict[str, Any]:
    """Return a pickled dict: its keys as text, its arrays as uint8 (read-only views of `raw`).

    Other values are int, str, bytes, list and the like, and are not looked into: that they are what they should
    be is for the caller to check. Raises DataError(where, ...) for all but a dict of the few known instructions.
    """
    try:
        found = _Machine(raw).run()
        if not isinstance(found, dict):
            raise _RefusedError(f"holds a {type(found).__name__}, not a dict")
        return {_text(key): _plain(value) for key, value in found.items()}
    except _RefusedError as error:
        raise DataError(where, str(error), "use the file as it was downloaded from the CIFAR page") from error
    except (ValueError, TypeError, IndexError, KeyError, struct.error) as error:
        raise DataError(where, "damaged, or not a pickle of CIFAR", "download it again") from error


def _text(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, memoryview):
        raise _RefusedError(f"a text of {len(value)} bytes")
    if not isinstance(value, _Array):
        return value
    if value.pixels is None:
        raise _RefusedError("an array without pixels")
    return value.pixels


class _Machine:
    """The stack machine: one instruction at a time, from a view of the bytes to one value."""

    def __init__(self, raw: bytes) -> None:
        self.raw = memoryview(raw)
        self.position = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        # A picture is 3,072 bytes and at most six instructions; empty lists would need 60 bytes for each byte.
        self.left = 10_000 + len(raw) // 256
        self.may_encode = len(raw)

    def run(self) -> Any:
        """Return what the program leaves on the stack."""
        start = self.raw[:16].tobytes()
        if start[:1] != b"\x80" or start[1:2] not in b"\2\3\4\5":
            raise _RefusedError(f"begins with {start!r}, not as a pickle of protocol 2 to 5")
        while (code := self.next(_CODE)) != pickle.STOP:
            if code not in _INSTRUCTIONS:
                raise _RefusedError(f"byte {self.position - 1}: instruction {code!r} has no place in CIFAR")
            if self.left == 0:
                raise _RefusedError("more instructions than its size allows")
            self.left -= 1
            _INSTRUCTIONS[code](self)
        if self.position != len(self.raw) or len(self.stack) != 1:
            raise _RefusedError(f"{len(self.raw) - self.position} bytes after its end")
        return self.stack.pop()

    def take(self, count: int) -> memoryview:
        """Return the next bytes of the program, without a copy."""
        taken = self.raw[self.position : self.position + count]
        if len(taken) != count:
            raise _RefusedError(f"byte {self.position}: announces {count} bytes, {len(taken)} are there")
        self.position += count
        return taken

    def next(self, layout: struct.Struct) -> Any:
        """Return the next number, or the code of the next instruction."""
        (value,) = layout.unpack_from(self.raw, self.position)
        self.position += layout.size
        return value

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self, count: int) -> tuple[Any, ...]:
        """Take values from the stack, in the order they were put there."""
        if len(self.stack) < count:
            raise _RefusedError("takes a value that is not there")
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return values

    def pop_to_mark(self) -> list[Any]:
        """Take all values since the last mark, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise _RefusedError("items without a beginning")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def append(self, items: list[Any]) -> None:
        """Add items to the list on top of the stack."""
        if type(self.stack[-1]) is not list:
            raise _RefusedError("adds to something that is not a list")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Add keys and values, in turn, to the dict on top of the stack."""
        keys = items[::2]
        if type(self.stack[-1]) is not dict or not all(type(key) in (bytes, str) for key in keys):
            raise _RefusedError("sets a key that is not text, or in something that is not a dict")
        self.stack[-1].update(zip(keys, items[1::2], strict=True))

    def name(self) -> None:
        """GLOBAL: where Python would import, compare with the names that are known."""
        lines = self.raw[self.position : self.position + 128].tobytes().split(b"\n")
        if len(lines) < 3:
            raise _RefusedError(f"byte {self.position}: a name without an end")
        self.position += len(lines[0]) + len(lines[1]) + 2
        self.push_name(lines[0], lines[1])

    def name_on_the_stack(self) -> None:
        """STACK_GLOBAL: the same of two texts."""
        module, name = self.pop(2)
        if type(module) is not str or type(name) is not str:
            raise _RefusedError("a name that is not text")
        self.push_name(module[:128].encode(), name[:128].encode())

    def push_name(self, module: bytes, name: bytes) -> None:
        """Put what stands for a known name on the stack."""
        known = _NAMES.get(b" ".join((module, name)))
        if known is None:
            raise _RefusedError(f"names {str(b'.'.join((module, name)))[:60]}, which nothing here may call")
        self.push(_Name(known))

    def reduce(self) -> None:
        """REDUCE: where Python would call, make one of the few things that may be made."""
        function, arguments = self.pop(2)
        if function == _Name("array") and arguments[0] == _Name("ndarray"):
            self.push(_Array())
        elif function == _Name("frombuffer"):
            raw, dtype, shape, order = arguments
            self.push(_Array(_pixels(1, shape, dtype, order != "C", raw)))
        elif function == _Name("dtype"):
            if arguments[0] not in ("u1", b"u1"):
                raise _RefusedError("an array of another type than uint8")
            self.push(_Dtype())
        elif function == _Name("encode"):
            text, encoding = arguments
            if encoding not in ("latin1", b"latin1") or type(text) is not str:
                raise _RefusedError("text in an encoding other than latin1")
            # One text, remembered, could otherwise be encoded again and again.
            self.may_encode -= len(text)
            if self.may_encode < 0:
                raise _RefusedError("more text than its size allows")
            self.push(text.encode("latin1"))
        else:
            raise _RefusedError("calls something that nothing here may call")

    def build(self) -> None:
        """BUILD: give an array its shape and pixels; a dtype is uint8 and needs nothing."""
        target, state = self.stack[-2], self.stack.pop()
        if type(target) is _Array:
            target.pixels = _pixels(*state)
        elif type(target) is not _Dtype:
            raise _RefusedError("builds something that is not an array")


def _pixels(_version: int, shape: Any, dtype: Any, fortran: Any, raw: Any) -> ByteArray:
    if type(dtype) is not _Dtype or type(raw) not in (bytes, memoryview):
        raise _RefusedError("an array of another type than uint8")
    if fortran is not False and fortran != 0:
        raise _RefusedError("an array in Fortran order")
    if type(shape) is not tuple or len(shape) != 2 or not all(type(n) is int and n >= 0 for n in shape):
        raise _RefusedError("an array that is not a table of rows and columns")
    if shape[0] * shape[1] != len(raw):
        raise _RefusedError(f"an array of shape {shape[0]}x{shape[1]} with {len(raw)} bytes")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _short(machine: _Machine) -> bytes:
    return machine.take(machine.next(_BYTE)).tobytes()


def _long(machine: _Machine, layout: struct.Struct) -> bytes | memoryview:
    # A copy of a batch of pixels would be 30 MB; what is shorter is a name, and names are compared.
    taken = machine.take(max(machine.next(layout), 0))
    return taken if len(taken) >= 1024 else taken.tobytes()


def _remember(machine: _Machine, layout: struct.Struct) -> None:
    # A dict: the number is the file's, and a list of that length would be too.
    machine.memo[machine.next(layout)] = machine.stack[-1]


_INSTRUCTIONS: dict[bytes, Callable[[_Machine], Any]] = {
    pickle.PROTO: lambda m: m.take(1),
    pickle.MARK: lambda m: m.push(_MARK),
    pickle.EMPTY_DICT: lambda m: m.push({}),
    pickle.EMPTY_LIST: lambda m: m.push([]),
    pickle.EMPTY_TUPLE: lambda m: m.push(()),
    pickle.TUPLE: lambda m: m.push(tuple(m.pop_to_mark())),
    pickle.TUPLE1: lambda m: m.push(m.pop(1)),
    pickle.TUPLE2: lambda m: m.push(m.pop(2)),
    pickle.TUPLE3: lambda m: m.push(m.pop(3)),
    pickle.NONE: lambda m: m.push(None),
    pickle.NEWTRUE: lambda m: m.push(True),
    pickle.NEWFALSE: lambda m: m.push(False),
    pickle.BININT: lambda m: m.push(m.next(_INT)),
    pickle.BININT1: lambda m: m.push(m.next(_BYTE)),
    pickle.BININT2: lambda m: m.push(m.next(_TWO_BYTES)),
    pickle.LONG1: lambda m: m.push(int.from_bytes(_short(m), "little", signed=True)),
    pickle.SHORT_BINSTRING: lambda m: m.push(_short(m)),
    pickle.SHORT_BINBYTES: lambda m: m.push(_short(m)),
    pickle.BINSTRING: lambda m: m.push(_long(m, _INT)),
    pickle.BINBYTES: lambda m: m.push(_long(m, _LENGTH)),
    pickle.BYTEARRAY8: lambda m: m.push(_long(m, _LONG_LENGTH)),
    pickle.BINUNICODE: lambda m: m.push(str(m.take(m.next(_LENGTH)), "utf-8")),
    pickle.SHORT_BINUNICODE: lambda m: m.push(str(m.take(m.next(_BYTE)), "utf-8")),
    pickle.FRAME: lambda m: m.next(_LONG_LENGTH),
    pickle.MEMOIZE: lambda m: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    pickle.BINPUT: lambda m: _remember(m, _BYTE),
    pickle.LONG_BINPUT: lambda m: _remember(m, _LENGTH),
    pickle.BINGET: lambda m: m.push(m.memo[m.next(_BYTE)]),
    pickle.LONG_BINGET: lambda m: m.push(m.memo[m.next(_LENGTH)]),
    pickle.APPEND: lambda m: m.append(list(m.pop(1))),
    pickle.APPENDS: lambda m: m.append(m.pop_to_mark()),
    pickle.SETITEM: lambda m: m.set_items(list(m.pop(2))),
    pickle.SETITEMS: lambda m: m.set_items(m.pop_to_mark()),
    pickle.GLOBAL: lambda m: m.name(),
    pickle.STACK_GLOBAL: lambda m: m.name_on_the_stack(),
    pickle.REDUCE: lambda m: m.reduce(),
    pickle.BUILD: lambda m: m.build(),
}
