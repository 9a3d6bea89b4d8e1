"""Find the images that tables name again, or not at all."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from imgclf.data.sources._folders import is_clutter
from imgclf.data.sources.csv.image_places import Files, ImagePlaces, NamedImages
from imgclf.data.split_names import split_of
from imgclf.errors import plural
from imgclf.files.csv_table import is_picture

_SHOWN = 5
_PREDICT = ": for `imgclf predict`"


def left_over(root: Path, tables: Mapping[Path, Mapping[str, NamedImages]], *, everywhere: bool) -> list[str]:
    """Return warnings about rows that name an image again within a split, and about images without a row.

    tables      the images of each split, by table
    everywhere  look into the folders beside the tables in which no image is named, too
    """
    lines: list[str] = []
    listed: dict[Path, Files] = {}
    named: set[str] = set()
    for table, splits in tables.items():
        places, again = ImagePlaces(root, table, listed), 0
        for images in splits.values():
            found = [places.find(*one) for one in zip(images.names, images.rows, images.homes, strict=True)]
            files = {file for file in found if file is not None}
            again += len(found) - found.count(None) - len(files)
            named |= files
        if again:
            lines.append(f"{table}: {plural(again, 'row names', 'rows name')} an image again, which counts once")
        for folder in places.folders if everywhere else ():
            places.files_in(folder)
    used = {file[: file.rfind(os.sep) + 1] for file in named}
    around = {folder[: end + 1] for folder in used for end, letter in enumerate(folder) if letter == os.sep}
    called = " or ".join(str(table.relative_to(root)) for table in tables)
    seen = [files for files in listed.values() if everywhere or files.folder in used]
    rest = [one for files in seen for one in _without_row(root, files, named, used, around, listed)]
    more = [f"{root}: nor are those of {len(rest) - _SHOWN:,} more folders"] if len(rest) > _SHOWN else []
    return [*lines, *(f"{root}: {some} not in {called}, such as {example}" for some, example in rest[:_SHOWN]), *more]


def _without_row(
    root: Path, files: Files, named: set[str], used: set[str], around: set[str], listed: Collection[Path]
) -> Iterator[tuple[str, str]]:
    """Yield how many images and folders of a folder no row names, and one of them."""
    where = files.folder or "."
    images = (name for name in files.whole.values() if is_picture(name) and f"{files.folder}{name}" not in named)
    if rest := [name for name in images if not is_clutter(name)]:
        test = files.folder not in used and any(split_of(Path(part)) == "test" for part in Path(where).parts)
        yield plural(len(rest), f"image in {where} is", f"images in {where} are"), rest[0] + _PREDICT * test
    unknown = [name for name in files.folders if root / files.folder / name not in listed and not is_clutter(name)]
    folders = [one for one in unknown if f"{files.folder}{one}{os.sep}" not in around]
    if folders:
        yield plural(len(folders), f"folder in {where} is", f"folders in {where} are"), folders[0]
