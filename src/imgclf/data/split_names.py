"""Names of splits, and the words for them in files and folders."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from imgclf.data.class_names import file_name
from imgclf.errors import DataError
from imgclf.files.reading import shown

SPLITS = ("train", "val", "test")
# Words for a split; eval, which is val where another word is test, comes last.
WORDS = {
    word: split
    for split, words in (
        ("train", "train training trainset"),
        ("val", "val valid validation validate validating valset dev devel development"),
        ("test", "test testing testset"),
        ("test", "eval evaluation"),
    )
    for word in words.split()
}
# Columns of splits, without case, spaces, - and _.
SPLIT_COLUMNS = {"split", "subset", "partition", "dataset", "set", "usage", "datasplit"}
# Generic names of a folder between a class, or a split, and its images.
IMAGE_FOLDERS = {"images", "image", "imgs", "img", "pictures", "photos", "jpegimages"}
_SAYS_NOTHING = {"", "set", "data", "dataset", "split", "folder", *IMAGE_FOLDERS}


def split_of(folder: Path) -> str | None:
    """Return the split of a folder by its name: train, Training, training_set, seg_train, train_01."""
    telling = telling_words(folder)
    return WORDS.get(telling[-1]) if telling else None


def split_in(name: str) -> str | None:
    """Return the split that a word of a file's name tells: mnist_train, train_labels, Testing_set."""
    words = {split for word in re.split(r"[^a-zA-Z]+", name) if (split := split_of(Path(word)))}
    return words.pop() if len(words) == 1 else None


def split_word(cell: str) -> str | None:
    """Return the split that a cell of a table names: train, validation, dev, test, PublicTest."""
    word = {"publictest": "val", "privatetest": "test"}.get(cell.strip().casefold())
    return word or split_of(Path(cell))


def splits_of(words: Collection[str]) -> dict[str, str | None]:
    """Return the split of each word; "eval" is val where another word is test."""
    splits = {word: split_word(word) for word in words}
    evaluations = {word for word in splits if is_evaluation(word)}
    if "val" not in splits.values() and any(splits[word] == "test" for word in splits.keys() - evaluations):
        splits |= dict.fromkeys(evaluations, "val")
    return splits


def split_of_row(word: str, row: int, splits: Mapping[str, str | None], where: Path) -> str:
    """Return the split of a row by its word, of those that `splits_of` knows; raises DataError if it is none."""
    split = splits[word]
    if split is None:
        problem = f"row {row:,}: {shown(word)} is not a split"
        raise DataError(where, problem, "write train, val or test, or rename the column")
    return split


def is_evaluation(word: str) -> bool:
    """Whether a word is eval or evaluation: test, or val if there is another test split."""
    return word.casefold().startswith("eval")


def telling_words(folder: Path) -> list[str]:
    """Return the words of a folder's name that may tell its split, in lower case."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", file_name(folder.name))  # TrainingData
    words = re.split(r"[^a-z0-9]+", apart.casefold())
    return [word for word in words if word not in _SAYS_NOTHING and not word.isdigit()]
