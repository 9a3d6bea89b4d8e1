"""Source `pack`: memory-mapped arrays written by `imgclf data pack`."""

from imgclf.data.packs.pack import is_pack as recognizes
from imgclf.data.packs.pack import open_pack as load

__all__ = ["load", "recognizes"]
