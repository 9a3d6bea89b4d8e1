"""Check whether a source is given a path."""

from pathlib import Path

from imgclf.errors import DataError, UsageError
from imgclf.formats.files import reading


def needed(path: Path | None, what: str) -> Path:
    """Return the path; raises UsageError where there is none, saying what it should lead to."""
    if path is None:
        raise UsageError("data.path", "this source needs a path", f"set data.path to {what}")
    return path


def downloaded(path: Path | None, what: str, name: str) -> Path:
    """Return the path of a set that `imgclf data download` knows under a name; raises where there is nothing."""
    place = needed(path, f"{what}; `imgclf data download {name}` brings it")
    with reading(place):
        if not place.exists():
            raise DataError(place, "no such file or folder", f"check the path, or see `imgclf data download {name}`")
    return place


def not_needed(path: Path | None) -> None:
    """Raise UsageError where there is a path: this source would ignore it."""
    if path is not None:
        raise UsageError("data.path", "this source reads no path", "set data.path to null, or data.source to another")
