"""Resize images, and convert their color."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from imgclf.arrays import ByteArray
from imgclf.files.pixels import array_of


def conform(pixels: ByteArray, size: tuple[int, int] | None, color: str | None, resize: str = "squash") -> ByteArray:
    """Give uint8 pixels (H, W, 1 or 3) a size (height, width) and a color, "rgb" or "gray"; None leaves it.

    resize  "squash" changes the proportions; "crop" keeps them and cuts off what is too much on both sides; "pad" keeps
            them and the whole image, centered on black

    Bilinear, and averaged when shrinking, so that it does not alias. Gray is 0.299 red + 0.587 green + 0.114 blue.
    Where nothing changes, the same array is returned.
    """
    channels = {"gray": 1, "rgb": 3, None: pixels.shape[2]}[color]
    if channels == 1 < pixels.shape[2]:
        pixels = array_of(Image.fromarray(pixels).convert("L"))
    if size is not None and pixels.shape[:2] != size:
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        pixels = array_of(RESIZE[resize](image, size[1], size[0]))
    if channels == 3 > pixels.shape[2]:
        pixels = np.repeat(pixels, 3, axis=2)
    return pixels


class Form(NamedTuple):
    """What images become: the arguments of `conform`; by default as they are."""

    image_size: tuple[int, int] | None = None
    color: str | None = None
    resize: str = "squash"

    @classmethod
    def of(
        cls, image_size: int | tuple[int, int] | None = None, color: str | None = None, resize: str = "squash"
    ) -> "Form":
        """Return the form of the keys of `preprocess`; a size n is (n, n)."""
        return cls((image_size, image_size) if isinstance(image_size, int) else image_size, color, resize)

    def conform(self, pixels: ByteArray) -> ByteArray:
        """Give pixels (H, W, 1 or 3) this form."""
        return conform(pixels, *self)


def _squash(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize the centered part that has the proportions of width and height."""
    scale = max(width / image.width, height / image.height)
    across, down = min(width / scale, image.width), min(height / scale, image.height)
    left, top = (image.width - across) / 2, (image.height - down) / 2
    box = (left, top, left + across, top + down)  # cut first: scaled, a long and narrow image would be a large one
    return image.resize((width, height), Image.Resampling.BILINEAR, box)


def _pad(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize the image to fit, and center it on black."""
    scale = min(width / image.width, height / image.height)
    across, down = (max(1, round(side * scale)) for side in image.size)
    padded = Image.new(image.mode, (width, height))
    padded.paste(_squash(image, across, down), ((width - across) // 2, (height - down) // 2))
    return padded


RESIZE = {"squash": _squash, "crop": _crop, "pad": _pad}
