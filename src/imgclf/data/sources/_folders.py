"""List the content of a folder: folders, images, other files, clutter."""

import os
import re
from fnmatch import translate
from pathlib import Path
from typing import NamedTuple

from imgclf.data.class_names import file_name, natural_key
from imgclf.data.split_names import IMAGE_FOLDERS
from imgclf.errors import plural
from imgclf.files.reading import reading

# Files that systems, image viewers and file servers leave behind, in lower case; and hidden files.
_CLUTTER = (
    ".*",
    *("__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder"),  # macOS
    *("thumbs.db", "thumbs.db:encryptable", "ehthumbs*.db", "desktop.ini", "*:zone.identifier"),  # Windows
    *("$recycle.bin", "system volume information", "found.[0-9][0-9][0-9]"),
    *("lost+found", "lost.dir", "*~"),  # Linux, Android
    *("@eadir", "#recycle", "@recycle", "#snapshot"),  # file servers of Synology and QNAP
    *("picasa.ini", "zbthumbnail.info", "xnview*.db", "sync.ffs_db"),
)
_IS_CLUTTER = re.compile("|".join(map(translate, _CLUTTER)))
_IMAGES = {
    *("", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2"),
}
# Files beside images that are not images.
_NOTES = {
    *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".rst", ".html", ".pdf", ".log"),
    *(".mat", ".npy", ".npz", ".pkl", ".py", ".ipynb", ".zip", ".gz"),
    *("readme", "license", "copying", "citation", "changelog", "makefile", "dockerfile"),
}


DEEPEST = 8  # single folders inside each other that are looked through


class Inside(NamedTuple):
    """Content of a folder in natural order, links followed: folders, other files, and names to ignore.

    `odd` are those of `files` that are not plainly regular files: links, pipes.
    """

    folders: list[Path]
    files: list[Path]
    odd: set[Path]
    clutter: list[str]

    @property
    def images(self) -> list[Path]:
        """Files with the suffix of an image, or with none."""
        return [file for file in self.files if file.suffix.lower() in _IMAGES and not is_note(file)]

    @property
    def only_folder(self) -> Path | None:
        """The only folder, if there are only notes beside it, and no links or possible images."""
        if len(self.folders) != 1 or self.folders[0].is_symlink():
            return None
        return self.folders[0] if all(map(is_note, self.files)) else None

    @property
    def is_empty(self) -> bool:
        """Whether it has neither folders nor files."""
        return not self.folders and not self.files

    @property
    def words(self) -> str:
        """The counts in words: `4 folders and 2 files`."""
        counts = [plural(len(found), word) for word, found in (("folder", self.folders), ("file", self.files)) if found]
        return " and ".join(counts) or "nothing"


def look_into(folder: Path) -> Inside:
    """List a folder."""
    inside = Inside([], [], set(), [])
    with reading(folder), os.scandir(folder) as found:
        for entry in sorted(found, key=lambda entry: natural_key(file_name(entry.name))):
            if is_clutter(entry.name):
                inside.clutter.append(entry.name)
            elif is_folder(entry):
                inside.folders.append(Path(entry.path))
            else:
                inside.files.append(path := Path(entry.path))
                if not entry.is_file(follow_symlinks=False):
                    inside.odd.add(path)
    return inside


def is_clutter(name: str) -> bool:
    """Whether a name is hidden or left behind by a system."""
    return _IS_CLUTTER.match(name.lower()) is not None


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that loops
        return False


def look_into_class(folder: Path) -> Inside:
    """List a class folder, or CLASS/images or CLASS/CLASS if it holds only that and notes."""
    inside = look_into(folder)
    only = inside.only_folder
    if only is None or only.name.lower() not in {*IMAGE_FOLDERS, folder.name.lower()}:
        return inside
    deeper = look_into(only)
    return inside if deeper.folders else deeper


def is_note(file: Path) -> bool:
    """Whether a file is of the kinds that lie beside images: a text, a table, a script."""
    return file.suffix.lower() in _NOTES or file.name.lower() in _NOTES
