"""Count looks at the test split; keep the last result."""

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from imgclf.errors import StorageError
from imgclf.files.writing import write_json
from imgclf.run.run_dir import read_file, read_json

FILE = "test_looks.json"


class OnTest(NamedTuple):
    """A result on the test split: how many of its examples were right, of how many, and in which look, from 1."""

    correct: int
    n: int
    look: int


def count_look(directory: Path, correct: int | None = None, n: int = 0) -> int:
    """Note in a run directory that its test split is evaluated; return how often that was, now included.

    With the result, if the whole split was evaluated: with which model, how many examples were right, and of how many.
    """
    before = read_json(directory / FILE)
    looks = 1 + (_whole(before.get("test_looks")) or 0)
    last = before.get("last") if correct is None else {"model": _model(directory), "correct": correct, "n": n}
    with suppress(StorageError):  # a folder that may only be read
        write_json(directory / FILE, {"test_looks": looks, **({"last": last} if isinstance(last, dict) else {})})
    return looks


def last_result(directory: Path) -> OnTest | None:
    """Return the last result of a run's model on its test split; None if there is none, or of another model."""
    noted = read_json(directory / FILE)
    last, looks = noted.get("last"), _whole(noted.get("test_looks"))
    if not isinstance(last, dict) or not looks or last.get("model") != _model(directory):
        return None
    correct, n = _whole(last.get("correct")), _whole(last.get("n"))
    return OnTest(correct, n, looks) if n and correct is not None and correct <= n else None


def _whole(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _model(directory: Path) -> str:
    """Return the SHA-256 of the model: one that was trained longer has no result yet."""
    return hashlib.sha256(read_file(directory / "model.npz")).hexdigest()
