"""Count how often the test split was evaluated with a run."""

from contextlib import suppress
from pathlib import Path

from imgclf.errors import StorageError
from imgclf.files.writing import write_json
from imgclf.run.run_dir import read_json

FILE = "test_looks.json"


def count_look(directory: Path) -> int:
    """Note in a run directory that its test split is evaluated; return how often that was, now included."""
    before = read_json(directory / FILE).get("test_looks")
    looks = 1 + (before if isinstance(before, int) and before > 0 else 0)
    with suppress(StorageError):  # a folder that may only be read
        write_json(directory / FILE, {"test_looks": looks})
    return looks
