"""Run directories: create, lock, find, read and write."""

import errno
import itertools
import json
import os
import stat
import time
from collections.abc import Collection
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from imgclf.errors import DataError, RunError, RunInUseError, StorageError, UsageError, excerpt
from imgclf.files.reading import MAX_BYTES, read_bytes
from imgclf.files.writing import (
    UNFINISHED,
    check_out,
    is_unfinished,
    json_bytes,
    lock,
    open_own,
    sync,
    translate_os_errors,
    unfinished,
    write_json,
    write_whole,
)
from imgclf.training.epochs import Row

RUNS = Path("runs")
LOCK = ".lock"
_ABANDONED = 3600  # seconds after which an unfinished directory has no maker any more
_LONGEST_JSON = 1 << 20  # bytes
METRICS = ("epoch", "step", "step_size", "train/loss", "train/accuracy", "val/loss", "val/accuracy", "update_ratio")
TIMINGS = ("epoch", "seconds", "images_per_second")


def check_new(out: Path) -> None:
    """Refuse a path where no run can begin: an existing one, or the current folder, which would be replaced."""
    check_out(out)
    with translate_os_errors(out):
        path = Path(os.path.realpath(out))  # resolve() raises RuntimeError if links lead in a circle
        if path == Path.cwd():
            raise UsageError("--out", f"{out} is the current folder, which would be replaced", "name another folder")
        if path.name.startswith(UNFINISHED):
            raise UsageError("--out", f"{path.name} is a name for unfinished files", "name another folder")


def parent_of(out: Path | None) -> Path:
    """Return the parent folder of a new run directory."""
    return RUNS if out is None else Path(os.path.realpath(out)).parent  # a link to an empty folder stays one


def create(name: str, out: Path | None, files: dict[str, bytes]) -> tuple[Path, IO[bytes]]:
    """Create and lock the directory of a new run: `out` itself, else runs/NAME, NAME-2, NAME-3 and so on.

    It appears with these files in it, or not at all. Returns its path, and the lock as `acquire` does.
    """
    if out is not None:
        check_new(out)
    parent = parent_of(out)
    with translate_os_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(parent, {LOCK, *files}, _ABANDONED)
        made = unfinished(parent)
        try:
            made.mkdir()
            for file, content in files.items():
                write_whole(made / file, content)
            acquire(made).close()  # fails early if there are no locks; closed, as some systems rename no folder in use
            path = _rename(made, name, out)
        except BaseException as error:
            _remove(made, {LOCK, *files})
            if isinstance(error, StorageError):
                raise StorageError(out or parent, error.problem, error.remedy) from error
            raise
        sync(parent)
    return path, acquire(path)


def _rename(made: Path, name: str, out: Path | None) -> Path:
    """Give a directory the first free name; a directory that is not empty is never replaced."""
    names = [out] if out is not None else (RUNS / (name if i == 1 else f"{name}-{i}") for i in itertools.count(1))
    for path in names:
        try:
            # A link that --out names is followed; under runs/, a link means that the name is taken.
            made.rename(path if out is None else os.path.realpath(path))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        else:
            return path
    raise UsageError("--out", f"{out} exists and is not an empty folder", "name another, or move it away")


def remove_unfinished(parent: Path, files: Collection[str], age: float) -> None:
    """Remove the directories of processes that were killed before renaming them, if older than `age` seconds."""
    for path in parent.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            seen = path.lstat()
            if stat.S_ISDIR(seen.st_mode) and is_unfinished(path) and time.time() - seen.st_mtime > age:
                _remove(path, files)


def _remove(directory: Path, files: Collection[str]) -> None:
    """Remove a directory if it holds only these files and unfinished ones; else leave it alone."""
    with suppress(OSError):
        inside = list(directory.iterdir())
        if all(path.name in files or is_unfinished(path) for path in inside):
            for path in inside:
                path.unlink()
            directory.rmdir()


def acquire(directory: Path) -> IO[bytes]:
    """Lock a run directory until the returned file is closed or this process ends, however it ends.

    Raises RunInUseError if another process has it locked.
    """
    with translate_os_errors(directory / LOCK), ExitStack() as stack:
        file = stack.enter_context(open_own(directory / LOCK))
        if not lock(file):
            owner = file.read(200).decode(errors="replace").strip() or "another process"
            raise RunInUseError(directory, f"in use by {owner}", "wait for it, or stop it")
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.now(UTC).isoformat(timespec='seconds')}\n".encode())
        file.flush()
        stack.pop_all()
    return file


def find_run(run: Path | None) -> Path:
    """Return the given run directory or model file, else the newest finished run under runs/."""
    if run is not None:
        with translate_os_errors(run):
            if not run.exists():
                raise RunError(run, "no such run directory or model file", "see what is under runs/")
        return run
    finished = [path for path in RUNS.glob("*") if read_status(path) == "finished"]
    if not finished:
        raise RunError(RUNS, "no finished run", "train one with `imgclf train`, or name a run")
    return max(finished, key=_started)


def _started(run: Path) -> str:
    started = read_json(run / "environment.json").get("started")
    return started if isinstance(started, str) else ""


def write_status(directory: Path, status: str) -> None:
    """Write the status of a run: running, finished, interrupted or diverged."""
    write_json(directory / "status.json", {"status": status})


def correct_status(directory: Path, status: str) -> None:
    """Write the status of a run that was stopped, even by a full disk.

    A full disk has no room for a new file, but the existing one can be overwritten.
    """
    try:
        write_status(directory, status)
    except StorageError:
        path = directory / "status.json"
        with translate_os_errors(path), open_own(path, 0) as file:
            file.write(json_bytes({"status": status}))
            file.truncate()


def read_status(directory: Path) -> str:
    """Return the status of a run directory, empty if it has none."""
    status = read_json(directory / "status.json").get("status")
    return status if isinstance(status, str) else ""


def is_under_way(run: Path) -> bool:
    """Whether a run has not come to its end: it is running, or was interrupted or killed."""
    return run.is_dir() and read_status(run) in ("running", "interrupted")


def start_table(path: Path, columns: tuple[str, ...]) -> None:
    """Write a CSV file with only its header."""
    write_whole(path, (",".join(columns) + "\n").encode())


def append_row(path: Path, columns: tuple[str, ...], row: Row) -> None:
    """Append a row to a CSV file."""
    with translate_os_errors(path), open_own(path) as file:
        file.seek(0, os.SEEK_END)
        file.write(f"{format_row(columns, row)}\n".encode())


def format_row(columns: tuple[str, ...], row: Row) -> str:
    """Return a row of a CSV file: numbers in shortest round-trip form, None as an empty cell."""
    return ",".join("" if row[column] is None else repr(row[column]) for column in columns)


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Read a file of a run; raises RunError if it is missing, not a regular file, or larger than the limit."""
    try:
        return read_bytes(path, limit)
    except DataError as error:
        raise RunError(path, error.problem, error.remedy) from error


def table_lines(path: Path) -> list[str]:
    """Return the lines of a table, the header first."""
    return read_file(path).decode(errors="replace").split("\n")[:-1]


def read_table(path: Path) -> dict[str, list[float | None]]:
    """Return the columns of a CSV file that `append_row` wrote; raises RunError for any other file."""
    try:
        *lines, rest = read_file(path).decode("utf-8").split("\n")
        header, *rows = (line.split(",") for line in lines)
        if rest:
            raise ValueError("its last line is cut off")
        if len(set(header)) != len(header) or not all(name and name.isprintable() for name in header):
            raise ValueError("its columns have no names")
        columns = zip(*([float(cell) if cell else None for cell in row] for row in rows), strict=True)
        return dict(zip(header, map(list, columns) if rows else ([] for _ in header), strict=True))
    except ValueError as error:
        raise RunError(path, f"not a table of numbers ({excerpt(error)})", "it is written by `imgclf train`") from error


def read_rows(directory: Path) -> list[Row]:
    """Return the rows of metrics.csv; raises RunError if it is not valid."""
    table = read_table(directory / "metrics.csv")
    if set(table) != set(METRICS):
        raise RunError(directory / "metrics.csv", "not the columns of a run", "it is written by `imgclf train`")
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return [{**row, **{key: int(row[key] or 0) for key in ("epoch", "step")}} for row in rows]


def read_metrics(directory: Path) -> dict[str, Any]:
    """Return the content of metrics.json; raises RunError if it is not valid."""
    path = directory / "metrics.json"
    raw = read_file(path, _LONGEST_JSON)
    try:
        metrics = json.loads(raw)
        json.dumps(metrics, allow_nan=False)  # 1e999 is read as infinity
        if not isinstance(metrics, dict) or set(metrics) != {"train", "val"}:
            raise ValueError("not the metrics of train and val")
    except (ValueError, RecursionError) as error:
        problem = f"not the metrics of a run ({excerpt(error)})"
        raise RunError(path, problem, "it is written by `imgclf train`") from error
    return metrics


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, empty if it is missing or damaged."""
    try:
        content = json.loads(read_bytes(path, _LONGEST_JSON))
    except (DataError, StorageError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
