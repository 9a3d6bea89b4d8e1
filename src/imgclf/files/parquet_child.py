"""Child process that reads a Parquet file.

Run as `python -m imgclf.files.parquet_child CONNECTION FILE MEMORY` by `parquet`: two descriptors, and bytes. It opens
no file of the user, imports nothing of imgclf, and answers questions, each a JSON object, by JSON objects and bytes.
"""

import contextlib
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_LONGEST = 300  # characters of a failure
_LONGEST_TYPE = 200
_LONGEST_METADATA = 8 << 20
_IMAGES_AT_ONCE, _BYTES_AT_ONCE = 32, 8 << 20
_ROWS_AT_ONCE = 4096

Send = Callable[..., None]


def main(descriptor: int, file: int, memory: int) -> None:
    """Answer questions until the parent closes the connection."""
    connection: Connection[Any, Any] = Connection(descriptor)

    def send(header: dict[str, Any], raw: bytes | None = None) -> None:
        connection.send_bytes(json.dumps(header).encode())
        if raw is not None:
            connection.send_bytes(raw)

    with contextlib.suppress(EOFError, ConnectionError):
        answer = None
        while True:
            question = json.loads(connection.recv_bytes())
            try:
                answer = answer or _open(file, memory)
                answer(question, send)
                send({"end": True})
            except ConnectionError:
                raise
            except BaseException as error:  # noqa: BLE001 - pyarrow raises errors of many kinds
                line = " ".join(f"{type(error).__name__}: {error}".split())
                send({"failure": line[:_LONGEST], "known": isinstance(error, _Refused)})


class _Refused(Exception):  # noqa: N818 - a property of the file, in words
    pass


def _open(file: int, memory: int) -> Callable[[dict[str, Any], Send], None]:
    import pyarrow
    import pyarrow.parquet

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # others reserve more than they use
    pyarrow.set_cpu_count(1)
    _limit_memory(memory)
    table = pyarrow.parquet.ParquetFile(os.fdopen(file, "rb"), pre_buffer=False, buffer_size=1 << 20)

    def answer(question: dict[str, Any], send: Send) -> None:
        if question["what"] == "schema":
            _send_schema(table, send)
            return
        column, start = question["column"], question["start"]
        batches = _batches(table, column, start, _IMAGES_AT_ONCE if question["what"] == "images" else _ROWS_AT_ONCE)
        {"images": _send_images, "floats": _send_floats, "labels": _send_labels, "words": _send_words}[
            question["what"]
        ](batches, send)

    return answer


def _limit_memory(memory: int) -> None:
    """Allow so many bytes beside what Python and pyarrow take; a file that announces more gets a MemoryError."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError, IndexError):  # not every system has such a limit
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = now + memory if hard == resource.RLIM_INFINITY else min(now + memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _send_schema(table: Any, send: Send) -> None:
    schema = table.schema_arrow
    metadata = (schema.metadata or {}).get(b"huggingface", b"")
    if len(metadata) > _LONGEST_METADATA:
        metadata = b""
    columns = {field.name: str(field.type)[:_LONGEST_TYPE] for field in schema}
    send({"rows": table.metadata.num_rows, "columns": columns}, metadata)


def _batches(table: Any, column: str, start: int, at_once: int) -> Iterator[tuple[int, Any]]:
    """Yield the number of the first row and the values of a column, from a row on, some at a time."""
    row = 0
    groups: list[int] = []
    for group in range(table.num_row_groups):
        rows = table.metadata.row_group(group).num_rows
        if row + rows > start or groups:
            groups.append(group)
        else:
            row += rows
    if not groups:
        return
    for batch in table.iter_batches(at_once, groups, [column], use_threads=False):
        values = batch.column(0).slice(max(0, start - row))
        if len(values):
            yield max(row, start), values
        row += batch.num_rows


def _send_images(batches: Iterator[tuple[int, Any]], send: Send) -> None:
    for row, values in batches:
        found: list[bytes] = []
        for number, value in enumerate(values):
            image = value.as_py()
            raw = image.get("bytes") if isinstance(image, dict) else image
            if raw is None:
                raise _Refused(f"row {row + number + 1:,} has no image in it")
            found.append(raw)
            if sum(map(len, found)) > _BYTES_AT_ONCE:
                send({"lengths": [*map(len, found)]}, b"".join(found))
                found = []
        if found:
            send({"lengths": [*map(len, found)]}, b"".join(found))


def _send_floats(batches: Iterator[tuple[int, Any]], send: Send) -> None:
    width = None
    for row, values in batches:
        if values.null_count:
            raise _Refused(f"a row from row {row + 1:,} on has no values")
        flat = values.flatten().to_numpy(zero_copy_only=False)
        lengths = {len(value) for value in values}
        width = width or len(values[0])
        if lengths != {width} or len(flat) != width * len(values):
            raise _Refused(f"from row {row + 1:,} on, lists have {min(lengths)} and {max(*lengths, width)} values")
        send({"rows": len(values), "width": width, "dtype": flat.dtype.str}, flat.tobytes())


def _send_labels(batches: Iterator[tuple[int, Any]], send: Send) -> None:
    for row, values in batches:
        labels = values.to_pylist()
        if None in labels:
            raise _Refused(f"row {row + labels.index(None) + 1:,} has no label")
        send({}, json.dumps([*map(_plain, labels)]).encode())


def _send_words(batches: Iterator[tuple[int, Any]], send: Send) -> None:
    for _, values in batches:
        send({}, json.dumps([word or "" for word in values.to_pylist()]).encode())


def _plain(label: Any) -> str | int | float:
    """Return a label as it is, but 1.0 as 1."""
    return int(label) if isinstance(label, float) and label.is_integer() else label


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
