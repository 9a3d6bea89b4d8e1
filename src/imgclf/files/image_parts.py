"""Strip metadata from image files.

A classifier needs only pixels and orientation. Text, profiles, thumbnails and further frames are removed before a
decoder reads the file, so that none of them can make a good image unreadable, or take time and memory. A file that
lacks only its end marker gets one.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MOST_PARTS = 100_000  # chunks of a PNG, segments of a JPEG
_MOST_SCANS = 100  # of a progressive JPEG; encoders make about ten
_MOST_TEXT = 4 << 20  # bytes of inflated text that are searched for the orientation
_ORIENTATION = 0x0112
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)([0-9])")

_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"sBIT")
# x, y, and the steps to the right and down
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_RAW_PROFILE = b"Raw profile type exif\0"
_PNG_TEXTS = {b"iTXt": b"XML:com.adobe.xmp\0", b"tEXt": _RAW_PROFILE, b"zTXt": _RAW_PROFILE}

_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # never within the data of a scan
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_JPEG_START, _JPEG_END, _JPEG_SCAN = 0xD8, 0xD9, 0xDA
_PADDINGS = (b"", b"\xaa" * 64, b"\x55" * 64)

_GIF_IMAGE, _GIF_EXTENSION, _GIF_CONTROL = b",", b"!", b"\xf9"
_WEBP_READ = (b"EXIF", b"XMP ")
_PPM_GAP = rb"(?:\s|#[^\r\n]*+[\r\n])++"
_PPM_NUMBERS = {b"1": 2, b"2": 3, b"3": 3, b"4": 2, b"5": 3, b"6": 3}  # width, height, maximum (bits have none)


class UnsupportedError(ValueError):
    """The image is a good one, but of a kind that is not read."""

    def __init__(self, problem: str, remedy: str = "convert it to PNG or JPEG") -> None:
        super().__init__(problem)
        self.remedy = remedy


class Parts(NamedTuple):
    """The pixels of an image file, still encoded.

    files        the file without metadata; or several that decode alike if, and only if, no pixel is missing; empty
                 where `unpack` makes it
    orientation  as EXIF has it: 1 for upright, up to 8; other numbers mean nothing
    key          PNG: the level of each channel that is transparent, of 0..255, or of 0..65535 where depth is 16
    depth        PNG and TIFF: bits of a channel
    gray         PNG, TIFF: whether it is gray by its header; Pillow has a mode for gray with alpha of 8 bits only
    by_rows      whether the decoder works row by row, without the whole image in memory
    reserves     WebP and TIFF: the width and height for which memory will be reserved
    unpack       TIFF: () -> the file without metadata, its pixels decompressed
    significant  bits of a 16-bit gray channel that have values, by what the file says; 16 if it says nothing
    """

    files: tuple[bytes, ...]
    orientation: int = 1
    key: tuple[int, ...] | None = None
    depth: int = 8
    gray: bool = False
    by_rows: bool = False
    reserves: tuple[int, int] | None = None
    unpack: Callable[[], bytes] | None = None
    significant: int = 16


def bmp_parts(raw: bytes) -> Parts:
    """Keep all of a BMP file, which has no metadata."""
    return Parts((raw,))


def png_parts(raw: bytes) -> Parts:
    """Keep the header, palette, transparency and rows of a PNG; of an animation, its default image.

    A wrong checksum in the header or the palette raises ValueError; by the PNG specification, any other chunk except
    the rows is then left out. So is a transparency that is too short.
    """
    found: dict[bytes, bytes] = {}
    rows = []
    for kind, chunk in _png_chunks(raw):
        if kind == b"IDAT":
            rows.append(chunk)
        elif kind not in found and (kind in _PNG_KEPT or _is_text_that_matters(kind, chunk[8:])):
            if zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big"):
                found[kind] = bytes(chunk)
            elif kind in (b"IHDR", b"PLTE"):
                raise ValueError(f"the checksum of {kind.decode()} is wrong")
    content = {kind: chunk[8:-4] for kind, chunk in found.items()}
    if len(header := content.get(b"IHDR", b"")) < 13:
        raise ValueError("no header")
    depth, color = header[8:10]
    transparency = content.get(b"tRNS", b"")
    if color != 3 or not 0 < len(transparency) <= 256:
        found.pop(b"tRNS", None)
    file = b"".join([raw[:8], *(found[kind] for kind in _PNG_KEPT[:3] if kind in found), *rows])
    key = _png_key(transparency, depth, color)
    significant = content.get(b"sBIT", b"")[:1] if depth == 16 and color == 0 else b""
    bits = significant[0] if significant and 8 < significant[0] < 16 else 16
    return Parts((file,), _png_orientation(content), key, depth, gray=color in (0, 4), significant=bits)


def jpeg_parts(raw: bytes) -> Parts:
    """Keep the tables, frame and scans of a JPEG, and the segments that name its color encoding.

    Raises ValueError for more than 100 scans, and where the end of the scans is missing.
    """
    view = memoryview(raw)
    kept: list[bytes | memoryview] = [raw[:2]]
    exif, xmp, frame, progressive = b"", b"", b"", False
    scans: list[bytes] = []
    at, ended = 2, False
    for _ in range(_MOST_PARTS):
        found = _JPEG_MARKER.search(raw, at)
        begin = found.start() if found else len(raw)
        if scans:
            kept.append(view[at:begin])
        if not found or (marker := raw[begin + 1]) in (_JPEG_START, _JPEG_END):
            ended = found is not None and marker == _JPEG_END
            break
        at = begin + 2 + max(2, int.from_bytes(raw[begin + 2 : begin + 4], "big"))
        content = raw[begin + 4 : at]
        if at > len(raw):
            break
        if marker == 0xE1:
            if content.startswith(b"Exif\0\0"):
                exif = exif or content
            elif content.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
                xmp = xmp or content
        if not _is_metadata(marker, content):
            kept.append(view[begin:at])
        if marker in _JPEG_FRAMES:
            frame, progressive = frame or content, progressive or marker in _PROGRESSIVE
        elif marker == _JPEG_SCAN:
            scans.append(content)
            if len(scans) > _MOST_SCANS:
                raise ValueError(f"more than {_MOST_SCANS} scans")
    else:
        raise ValueError(f"more than {_MOST_PARTS:,} segments")
    if not frame or not scans:
        raise ValueError("no image in it")
    if not ended and not _all_scans_are_there(frame, scans):
        raise ValueError("it is cut off")
    file = b"".join(kept)
    # A decoder fills in missing data with zeros, or reads on. Here it must need neither.
    files = (file,) if ended else tuple(_without_filling(file) + padding for padding in _PADDINGS)
    by_rows = not progressive and scans[0][:1] == frame[5:6]
    return Parts(tuple(one + b"\xff\xd9" for one in files), _orientation(exif, xmp), by_rows=by_rows)


def gif_parts(raw: bytes) -> Parts:
    """Keep the screen, the colors and the first image of a GIF."""
    at = 13 + _gif_colors(raw[10:11])
    kept, control = [raw[:at]], b""
    for _ in range(_MOST_PARTS):
        if (kind := raw[at : at + 1]) != _GIF_EXTENSION:
            break
        begin, at = at, at + 2
        while length := raw[at : at + 1].strip(b"\0"):
            at += 1 + length[0]
        at += 1
        if raw[begin + 1 : begin + 2] == _GIF_CONTROL:
            control = raw[begin:at]
    if kind != _GIF_IMAGE:
        raise ValueError("no image in it")
    return Parts((b"".join([*kept, control, raw[at:]]),))


def ppm_parts(raw: bytes) -> Parts:
    """Keep a PBM, PGM or PPM file without its comments."""
    kind = raw[1:2]
    header = re.match(rb"P." + (_PPM_GAP + rb"(\d{1,10})") * _PPM_NUMBERS[kind] + rb"(?:#[^\r\n]*+)?\s", raw)
    if header is None:
        raise ValueError("no size in its header")
    pixels = raw[header.end() :]
    if kind <= b"3":  # text, which may have comments too
        pixels = re.sub(rb"#[^\r\n]*+", b"", pixels)
    return Parts((b"\n".join([raw[:2], *header.groups(), pixels]),))


def webp_parts(raw: bytes) -> Parts:
    """Keep all of a WebP file, whose decoder skips metadata; find its orientation and size."""
    found: dict[bytes, bytes] = {}
    at = 12
    for _ in range(_MOST_PARTS):
        kind, length = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        if not kind:
            break
        if kind in _WEBP_READ:
            found.setdefault(kind, raw[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    orientation = _orientation(found.get(b"EXIF", b""), found.get(b"XMP ", b""))
    return Parts((raw,), orientation, reserves=_webp_size(raw[12:30]))


def png_has_all_rows(file: bytes) -> bool:
    """Whether a PNG has all the rows that its header announces; decoders do not check."""
    width, height, depth, color, _, _, interlaced = struct.unpack_from(">IIBBBBB", file, 16)
    bits = depth * {2: 3, 4: 2, 6: 4}.get(color, 1)
    left = 0
    for x, y, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // across), -(-(height - y) // down)
        left += rows * (1 + -(-columns * bits // 8)) if columns > 0 else 0
    inflate = zlib.decompressobj()
    for kind, chunk in _png_chunks(file):
        packed = bytes(chunk[8:-4]) if kind == b"IDAT" else b""
        while packed and left > 0:
            left -= len(inflate.decompress(packed, _MOST_TEXT))
            packed = inflate.unconsumed_tail
    return left <= 0


def _png_chunks(raw: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and bytes of each chunk, its length and checksum included; the last one may be cut off."""
    view, at = memoryview(raw), 8
    for _ in range(_MOST_PARTS):
        end = at + 12 + int.from_bytes(raw[at : at + 4], "big")
        kind = raw[at + 4 : at + 8]
        if kind in (b"", b"IEND"):
            return
        yield kind, view[at:end]
        at = end
    raise ValueError(f"more than {_MOST_PARTS:,} chunks")


def _is_text_that_matters(kind: bytes, content: memoryview) -> bool:
    name = _PNG_TEXTS.get(kind)
    return name is not None and content[: len(name)] == name


def _png_key(transparency: bytes, depth: int, color: int) -> tuple[int, ...] | None:
    channels = {0: 1, 2: 3}.get(color)
    if channels is None or len(transparency) < 2 * channels:
        return None
    largest = (1 << depth) - 1
    spread = max(1, 255 // largest)  # decoders make 0..255 of few bits
    return tuple((level & largest) * spread for level in struct.unpack_from(f">{channels}H", transparency))


def _png_orientation(found: dict[bytes, bytes]) -> int:
    exif = found.get(b"eXIf", b"")
    if not exif:  # as ImageMagick writes it: name, size and bytes in hexadecimal, a line each
        text = found.get(b"tEXt", b"")[len(_RAW_PROFILE) :] or _inflated(
            found.get(b"zTXt", b"")[len(_RAW_PROFILE) + 1 :]
        )
        try:
            exif = bytes.fromhex(text.split(b"\n", 3)[3].decode("ascii"))
        except (ValueError, IndexError):
            exif = b""
    text = found.get(b"iTXt", b"")[len(_PNG_TEXTS[b"iTXt"]) :]
    xmp = text[2:].split(b"\0", 2)[-1]
    return _orientation(exif, _inflated(xmp) if text[:1] == b"\1" else xmp)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST_TEXT)
    except zlib.error:
        return b""


def _orientation(exif: bytes, xmp: bytes) -> int:
    """Return the orientation from EXIF, else from XMP, else 1."""
    found = _exif_orientation(exif)
    if found is None and (match := _XMP_ORIENTATION.search(xmp)):
        found = int(match[1])
    return 1 if found is None else found


def _exif_orientation(exif: bytes) -> int | None:
    """Return the number under the tag Orientation, None where there is none: EXIF is a TIFF directory."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, at)
            if tag == _ORIENTATION:
                form = {3: "H", 4: "I"}.get(kind) if count == 1 else None
                return 1 if form is None else int(struct.unpack_from(order + form, tiff, at + 8)[0])
    except struct.error:  # it is cut off
        pass
    return None


def _is_metadata(marker: int, content: bytes) -> bool:
    if marker == 0xE0:
        return not content.startswith(b"JFIF")
    if marker == 0xEE:
        return not content.startswith(b"Adobe")
    return 0xE0 < marker <= 0xEF or marker == 0xFE


def _without_filling(file: bytes) -> bytes:
    """Strip the zeros at the end of an interrupted download, and half a marker."""
    return (file.rstrip(b"\0") if file.endswith(bytes(64)) else file).rstrip(b"\xff")


def _all_scans_are_there(frame: bytes, scans: list[bytes]) -> bool:
    """Whether the scans hold each of the 64 frequencies of each component down to its last bit."""
    missing = {(component, frequency) for component in frame[6::3] for frequency in range(64)}
    for scan in scans:
        components = scan[1 : 1 + 2 * scan[0] : 2]
        first, last, bits = scan[1 + 2 * scan[0] : 4 + 2 * scan[0]]
        if bits & 15 == 0:
            missing -= {(component, frequency) for component in components for frequency in range(first, last + 1)}
    return not missing


def _gif_colors(flags: bytes) -> int:
    """Return the bytes of the color table that a GIF's flags announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _webp_size(first: bytes) -> tuple[int, int]:
    """Return width and height from the first chunk of a WebP file: of its canvas, else of its image."""
    kind, content = first[:4], first[8:].ljust(10, b"\0")
    if kind == b"VP8X":
        return int.from_bytes(content[4:7], "little") + 1, int.from_bytes(content[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(content[6:8], "little") & 0x3FFF, int.from_bytes(content[8:10], "little") & 0x3FFF
