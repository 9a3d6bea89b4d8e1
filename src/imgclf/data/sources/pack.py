"""Source `pack`: memory-mapped arrays written by `imgclf data pack`."""

from collections.abc import Collection
from pathlib import Path

from imgclf.data.dataset import Dataset
from imgclf.data.pack import open_pack
from imgclf.data.sources._given import needed

_WHAT = "a folder that `imgclf data pack` made"


def load(path: Path | None, splits: Collection[str]) -> dict[str, Dataset]:
    """Map the splits of a finished pack; memory does not grow with their size."""
    return open_pack(needed(path, _WHAT), splits)
