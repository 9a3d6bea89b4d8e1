"""Class names: checked, in one Unicode form, in natural order."""

import codecs
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imgclf.errors import DataError
from imgclf.files.csv_table import has_decimal_comma, is_number
from imgclf.files.reading import read_bytes, shown

_MAX_NAMES = 100_000
_MAX_LENGTH = 200
_LONGEST_FILE = 4 << 20  # bytes
_NINES_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_MISSING = {"nan", "none", "null", "na", "n/a", "<na>"}
REGRESSION = "to predict numbers is regression: give imgclf classes, as words or whole numbers"


def composed(name: str) -> str:
    """Return a name in Unicode form NFC, in which names are compared: é may be one character or two."""
    return unicodedata.normalize("NFC", name)


def as_text(path: str | os.PathLike[str]) -> str:
    """Return a path as text: UTF-8, whatever the locale is; invalid bytes become surrogates, as in Python."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def file_name(name: str) -> str:
    """Return the name of a file or folder as text, composed."""
    return composed(as_text(name))


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sort key under which img2 comes before img10, and -2 before -1: digits count as numbers."""
    if found := re.fullmatch(r"-0*([1-9][0-9]*)", name):  # before all others, and the larger the earlier
        return [(-len(found[1]), found[1].translate(_NINES_COMPLEMENT)), (0, name)]
    pieces = re.split(r"([0-9]+)", name)
    # Digits stay text (longer is larger, once zeros are gone): int() refuses more than 4,300 of them.
    numbers = ((len(piece.lstrip("0")), piece.lstrip("0")) for piece in pieces[1::2])
    texts = ((0, piece) for piece in pieces[::2])
    return [item for pair in zip(texts, [*numbers, (0, "")], strict=True) for item in pair] + [(0, name)]


class NoClass(NamedTuple):
    """A label that stands for no class: its text, what is wrong with it, and what to do."""

    label: str
    problem: str
    remedy: str


def first_no_class(labels: Collection[str]) -> NoClass | None:
    """Return the first label that stands for no class, if there is one.

    Such are missing ones as programs write them, nan, or None, null and NA beside numbers; and those that are not
    whole numbers where all are numbers, as in a regression.
    """
    others = [label for label in labels if label.casefold() not in _MISSING]
    are_numbers = bool(others) and all(map(_is_number, others))
    for label in labels:
        if label in ("nan", "NaN") or (are_numbers and label.casefold() in _MISSING):
            return NoClass(label, "is a missing one", "fill it, or remove the row")
    if are_numbers and (bad := next((one for one in others if not float(one.replace(",", ".")).is_integer()), None)):
        return NoClass(bad, "is not a whole number", REGRESSION)
    return None


def _is_number(label: str) -> bool:
    return is_number(label) or has_decimal_comma(label) or label.lstrip("+-").casefold() in ("inf", "infinity")


def check_names(names: Iterable[str], where: object) -> tuple[str, ...]:
    """Return class names, composed; raises DataError unless they are printable and different."""
    checked = tuple(map(composed, names))
    if not 1 <= len(checked) <= _MAX_NAMES:
        raise DataError(where, f"{len(checked):,} class names", f"there must be 1 to {_MAX_NAMES:,}")
    for name in checked:
        if not name or not name.isprintable() or len(name) > _MAX_LENGTH or name != name.strip():
            raise DataError(where, f"{shown(name)} is not a class name", "use printable text, without spaces around it")
    if len(set(checked)) != len(checked):
        twice = Counter(checked).most_common(1)[0][0]
        raise DataError(where, f"two classes are named {shown(twice)}", "give each its own name")
    return checked


def decode_names(raw: Iterable[object], where: object) -> tuple[str, ...]:
    """Return class names from text or UTF-8 bytes."""
    return check_names(decode_texts(raw, where), where)


def decode_texts(raw: Iterable[Any], where: object) -> tuple[str, ...]:
    """Return texts, composed, from text or UTF-8 bytes."""
    try:
        return tuple(composed(text.decode() if isinstance(text, bytes) else text) for text in raw)
    except (UnicodeDecodeError, TypeError) as error:
        raise DataError(where, "class names that are not UTF-8 text", "save them as UTF-8") from error


def parse_names(raw: bytes, where: object) -> tuple[str, ...]:
    """Return class names from UTF-8 text, one a line; a byte order mark and empty lines at the end are ignored."""
    lines = raw.removeprefix(codecs.BOM_UTF8).rstrip().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return decode_names(lines.split(b"\n"), where)


def read_names(path: Path) -> tuple[str, ...]:
    """Read class names from a text file, one a line."""
    return parse_names(read_bytes(path, _LONGEST_FILE), path)


def first_few(texts: Sequence[str], most: int = 5) -> str:
    """Join the first texts of a list, and add how many more there are."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
