"""Look at the headers of image files: what training on them needs."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from imgclf.data.sources._image_files import is_nearly_black, of_each
from imgclf.errors import DataError, StorageError
from imgclf.files.images import Header, read_header, read_image, settled_warnings

MOST_LOOKED_AT = 4096  # files, to see what images need
LARGEST_SIDE, LARGEST_AS_THEY_ARE = 64, 256  # pixels a side: of images that are resized, and of those that need not be


class Suggestion(NamedTuple):
    """Settings that images need, KEY -> value, and why: `images differ in size`."""

    settings: Mapping[str, object] = MappingProxyType({})
    why: str = ""


def what_they_need(files: Iterable[Path], n: int, threads: int) -> Suggestion:
    """Return settings with which n image files can be trained on: one size and color; empty if they have these.

    Images that differ in size are resized to the side that half of them reach, at most 64; images of one size only if
    it is above 256. Their color is RGB unless all are gray. Only headers are read, of at most 4,096 files spread
    evenly.
    """
    some = list(islice(files, 0, None, -(-n // MOST_LOOKED_AT) or 1))
    with settled_warnings():
        headers = [one for one in of_each(len(some), lambda row: _header(some[row]), threads) if one is not None]
    sizes, channels = {one.shape[:2] for one in headers}, {one.shape[2] for one in headers}
    settings: dict[str, object] = {}
    reasons = []
    if len(sizes) > 1 or any(max(size) > LARGEST_AS_THEY_ARE for size in sizes):
        sides = sorted(min(one.shape[:2]) for one in headers)
        settings["preprocess.image_size"] = min(LARGEST_SIDE, sides[(len(sides) - 1) // 2])
        reasons.append("differ in size" if len(sizes) > 1 else "are large")
    if len(channels) > 1:
        reasons.append("are gray and in color")
    if 3 in channels and (len(channels) > 1 or len(some) < n):
        settings["preprocess.color"] = "rgb"
    looked_at = f" ({len(headers):,} of {n:,} looked at)" if len(some) < n else ""
    return Suggestion(settings, f"images {' and '.join(reasons)}{looked_at}" if reasons else "")


def all_headers(files: Iterable[Path], n: int, threads: int) -> list[Header]:
    """Return the headers of n image files, without those that cannot be read."""
    listed = list(files)
    with settled_warnings():
        return [one for one in of_each(n, lambda row: _header(listed[row]), threads) if one is not None]


def _header(file: Path) -> Header | None:
    try:
        return read_header(file)
    except (DataError, StorageError):  # reported when all are decoded
        return None


def nearly_black(files: Iterable[Path]) -> Path | None:
    """Return the first file of 16 bits that only has values below 4,096, as of a camera of 12 bits; else None."""
    with settled_warnings():
        for file in files:
            header = _header(file)
            if header is not None and header.deep:
                with suppress(DataError, StorageError):
                    if is_nearly_black(file, read_image(file)):
                        return file
    return None
