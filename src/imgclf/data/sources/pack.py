"""Source `pack`: memory-mapped arrays written by `imgclf data pack`."""

from collections.abc import Collection
from pathlib import Path

from imgclf.data.packs.pack import is_pack as recognizes
from imgclf.data.packs.pack import open_pack as load
from imgclf.data.packs.pack import read_index

__all__ = ["load", "recognizes", "splits"]


def splits(path: Path) -> Collection[str]:
    """Return the splits of a pack."""
    return read_index(path).splits
