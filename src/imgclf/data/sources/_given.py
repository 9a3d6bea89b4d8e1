"""What the config gives a source: a path, or none."""

from pathlib import Path

from imgclf.errors import UsageError


def needed(path: Path | None, what: str) -> Path:
    """Return the path; raises UsageError where there is none, saying what it should lead to."""
    if path is None:
        raise UsageError("data.path", "this source needs a path", f"set data.path to {what}")
    return path


def not_needed(path: Path | None) -> None:
    """Raise UsageError where there is a path: this source would ignore it."""
    if path is not None:
        raise UsageError("data.path", "this source reads no path", "set data.path to null, or data.source to another")
