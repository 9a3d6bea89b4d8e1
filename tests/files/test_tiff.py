"""TIFF files are read as they were written; what is not read is named."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgclf.errors import DataError
from imgclf.files.images import read_header, read_image

SOME = np.random.default_rng(0)
GRAY = SOME.integers(0, 256, (37, 53), dtype=np.uint8)
COLOR = SOME.integers(0, 256, (37, 53, 3), dtype=np.uint8)
DEEP = SOME.integers(0, 65536, (37, 53, 3), dtype=np.uint16)
WIDTH, HEIGHT, BITS, COMPRESSION, MEANING, OFFSETS, SAMPLES, ROWS, COUNTS = 256, 257, 258, 259, 262, 273, 277, 278, 279
COMPRESSIONS = [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"]


@pytest.fixture
def read(tmp_path):
    """Read an image of this form as Pillow writes it, or of these bytes."""
    path = tmp_path / "image.tif"

    def of(image, **options):
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, "TIFF", **options)
        pixels = read_image(path)
        assert read_header(path).shape == pixels.shape
        return pixels

    return of


def tiff(order, data, shape, bits, meaning, *, counts=(), more=()):
    """Return an uncompressed TIFF of one strip, tag by tag."""
    height, width, samples = shape
    tags = {
        WIDTH: (width,), HEIGHT: (height,), BITS: (bits,) * samples, COMPRESSION: (1,), MEANING: (meaning,),
        OFFSETS: (8,), SAMPLES: (samples,), ROWS: (height,), COUNTS: counts or (len(data),), **dict(more),
    }  # fmt: skip
    data += b"\0" * (len(data) % 2)
    at = 8 + len(data) + 2 + 12 * len(tags) + 4
    entries = beyond = b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(packed) > 4:
            packed, beyond = struct.pack(f"{order}I", at + len(beyond)), beyond + packed
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(data))
    return start + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + beyond


def in_strips(image, rows):
    """Return an uncompressed TIFF of strips of so many rows, which not every Pillow writes."""
    height, width, samples = image.shape
    starts, row = range(0, height, rows), width * samples
    counts = [min(rows, height - start) * row for start in starts]
    more = {OFFSETS: [8 + start * row for start in starts], ROWS: (rows,)}
    return tiff("<", image.tobytes(), image.shape, 8, 2, counts=counts, more=more)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_gray_color_and_bits_are_what_was_written(read, compression):
    assert np.array_equal(read(GRAY, compression=compression), GRAY[..., None])
    assert np.array_equal(read(COLOR, compression=compression), COLOR)
    bits = Image.fromarray(GRAY > 127)
    assert np.array_equal(read(bits, compression=compression), np.where(GRAY > 127, 255, 0)[..., None])
    assert np.array_equal(read(DEEP[..., 0], compression=compression), DEEP[..., :1] >> 8)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("levels", [1, 2, 30, 256])
def test_an_image_of_many_strips_and_of_one_is_the_same(read, compression, levels):
    large = (
        np.add.outer(np.arange(300), np.arange(400))[..., None] // 3 + SOME.integers(0, levels, (300, 400, 3))
    ) % 256
    large = large.astype(np.uint8)
    for rows in (1, 7, 300):
        written = large if compression else in_strips(large, rows)
        assert np.array_equal(read(written, compression=compression, tiffinfo={ROWS: rows}), large)
    if compression not in (None, "packbits"):
        assert np.array_equal(read(large, compression=compression, tiffinfo={317: 2}), large)


@pytest.mark.parametrize("size", [0, 1, 100, 5000])
def test_lzw_of_one_value_is_as_long_as_it_was(read, size):
    plain = np.full((1, size + 1), 7, np.uint8)
    assert np.array_equal(read(plain, compression="tiff_lzw"), plain[..., None])


@pytest.mark.parametrize("order", "<>")
def test_both_orders_of_bytes_are_read(read, order):
    high = DEEP.astype(f"{order}u2")
    assert np.array_equal(read(tiff(order, high.tobytes(), DEEP.shape, 16, 2)), DEEP >> 8)
    assert np.array_equal(read(tiff(order, high[..., :1].tobytes(), (37, 53, 1), 16, 1)), DEEP[..., :1] >> 8)
    assert np.array_equal(read(tiff(order, COLOR.tobytes(), COLOR.shape, 8, 2)), COLOR)
    assert np.array_equal(read(tiff(order, GRAY.tobytes(), (37, 53, 1), 8, 0)), 255 - GRAY[..., None])


def test_twelve_bits_are_scaled_to_eight(read):
    values = SOME.integers(0, 4096, (10, 8))
    first, second = values.reshape(-1, 2).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8)
    assert np.array_equal(read(tiff("<", packed.tobytes(), (10, 8, 1), 12, 1)), values[..., None] >> 4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright(read, tmp_path, orientation):
    pixels = read(COLOR, tiffinfo={274: orientation})
    with Image.open(tmp_path / "image.tif") as image:
        assert np.array_equal(pixels, np.array(ImageOps.exif_transpose(image)))


def test_palettes_alpha_and_cmyk_become_colors(read):
    palette = Image.fromarray(COLOR).quantize(64)
    assert np.array_equal(read(palette), np.array(palette.convert("RGB")))
    alpha = np.dstack([COLOR, GRAY])
    on_white = Image.alpha_composite(Image.new("RGBA", (53, 37), "white"), Image.fromarray(alpha))
    assert np.array_equal(read(alpha), np.array(on_white.convert("RGB")))
    inks = Image.fromarray(COLOR).convert("CMYK")
    assert np.array_equal(read(inks), np.array(inks.convert("RGB")))


def test_tiles_are_put_in_their_places(read):
    whole = np.zeros((48, 64, 3), np.uint8)
    whole[:37, :53] = COLOR
    tiles = b"".join(whole[y : y + 16, x : x + 16].tobytes() for y in range(0, 48, 16) for x in range(0, 64, 16))
    tags = {322: (16,), 323: (16,), 324: tuple(range(8, 8 + len(tiles), 768)), 325: (768,) * 12}
    assert np.array_equal(read(tiff("<", tiles, COLOR.shape, 8, 2, more=tags.items())), COLOR)


def test_what_is_not_read_is_named(read):
    image = Image.fromarray(COLOR)
    for words, make in {
        "a TIFF of more than one page - ": lambda: read(image, save_all=True, append_images=[image]),
        "a TIFF with compression 7: ": lambda: read(image, compression="jpeg"),
        "a TIFF of signed or floating-point numbers - ": lambda: read(GRAY.astype(np.float32)),
        "a TIFF of 13 channels of 8 bits": lambda: read(tiff("<", bytes(13), (1, 1, 13), 8, 1)),
        "a TIFF whose channels come one after the other": lambda: read(
            tiff("<", bytes(3), (1, 1, 3), 8, 2, more=[(284, (2,))])
        ),
    }.items():
        with pytest.raises(DataError, match=words):
            make()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_image_that_lacks_pixels_is_refused(read, tmp_path, compression):
    read(COLOR, compression=compression)
    raw = bytearray((tmp_path / "image.tif").read_bytes())
    (start,) = struct.unpack_from("<I", raw, 4)
    (entries,) = struct.unpack_from("<H", raw, start)
    (entry,) = [at for at in range(start + 2, start + 2 + 12 * entries, 12) if raw[at : at + 2] == b"\x17\x01"]
    (count,) = struct.unpack_from("<I", raw, entry + 8)
    struct.pack_into("<I", raw, entry + 8, count // 2)
    with pytest.raises(DataError, match="rows are missing"):
        read(bytes(raw))


@pytest.mark.parametrize("shape", [(5001, 5000, 1), (1, 2**31, 1), (2**31, 2**31, 3)])
def test_more_than_25_million_pixels_are_refused_at_once(read, shape):
    with pytest.raises(DataError, match="more than 25,000,000 pixels"):
        read(tiff("<", b"", shape, 8, 2 if shape[2] == 3 else 1, more=[(COMPRESSION, (8,))]))


@pytest.mark.parametrize(
    ("compression", "data", "problem"),
    [
        (5, b"\xff\xff\xff", "a code that is not known yet"),
        (5, b"\x80" + bytes(50), None),
        (8, b"not deflate", "Error -3"),
        (32773, b"\x80" * 99, "a run of no length"),
        (5, np.packbits([1, 0, 0, 0, 0, 0, 0, 0, 0] * 10_000).tobytes(), "it begins anew too often"),
    ],
)
def test_bad_compression_is_refused(read, compression, data, problem):
    with pytest.raises(DataError, match=problem or "a damaged image"):
        read(tiff("<", data, (99, 99, 1), 8, 1, more=[(COMPRESSION, (compression,))]))
