"""Find students and their files."""

import os
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from imgclf.errors import UsageError
from imgclf.files.writing import translate_os_errors
from imgclf.grading.spec import Exercise

IGNORED = ("__pycache__", "__MACOSX")
NAMED = 8  # files that a message lists
FOLDERS = 1000  # of a student that are looked into


class Submission(NamedTuple):
    """A student's folder, or only file."""

    student: str
    path: Path

    def file_of(self, exercise: Exercise) -> Path | str:
        """Return the file that should hold an exercise, or what is wrong.

        It may lie deeper: archives unpack into folders of their own, and courses have theirs, as cs231n/classifiers.
        """
        if self.path.is_file():
            return self.path
        path = self.path / exercise.file
        try:
            if path.is_file():
                is_inside = path.resolve().is_relative_to(self.path.resolve())
                return path if is_inside else f"{exercise.file} is a link that leads out of the folder"
            there = _python_files(self.path)
        except (OSError, RuntimeError) as error:  # a link to itself, or a folder without permission
            return f"{exercise.file} cannot be read: {type(error).__name__}"
        same = [one for one in there if one.match(exercise.file)]
        if len(same) == 1:
            return same[0]
        names = ", ".join(str(one.relative_to(self.path)) for one in (same or there)[:NAMED])
        return f"there is no {exercise.file}; there is {names or 'no .py file'}"


def submissions(folder: Path) -> list[Submission]:
    """Return the folders and .py files in a folder, one a student, in the order of their names."""
    entries = _entries(folder)
    found: list[Submission] = []
    folders = {entry.name for entry in entries if entry.is_dir()}
    for entry in filter(_is_submission, entries):
        # anna/ and anna.py are two students.
        own_name = entry.name in folders or entry.stem in folders
        found.append(Submission(entry.name if own_name else entry.stem, entry))
    if not found:
        remedy = "it must have a folder or a .py file for each student; unpack archives"
        raise UsageError(folder, "there are no submissions", remedy)
    return found


def not_graded(folder: Path) -> list[str]:
    """Return the names of files that are no submission, such as archives and notebooks."""
    return [entry.name for entry in _entries(folder) if not _is_submission(entry)]


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(folder, "there is no such folder", "name the folder with a folder or file for each student")
    with translate_os_errors(folder):
        return sorted(entry for entry in folder.iterdir() if not _is_litter(entry.name))


def _is_submission(entry: Path) -> bool:
    return entry.is_dir() or (entry.is_file() and entry.suffix == ".py")


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name in IGNORED


def _python_files(root: Path) -> list[Path]:
    """Return the .py files in a folder at any depth, without links, those of the first level first."""
    found: list[Path] = []
    for folder, folders, files in islice(os.walk(root), FOLDERS):
        folders[:] = sorted(name for name in folders if not _is_litter(name))
        paths = (Path(folder, name) for name in sorted(files) if name.endswith(".py") and not _is_litter(name))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
    return found
