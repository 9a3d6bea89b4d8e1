"""Decode image files into uint8 pixels.

Formats: PNG, JPEG, WebP, TIFF of one page, BMP, GIF (the first frame of an animation) and PBM/PGM/PPM, whose readers
start no other program. Rules for all of them:

- gray stays one channel: modes 1, L, LA, I (16 bit), and palettes of grays; all else becomes red, green, blue;
- an image is rotated by its EXIF orientation;
- transparent pixels are laid on white; if no pixel is opaque, transparency is ignored;
- of 16 bits the high 8 are kept, as PNG readers do for colors; of values that the file says to have fewer, theirs;
- an image of more than 25 million pixels is read at a half, a quarter or an eighth of its width and height;
- metadata other than the orientation is ignored: see `image_parts`.
"""

import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageOps

from imgclf.arrays import ByteArray
from imgclf.errors import DataError, StorageError, excerpt
from imgclf.files import image_parts
from imgclf.files.image_parts import Parts, UnsupportedError
from imgclf.files.pixels import is_gray, to_pixels
from imgclf.files.reading import read_bytes
from imgclf.files.tiff import tiff_parts

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_T = TypeVar("_T")
FULL_SIZE = 25_000_000  # pixels; a larger image is reduced
MOST_PIXELS = 100_000_000  # that a decoder may hold, at four bytes each
MOST_OF_WEBP = 52_000_000  # the decoder takes three times as much; cameras of "50" have 50.3
MOST_BY_ROWS = 250_000_000  # of a JPEG that is reduced row by row
_MAX_BYTES = 256 << 20
_SCANS_AT_ONCE = 1 << 10  # bytes of a JPEG of many scans: Ctrl-C works only between two pieces
_TURNS: dict[int, Callable[[ByteArray], ByteArray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
}
_ON_THEIR_SIDE = (5, 6, 7, 8)
_one_large_image = threading.Lock()  # at a time: memory does not grow with the number of threads


class _Format(NamedTuple):
    """A file format: its first bytes, its parser, its decoder in Pillow, and the most pixels."""

    begins: bytes  # a regular expression
    parts: Callable[[bytes], Parts]
    decoder: str
    most: int


_FORMATS = (
    _Format(rb"\x89PNG\r\n\x1a\n", image_parts.png_parts, "Png", MOST_PIXELS),
    _Format(rb"\xff\xd8\xff", image_parts.jpeg_parts, "Jpeg", MOST_PIXELS),
    _Format(rb"RIFF....WEBP", image_parts.webp_parts, "WebP", MOST_OF_WEBP),
    _Format(rb"II\*\0|MM\0\*", tiff_parts, "Tiff", FULL_SIZE),
    _Format(rb"BM", image_parts.bmp_parts, "Bmp", MOST_PIXELS),
    _Format(rb"GIF8[79]a", image_parts.gif_parts, "Gif", MOST_PIXELS),
    _Format(rb"P[1-6][\s#]", image_parts.ppm_parts, "Ppm", MOST_PIXELS),
)
_KNOWN = "PNG, JPEG, WebP, TIFF, BMP, GIF or PPM"
_OTHERS = {
    "AVIF": rb"....ftypavi[fs]",
    "HEIC": rb"....ftyp(he|mif1|msf1)",
    "JPEG 2000": rb"\0\0\0\x0cjP  ",
    "a web page": rb"\s*<(!DOCTYPE html|html)",
}


def read_image(path: Path) -> ByteArray:
    """Read an image file as uint8 (H, W, 1 or 3); raises DataError for a damaged image or another file."""
    with settled_warnings():
        return decode_image(path, image_bytes(path))


def pixels_of(image: Image.Image) -> ByteArray:
    """Turn an image that Pillow has opened into uint8 (H, W, 1 or 3), as `read_image` does its file."""
    return to_pixels(ImageOps.exif_transpose(image), None, Parts(()), 1)


@contextmanager
def settled_warnings() -> Iterator[None]:
    """Silence warnings around calls of `decode_image`: warning filters are shared by all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def image_bytes(path: Path) -> bytes:
    """Read an image file for `decode_image`."""
    return read_bytes(path, _MAX_BYTES)


def decode_image(path: Path, raw: bytes) -> ByteArray:
    """Decode the bytes of an image file as `read_image` does, within `settled_warnings`."""
    return _guarded(_decode, path, raw)


class Header(NamedTuple):
    """What an image file is before its pixels are decoded: (H, W, 1 or 3), upright.

    An image that is reduced has its full size here.

    deep     whether a channel has 16 bits
    turned   whether the file is stored turned or mirrored, as its EXIF data says
    """

    shape: tuple[int, int, int]
    deep: bool
    turned: bool = False


def read_header(path: Path) -> Header:
    """Read shape and depth of an image file, within `settled_warnings`; its pixels may be damaged."""
    return _guarded(_header, path, image_bytes(path))


def _guarded(work: Callable[[bytes, Path], _T], path: Path, raw: bytes) -> _T:
    if not raw:
        raise DataError(path, "an empty file", "remove it")
    try:
        return work(raw, path)
    except DataError:
        raise
    except UnsupportedError as error:
        raise DataError(path, str(error), error.remedy) from error
    except MemoryError as error:
        raise StorageError(path, "not enough memory for this image", "make it smaller") from error
    except Exception as error:  # decoders raise errors of any type, even SyntaxError
        raise DataError(path, f"a damaged image ({excerpt(error)})", "replace or remove it") from error


def _decode(raw: bytes, path: Path) -> ByteArray:
    form = _format_of(raw, path)
    parts = form.parts(raw)
    if parts.reserves is not None:
        _check_size(path, parts.reserves, form.most)
    first, *others = parts.files if parts.unpack is None else [parts.unpack()]
    pixels = _read_file(first, form, parts, path)
    for other in others:
        if not np.array_equal(pixels, _read_file(other, form, parts, path)):
            raise ValueError("it is cut off")
    return pixels


def _header(raw: bytes, path: Path) -> Header:
    form = _format_of(raw, path)
    parts = form.parts(raw)
    gray = parts.gray
    if parts.reserves is not None:  # of a WebP, Pillow would reserve them to open it
        _check_size(path, parts.reserves, form.most)
        width, height = parts.reserves
    else:
        with _open(parts.files[0], form.decoder) as image:
            width, height = image.size
            _check_size(path, image.size, MOST_BY_ROWS if parts.by_rows else form.most)
            gray = gray or is_gray(image)  # which decodes an image with a palette
    if parts.orientation in _ON_THEIR_SIDE:
        width, height = height, width
    channels, turned = 1 if gray else 3, parts.orientation in _TURNS
    return Header((height, width, channels), deep=parts.depth == 16, turned=turned)


def _format_of(raw: bytes, path: Path) -> _Format:
    for form in _FORMATS:
        if re.match(form.begins, raw, re.DOTALL):
            return form
    name = next((name for name, begins in _OTHERS.items() if re.match(begins, raw, re.DOTALL)), None)
    problem = f"not a {_KNOWN} image" + (f", but {name}" if name else "")
    raise DataError(path, problem, f"convert it to {_KNOWN}, or remove it")


def _read_file(file: bytes, form: _Format, parts: Parts, path: Path) -> ByteArray:
    with _open(file, form.decoder) as image:
        _check_size(path, image.size, MOST_BY_ROWS if parts.by_rows else form.most)
        factor = _reduction(*image.size)
        with _one_large_image if factor > 1 else nullcontext():
            if form.decoder == "Jpeg":
                if factor > 1:
                    image.draft(None, (image.width // factor, image.height // factor))
                    factor = 1
                if not parts.by_rows:
                    image.decodermaxblock = _SCANS_AT_ONCE
            image.load()
            low = _low_bytes(file) if parts.key and parts.depth == 16 and image.mode == "RGB" else None
            pixels = to_pixels(image, low, parts, factor)
    if form.decoder == "Png" and (factor > 1 or _ends_plainly(pixels)) and not image_parts.png_has_all_rows(file):
        raise ValueError("rows are missing")
    turn = _TURNS.get(parts.orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _open(file: bytes, decoder: str) -> "ImageFile":
    """Open an image with one decoder; `Image.open` would import those of all formats, and has limits of its own."""
    plugin = import_module(f"PIL.{decoder}ImagePlugin")
    image: ImageFile = getattr(plugin, f"{decoder}ImageFile")(io.BytesIO(file))
    return image


def _check_size(path: Path, size: tuple[int, int], most: int) -> None:
    """Raise DataError for too many pixels, before memory is reserved for them."""
    if size[0] * size[1] > most:
        raise DataError(path, f"more than {most:,} pixels", "make it smaller")


def _reduction(width: int, height: int) -> int:
    """Return the divisor of width and height that gives at most FULL_SIZE pixels."""
    return next(factor for factor in (1, 2, 4, 8) if -(-width // factor) * -(-height // factor) <= FULL_SIZE)


def _ends_plainly(pixels: ByteArray) -> bool:
    """Whether one of the last two rows has one color, as the missing rows of a PNG have, interlaced or not."""
    return any(bool((row == row[0]).all()) for row in pixels[-2:])


def _low_bytes(file: bytes) -> Image.Image:
    """Read the low 8 of the 16 bits of red, green and blue in a PNG; Pillow reads the high ones."""
    image = _open(file, "Png")
    image.tile = [(name, extents, offset, "RGB;16L") for name, extents, offset, _ in image.tile]  # type: ignore[misc]
    image.load()
    return image
