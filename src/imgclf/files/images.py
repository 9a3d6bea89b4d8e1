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
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgclf.arrays import ByteArray
from imgclf.errors import DataError, StorageError, excerpt
from imgclf.files import image_parts
from imgclf.files.image_parts import Parts, UnsupportedError
from imgclf.files.reading import read_bytes
from imgclf.files.tiff import tiff_parts

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_T = TypeVar("_T")
FULL_SIZE = 25_000_000  # pixels; a larger image is reduced
MOST_PIXELS = 100_000_000  # that a decoder may hold, at four bytes each
MOST_OF_WEBP = 52_000_000  # the decoder takes three times as much; cameras of "50" have 50.3
MOST_BY_ROWS = 250_000_000  # of a JPEG that is reduced row by row
_STRIP = 1 << 22  # pixels that are converted at a time
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
    """What an image file is before its pixels are decoded: (H, W, 1 or 3), upright, and whether a channel has 16 bits.

    An image that is reduced has its full size here.
    """

    shape: tuple[int, int, int]
    deep: bool


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


def conform(pixels: ByteArray, size: tuple[int, int] | None, color: str | None, resize: str = "squash") -> ByteArray:
    """Give uint8 pixels (H, W, 1 or 3) a size (height, width) and a color, "rgb" or "gray"; None leaves it.

    resize  "squash" changes the proportions; "crop" keeps them and cuts off what is too much on both sides; "pad" keeps
            them and the whole image, centered on black

    Bilinear, and averaged when shrinking, so that it does not alias. Gray is 0.299 red + 0.587 green + 0.114 blue.
    Where nothing changes, the same array is returned.
    """
    channels = {"gray": 1, "rgb": 3, None: pixels.shape[2]}[color]
    if channels == 1 < pixels.shape[2]:
        pixels = _array(Image.fromarray(pixels).convert("L"))
    if size is not None and pixels.shape[:2] != size:
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        pixels = _array(RESIZE[resize](image, size[1], size[0]))
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
            gray = gray or _is_gray(image)  # which decodes an image with a palette
    if parts.orientation in _ON_THEIR_SIDE:
        width, height = height, width
    return Header((height, width, 1 if gray else 3), deep=parts.depth == 16)


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
            pixels = _to_pixels(image, low, parts, factor)
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


def _to_pixels(image: Image.Image, low: Image.Image | None, parts: Parts, factor: int) -> ByteArray:
    """Lay an image on white as gray or red, green and blue, and average each `factor` x `factor` pixels."""
    mode = "L" if parts.gray or _is_gray(image) else "RGB"
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
        done.append(_array(strip if factor == 1 else strip.reduce(factor)))
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
    values = _array(image.convert("L") if image.mode == "1" else image)
    if low is not None:
        values = values.astype(np.uint16) << 8 | _array(low)
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


def _array(image: Image.Image) -> NDArray[Any]:
    array = np.array(image)
    return array[:, :, None] if array.ndim == 2 else array


def _is_gray(image: Image.Image) -> bool:
    if image.mode == "P":
        colors = np.array(image.getpalette("RGB")).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return image.mode in ("1", "L", "LA") or image.mode[0] == "I"
