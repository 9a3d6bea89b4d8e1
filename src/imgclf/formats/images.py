"""The one way a picture becomes pixels, for training and for prediction alike.

Read are PNG, JPEG, BMP, GIF (its first frame) and PBM/PGM/PPM: formats whose readers start no other program
and reserve no memory before the size is known. Decided here, once:

- gray stays one channel: modes 1, L, LA, I (16 bit), and palettes of grays; all else becomes red, green, blue;
- a picture is turned the way its EXIF data says;
- what is transparent is laid on white;
- of 16 bits the high 8 are kept, as PNG readers do for colours.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from imgclf.arrays import ByteArray
from imgclf.errors import DataError, StorageError
from imgclf.formats.files import read_bytes

MAX_PIXELS = 25_000_000
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM")
_MAX_BYTES = 128 << 20
_ORIENTATION = 0x0112
_TURNS: dict[int, Callable[[ByteArray], ByteArray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
}


def read_image(path: Path) -> ByteArray:
    """Read an image file as uint8 (H, W, 1 or 3); raises DataError for what is not a whole picture."""
    with settled_warnings():
        return decode_image(path, image_bytes(path))


@contextmanager
def settled_warnings() -> Iterator[None]:
    """Within it `decode_image` may be called, from several threads too: they share one set of warning filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def image_bytes(path: Path) -> bytes:
    """Return what is in an image file, for `decode_image`."""
    return read_bytes(path, _MAX_BYTES)


def decode_image(path: Path, raw: bytes) -> ByteArray:
    """Decode what is in an image file as `read_image` does, within `settled_warnings`."""
    if not raw:
        raise DataError(path, "an empty file", "remove it")
    try:
        return _decode(raw, path)
    except DataError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        known = "PNG, JPEG, BMP, GIF or PPM"
        raise DataError(path, f"not a {known} image", f"convert it to {known}, or remove it") from error
    except MemoryError as error:
        raise StorageError(path, "not enough memory for this picture", "make it smaller") from error
    except Exception as error:  # the decoders raise whatever they stumble over, SyntaxError included
        reason = " ".join(str(error).split())[:80]
        raise DataError(path, f"a damaged image ({reason})", "replace or remove it") from error


def conform(pixels: ByteArray, size: tuple[int, int] | None, color: str | None) -> ByteArray:
    """Give uint8 pixels (H, W, 1 or 3) a size (height, width) and a color, "rgb" or "gray"; None leaves it.

    Squashed, not cropped; bilinear over all the pixels that become one, so that shrinking does not alias.
    Gray is 0.299 red + 0.587 green + 0.114 blue. Where there is nothing to do, the same array comes back.
    """
    channels = {"gray": 1, "rgb": 3, None: pixels.shape[2]}[color]
    if channels == 1 < pixels.shape[2]:
        pixels = _pixels(Image.fromarray(pixels).convert("L"))
    if size is not None and pixels.shape[:2] != size:
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        pixels = _pixels(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    if channels == 3 > pixels.shape[2]:
        pixels = np.repeat(pixels, 3, axis=2)
    return pixels


def _decode(raw: bytes, path: Path) -> ByteArray:
    with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:  # known from the header, before a pixel is decoded
            raise _too_large(path)
        image.load()
        if image.mode in ("F", "LAB", "HSV") or (image.mode[0] == "I" and "transparency" in image.info):
            raise DataError(path, f"pixels of mode {image.mode}", "convert it to 8-bit gray or RGB")
        if image.mode[0] == "I":
            pixels = _high_byte(image)
        else:
            mode, opaque = "L" if _is_gray(image) else "RGB", _on_white(image)
            # Where there is nothing to convert, `convert` copies, and lets no other thread run meanwhile.
            pixels = _pixels(opaque if opaque.mode == mode else opaque.convert(mode))
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
        return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _too_large(path: Path) -> DataError:
    return DataError(path, f"more than {MAX_PIXELS:,} pixels", "make it smaller")


def _pixels(image: Image.Image) -> ByteArray:
    array = np.array(image, np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _high_byte(image: Image.Image) -> ByteArray:
    # Mode I is 32 bits wide, but no format read here has more than 16.
    values = np.array(image).astype(np.int64)
    return (values.clip(0, 65535) >> 8).astype(np.uint8)[:, :, None]


def _is_gray(image: Image.Image) -> bool:
    if image.mode == "P":
        colors = np.array(image.getpalette("RGB")).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return image.mode in ("1", "L", "LA")


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))
