"""Read TIFF files: check their tags, decompress their pixels.

A decoder gets a new file, of the tags that pixels need and of uncompressed pixels. So libtiff, which knows many more
kinds, never sees the file of a stranger.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import IntArray
from imgclf.files.image_parts import Parts, UnsupportedError

Tags: TypeAlias = Mapping[int, tuple[int, ...]]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _MEANING, _FILL = 256, 257, 258, 259, 262, 266
_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _COUNTS, _PLANES = 273, 274, 277, 278, 279, 284
_PREDICTOR, _COLORS, _EXTRA, _FORMAT = 317, 320, 338, 339
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_LONG = {_WIDTH, _HEIGHT, _ROWS, _OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS}  # of four bytes; others of two
_MOST_VALUES = {  # of a tag that is read
    **dict.fromkeys((_OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS), 1 << 16),
    **dict.fromkeys((_BITS, _EXTRA, _FORMAT), 16),
    **dict.fromkeys((_WIDTH, _HEIGHT, _COMPRESSION, _MEANING, _FILL, _ORIENTATION, _SAMPLES, _ROWS, _PLANES), 1),
    **dict.fromkeys((_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT), 1),
    _COLORS: 3 << 8,
}
_GRAY_FROM_WHITE, _GRAY, _RGB, _PALETTE, _CMYK = 0, 1, 2, 3, 5
_CHANNELS = {  # what a pixel means and how many values it has -> bits of a value
    (_GRAY_FROM_WHITE, 1): (1, 2, 4, 8),
    (_GRAY, 1): (1, 2, 4, 8, 12, 16),
    (_GRAY, 2): (8,),
    (_RGB, 3): (8, 16),
    (_RGB, 4): (8, 16),
    (_PALETTE, 1): (1, 2, 4, 8),
    (_CMYK, 4): (8,),
}
_ALPHA = {(_GRAY, 2): (0, 2), (_RGB, 4): (0, 1, 2)}  # 0: unknown, 1: it multiplies the colors, 2: it does not
_LARGEST_TILE = 1 << 13  # pixels a side
_CLEAR, _END, _FIRST = 256, 257, 258  # codes of LZW
_WIDTHS = np.repeat([9, 10, 11, 12], [254, 512, 1024, 2049])  # bits of each code after a clear code


class _Layout(NamedTuple):
    """Where the pixels of a TIFF are: strips, or tiles.

    size    width and height of a tile; of a strip, those of the image and of the strip
    places  first and last byte of each, in the file
    row     bytes of a row of a strip or tile, decompressed
    rows    the number of rows of each
    """

    tiled: bool
    size: tuple[int, int]
    places: list[tuple[int, int]]
    row: int
    rows: list[int]


def tiff_parts(raw: bytes) -> Parts:
    """Check the tags of a TIFF, and keep those that pixels need.

    Raises UnsupportedError for more than one page, and for pixels of kinds that are rare: floats, JPEG or fax
    compression, channels one after the other, or more of them than a color and its alpha have.
    """
    order = {b"II": "<", b"MM": ">"}[raw[:2]]
    tags, more = _tags(raw, order)
    if more:
        raise UnsupportedError("a TIFF of more than one page", "save the page as PNG or JPEG")
    width, height = _one(tags, _WIDTH), _one(tags, _HEIGHT)
    if not (width and height):
        raise ValueError("it has no size")
    bits = _bits(tags, order)
    meaning, samples = _one(tags, _MEANING, _GRAY), _one(tags, _SAMPLES, 1)
    layout = _layout(tags, raw, width, height, samples * bits)
    kept = {_WIDTH: (width,), _HEIGHT: (height,), _BITS: (bits,) * samples, _COMPRESSION: (1,), _MEANING: (meaning,)}
    kept |= {_SAMPLES: (samples,)} | ({_COLORS: tags[_COLORS]} if meaning == _PALETTE else {})
    if (meaning, samples) in _ALPHA:
        kept[_EXTRA] = (_one(tags, _EXTRA, 2),)
    gray = meaning in (_GRAY_FROM_WHITE, _GRAY) or (meaning == _PALETTE and _all_gray(tags[_COLORS]))
    unpack = _UNPACK[_one(tags, _COMPRESSION, 1)]
    predicted = _one(tags, _PREDICTOR, 1) == 2 and unpack in (_unpack_lzw, _inflate)  # by others, the tag is ignored
    difference = _sums(order, bits, samples) if predicted else None
    return Parts(
        (),
        _one(tags, _ORIENTATION, 1),
        depth=bits,
        gray=gray,
        reserves=(width, height),
        unpack=partial(_unpacked, raw, order, kept, layout, unpack, difference),
        significant=12 if bits == 12 else 16,
    )


def _tags(raw: bytes, order: str) -> tuple[Tags, bool]:
    """Return the numbers under the tags that are read, and whether there is another page."""
    tags: dict[int, tuple[int, ...]] = {}
    try:
        (start,) = struct.unpack_from(f"{order}I", raw, 4)
        (entries,) = struct.unpack_from(f"{order}H", raw, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", raw, at)
            form = {1: "B", 3: "H", 4: "I"}.get(kind)
            if tag not in _MOST_VALUES or tag in tags or form is None:
                continue
            if not 0 < count <= _MOST_VALUES[tag]:
                raise ValueError(f"{count:,} values of tag {tag}")
            place = at + 8
            if count * struct.calcsize(form) > 4:
                (place,) = struct.unpack_from(f"{order}I", raw, place)
            tags[tag] = struct.unpack_from(f"{order}{count}{form}", raw, place)
        (following,) = struct.unpack_from(f"{order}I", raw, start + 2 + 12 * entries)
    except struct.error as error:
        raise ValueError("its tags are cut off") from error
    return tags, following != 0


def _one(tags: Tags, tag: int, default: int = 0) -> int:
    return tags.get(tag, (default,))[0]


def _bits(tags: Tags, order: str) -> int:
    """Return the bits of a value, if pixels of this kind are read."""
    meaning, samples, bits = _one(tags, _MEANING, _GRAY), _one(tags, _SAMPLES, 1), {*tags.get(_BITS, (1,))}
    if (compression := _one(tags, _COMPRESSION, 1)) not in _UNPACK:
        raise UnsupportedError(f"a TIFF with compression {compression}: LZW, deflate and PackBits are read")
    if {*tags.get(_FORMAT, (1,))} != {1}:
        raise UnsupportedError("a TIFF of signed or floating-point numbers")
    if samples > 1 and _one(tags, _PLANES, 1) != 1:
        raise UnsupportedError("a TIFF whose channels come one after the other")
    known = set(_CHANNELS.get((meaning, samples), ())) - ({12} if order == ">" else set())
    if len(bits) != 1 or not bits <= known or _one(tags, _FILL, 1) != 1:
        each = "/".join(map(str, sorted(bits)))
        raise UnsupportedError(f"a TIFF of {samples} channels of {each} bits (photometric {meaning})")
    if (alpha := _one(tags, _EXTRA, 2)) not in _ALPHA.get((meaning, samples), (alpha,)):
        raise UnsupportedError(f"a TIFF with an extra channel of kind {alpha}")
    (found,) = bits
    if _one(tags, _PREDICTOR, 1) not in ((1, 2) if found in (8, 16) else (1,)):
        raise UnsupportedError("a TIFF with another predictor than differences of 8 or 16 bits")
    if meaning == _PALETTE and len(tags.get(_COLORS, ())) != 3 << found:
        raise ValueError("its palette is missing")
    return found


def _layout(tags: Tags, raw: bytes, width: int, height: int, bits: int) -> _Layout:
    """Return where the pixels are; each strip or tile is within the file, and all together no longer than it."""
    tiled = _TILE_OFFSETS in tags
    across, down = width, min(_one(tags, _ROWS) or height, height)
    if tiled:
        across, down = _one(tags, _TILE_WIDTH), _one(tags, _TILE_HEIGHT)
        if across % 16 or down % 16 or not (0 < across <= _LARGEST_TILE and 0 < down <= _LARGEST_TILE):
            raise ValueError(f"tiles of {across} x {down} pixels")
        if across * down > 4 * max(width, 256) * max(height, 256):
            raise ValueError(f"tiles of {across} x {down} pixels are larger than it")
    number = -(-width // across) * -(-height // down)
    offsets, lengths = (tags.get(tag, ()) for tag in ((_TILE_OFFSETS, _TILE_COUNTS) if tiled else (_OFFSETS, _COUNTS)))
    if not len(offsets) == len(lengths) == number:
        raise ValueError(f"{len(offsets):,} strips or tiles, not {number:,}")
    places = [(at, at + length) for at, length in zip(offsets, lengths, strict=True)]
    if sum(lengths) > len(raw) or any(end > len(raw) for _, end in places):
        raise ValueError("it is cut off")
    rows = [down] * number if tiled else [min(down, height - top) for top in range(0, height, down)]
    return _Layout(tiled, (across, down), places, -(-across * bits // 8), rows)


def _all_gray(colors: tuple[int, ...]) -> bool:
    red, green, blue = np.array(colors).reshape(3, -1) >> 8
    return bool((red == green).all() and (green == blue).all())


def _unpacked(
    raw: bytes,
    order: str,
    kept: Tags,
    layout: _Layout,
    unpack: Callable[[bytes, int], bytes],
    difference: Callable[[bytes, int], bytes] | None,
) -> bytes:
    """Return a TIFF with the same pixels, uncompressed, and no other tags than these."""
    blocks = []
    for (begin, end), rows in zip(layout.places, layout.rows, strict=True):
        block = unpack(raw[begin:end], rows * layout.row)
        if len(block) < rows * layout.row:
            raise ValueError("rows are missing")
        blocks.append(block if difference is None else difference(block, layout.row))
    across, down = layout.size
    tags = {**kept, **({_TILE_WIDTH: (across,), _TILE_HEIGHT: (down,)} if layout.tiled else {_ROWS: (down,)})}
    starts = np.cumsum([8, *map(len, blocks)]).tolist()
    where, lengths = (_TILE_OFFSETS, _TILE_COUNTS) if layout.tiled else (_OFFSETS, _COUNTS)
    tags |= {where: tuple(starts[:-1]), lengths: tuple(map(len, blocks))}
    directory = starts[-1]
    at, entries, beyond = directory + 2 + 12 * len(tags) + 4, [], []
    for tag, numbers in sorted(tags.items()):
        kind, form = (4, "I") if tag in _LONG else (3, "H")
        packed = struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        if len(packed) > 4:
            beyond.append(packed)
            packed, at = struct.pack(f"{order}I", at), at + len(packed)
        entries.append(struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0"))
    start = struct.pack(f"{order}2sHI", raw[:2], 42, directory)
    count = struct.pack(f"{order}H", len(entries))
    return b"".join([start, *blocks, count, *entries, bytes(4), *beyond])


def _as_it_is(data: bytes, size: int) -> bytes:
    return data[:size]


def _inflate(data: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(data, size)


def _unpack_bits(data: bytes, size: int) -> bytes:
    """Repeat or copy bytes, as a number before them says."""
    out, at = bytearray(), 0
    while at < len(data) and len(out) < size:
        number = data[at]
        if number < 128:
            out += data[at + 1 : at + 2 + number]
            at += 2 + number
        elif number > 128:
            out += data[at + 1 : at + 2] * (257 - number)
            at += 2
        else:
            raise ValueError("a run of no length")
    return bytes(out[:size])


def _unpack_lzw(data: bytes, size: int) -> bytes:
    """Decompress LZW, as TIFF has it: codes of 9 to 12 bits, the highest bit first."""
    padded = np.frombuffer(data + bytes(3), np.uint8).astype(np.uint32)
    ends = np.cumsum(_WIDTHS)
    done: list[bytes] = []
    left, bit, clears = size, 0, 0
    while left > 0:
        most = int(np.searchsorted(ends, 8 * len(data) - bit, side="right"))
        starts = bit + ends[:most] - _WIDTHS[:most]
        at = starts >> 3
        three = padded[at] << 16 | padded[at + 1] << 8 | padded[at + 2]
        codes = (three >> (24 - (starts & 7) - _WIDTHS[:most])) & ((1 << _WIDTHS[:most]) - 1)
        stops = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        n = int(stops[0]) if len(stops) else most
        block = _strings(codes[:n].astype(np.int64), left)
        done.append(block)
        left -= len(block)
        if n == most or codes[n] == _END:
            break
        bit += int(ends[n])
        clears += 1
        if clears > 8 + size // 2048:  # a table is full after 3,839 codes
            raise ValueError("it begins anew too often")
    return b"".join(done)


def _strings(codes: IntArray, most: int) -> bytes:
    """Return the bytes that codes without a clear code stand for, at most so many.

    Code 258 + i stands for the bytes of the i-th code and the one after them. So all that is not a literal is a copy of
    what was written before, and is found by following where it was copied from, twice as far each time.
    """
    n = len(codes)
    is_literal = codes < _CLEAR
    source = np.where(is_literal, np.arange(n), codes - _FIRST)
    if (source >= np.arange(n))[~is_literal].any():
        raise ValueError("a code that is not known yet")
    hops, step = (~is_literal).astype(np.int64), source
    while (more := hops[step]).any():
        hops, step = hops + more, step[step]
    lengths = hops + 1
    ends = np.cumsum(lengths)
    n = min(n, int(np.searchsorted(ends, most)) + 1)
    starts, code_of = ends[:n] - lengths[:n], np.repeat(np.arange(n), lengths[:n])
    place = np.arange(len(code_of))
    copied = np.where(is_literal[code_of], place, place - starts[code_of] + starts[source[code_of]])
    while (further := copied[copied]) is not None and (further != copied).any():
        copied = further
    return codes[code_of[copied]].astype(np.uint8).tobytes()[:most]


def _sums(order: str, bits: int, samples: int) -> Callable[[bytes, int], bytes]:
    """Return a function that adds up the differences to the pixel before, in rows of so many bytes."""
    dtype = np.dtype(np.uint8) if bits == 8 else np.dtype(f"{order}u2")

    def add_up(block: bytes, row: int) -> bytes:
        pixels = np.frombuffer(block, dtype).reshape(-1, row // dtype.itemsize // samples, samples)
        return np.cumsum(pixels, axis=1, dtype=dtype.newbyteorder("=")).astype(dtype).tobytes()

    return add_up


_UNPACK: dict[int, Callable[[bytes, int], bytes]] = {
    1: _as_it_is,
    5: _unpack_lzw,
    8: _inflate,
    32946: _inflate,
    32773: _unpack_bits,
}
