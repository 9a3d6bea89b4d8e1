"""Find students and their files."""

from pathlib import Path
from typing import NamedTuple

from imgclf.errors import UsageError
from imgclf.files.writing import translate_os_errors
from imgclf.grading.spec import Exercise

IGNORED = ("__pycache__", "__MACOSX")
NAMED = 8  # files that a message lists


class Submission(NamedTuple):
    """A student's folder, or only file."""

    student: str
    path: Path

    def file_of(self, exercise: Exercise) -> Path | str:
        """Return the file that should hold an exercise, or what is wrong."""
        if self.path.is_file():
            return self.path
        path = self.path / exercise.file
        try:
            is_inside = path.resolve().is_relative_to(self.path.resolve())
            if path.is_file():
                return path if is_inside else f"{exercise.file} is a link that leads out of the folder"
            there = sorted(one.name for one in self.path.iterdir() if one.suffix == ".py")[:NAMED]
        except (OSError, RuntimeError) as error:  # a link to itself, or a folder without permission
            return f"{exercise.file} cannot be read: {type(error).__name__}"
        return f"there is no {exercise.file}; there is {', '.join(there) or 'no .py file'}"


def submissions(folder: Path) -> list[Submission]:
    """Return the folders and .py files in a folder, one a student, in the order of their names."""
    if not folder.is_dir():
        raise UsageError(folder, "there is no such folder", "name the folder with a folder or file for each student")
    found: list[Submission] = []
    with translate_os_errors(folder):
        entries = sorted(folder.iterdir())
    folders = {entry.name for entry in entries if entry.is_dir()}
    for entry in entries:
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        if entry.is_dir() or (entry.is_file() and entry.suffix == ".py"):
            # anna/ and anna.py are two students.
            own_name = entry.name in folders or entry.stem in folders
            found.append(Submission(entry.name if own_name else entry.stem, entry))
    if not found:
        raise UsageError(folder, "there are no submissions", "it must have a folder or a .py file for each student")
    return found
