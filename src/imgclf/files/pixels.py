"""Turn decoded images into 8-bit pixels, gray or red, green and blue."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgclf.arrays import ByteArray
from imgclf.files.image_parts import Parts

_STRIP = 1 << 22  # pixels that are converted at a time


def to_pixels(image: Image.Image, low: Image.Image | None, parts: Parts, factor: int) -> ByteArray:
    """Lay an image on white as gray or red, green and blue, and average each `factor` x `factor` pixels."""
    mode = "L" if parts.gray or is_gray(image) else "RGB"
    transparent = parts.key is not None or image.has_transparency_data
    shift = _surplus_bits(image, parts)

    def strips() -> Iterator[Image.Image]:
        """Yield some rows at a time, with 8 bits a channel; as RGBA where there is transparency."""
        rows = max(1, _STRIP // (image.width * factor)) * factor
        for top in range(0, image.height, rows):
            strip, below = _cut(image, top, rows), _cut(low, top, rows) if low else None
            yield _with_alpha(strip, below, parts.key, shift) if transparent else _eight_bits(strip, shift)

    on_white = transparent and any(strip.getchannel("A").getextrema() != (0, 0) for strip in strips())
    done = []
    for strip in strips():
        if on_white:
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
        # Even with nothing to convert, `convert` copies, and holds the interpreter lock.
        strip = strip if strip.mode == mode else strip.convert(mode)
        done.append(array_of(strip if factor == 1 else strip.reduce(factor)))
    return done[0] if len(done) == 1 else np.concatenate(done)


def _cut(image: Image.Image, top: int, rows: int) -> Image.Image:
    """Return some rows of an image; all of them without a copy."""
    if rows >= image.height:
        return image
    return image.crop((0, top, image.width, min(top + rows, image.height)))


def _with_alpha(image: Image.Image, low: Image.Image | None, key: tuple[int, ...] | None, shift: int) -> Image.Image:
    """Return an image as RGBA; if there is a key, transparent where all channels equal it."""
    if key is None:
        return image.convert("RGBA")
    values = array_of(image.convert("L") if image.mode == "1" else image)
    if low is not None:
        values = values.astype(np.uint16) << 8 | array_of(low)
    opaque = (values != np.array(key)).any(axis=2)
    rgba = _eight_bits(image, shift).convert("RGBA")
    rgba.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
    return rgba


def _surplus_bits(image: Image.Image, parts: Parts) -> int:
    """Return the number of low bits to drop from a 16-bit gray image: 8, or fewer if its values use fewer bits.

    A TIFF of 12 bits has 4. By its specification, a PNG whose sBIT says 12 has its values scaled to 16 bits; those of
    some cameras are not. They are told by values below 4,096 that no scaling makes: it fills the lowest 4 bits with 0
    or 1 there.
    """
    spare = 16 - parts.significant
    if spare == 0 or image.mode[0] != "I":
        return 8
    if parts.depth == parts.significant:
        return 8 - spare
    values = np.asarray(image)
    as_they_are = values.max() < 1 << parts.significant and bool((values & (1 << spare) - 1 > 1).any())
    return 8 - spare if as_they_are else 8


def _eight_bits(image: Image.Image, shift: int) -> Image.Image:
    if image.mode[0] != "I":
        return image
    # Mode I is 32 bits wide, but no format read here has more than 16.
    values = np.array(image).astype(np.int64)
    return Image.fromarray((values.clip(0, 65535) >> shift).astype(np.uint8))


def array_of(image: Image.Image) -> NDArray[Any]:
    """Return the values of an image, (H, W, channels)."""
    array = np.array(image)
    return array[:, :, None] if array.ndim == 2 else array


def is_gray(image: Image.Image) -> bool:
    """Whether an image is gray: its mode, or all colors of its palette."""
    if image.mode == "P":
        colors = np.array(image.getpalette("RGB")).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return image.mode in ("1", "L", "LA") or image.mode[0] == "I"
