"""Know EMNIST by its file names, turn it upright, name its classes.

emnist-letters-train-images-idx3-ubyte.gz, emnist-letters-train.csv
"""

import string
from pathlib import Path

import numpy as np

from imgclf.arrays import ByteArray
from imgclf.machine.memory import require_memory

_OF_47 = string.digits + string.ascii_uppercase + "abdefghnqrt"  # the other small letters look like capitals
# The classes by the name of the files (Cohen et al. 2017), those of the labels from 0, or from 1 for letters.
_CLASSES = {
    "mnist": string.digits,
    "digits": string.digits,
    "letters": string.ascii_uppercase,
    "balanced": _OF_47,
    "bymerge": _OF_47,
    "byclass": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}


def emnist(file: Path) -> str:
    """Return which set of EMNIST a file is of, by its name; empty for other files."""
    words = file.stem.lower().split("-")
    return next((word for word in words[1:] if word in _CLASSES), "") if words[0] == "emnist" else ""


def classes_of(kind: str) -> tuple[str, ...]:
    """Return the classes of a set."""
    return tuple(_CLASSES[kind])


def first_label(kind: str) -> int:
    """Return the label of the first class of a set."""
    return int(kind == "letters")


def upright(images: ByteArray, file: Path) -> ByteArray:
    """Return images (N, H, W, ...) of a file upright: those of EMNIST are stored on their side."""
    if not emnist(file) or images.ndim < 3:
        return images
    require_memory(images.nbytes, file)
    return np.ascontiguousarray(images.swapaxes(1, 2))


def as_classes(labels: list[str], file: Path) -> list[str]:
    """Return the labels of a table as the names of their classes, where all are numbers of a set of EMNIST."""
    kind = emnist(file)
    name_of = {str(label): name for label, name in enumerate(classes_of(kind), first_label(kind))} if kind else {}
    return [name_of[label] for label in labels] if name_of.keys() >= {*labels} else labels
