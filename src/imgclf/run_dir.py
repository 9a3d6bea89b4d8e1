"""The folder of a run: where it is, and what is written into it; every file whole or not at all."""

import errno
import itertools
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from imgclf.errors import DataError, RunError, RunInUseError, StorageError, UsageError
from imgclf.formats.files import read_bytes
from imgclf.metrics import MOST_CLASSES
from imgclf.storage import lock, storage, sync, write_whole

if TYPE_CHECKING:
    from imgclf.model_file import Model

RUNS = Path("runs")
LOCK = ".lock"
_UNFINISHED = ".imgclf-unfinished-"
METRICS = (
    "epoch",
    "step",
    "step_size",
    "train/loss",
    "train/accuracy",
    "val/loss",
    "val/accuracy",
    "update_ratio",
)
PICTURES = ("curves.png", "templates.png", "confusion_matrix.png", "confusion_matrix.csv")
TIMINGS = ("epoch", "seconds", "images_per_second")

Row: TypeAlias = dict[str, float | int | None]


def pictures_of(model: "Model") -> list[str]:
    """Return the pictures that a run with this model has: feature vectors have no templates."""
    left_out = set() if model.preprocess.is_picture else {"templates.png"}
    if len(model.class_names) > MOST_CLASSES:
        left_out |= {"confusion_matrix.png", "confusion_matrix.csv"}
    return [name for name in PICTURES if name not in left_out]


def check_out(out: Path, option: str = "--out") -> None:
    """Refuse a directory that holds something: nothing of the user's is ever overwritten."""
    with storage(out):
        for parent in out.parents:
            if parent.exists() and not parent.is_dir():
                raise UsageError(option, f"{parent} is not a folder", "name another place")
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(option, f"{out} exists and is not an empty folder", "name another, or move it away")


def check_place(out: Path) -> None:
    """Refuse a place where no run can begin: where something is, or where this process is, which would be replaced."""
    check_out(out)
    with storage(out):
        if out.resolve() == Path.cwd():
            raise UsageError("--out", f"{out} is the current folder, which would be replaced", "name another place")


def make_folder(out: Path) -> Path:
    """Make a folder for results, where nothing is or an empty one."""
    check_out(out)
    with storage(out):
        out.mkdir(parents=True, exist_ok=True)
    return out


def parent_of(out: Path | None) -> Path:
    """Return the folder that a run directory is made in."""
    return RUNS if out is None else out.resolve().parent  # a link to an empty folder stays one


def create(name: str, out: Path | None, files: dict[str, bytes]) -> "Owned":
    """Make the directory of a new run: `out` itself, else runs/NAME, NAME-2, NAME-3 and so on.

    It appears with these files in it, and owned, or not at all.
    """
    if out is not None:
        check_place(out)
    parent = parent_of(out)
    with storage(parent):
        parent.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(parent)
        made = parent / f"{_UNFINISHED}{token_hex(4)}"
        owned = None
        try:
            made.mkdir()
            owned = own(made)
            for file, content in files.items():
                write_whole(made / file, content)
            owned.path = _rename(made, name, out)
        except BaseException:
            if owned is not None:
                owned.close()
            shutil.rmtree(made, ignore_errors=True)
            raise
        sync(parent)
    return owned


def _rename(made: Path, name: str, out: Path | None) -> Path:
    """Give a directory the first name that is free; a directory that holds something never gives way."""
    names = [out] if out is not None else (RUNS / (name if i == 1 else f"{name}-{i}") for i in itertools.count(1))
    for path in names:
        try:
            made.rename(path.resolve())
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        else:
            return path
    raise UsageError("--out", f"{out} exists and is not an empty folder", "name another, or move it away")


def _remove_unfinished(parent: Path) -> None:
    """Remove directories whose maker was killed, a minute ago or more, before they had a name."""
    for path in parent.glob(f"{_UNFINISHED}*"):
        try:
            if time.time() - path.stat().st_mtime < 60:  # perhaps just made, and not yet owned
                continue
            own(path).close()
        except (RunInUseError, StorageError, OSError):
            continue
        shutil.rmtree(path, ignore_errors=True)


class Owned:
    """A run directory of which this process is the one owner, until it closes it or ends, however it ends."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self.path = path
        self._file = file

    def close(self) -> None:
        """Give it up."""
        self._file.close()


def own(directory: Path) -> Owned:
    """Become the owner of a run directory; raises RunInUseError where another process is it."""
    with storage(directory):
        file = (directory / LOCK).open("a+", encoding="utf-8")
        if not lock(file):
            with file:
                file.seek(0)
                owner = file.read(200).strip() or "another process"
            raise RunInUseError(directory, f"in use by {owner}", "wait for it, or stop it")
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.now(UTC).isoformat(timespec='seconds')}\n")
        file.flush()
    return Owned(directory, file)


def find_run(run: Path | None) -> Path:
    """Return a run directory or model file: the one named, else the newest finished run under runs/."""
    if run is not None:
        if not run.exists():
            raise RunError(run, "no such run directory or model file", "see what is under runs/")
        return run
    finished = [path for path in RUNS.glob("*") if read_status(path) == "finished"]
    if not finished:
        raise RunError(RUNS, "no finished run", "train one with `imgclf train`, or name a run")
    return max(finished, key=lambda path: str(read_json(path / "environment.json").get("started", "")))


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs alike; a number that is not finite is a bug and raises."""
    write_whole(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """Return JSON as it is written to files; what is no valid text, such as a path may hold, is escaped."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="backslashreplace")


def write_status(directory: Path, status: str) -> None:
    """Say where the run is: running, finished, interrupted or diverged."""
    write_json(directory / "status.json", {"status": status})


def read_status(directory: Path) -> str:
    """Return what a run directory says of itself; empty where it says nothing."""
    return str(read_json(directory / "status.json").get("status", ""))


def start_table(path: Path, columns: tuple[str, ...]) -> None:
    """Begin a CSV file with its header."""
    write_whole(path, (",".join(columns) + "\n").encode())


def append_row(path: Path, columns: tuple[str, ...], row: Row) -> None:
    """Add a row to a CSV file; numbers in shortest round-trip form, None as an empty cell."""
    with storage(path), path.open("a", encoding="utf-8") as file:
        file.write(line(columns, row) + "\n")


def line(columns: tuple[str, ...], row: Row) -> str:
    """Return a row as it is written."""
    return ",".join("" if row[column] is None else repr(row[column]) for column in columns)


def table_lines(path: Path) -> list[str]:
    """Return the lines of a table as they were written, its header first."""
    with storage(path):
        return path.read_text(encoding="utf-8").splitlines()


def read_table(path: Path) -> dict[str, list[float | None]]:
    """Return the columns of a CSV file that `append_row` wrote; raises RunError for what is not such a table."""
    try:
        *lines, rest = read_bytes(path).decode("utf-8").split("\n")
        header, *rows = (line.split(",") for line in lines)
        if rest:
            raise ValueError("its last line is cut off")
        if len(set(header)) != len(header) or not all(name and name.isprintable() for name in header):
            raise ValueError("its columns have no names")
        columns = zip(*([float(cell) if cell else None for cell in row] for row in rows), strict=True)
        return dict(zip(header, map(list, columns) if rows else ([] for _ in header), strict=True))
    except DataError as error:
        raise RunError(path, error.problem, error.remedy) from error
    except ValueError as error:
        reason = " ".join(str(error).split())[:80]
        raise RunError(path, f"not a table of numbers ({reason})", "it is written by `imgclf train`") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or nothing where there is none: used to look around, not to trust."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
