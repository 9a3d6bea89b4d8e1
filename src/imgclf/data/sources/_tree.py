"""Find splits and classes in a folder of images.

Only names decide; no file is opened. Nothing is skipped silently: `Tree.passed_over` lists it, and `imgclf data info`
and the warnings of `imgclf train` print it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import digits
from typing import Any

from imgclf.data.class_names import first_few
from imgclf.data.sources._folders import DEEPEST, Inside, look_into, look_into_class
from imgclf.data.split_names import IMAGE_FOLDERS, SPLITS, is_evaluation, split_of, telling_words
from imgclf.errors import DataError, plural
from imgclf.files.reading import kind_of

_USUAL = {"train", "val", "valid", "validation", "test"}
_SHOWN = 5


@dataclass(frozen=True)
class PassedOver:
    """A skipped file or folder: its path relative to PATH, its content, and the reason. `expected`: no warning."""

    place: str
    holds: str
    why: str
    expected: bool = False

    def __str__(self) -> str:
        return f"{self.place} ({self.holds}): {self.why}"


@dataclass(frozen=True)
class Tree:
    """The splits and classes found in a folder.

    root         the folder
    splits       the folder with the class folders of each split
    passed_over  everything else, down to the class folders
    as_classes   folders with the name of a split that were read as classes
    """

    root: Path
    splits: dict[str, Path]
    passed_over: tuple[PassedOver, ...] = ()
    as_classes: tuple[str, ...] = ()

    def about_passed_over(self) -> list[str]:
        """Return a warning about folders and files that the user may have meant to be read; none without them."""
        found = [str(one) for one in self.passed_over if not one.expected]
        more = f", and {len(found) - _SHOWN} more: see `imgclf data info`" if len(found) > _SHOWN else ""
        return [f"{self.root}: passed over: {'; '.join(found[:_SHOWN])}{more}"] if found else []

    def warnings(self) -> list[str]:
        """Return warnings about what the user may have meant to be read, or to be read otherwise."""
        lines = self.about_passed_over()
        if self.as_classes:
            problem = f"{_and(self.as_classes)} read as a class: images are in it, not class folders"
            lines.append(f"{self.root}: {problem}")
        return lines

    def summary(self) -> list[dict[str, Any]]:
        """Return rows for `--json`: one for each split and each skipped item."""
        read = [(str(folder.relative_to(self.root)), split, look_into(folder).words, None)
                for split, folder in self.splits.items()]  # fmt: skip
        rest = [(one.place, None, one.holds, one.why) for one in self.passed_over]
        return [dict(zip(("place", "read_as", "holds", "why"), row, strict=True)) for row in (*read, *rest)]


def read_tree(root: Path) -> Tree:
    """Find splits and classes in a folder; raises DataError for no class, or two folders for one split.

    Subfolders that are named like a split and hold class folders are splits; without any, every folder is a class of
    "train". A single folder around them is skipped.
    """
    if kind_of(root) != "folder":
        raise DataError(root, "not a folder", "name the folder with a folder for each class")
    start = _through_wrappers(root)
    inside = look_into(start)
    named = {folder: split for folder in inside.folders if (split := split_of(folder))}
    only_split = [folder.name for folder in named if len(telling_words(folder)) == 1]  # freight_train may be a class
    holding = {folder: classes for folder in named if (classes := _class_folders(folder) or _annotated(folder))}
    if holding:
        return _with_splits(root, inside, named, holding)
    if not inside.folders:
        held = f"no class folders, but {inside.words}" if inside.files else "no class folders"
        example = inside.images[0].name if inside.images else ""
        such = f", such as {_class_in(example)} for {example}" if example else ""
        raise DataError(start, held, f"put the images of each class into a folder named after it{such}")
    numbered = {one: split for one in inside.folders if (split := split_of(Path(one.name.rstrip(digits))))}  # test1
    called = numbered | named
    if len(called) == len(inside.folders) and (len(only_split) == len(called) or len(set(called.values())) > 1):
        held = "no class folders" if all(look_into(one).is_empty for one in called) else "images, not class folders"
        names = [folder.name for folder in sorted(called, key=lambda folder: SPLITS.index(called[folder]))]
        problem = f"{_and(names)} {'hold' if len(names) > 1 else 'holds'} {held}"
        first = next(iter(look_into(root / names[0]).images), None) if start == root else None
        example = f"{_class_in(first.name)} for {first.name}" if first else "cat"
        remedy = f"put the images of each class into a folder named after it, such as {names[0]}/{example}"
        raise DataError(start, problem, remedy)
    return Tree(root, {"train": start}, tuple(_left_over(root, [start])), tuple(only_split))


def class_folders(root: Path) -> list[Path]:
    """Return the class folders that hold images, at least two; none where the folder has no classes."""
    try:
        tree = read_tree(root)
    except DataError:
        return []
    folders = [folder for split in tree.splits.values() for folder in look_into(split).folders]
    found = [folder for folder in folders if any(file.suffix for file in look_into_class(folder).images)]
    return found if len(found) > 1 else []


def _class_in(name: str) -> str:
    """Return the word with which the name of an image begins, as cat.0.jpg does; else an example."""
    found = re.match(r"[^\W\d_]{2,}", name)
    return found[0] if found else "cat"


def _with_splits(root: Path, inside: Inside, named: dict[Path, str], holding: dict[Path, Path]) -> Tree:
    splits: dict[str, Path] = {}
    passed: list[PassedOver] = []
    for folder in sorted(holding, key=lambda folder: (_rank(folder), _is_evaluation(folder))):
        split = named[folder]
        if _is_evaluation(folder) and "test" in splits and "val" not in splits:
            split = "val"
        taken = splits.get(split)
        if taken is None:
            splits[split] = folder
        elif _rank(taken) == _rank(folder):
            raise DataError(root, f"both {taken.name} and {folder.name}", f"keep one folder for {split}")
        else:
            passed.append(_passed(root, folder, f"{split} is read from {taken.name}"))
    for folder in inside.folders:
        if folder in named and folder not in holding:
            passed.append(_passed(root, folder, "no class folders are in it"))
        elif folder not in named:
            passed.append(_passed(root, folder, "not the name of a split (train, val, test)"))
    folders = {split: holding[splits[split]] for split in SPLITS if split in splits}
    return Tree(root, folders, (*passed, *_left_over(root, folders.values())))


def _rank(folder: Path) -> int:
    """Return 0 for the usual name of a split, which wins over variants (1)."""
    return 0 if folder.name.lower() in _USUAL else 1


def _is_evaluation(folder: Path) -> bool:
    return is_evaluation(telling_words(folder)[-1])


def _through_wrappers(folder: Path, around: str | None = None) -> Path:
    """Return the folder inside a chain of single folders: wrap/dataset of a zip, training_set/training_set.

    `around` is the split of the folder; folders named like another split are not entered.
    """
    place = folder
    for _ in range(DEEPEST):
        only = look_into(place).only_folder
        if only is None or split_of(only) not in (None, around):
            break
        place = only
    # A single folder at the end of the chain is a class.
    chosen = look_into(place)
    several = len(chosen.folders) > 1 or any(split_of(one) and split_of(one) != around for one in chosen.folders)
    return place if several else folder


def _class_folders(split: Path) -> Path | None:
    """Return the folder that holds the class folders of a split, or None."""
    folder = _through_wrappers(split, split_of(split))
    folders = look_into(folder).folders
    if not folders or (len(folders) == 1 and folders[0].name.lower() in {*IMAGE_FOLDERS, split.name.lower()}):
        return None  # train/images, train/train: no class is called so
    return folder


def annotations_of(folder: Path) -> Path | None:
    """Return the file with the classes of the images of a split, as Tiny ImageNet has it; None if there is none.

    It is called val_annotations.txt or so, and beside it is nothing but one folder with the images.
    """
    inside = look_into(folder)
    files = [file for file in inside.files if file.name.lower().endswith("annotations.txt")]
    only = inside.only_folder
    return files[0] if len(files) == 1 and only is not None and only.name.lower() in IMAGE_FOLDERS else None


def _annotated(folder: Path) -> Path | None:
    return None if annotations_of(folder) is None else folder


def _left_over(root: Path, folders: Iterable[Path]) -> Iterator[PassedOver]:
    """Yield files beside class folders, on every level from the root to these folders."""
    levels = {place: None for folder in folders for place in (folder, *folder.parents) if place.is_relative_to(root)}
    for level in sorted(level for level in levels if _annotated(level) is None):
        yield from _beside(str(level.relative_to(root)), look_into(level))


def _beside(place: str, inside: Inside) -> Iterator[PassedOver]:
    links = [file for file in inside.files if file in inside.odd and not file.exists()]
    images = [file for file in inside.images if file not in inside.odd or file.exists()]
    rest = set(inside.files).difference(links, images)
    others = [file for file in inside.files if file in rest]
    if images:
        holds = f"{plural(len(images), 'image')}, such as {images[0].name}"
        yield PassedOver(place, holds, "not in a class folder")
    if links:
        yield PassedOver(place, _and(file.name for file in links), "a link that leads nowhere")
    if others:
        yield PassedOver(place, _and(file.name for file in others), "not called an image", expected=True)
    if inside.clutter:
        yield PassedOver(place, _and(inside.clutter), "hidden, or left behind by a system", expected=True)


def _passed(root: Path, folder: Path, why: str) -> PassedOver:
    inside = look_into(folder)
    return PassedOver(str(folder.relative_to(root)), inside.words, why, expected=inside.is_empty)


def _and(names: Iterable[str]) -> str:
    listed = list(names)
    if len(listed) > _SHOWN:
        return first_few(listed, _SHOWN)
    return " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
