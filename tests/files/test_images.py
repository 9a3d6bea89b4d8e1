import io
import os
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from imgclf.data.preprocess import Preprocess
from imgclf.data.sources import folder
from imgclf.errors import DataError
from imgclf.files import images, pixels
from imgclf.files.form import conform
from imgclf.files.images import read_header, read_image

GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOR = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=2)


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(name="read")
def read_fixture(tmp_path):
    def read(raw):
        path = tmp_path / "image"
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


def bmp(pixels, header_size):
    """Return a 32-bit BMP of RGBA pixels with a header of version 4 (108 bytes) or 5 (124)."""
    height, width, _ = pixels.shape
    rows = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
    header = struct.pack("<IiiHHIIiiII", header_size, width, height, 1, 32, 3, len(rows), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    start = 14 + header_size
    front = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return (front + header + masks).ljust(start, b"\0") + rows


def with_alpha(alpha):
    return np.dstack([COLOR, np.full((6, 8), alpha, np.uint8)])


@pytest.mark.parametrize("header_size", [108, 124])
def test_a_bitmap_whose_alpha_is_0_everywhere_is_opaque(read, header_size):
    assert read(bmp(with_alpha(0), header_size)).tolist() == COLOR.tolist()
    one_is_not = with_alpha(0)
    one_is_not[2, 3, 3] = 255
    assert (read(bmp(one_is_not, header_size)) == 255).all(axis=2).sum() == 47


def test_an_image_of_any_kind_that_is_transparent_everywhere_is_opaque(read):
    assert read(encode(Image.fromarray(with_alpha(0)))).tolist() == COLOR.tolist()
    assert read(encode(Image.fromarray(with_alpha(0)), "WEBP", lossless=True, exact=True)).tolist() == COLOR.tolist()
    gray = read(encode(Image.fromarray(np.dstack([GRAY, 0 * GRAY]))))
    assert gray.tolist() == GRAY[:, :, None].tolist()
    palette = Image.fromarray(GRAY)
    palette.putpalette([value for level in range(256) for value in (level, 0, 0)])
    assert read(encode(palette, transparency=bytes(256))).tolist() == np.dstack([GRAY, 0 * GRAY, 0 * GRAY]).tolist()
    flat = np.full((4, 4), 80, np.uint8)
    assert np.unique(read(encode(Image.fromarray(flat), transparency=80))).tolist() == [80]
    assert np.unique(read(encode(Image.fromarray(flat), "GIF", transparency=80))).tolist() == [80]


def png(width, height, depth, color, rows, *extra):
    """Return a PNG of these rows, a byte for the filter before each; extra chunks come before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def packed(samples, depth):
    """Return the rows of a PNG from samples (H, W, channels), the highest bit first."""
    flat = samples.reshape(len(samples), -1)
    bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
    return b"".join(b"\0" + row.tobytes() for row in np.packbits(bits.reshape(len(samples), -1), axis=1))


SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16),
    (6, 8), (6, 16),
]  # fmt: skip


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize(("color", "depth"), KINDS)
def test_every_kind_of_png_is_decoded_by_the_specification(read, color, depth, transparent):
    rng = np.random.default_rng(depth)
    largest = 2**depth - 1
    samples = rng.integers(0, largest, (9, 7, SAMPLES[color]), endpoint=True)
    samples[4:, :, : SAMPLES[color] - (color in (4, 6))] = samples[0, 0, : SAMPLES[color] - (color in (4, 6))]
    if depth == 16:  # that differ from the key in their low byte alone
        samples[6, :, 0] ^= 1
    table = rng.integers(0, 256, (largest + 1, 4)) if color == 3 else None
    extra, alpha = [], np.ones((9, 7))
    if color == 3:
        extra.append((b"PLTE", table[:, :3].astype(np.uint8).tobytes()))
        values = table[samples[:, :, 0], :3]
        if transparent:
            extra.append((b"tRNS", table[:, 3].astype(np.uint8).tobytes()))
            alpha = table[samples[:, :, 0], 3] / 255
    else:
        colors = samples[:, :, :1] if color in (0, 4) else samples[:, :, :3]
        values = colors >> 8 if depth == 16 else colors * (255 // largest)
        if color in (4, 6):
            alpha = (samples[:, :, -1] >> depth - 8) / 255
        elif transparent:
            extra.append((b"tRNS", samples[0, 0].astype(">u2").tobytes()))
            alpha = (colors != samples[0, 0]).any(axis=2)
            assert 0 < alpha.sum() < 63
    expected = values * alpha[:, :, None] + 255 * (1 - alpha[:, :, None])
    found = read(png(7, 9, depth, color, packed(samples, depth), *extra))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.5001


@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (3, 1), (4, 2), (6, 4)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_whose_data_ends_before_its_last_row_is_refused(read, color, channels, interlaced):
    passes = [(5, 3)] if not interlaced else [(1, 1), (1, 1), (1, 1), (3, 1), (2, 2), (5, 1)]  # columns and rows
    rows = b"".join((b"\0" + bytes(width * channels)) * height for width, height in passes)
    palette = [(b"PLTE", bytes(6))] if color == 3 else []

    def made(rows):
        plain = png(5, 3, 8, color, rows, *palette)
        header = struct.pack(">IIBBBBB", 5, 3, 8, color, 0, 0, interlaced)
        return plain[:8] + chunk(b"IHDR", header) + plain[33:]

    assert read(made(rows)).shape[:2] == (3, 5)
    for missing in (1, 1 + 5 * channels):
        with pytest.raises(DataError, match="a damaged image"):
            read(made(rows[:-missing]))


def test_a_key_is_compared_in_the_bits_that_the_image_has(read):
    samples = np.arange(16).reshape(4, 4, 1)
    key = (b"tRNS", b"\xff\xf3")  # of 4 bits, 3 counts
    found = read(png(4, 4, 4, 0, packed(samples, 4), key))
    assert found.ravel().tolist() == [255 if level == 3 else 17 * level for level in range(16)]


PLAIN = packed(COLOR.astype(int), 8)
EXIF_6 = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
XMP_6 = b'<rdf:Description tiff:Orientation="6"/>'
BOMB = zlib.compress(bytes(16 << 20))  # Pillow refuses more than a megabyte
BAD_SUM = chunk(b"tEXt", b"Comment\0hello")[:-4] + b"\0\0\0\0"
NO_PIXELS = {
    "a profile that is no zlib": chunk(b"iCCP", b"p\0\0notzlib"),
    "a profile that is a bomb": chunk(b"iCCP", b"p\0\0" + BOMB),
    "a profile of an unknown method": chunk(b"iCCP", b"p\0\x07x"),
    "text that is a bomb": chunk(b"zTXt", b"Comment\0\0" + BOMB),
    "XMP that is a bomb": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB),
    "EXIF in text that is a bomb": chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
    "long text": chunk(b"tEXt", b"Comment\0" + b"x" * 2_000_000),
    "much text": chunk(b"tEXt", b"Comment\0hello") * 10_000,
    "text that is no UTF-8": chunk(b"iTXt", b"Comment\0\0\0\0\0\xff\xfe"),
    "text without an end": chunk(b"zTXt", b"Comment"),
    "EXIF that is none": chunk(b"eXIf", b"\xde\xad\xbe\xef" * 5),
    "EXIF as Python shows it": chunk(b"eXIf", repr(b"Exif\0\0MM\0*").encode()),
    "EXIF of 16 million entries": chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + b"\0\x01\0\x02\0\xff\xff\xff" * 100_000),
    "EXIF that ends": chunk(b"eXIf", EXIF_6[:14]),
    "EXIF with a wrong checksum": chunk(b"eXIf", EXIF_6)[:-4] + b"\0\0\0\0",
    "an empty EXIF": chunk(b"eXIf", b""),
    "a raw profile that is not hexadecimal": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  20\nthis is not\n"),
    "a raw profile of an odd length": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  20\n457869660\n"),
    "a raw profile of one line": chunk(b"tEXt", b"Raw profile type exif\0exif"),
    "a wrong checksum of text": BAD_SUM,
    "a wrong checksum of transparency": chunk(b"tRNS", bytes(6))[:-4] + b"\0\0\0\0",
    "a short transparency": chunk(b"tRNS", b"\0"),
    "a short resolution": chunk(b"pHYs", b"\0\0"),
    "a short gamma": chunk(b"gAMA", b"\0"),
    "a short chromaticity": chunk(b"cHRM", b"\0"),
    "an empty intent": chunk(b"sRGB", b""),
    "a short animation": chunk(b"acTL", b"\0"),
    "frames without order": chunk(b"acTL", bytes([0, 0, 0, 2] * 2)) + chunk(b"fcTL", b"\7" * 26),
    "an unknown chunk": chunk(b"xyZz", b"anything"),
}


@pytest.mark.parametrize("after", [False, True], ids=["before the rows", "after them"])
@pytest.mark.parametrize("name", NO_PIXELS)
def test_metadata_never_spoils_a_png(read, name, after):
    raw = png(8, 6, 8, 2, PLAIN)
    at = len(raw) - 12 if after else 33
    assert read(raw[:at] + NO_PIXELS[name] + raw[at:]).tolist() == COLOR.tolist()


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def exif_of(tag, kind, count, value):
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHI", 1, tag, kind, count) + value + bytes(4)


NO_PIXELS_OF_JPEG = {
    "EXIF that is none": segment(0xE1, b"Exif\0\0" + b"\xde\xad" * 9),
    "EXIF that ends": segment(0xE1, b"Exif\0\0MM\0*\0"),
    "an orientation of 9": segment(0xE1, exif_of(0x0112, 3, 1, b"\0\x09\0\0")),
    "an orientation of text": segment(0xE1, exif_of(0x0112, 2, 2, b"6\0\0\0")),
    "two orientations": segment(0xE1, exif_of(0x0112, 3, 2, b"\0\6\0\6")),
    "1,500 EXIF segments": segment(0xE1, exif_of(0x010F, 2, 60_000, bytes(60_000))) * 1500,
    "a broken index of more images": segment(0xE2, b"MPF\0MM\0*\xff\xff\xff\xff"),
    "a profile in parts that do not fit": segment(0xE2, b"ICC_PROFILE\0\7\x09") * 3,
    "a broken Photoshop block": segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\xff\xff\xff\xff"),
    "many comments": segment(0xFE, b"x") * 50_000,
}


@pytest.mark.parametrize("name", NO_PIXELS_OF_JPEG)
def test_metadata_never_spoils_a_jpeg(read, name):
    raw = encode(Image.fromarray(COLOR), "JPEG")
    assert read(raw[:2] + NO_PIXELS_OF_JPEG[name] + raw[2:]).tolist() == read(raw).tolist()


def test_metadata_never_spoils_a_gif_or_a_pgm(read):
    gif = encode(Image.fromarray(GRAY), "GIF")
    at = gif.index(b",", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
    comments = b"!\xfe" + (b"\xff" + b"c" * 255) * 50_000 + b"\0"  # Pillow would take a minute to add them up
    assert read(gif[:at] + comments + gif[at:]).tolist() == GRAY[:, :, None].tolist()
    pgm = b"P5#" + b"c" * 1_000_000 + b"\n8 #\n 6\n255\n" + GRAY.tobytes()
    assert read(pgm).tolist() == GRAY[:, :, None].tolist()
    assert read(b"P5 8 6 255#c\n" + GRAY.tobytes()).tolist() == GRAY[:, :, None].tolist()
    plain = b"P2 8 6 255\n" + b"#\n" * 100_000 + b" # and\n".join(b"%d" % level for level in GRAY.ravel()) + b"\n"
    assert read(plain).tolist() == GRAY[:, :, None].tolist()


TURNED = np.rot90(COLOR, -1).tolist()
RAW_EXIF = b"\nexif\n  32\n" + EXIF_6.hex().encode() + b"\n"


@pytest.mark.parametrize("where", [
    chunk(b"eXIf", EXIF_6), chunk(b"eXIf", b"Exif\0\0" + EXIF_6),
    chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_6),
    chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 2_000_000 + XMP_6)),
    chunk(b"tEXt", b"Raw profile type exif\0" + RAW_EXIF),
    chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(RAW_EXIF)),
    chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_6.replace(b"6", b"3")) + chunk(b"eXIf", EXIF_6),
], ids=["eXIf", "with a prefix", "XMP", "inflated XMP", "tEXt", "zTXt", "EXIF before XMP"])  # fmt: skip
def test_the_orientation_of_a_png_is_found_wherever_it_is_kept(read, where):
    raw = png(8, 6, 8, 2, PLAIN)
    assert read(raw[:33] + where + raw[33:]).tolist() == TURNED


@pytest.mark.parametrize("where", [
    segment(0xE1, exif_of(0x0112, 3, 1, b"\0\6\0\0")), segment(0xE1, exif_of(0x0112, 4, 1, b"\0\0\0\6")),
    segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0" + bytes(4)),
    segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP_6),
    segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<tiff:Orientation>6</tiff:Orientation>"),
    segment(0xE1, exif_of(0x010E, 2, 4, b"abc\0")) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP_6),
], ids=["short", "long", "little-endian", "XMP", "XMP element", "XMP where EXIF says nothing"])  # fmt: skip
def test_the_orientation_of_a_jpeg_is_found_wherever_it_is_kept(read, where):
    raw = encode(Image.fromarray(COLOR), "JPEG")
    assert read(raw[:2] + where + raw[2:]).tolist() == np.rot90(read(raw), -1).tolist()


def test_webp_is_read_with_alpha_on_white_and_turned(read):
    assert read(encode(Image.fromarray(COLOR), "WEBP", lossless=True)).tolist() == COLOR.tolist()
    alpha = with_alpha(255)
    alpha[0, :, 3] = 0
    found = read(encode(Image.fromarray(alpha), "WEBP", lossless=True))
    assert np.unique(found[0]).tolist() == [255]
    assert found[1:].tolist() == COLOR[1:].tolist()
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read(encode(Image.fromarray(COLOR), "WEBP", lossless=True, exif=exif)).tolist() == TURNED


def test_a_transparent_color_of_a_gif_is_white(read):
    found = read(encode(Image.fromarray(GRAY), "GIF", transparency=int(GRAY[2, 3])))
    assert found[2, 3].tolist() == [255]
    assert (found[:, :, 0] != GRAY).sum() == 1


def test_cmyk_becomes_rgb(read):
    raw = encode(Image.new("CMYK", (4, 3), (0, 255, 255, 0)), "JPEG")
    assert np.abs(read(raw).astype(int) - [255, 0, 0]).max() < 10


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(read, kind):
    frames = [Image.fromarray(COLOR[::step]) for step in (1, -1)]
    raw = encode(
        frames[0], kind, save_all=True, append_images=frames[1:], **{"lossless": True} if kind == "WEBP" else {}
    )
    assert Image.open(io.BytesIO(raw)).n_frames == 2
    assert read(raw).tolist() == read(encode(frames[0], kind, **{"lossless": True} if kind == "WEBP" else {})).tolist()


def test_of_a_jpeg_that_holds_more_images_the_first_is_read(read):
    frames = [Image.fromarray(COLOR[::step]) for step in (1, -1)]
    raw = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert raw.count(b"\xff\xd8\xff") == 2
    first = read(encode(frames[0], "JPEG")).tolist()
    assert read(raw).tolist() == first
    assert read(raw[:-200]).tolist() == first  # the second is cut off


def test_webp_is_color_and_a_gray_png_with_alpha_of_16_bits_is_gray(read):
    assert read(encode(Image.fromarray(GRAY), "WEBP")).shape == (6, 8, 3)
    assert read(png(8, 6, 16, 4, packed(np.dstack([GRAY, GRAY]).astype(int), 16))).shape == (6, 8, 1)


def test_color_profiles_are_not_applied(read):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for kind in ("PNG", "JPEG"):
        plain = read(encode(Image.fromarray(COLOR), kind)).tolist()
        assert read(encode(Image.fromarray(COLOR), kind, icc_profile=profile)).tolist() == plain


def test_12_bits_in_16_are_nearly_black_unless_the_header_gives_the_maximum(read):
    values = np.linspace(0, 4095, 48).astype(np.uint16).reshape(6, 8)
    assert read(encode(Image.fromarray(values))).tolist() == (values >> 8)[:, :, None].tolist()
    assert read(encode(Image.fromarray(values * 16))).max() == 255
    pgm = read(b"P5 8 6 4095\n" + values.astype(">u2").tobytes())
    assert np.abs(pgm[:, :, 0] - values * (255 / 4095)).max() <= 1


def test_every_command_reads_the_same_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "FULL_SIZE", 20)  # so that some are reduced
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {
        "a.png": encode(Image.fromarray(with_alpha(99)), exif=exif), "b.jpg": GOOD_JPEG, "c": GOOD_WEBP,
        "d.gif": GOOD_GIF, "e.jpg": encode(Image.fromarray(COLOR), "JPEG", exif=exif)[:-2],
    }  # fmt: skip
    for name, raw in files.items():
        (tmp_path / "set" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / "a" / name).write_bytes(raw)
    trained_on = folder.load(tmp_path / "set", ["train"], image_size=4, color="rgb")["train"]
    preprocess = Preprocess((4, 4, 3), 255.0, None, None, "float32")
    predicted = [preprocess.read_image(tmp_path / "set" / "a" / name) for name in files]
    assert trained_on.images.tolist() == [one.tolist() for one in predicted]


@pytest.mark.parametrize("turn", range(1, 9))
def test_an_image_is_rotated_by_its_exif_orientation(read, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    raw = encode(Image.fromarray(COLOR), exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(raw)))
    assert read(raw).tolist() == np.array(expected).tolist()


def png_header(width, height):
    return png(width, height, 8, 2, bytes(1000))


def many_scans(number):
    """Return a progressive JPEG with its last scan so many times more."""
    raw = encode(Image.fromarray(COLOR), "JPEG", progressive=True)
    return raw[:-2] + raw[raw.rindex(b"\xff\xda") : -2] * number + raw[-2:]


def webp_canvas(width, height):
    """Return the beginning of a WebP file that announces such a canvas."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size + GOOD_WEBP[12:]


GOOD_PNG, GOOD_JPEG = encode(Image.fromarray(COLOR)), encode(Image.fromarray(COLOR), "JPEG")
GOOD_GIF, GOOD_WEBP = (encode(Image.fromarray(COLOR), kind) for kind in ("GIF", "WEBP"))
BROKEN = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "PDF": b"%PDF-1.7\n",
    "half a TIFF": encode(Image.fromarray(GRAY), "TIFF")[:-200],
    "half a PNG": GOOD_PNG[: len(GOOD_PNG) // 2],
    "a PNG of 50000x50000": png_header(50_000, 50_000),
    "a PNG of 10001x10000": png_header(10_001, 10_000),
    "a PNG of 2**31 columns": png_header(2**31 - 1, 2**31 - 1),
    "a bad checksum": GOOD_PNG[:20] + b"\x55" + GOOD_PNG[21:],
    "a bad checksum of the palette": png(8, 6, 8, 3, PLAIN, (b"PLTE", bytes(6))).replace(b"PLTE\0", b"PLTE\1"),
    "a PNG of a million chunks": GOOD_PNG[:33] + chunk(b"tEXt", b"") * 1_000_000 + GOOD_PNG[33:],
    "a JPEG of a million segments": GOOD_JPEG[:2] + segment(0xFE, b"") * 1_000_000 + GOOD_JPEG[2:],
    "a JPEG of 1,000 scans": many_scans(1000),
    "half a WebP": GOOD_WEBP[: len(GOOD_WEBP) // 2],
    "half a GIF": GOOD_GIF[: len(GOOD_GIF) - 20],
    "a GIF of nothing": GOOD_GIF[:13] + b";",
    "a WebP of 16,777,216 columns": webp_canvas(1 << 24, 255),
    "floats": b"Pf\n2 2\n-1.0\n" + bytes(16),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_a_data_error(read, name):
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        read(BROKEN[name])
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 10  # some take half a minute to decode


@pytest.mark.parametrize(("name", "begins"), {
    "HEIC": b"\0\0\0\x18ftypheic", "AVIF": b"\0\0\0\x20ftypavif", "JPEG 2000": b"\0\0\0\x0cjP  ",
    "a web page": b"\n<!DOCTYPE html>",
}.items())  # fmt: skip
def test_the_error_names_other_formats_and_a_remedy(read, name, begins):
    with pytest.raises(
        DataError, match=f"not a PNG, JPEG, WebP, TIFF, BMP, GIF or PPM image, but {name} - convert it to"
    ):
        read(begins + bytes(200))


def test_a_pointer_of_git_lfs_is_named(read):
    with pytest.raises(DataError, match="a Git LFS pointer: run `git lfs pull`"):
        read(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")


def test_the_largest_image_of_full_size_is_25_million_pixels(read):
    assert read(b"P4 5000 5000\n" + bytes(625 * 5000)).shape == (5000, 5000, 1)
    assert read(b"P4 5008 5000\n" + bytes(626 * 5000)).shape == (2500, 2504, 1)


def jpeg_of(width, height, **options):
    """Return a JPEG that says it is so large."""
    raw = encode(Image.fromarray(COLOR), "JPEG", **options)
    at = raw.index(b"\xff\xc2" if options else b"\xff\xc0") + 5
    return raw[:at] + struct.pack(">HH", height, width) + raw[at + 4 :]


@pytest.mark.parametrize(("raw", "most"), [
    (b"P4 10000 10001\n", 100_000_000),
    (png_header(10_001, 10_000), 100_000_000),
    (jpeg_of(10_001, 10_000, progressive=True), 100_000_000),
    (jpeg_of(16_000, 16_000), 250_000_000),
    (webp_canvas(8001, 6500), 52_000_000),
], ids=["PBM", "PNG", "progressive JPEG", "JPEG", "WebP"])  # fmt: skip
def test_an_image_of_too_many_pixels_is_refused_before_they_are_decoded(read, raw, most):
    with pytest.raises(DataError, match=f"more than {most:,} pixels - make it smaller"):
        read(raw)


@pytest.mark.parametrize(("full_size", "factor"), [(1500, 2), (500, 4), (100, 8)])
@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "GIF", "JPEG", "WEBP"])
def test_a_larger_image_is_averaged_over_squares_of_2_4_or_8_pixels(read, monkeypatch, kind, full_size, factor):
    smooth = (np.add.outer(np.arange(67), np.arange(45)) * 2).astype(np.uint8)
    smooth = smooth if kind != "WEBP" else np.dstack([smooth] * 3)
    raw = encode(Image.fromarray(smooth), kind, **{"quality": 95} if kind in ("JPEG", "WEBP") else {})
    full = read(raw)
    monkeypatch.setattr(images, "FULL_SIZE", full_size)
    found = read(raw)
    assert found.shape == (-(-67 // factor), -(-45 // factor), full.shape[2])
    whole = full[: 67 // factor * factor, : 45 // factor * factor].astype(float)
    means = whole.reshape(67 // factor, factor, 45 // factor, factor, -1).mean(axis=(1, 3))
    assert np.abs(found[: 67 // factor, : 45 // factor] - means).max() <= (3 if kind == "JPEG" else 0.51)


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("strip", [1, 16, 40])
def test_pixels_do_not_depend_on_how_many_are_converted_at_a_time(read, monkeypatch, strip, factor):
    alpha = with_alpha(0)
    alpha[5, :, 3] = 255  # in the last strip only
    rows = packed(COLOR.astype(int) * 257, 16)
    raws = [
        encode(Image.fromarray(alpha)), encode(Image.fromarray(with_alpha(0))), encode(Image.fromarray(COLOR)),
        encode(Image.fromarray(GRAY), transparency=int(GRAY[5, 5])), png(8, 6, 16, 2, rows, (b"tRNS", rows[1:7])),
        encode(Image.fromarray(GRAY.astype(np.uint16) << 8)), encode(Image.fromarray(COLOR), "GIF"),
    ]  # fmt: skip
    monkeypatch.setattr(images, "FULL_SIZE", 48 // factor**2)
    expected = [read(raw) for raw in raws]
    monkeypatch.setattr(pixels, "_STRIP", strip)
    assert [read(raw).tolist() for raw in raws] == [one.tolist() for one in expected]


def test_of_large_images_one_is_decoded_at_a_time(tmp_path, monkeypatch):
    taken = []

    class Turn:
        def __enter__(self):
            taken.append(threading.get_ident())

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(images, "_one_large_image", Turn())
    path = tmp_path / "image"
    path.write_bytes(GOOD_PNG)
    read_image(path)
    assert taken == []
    monkeypatch.setattr(images, "FULL_SIZE", 20)
    read_image(path)
    assert len(taken) == 1


WITHOUT_END = {
    "usual": {}, "progressive": {"progressive": True}, "not subsampled": {"subsampling": 0},
    "optimized": {"optimize": True}, "fine": {"quality": 100}, "restarts": {"restart_marker_rows": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_END)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_read(read, name, mode):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    raw = encode(Image.fromarray(noise).convert(mode), "JPEG", **WITHOUT_END[name])
    whole = read(raw).tolist()
    assert read(raw[:-1]).tolist() == read(raw[:-2]).tolist() == whole
    refused = 0
    for missing in range(3, 40):
        try:  # the last bytes may say nothing but that all the rest is 0
            assert read(raw[:-missing]).tolist() == whole
        except DataError as error:
            assert "cut off" in str(error)  # noqa: PT017 - either is right
            refused += 1
    assert refused >= 35


def test_a_jpeg_without_end_that_is_filled_with_zeros_or_followed_by_another_is_read_or_refused(read):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    raw = encode(Image.fromarray(noise), "JPEG")
    for rest in (bytes(1000), raw, raw[:100]):
        assert read(raw[:-2] + rest).tolist() == read(raw).tolist()
        for missing in (3, 100, len(raw) // 2):
            with pytest.raises(DataError, match="cut off"):
                read(raw[:-missing] + rest)


def test_a_progressive_jpeg_that_lacks_a_scan_is_refused(read):
    raw = encode(Image.fromarray(COLOR), "JPEG", progressive=True)
    starts = [at for at in range(len(raw)) if raw[at : at + 2] in (b"\xff\xda", b"\xff\xc4")]
    assert len(starts) > 10
    for start in starts:
        with pytest.raises(DataError):
            read(raw[:start])


def test_a_signal_is_heard_after_each_kilobyte_of_a_progressive_jpeg(read, monkeypatch):
    asked = []

    def load_read(self, count, real=JpegImageFile.load_read):
        asked.append(count)
        return real(self, count)

    monkeypatch.setattr(JpegImageFile, "load_read", load_read)
    read(many_scans(90))
    assert len(asked) > 1
    assert max(asked) <= 1024


def test_a_jpeg_may_have_a_hundred_scans_and_no_more(read):
    ordinary = many_scans(0).count(b"\xff\xda")
    assert ordinary == 10
    assert read(many_scans(100 - ordinary)).shape == (6, 8, 3)
    with pytest.raises(DataError, match="more than 100 scans"):
        read(many_scans(101 - ordinary))


@pytest.mark.parametrize("tenth", range(10))
def test_a_jpeg_that_is_cut_off_is_refused(read, tenth):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    raw = encode(Image.fromarray(noise), "JPEG")
    with pytest.raises(DataError):
        read(raw[: len(raw) * tenth // 10])


def test_a_file_of_more_than_256_mb_is_refused(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(GOOD_PNG)
    os.truncate(path, (256 << 20) + 1)
    with pytest.raises(DataError, match="268,435,457 bytes, more than 268,435,456"):
        read_image(path)


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        read_image(tmp_path / "pipe")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM"])
def test_damage_is_a_data_error_or_an_image(read, damaged, try_all, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if kind in ("PNG", "JPEG", "WEBP") else {}
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
def test_an_image_is_squashed_to_height_and_width(size, color):
    channels = {None: 3, "gray": 1, "rgb": 3}[color]
    assert conform(COLOR, size, color).shape == (*size, channels)
    flat = np.full((6, 8, 3), 77, np.uint8)
    assert np.unique(conform(flat, size, color)).tolist() == [77]


SIZES = [(1, 1), (7, 5), (30, 10), (10, 30), (33, 33), (64, 200)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_every_way_to_resize_gives_the_size_and_keeps_the_image_in_its_middle(size, resize):
    for image in (COLOR, COLOR.transpose(1, 0, 2).copy(), COLOR[:1], COLOR[:, :1]):
        assert conform(image, size, None, resize).shape == (*size, 3)
        assert np.array_equal(conform(image, image.shape[:2], None, resize), image)
    flat = conform(np.full((6, 8, 1), 77, np.uint8), size, None, resize)
    assert set(np.unique(flat)) <= {0, 77}
    assert flat[size[0] // 2, size[1] // 2] == 77
    assert resize == "pad" or flat.min() == 77


def test_crop_is_resize_and_center_crop():
    large = np.array(Image.fromarray(COLOR).resize((300, 200), Image.Resampling.BICUBIC))
    whole = Image.fromarray(large).resize((96, 64), Image.Resampling.BILINEAR)
    middle = np.array(whole.crop((16, 0, 80, 64)))
    difference = np.abs(conform(large, (64, 64), None, "crop").astype(int) - middle)
    assert difference[:, 1:-1].max() <= 1  # a filter sees no further than the edge of what is cut out
    assert difference.max() <= 8


def test_crop_cuts_off_both_sides_alike_and_pad_adds_to_both_alike():
    wide = np.repeat(np.repeat(COLOR[:2, :6], 10, axis=0), 10, axis=1)  # 20 x 60
    assert np.array_equal(conform(wide, (20, 20), None, "crop"), wide[:, 20:40])
    tall = wide.transpose(1, 0, 2).copy()
    assert np.array_equal(conform(tall, (20, 20), None, "crop"), tall[20:40])
    padded = conform(wide, (60, 60), None, "pad")
    assert np.array_equal(padded[20:40], wide)
    assert padded[:20].max() == padded[40:].max() == 0
    half = conform(wide, (30, 30), None, "pad")
    assert half[:10].max() == half[20:].max() == 0
    assert np.array_equal(half[10:20], conform(wide, (10, 30), None))


def test_a_long_and_narrow_image_is_cropped_and_padded_without_a_large_one_in_between():
    line = np.full((1, 20_000_000, 1), 9, np.uint8)
    assert np.unique(conform(line, (4096, 4096), None, "crop")).tolist() == [9]
    assert conform(line, (64, 64), None, "pad").sum() == 9 * 64  # one row of it


def sixteen_bits(values, significant):
    raw = encode(Image.fromarray(values.astype(np.uint16)))
    return raw[:33] + chunk(b"sBIT", bytes([significant])) + raw[33:]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_values_of_fewer_bits_than_16_are_scaled_if_the_file_says_so_and_they_are_not_yet(read, bits):
    values = np.random.default_rng(bits).integers(0, 1 << bits, (6, 8))
    spare, eight = 16 - bits, (values >> bits - 8)[:, :, None].tolist()
    assert read(sixteen_bits(values, bits)).tolist() == eight
    assert read(sixteen_bits(values << spare, bits)).tolist() == eight
    assert read(sixteen_bits(values << spare | values >> bits - spare, bits)).tolist() == eight
    dark = values >> 16 - bits + 2  # scaled by the specification, but of a dark image
    for scaled in (dark << spare, np.rint(dark * (65535 / ((1 << bits) - 1))).astype(int)):
        assert read(sixteen_bits(scaled, bits)).tolist() == (scaled >> 8)[:, :, None].tolist()


def test_a_header_says_what_will_be_read(tmp_path):
    path, exif = tmp_path / "image", Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(GRAY.astype(np.uint16) << 8)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        image = Image.fromarray(COLOR).convert(mode)
        for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM"):
            for options in ({}, {"exif": exif}):
                try:
                    image.save(path, kind, **options)
                except (OSError, ValueError):
                    continue  # a kind that has no such mode
                header = read_header(path)
                assert header[:2] == (read_image(path).shape, False), (mode, kind)
                assert header.turned is (header.shape[:2] != image.size[::-1]), (mode, kind)
    for kind in ("PNG", "TIFF"):
        deep.save(path, kind)
        assert read_header(path) == ((6, 8, 1), True, False)
    path.write_bytes(b"P5 8 6 65535\n" + (GRAY.astype(">u2") << 8).tobytes())
    assert read_header(path) == ((6, 8, 1), False, False)
    Image.fromarray(GRAY).convert("P").save(path, "GIF")  # a palette of grays
    assert read_header(path).shape == read_image(path).shape == (6, 8, 1)
