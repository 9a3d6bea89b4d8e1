"""The folder of a run: where it is, and what is written into it; every file whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any, TypeAlias

from imgclf.errors import DataError, RunError, UsageError
from imgclf.formats.files import read_bytes
from imgclf.storage import storage, write_whole

RUNS = Path("runs")
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
TIMINGS = ("epoch", "seconds", "images_per_second")

Row: TypeAlias = dict[str, float | int | None]


def check_out(out: Path, option: str = "--out") -> None:
    """Refuse a directory that holds something: nothing of the user's is ever overwritten."""
    with storage(out):
        for parent in out.parents:
            if parent.exists() and not parent.is_dir():
                raise UsageError(option, f"{parent} is not a folder", "name another place")
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(option, f"{out} exists and is not an empty folder", "name another, or move it away")


def create(name: str, out: Path | None) -> Path:
    """Make the directory of a new run: `out` itself, else runs/NAME, NAME-2, NAME-3 and so on."""
    if out is not None:
        check_out(out)
        with storage(out):
            out.mkdir(parents=True, exist_ok=True)
        return out
    with storage(RUNS):
        RUNS.mkdir(exist_ok=True)
    number = 1
    while True:
        path = RUNS / (name if number == 1 else f"{name}-{number}")
        with storage(path):
            try:
                path.mkdir()
            except FileExistsError:
                number += 1
            else:
                return path


def find_run(run: Path | None) -> Path:
    """Return a run directory or model file: the one named, else the newest finished run under runs/."""
    if run is not None:
        if not run.exists():
            raise RunError(run, "no such run directory or model file", "see what is under runs/")
        return run
    finished = [path for path in RUNS.glob("*") if _read_json(path / "status.json").get("status") == "finished"]
    if not finished:
        raise RunError(RUNS, "no finished run", "train one with `imgclf train`, or name a run")
    return max(finished, key=lambda path: str(_read_json(path / "environment.json").get("started", "")))


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs alike; a number that is not finite is a bug and raises."""
    write_whole(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_status(directory: Path, status: str) -> None:
    """Say where the run is: running, finished, interrupted or diverged."""
    write_json(directory / "status.json", {"status": status})


def start_table(path: Path, columns: tuple[str, ...]) -> None:
    """Begin a CSV file with its header."""
    write_whole(path, (",".join(columns) + "\n").encode())


def append_row(path: Path, columns: tuple[str, ...], row: Row) -> None:
    """Add a row to a CSV file; numbers in shortest round-trip form, None as an empty cell."""
    cells = ["" if row[column] is None else repr(row[column]) for column in columns]
    with storage(path), path.open("a", encoding="utf-8") as file:
        file.write(",".join(cells) + "\n")


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


def _read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or nothing where there is none: used to look around, not to trust."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
