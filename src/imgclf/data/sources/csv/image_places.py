"""Find the image files that a table names."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from imgclf.data.class_names import composed, file_name, first_few
from imgclf.data.sources._class_folders import leads_inside
from imgclf.data.sources._folders import is_clutter, is_folder, look_into
from imgclf.data.split_names import IMAGE_FOLDERS, split_of
from imgclf.errors import DataError, plural
from imgclf.files.csv_table import is_picture
from imgclf.files.reading import reading, shown

_SHOWN = 3
_LONGEST_PATH = 1000
_LONGEST_NAME = 255  # bytes; no file system has longer ones
_FILE = re.compile(r"(?!\.{1,2}$|.:).+", re.DOTALL)  # neither . nor .., nor on a drive


class NamedImages(NamedTuple):
    """File names, labels and numbers of rows, one each an image."""

    names: list[str]
    labels: list[str]
    rows: list[int]


class Files(NamedTuple):
    """What is in a folder, whose path relative to root ends with /: files by name, and by name without the ending."""

    folder: str
    whole: dict[str, str]
    stems: dict[str, list[str]]
    links: set[str]
    folders: list[str]

    def add(self, entry: "os.DirEntry[str]") -> None:
        """Add a file or a folder."""
        if is_folder(entry):
            self.folders.append(entry.name)
            return
        name = file_name(entry.name)
        self.whole[name] = entry.name
        if is_picture(name):
            self.stems.setdefault(name.rpartition(".")[0], []).append(entry.name)
        if entry.is_symlink():
            self.links.add(entry.name)


class ImagePlaces:
    """Folders in which the images of a table are looked for; each is listed once, when it is first needed.

    They are the folder of the table and those beside it: named like the table, images, like a split, others; and a
    folder images in each; for names that are in none of these, the folders in those. `root` must not be left, neither
    by .. nor by a link. `listed` are those of another table.
    """

    def __init__(self, root: Path, table: Path, listed: dict[Path, Files] | None = None) -> None:
        with reading(root):
            self.inside = root.resolve()
        self.root, self.table = root, table
        self.folders = list(_different(_places(root, table)))
        self.listed = {} if listed is None else listed
        self.of_name: dict[str, tuple[str, ...] | None] = {}  # the parts of the folders in names

    @property
    def called(self) -> str:
        """The names of the folders."""
        return first_few([str(one.relative_to(self.root)) for one in self.folders], _SHOWN)

    @cached_property
    def deeper(self) -> list[Path]:
        """The folders in the others."""
        found = (place / name for place in self.folders[1:] for name in self.files_in(place).folders)
        return [folder for folder in found if folder not in self.folders and not is_clutter(folder.name)]

    def find_all(self, names: Sequence[str], rows: Sequence[int]) -> list[str]:
        """Return the paths of images relative to root; raises one DataError for all that are missing."""
        found = [self.find(name, row) for name, row in zip(names, rows, strict=True)]
        missing = [number for number, file in enumerate(found) if file is None]
        if missing:
            some = first_few([f"row {rows[number]:,} ({names[number][:30]})" for number in missing], _SHOWN)
            problem = f"{len(missing):,} of {plural(len(names), 'file')} missing: {some}"
            raise DataError(self.table, problem, f"looked in {self.called}; correct the names, or data.path")
        return [file for file in found if file is not None]

    def find(self, name: str, row: int) -> str | None:
        """Return the path of an image relative to root, or None; its ending (.jpg) may be missing in the table.

        Raises DataError for a name that leads out of root, and for one that may be two files.
        """
        end = max(name.rfind("/"), name.rfind("\\")) + 1
        folder, last = name[:end], name[end:]
        if folder not in self.of_name:
            self.of_name[folder] = self._inside(folder)
        parts = self.of_name[folder]
        if parts is None or not _FILE.fullmatch(last) or not name.isprintable() or len(name) > _LONGEST_PATH:
            problem = f"row {row:,}: {shown(name)} is not the name of a file inside {self.root}"
            raise DataError(self.table, problem, "write paths relative to the CSV file")
        if 4 * len(name) > _LONGEST_NAME and any(len(os.fsencode(part)) > _LONGEST_NAME for part in (*parts, last)):
            return None
        last, where = composed(last), f"row {row:,}: {shown(name)}"
        for around in self.folders:
            if path := self._file(around, parts, last, where):
                return path
        several = [path for around in self.deeper if (path := self._file(around, parts, last, where))]
        if len(several) > 1:
            raise DataError(self.table, f"{where} may be {first_few(several)}", "write the folder in the table")
        return several[0] if several else None

    def _file(self, around: Path, parts: tuple[str, ...], last: str, where: str) -> str | None:
        """Return the path of the file of this name in a folder, or None."""
        files = self.files_in(around.joinpath(*parts) if parts else around)
        alike = [files.whole[last]] if last in files.whole else files.stems.get(last, [])
        if not alike:
            return None
        if len(alike) > 1:
            raise DataError(self.table, f"{where} may be {first_few(alike)}", "write the ending in the table")
        path = f"{files.folder}{alike[0]}"
        if alike[0] in files.links and not leads_inside(self.root / path, self.inside):
            problem = f"{where} is a link that leads nowhere or out of {self.root}"
            raise DataError(self.table, problem, "put the image itself here, or a hard link")
        return path

    def _inside(self, folder: str) -> tuple[str, ...] | None:
        """Return the parts of a folder in a name; None if it leads out of root."""
        plain = PureWindowsPath(folder)  # which divides at / and at \
        return None if plain.drive or plain.root or ".." in plain.parts else plain.parts

    def files_in(self, folder: Path) -> Files:
        """Return the files in a folder."""
        if folder not in self.listed:
            relative = str(folder.relative_to(self.root))
            where = "" if relative == "." else f"{relative}{os.sep}"
            found = self.listed[folder] = Files(where, {}, {}, set(), [])
            with reading(folder):
                if folder.is_dir() and leads_inside(folder, self.inside):
                    with os.scandir(folder) as entries:
                        for entry in sorted(entries, key=lambda entry: entry.name):
                            found.add(entry)
        return self.listed[folder]


def _different(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield those folders that are there, each once: images and Images are one where case does not count."""
    seen = set()
    for folder in folders:
        with suppress(OSError):  # nothing is there, or a link that loops
            about = folder.stat()
            if stat.S_ISDIR(about.st_mode) and (about.st_dev, about.st_ino) not in seen:
                seen.add((about.st_dev, about.st_ino))
                yield folder


def _places(root: Path, table: Path) -> Iterator[Path]:
    """Yield folders that may hold the images, the likeliest first."""
    for around in dict.fromkeys([table.parent, root]):
        yield around
        for folder in sorted(look_into(around).folders, key=lambda one: _rank(one, table)):  # else in natural order
            yield folder
            yield from (folder / name for word in sorted(IMAGE_FOLDERS) for name in (word, word.capitalize()))


def _rank(folder: Path, table: Path) -> int:
    """Return how well a folder is named for the images of a table, 0 best."""
    name, stem = folder.name.casefold(), table.stem.casefold()
    if name.startswith(stem) or stem.startswith(name):
        return 0
    if name in IMAGE_FOLDERS:
        return 1
    return {"train": 2, "val": 3, "test": 4}.get(split_of(folder) or "", 5)
