"""Find the image files that a table names."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from imgclf.data.class_names import composed, file_name, first_few
from imgclf.data.sources._class_folders import leads_inside
from imgclf.data.sources._folders import is_clutter, is_folder, look_into
from imgclf.data.split_names import IMAGE_FOLDERS, splits_of
from imgclf.errors import DataError, plural
from imgclf.files.csv_table import is_picture
from imgclf.files.reading import reading, shown

_SHOWN = 3
_LONGEST_PATH = 1000
_LONGEST_NAME = 255  # bytes; no file system has longer ones
_FILE = re.compile(r"(?!\.{1,2}$|.:).+", re.DOTALL)  # neither . nor .., nor on a drive


class NamedImages(NamedTuple):
    """File names, labels, numbers of rows, and splits whose folders the files may be in; one each an image."""

    names: list[str]
    labels: list[str]
    rows: list[int]
    homes: list[str]


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


class Group:
    """Folders none of which is likelier than another to hold an image."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        self.indexes: dict[tuple[str, ...], dict[str, Sequence[Files]]] = {}  # by the parts of the folders in names


class ImagePlaces:
    """Folders in which the images of a table are looked for; each is listed once, when it is first needed.

    They are the folder of the table and those beside it, and a folder images in each; for names that are in none of
    these, the folders in those. They are groups, the likeliest first: the folder of the table; named like it; images;
    named for the split of the row; others. A name that is in several folders of a group is an error. `root` must not be
    left, neither by .. nor by a link. `listed` are those of another table.
    """

    def __init__(self, root: Path, table: Path, listed: dict[Path, Files] | None = None) -> None:
        with reading(root):
            self.inside = root.resolve()
        self.root, self.table = root, table
        self.folders = list(_different(_places(root, table.parent)))
        self.listed = {} if listed is None else listed
        self.of_name: dict[str, tuple[str, ...] | None] = {}  # the parts of the folders in names
        self.groups: dict[tuple[str, bool], list[Group]] = {}  # by split; of the folders, or of those in them
        self.made: dict[tuple[Path, ...], Group] = {}
        self.links: set[str] = set()

    @property
    def called(self) -> str:
        """The names of the folders, the likeliest first."""
        folders = [folder for group in self._grouped("train", deeper=False) for folder in group.folders]
        return first_few([str(one.relative_to(self.root)) for one in folders], _SHOWN)

    @cached_property
    def deeper(self) -> list[Path]:
        """The folders in the others."""
        found = (place / name for place in self.folders[1:] for name in self.files_in(place).folders)
        return [folder for folder in found if folder not in self.folders and not is_clutter(folder.name)]

    def find_all(self, images: NamedImages) -> list[str]:
        """Return the paths of images relative to root; raises one DataError for all that are missing."""
        names, rows = images.names, images.rows
        found = [self.find(*one) for one in zip(names, rows, images.homes, strict=True)]
        missing = [number for number, file in enumerate(found) if file is None]
        if missing:
            some = first_few([f"row {rows[number]:,} ({names[number][:30]})" for number in missing], _SHOWN)
            problem = f"{len(missing):,} of {plural(len(names), 'file')} missing: {some}"
            raise DataError(self.table, problem, f"looked in {self.called}; correct the names, or data.path")
        return [file for file in found if file is not None]

    def find(self, name: str, row: int, split: str) -> str | None:
        """Return the path of an image relative to root, or None; its ending (.jpg) may be missing in the table.

        `split` is that of the row. Raises DataError for a name that leads out of root, and for one that may be two
        files.
        """
        found = self.candidates(name, row, split)
        if len(found) > 1:
            folders = len({path.rpartition(os.sep)[0] for path in found}) > 1
            remedy = f"write the {'folder' if folders else 'ending'} in the table"
            raise DataError(self.table, f"row {row:,}: {shown(name)} may be {first_few(found)}", remedy)
        if found and found[0] in self.links and not leads_inside(self.root / found[0], self.inside):
            problem = f"row {row:,}: {shown(name)} is a link that leads nowhere or out of {self.root}"
            raise DataError(self.table, problem, "put the image itself here, or a hard link")
        return found[0] if found else None

    def candidates(self, name: str, row: int, split: str) -> list[str]:
        """Return the paths of the files that a name may mean, all equally likely."""
        end = max(name.rfind("/"), name.rfind("\\")) + 1
        folder, last = name[:end], name[end:]
        if folder not in self.of_name:
            self.of_name[folder] = self._inside(folder)
        parts = self.of_name[folder]
        if parts is None or not _FILE.fullmatch(last) or not name.isprintable() or len(name) > _LONGEST_PATH:
            problem = f"row {row:,}: {shown(name)} is not the name of a file inside {self.root}"
            raise DataError(self.table, problem, "write paths relative to the CSV file")
        if 4 * len(name) > _LONGEST_NAME and any(len(os.fsencode(part)) > _LONGEST_NAME for part in (*parts, last)):
            return []
        last = composed(last)
        for deeper in (False, True):
            if (split, deeper) not in self.groups:
                self.groups[split, deeper] = self._grouped(split, deeper=deeper)
            for group in self.groups[split, deeper]:
                if files := self._with(last, group, parts):
                    whole = [f"{one.folder}{one.whole[last]}" for one in files if last in one.whole]
                    return whole or [f"{one.folder}{file}" for one in files for file in one.stems[last]]
        return []

    def _grouped(self, split: str, *, deeper: bool) -> list[Group]:
        """Return the groups of the folders, or of those in them, for the images of a split."""
        folders = self.deeper if deeper else self.folders
        parts = {folder: folder.relative_to(self.root).parts for folder in folders}
        splits = splits_of({part for some in parts.values() for part in some})
        if split == "val" and split not in splits.values():  # taken from the training images
            split = "train"
        ranked: dict[tuple[int, ...], list[Path]] = {}
        for folder in folders:
            its = [splits[part] for part in parts[folder]]
            rank = (int(split not in its),) if deeper else self._rank(folder, splits, split)
            ranked.setdefault(rank, []).append(folder)
        return [self.made.setdefault(tuple(some), Group(some)) for _, some in sorted(ranked.items())]

    def _rank(self, folder: Path, splits: Mapping[str, str | None], split: str) -> tuple[int, ...]:
        """Return how likely a folder holds the images of a split, (0, 0) best."""
        beside = folder.is_relative_to(self.table.parent)
        parts = folder.relative_to(self.table.parent if beside else self.root).parts
        if not parts:
            return not beside, 0
        name, its = parts[0], splits[parts[0]]
        if its in (None, split) and (likeness := _likeness(name, self.table.stem)):
            return not beside, likeness
        return not beside, 3 if name.casefold() in IMAGE_FOLDERS else 4 if its == split else 5

    def _with(self, name: str, group: Group, parts: tuple[str, ...]) -> Sequence[Files]:
        """Return the folders of a group that have a file of this name, with or without an ending."""
        if parts not in group.indexes:
            index: dict[str, Sequence[Files]] = {}
            for folder in group.folders:
                files = self.files_in(folder.joinpath(*parts) if parts else folder)
                self.links.update(f"{files.folder}{link}" for link in files.links)
                alone = (files,)  # one for all of its names: most are in no other folder
                for each in files.whole.keys() | files.stems.keys():
                    others = index.setdefault(each, alone)
                    if isinstance(others, list):
                        others.append(files)
                    elif others is not alone:
                        index[each] = [*others, files]
            group.indexes[parts] = index
        return group.indexes[parts].get(name, ())

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


def _places(root: Path, of_table: Path) -> Iterator[Path]:
    """Yield folders that may hold the images, that of the table first."""
    for around in dict.fromkeys([of_table, root]):
        yield around
        for folder in look_into(around).folders:
            yield folder
            yield from (folder / name for word in sorted(IMAGE_FOLDERS) for name in (word, word.capitalize()))


def _likeness(name: str, stem: str) -> int:
    """Return 1 for the name of a table, 2 if one begins with the other, as trainLabels with train; else 0."""
    short, long = sorted((name, stem), key=len)
    if not long.casefold().startswith(short.casefold()) or long[len(short) :][:1].islower():
        return 0
    return 1 if len(short) == len(long) else 2
