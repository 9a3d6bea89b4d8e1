"""Messages between processes: JSON and raw arrays, nothing executed."""

import json
import math
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

SIZES = struct.Struct("<IQ")  # of the header and of the arrays, in bytes
LARGEST_HEADER = 1 << 16
DTYPES = ("<f8", "<i8")

Arrays: TypeAlias = dict[str, NDArray[Any]]
Read: TypeAlias = Callable[[int], bytearray]


class BrokenFrameError(Exception):
    """What arrived is no message."""


def send(channel: socket.socket, header: Mapping[str, Any], **arrays: NDArray[Any]) -> None:
    """Send a header and some arrays, each float64 or int64."""
    described = [[name, array.dtype.newbyteorder("<").str, list(array.shape)] for name, array in arrays.items()]
    text = json.dumps({**header, "arrays": described}).encode()
    bodies = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for array in arrays.values()]
    channel.sendall(SIZES.pack(len(text), sum(body.nbytes for body in bodies)) + text)
    for body in bodies:
        channel.sendall(body.reshape(-1).view(np.uint8).data)


def receive(read: Read) -> tuple[dict[str, Any], Arrays]:
    """Return the header and the arrays of the next message; read(n) gives exactly n bytes."""
    header_size, body_size = SIZES.unpack(read(SIZES.size))
    if header_size > LARGEST_HEADER:
        raise BrokenFrameError(f"a header of {header_size} bytes")
    try:
        header = json.loads(bytes(read(header_size)))
        described = [(str(name), str(dtype), tuple(map(int, shape))) for name, dtype, shape in header["arrays"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenFrameError(f"no header: {error}") from error
    if any(dtype not in DTYPES for _, dtype, _ in described):
        raise BrokenFrameError("arrays of an unknown dtype")
    if 8 * sum(math.prod(shape) for _, _, shape in described) != body_size:
        raise BrokenFrameError("arrays of another size than announced")
    return header, {name: _array(read, dtype, shape) for name, dtype, shape in described}


def _array(read: Read, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(read(8 * math.prod(shape)), dtype).reshape(shape)


def read_from(channel: socket.socket) -> Read:
    """Return a `read` that waits as long as it takes; EOFError when the other side is gone."""

    def read(n: int) -> bytearray:
        data = bytearray(n)
        view = memoryview(data)
        while view:
            got = channel.recv_into(view)
            if not got:
                raise EOFError
            view = view[got:]
        return data

    return read
