import io
import os
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgclf.errors import DataError
from imgclf.formats.images import conform, read_image

GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOR = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=2)


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(name="read")
def read_fixture(tmp_path):
    def read(raw):
        path = tmp_path / "picture"
        path.write_bytes(raw)
        return read_image(path)

    return read


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "PPM"])
def test_gray_is_one_channel_with_the_same_pixels(read, kind):
    assert read(encode(Image.fromarray(GRAY), kind)).tolist() == GRAY[:, :, None].tolist()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM"])
def test_color_is_three_channels_with_the_same_pixels(read, kind):
    assert read(encode(Image.fromarray(COLOR), kind)).tolist() == COLOR.tolist()


def test_jpeg_is_read_as_pillow_decodes_it(read):
    raw = encode(Image.fromarray(COLOR), "JPEG", quality=90)
    assert read(raw).tolist() == np.array(Image.open(io.BytesIO(raw))).tolist()
    assert read(encode(Image.fromarray(GRAY), "JPEG")).shape == (6, 8, 1)


def test_one_bit_is_black_and_white(read):
    assert np.unique(read(encode(Image.fromarray(GRAY > 100)))).tolist() == [0, 255]


def test_of_16_bits_the_high_8_are_kept(read):
    deep = (GRAY.astype(np.uint16) << 8) + 77
    assert read(encode(Image.fromarray(deep))).tolist() == GRAY[:, :, None].tolist()
    pgm = b"P5 8 6 65535\n" + deep.astype(">u2").tobytes()
    assert read(pgm).tolist() == GRAY[:, :, None].tolist()


def test_transparency_is_laid_on_white(read):
    alpha = np.where(GRAY > 100, 255, 0).astype(np.uint8)
    expected = np.where(alpha > 0, GRAY, 255)
    assert read(encode(Image.fromarray(np.dstack([GRAY, alpha]))))[:, :, 0].tolist() == expected.tolist()
    rgba = read(encode(Image.fromarray(np.dstack([COLOR, alpha]))))
    assert rgba.tolist() == np.where(alpha[:, :, None] > 0, COLOR, 255).tolist()


def test_half_transparency_is_half_white(read):
    half = np.dstack([np.zeros((2, 2, 3), np.uint8), np.full((2, 2), 128, np.uint8)])
    assert np.unique(read(encode(Image.fromarray(half)))).tolist() == [127]


def test_a_palette_of_grays_is_gray_and_another_is_color(read):
    gray = Image.fromarray(GRAY)
    gray.putpalette([value for level in range(256) for value in (255 - level,) * 3])
    assert read(encode(gray)).tolist() == (255 - GRAY)[:, :, None].tolist()
    color = Image.fromarray(GRAY)
    color.putpalette([value for level in range(256) for value in (level, 0, 255 - level)])
    assert read(encode(color)).tolist() == np.dstack([GRAY, 0 * GRAY, 255 - GRAY]).tolist()


def test_a_transparent_palette_color_is_white(read):
    image = Image.fromarray(GRAY)
    image.putpalette([value for level in range(256) for value in (level, 0, 0)])
    found = read(encode(image, transparency=int(GRAY[0, 1])))
    assert found[0, 1].tolist() == [255, 255, 255]
    assert found[0, 2].tolist() == [int(GRAY[0, 2]), 0, 0]


def test_cmyk_becomes_rgb(read):
    raw = encode(Image.new("CMYK", (4, 3), (0, 255, 255, 0)), "JPEG")
    assert np.abs(read(raw).astype(int) - [255, 0, 0]).max() < 10


def test_an_animation_is_its_first_picture(read):
    frames = [Image.fromarray(GRAY + step) for step in range(3)]
    raw = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read(raw).tolist() == GRAY[:, :, None].tolist()


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_turned_as_exif_says(read, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    raw = encode(Image.fromarray(COLOR), exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(raw)))
    assert read(raw).tolist() == np.array(expected).tolist()


def png_header(width, height, *chunks):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", size), *chunks, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


GOOD_PNG, GOOD_JPEG = encode(Image.fromarray(COLOR)), encode(Image.fromarray(COLOR), "JPEG")
BOMB = zlib.compress(bytes(100 << 20))
BROKEN = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "PDF": b"%PDF-1.7\n",
    "TIFF": encode(Image.fromarray(GRAY), "TIFF"),
    "half a PNG": GOOD_PNG[: len(GOOD_PNG) // 2],
    "a PNG of 50000x50000": png_header(50_000, 50_000),
    "a PNG of 5001x5000": png_header(5001, 5000),
    "a PNG of 2**31 columns": png_header(2**31 - 1, 2**31 - 1),
    "a colour profile that is a bomb": png_header(4, 4, (b"iCCP", b"x\0\0" + BOMB)),
    "a text that is a bomb": png_header(4, 4, (b"zTXt", b"x\0\0" + BOMB)),
    "a bad checksum": GOOD_PNG[:20] + b"\x55" + GOOD_PNG[21:],
    "floats": b"Pf\n2 2\n-1.0\n" + bytes(16),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_a_whole_picture_is_a_data_error(read, name):
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        read(BROKEN[name])
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 2


def test_the_largest_picture_is_25_million_pixels(read):
    assert read(b"P4 5000 5000\n" + bytes(625 * 5000)).shape == (5000, 5000, 1)
    with pytest.raises(DataError, match="more than 25,000,000 pixels"):
        read(b"P4 5008 5000\n" + bytes(626 * 5000))


@pytest.mark.parametrize("tenth", range(10))
def test_a_jpeg_that_is_cut_off_is_refused(read, tenth):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    raw = encode(Image.fromarray(noise), "JPEG")
    with pytest.raises(DataError):
        read(raw[: len(raw) * tenth // 10])


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        read_image(tmp_path / "pipe")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "PPM"])
def test_damage_is_a_data_error_or_a_picture(read, damaged, try_all, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if kind in ("PNG", "JPEG") else {}
    found, refused = try_all(read, damaged(encode(Image.fromarray(COLOR), kind, **options)))
    assert all(one.dtype == np.uint8 and one.ndim == 3 and one.shape[2] in (1, 3) for one in found)
    assert len(refused) > 20


def test_nothing_to_do_gives_the_same_array_back():
    assert conform(COLOR, None, None) is COLOR
    assert conform(COLOR, (6, 8), "rgb") is COLOR
    gray = GRAY[:, :, None]
    assert conform(gray, (6, 8), "gray") is gray


def test_gray_weighs_the_colors_as_the_eye_does():
    pixel = np.array([[[200, 100, 50]]], np.uint8)
    assert conform(pixel, None, "gray").tolist() == [[[round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]]]


def test_gray_as_rgb_is_the_same_level_three_times():
    assert conform(GRAY[:, :, None], None, "rgb").tolist() == np.dstack([GRAY] * 3).tolist()


def test_shrinking_averages_over_all_pixels():
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255  # taking every second pixel would give all black or all white
    small = conform(stripes, (8, 8), None)
    assert np.abs(small[1:-1, 1:-1].astype(float) - 127.5).max() < 3


@pytest.mark.parametrize("size", [(3, 5), (12, 16), (1, 1)])
@pytest.mark.parametrize("color", [None, "gray", "rgb"])
def test_a_picture_is_squashed_to_height_and_width(size, color):
    channels = {None: 3, "gray": 1, "rgb": 3}[color]
    assert conform(COLOR, size, color).shape == (*size, channels)
    flat = np.full((6, 8, 3), 77, np.uint8)
    assert np.unique(conform(flat, size, color)).tolist() == [77]
