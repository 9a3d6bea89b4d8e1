"""Many image files at once, on all cores: what comes of them, and in which order, does not depend on how many."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from imgclf.arrays import ByteArray
from imgclf.errors import DataError
from imgclf.formats.images import conform, decode_image, read_image, settled_warnings

Problem: TypeAlias = str | tuple[int, ...] | None  # why it is no picture; or its shape, if another; or nothing

_MOST_A_TASK = 16  # files; to hand one over costs as much as to read a small one


def read_into(
    images: ByteArray, files: Sequence[Path], size: tuple[int, int] | None, color: str | None, threads: int
) -> list[Problem]:
    """Read files into the rows of images (n, H, W, channels), in their size and color; say of each what is wrong."""

    def read(row: int) -> Problem:
        try:
            pixels = conform(decode_image(files[row]), size, color)
        except DataError as error:
            return error.problem
        if pixels.shape != images.shape[1:]:
            return pixels.shape
        images[row] = pixels
        return None

    step = max(1, min(_MOST_A_TASK, len(files) // (4 * threads)))
    tasks = [range(start, min(start + step, len(files))) for start in range(0, len(files), step)]
    # Decoders let other threads run while they work.
    with settled_warnings(), ThreadPoolExecutor(threads) as pool:
        return [problem for done in pool.map(lambda task: [read(row) for row in task], tasks) for problem in done]


def first_readable(
    files: Iterable[Path], size: tuple[int, int] | None, color: str | None
) -> tuple[Path, tuple[int, ...]] | None:
    """Return the first file that is a picture, and its shape; None where there is none."""
    for file in files:
        try:
            return file, conform(read_image(file), size, color).shape
        except DataError:
            continue
    return None
