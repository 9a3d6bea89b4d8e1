"""Good files of every format, in parts that may be changed.

A file that is not wrapped is changed as it lies on the disk. One that is wrapped is changed inside: what wraps it makes
the checksums and lengths right again, as an attacker would.
"""

import gzip
import io
import json
import pickle
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imgclf.config import dump, resolve
from imgclf.data.dataset import Dataset
from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.preprocess import Preprocess
from imgclf.errors import DataError
from imgclf.files.npy import read_header
from imgclf.files.sealed_npz import digest, sealed_npz
from imgclf.run.checkpoint import Checkpoint, checkpoint_bytes
from imgclf.run.model_file import model_bytes
from imgclf.trainer import TrainState
from imgclf.training.classifier import Model
from imgclf.training.early_stopping import Best
from imgclf.training.state import Snapshot, Tally


def as_it_is(raw: bytes) -> bytes:
    return raw


@dataclass(frozen=True)
class File:
    """A good file: `wrap` makes it from its parts; `sealed_inside`, one of them is a checksum of the others."""

    name: str
    parts: tuple[bytes, ...]
    wrap: Callable[..., bytes] = as_it_is
    sealed_inside: bool = False

    @property
    def good(self) -> bytes:
        return self.wrap(*self.parts)

    @property
    def sealed(self) -> bool:
        """Whether a checksum stays as it was: it is changed as it lies on the disk, or has one of its own inside."""
        return self.wrap is as_it_is or self.sealed_inside


SOME = np.random.default_rng(0)
GRAY = (np.arange(48, dtype=np.uint8) * 5).reshape(6, 8)
COLOR = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=2)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zip_of(*names: str, compression: int = zipfile.ZIP_STORED) -> Callable[..., bytes]:
    """Return what makes a zip of members, its checksums right."""

    def wrap(*parts: bytes) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", compression) as archive:
            for name, raw in zip(names, parts, strict=True):
                archive.writestr(zipfile.ZipInfo(name), raw, compression)
        return stream.getvalue()

    return wrap


def gzipped(raw: bytes) -> bytes:
    return gzip.compress(raw, 1, mtime=0)


def with_name(raw: bytes, name: bytes) -> bytes:
    """Return a gzip file with a name in its header."""
    return raw[:3] + b"\x08" + raw[4:10] + name + b"\0" + raw[10:]


NAMES = [f"class{n}" for n in range(10)]
ROWS, LABELS = SOME.integers(0, 256, (3, 3072), dtype=np.uint8), [3, 0, 9]
META, BATCH = (
    {b"label_names": NAMES, b"num_vis": 3072},
    {b"data": ROWS, b"labels": LABELS, b"filenames": [b"a.png", "b"]},
)
FROM_PYTHON_2 = (
    b"\x80\x02}q\x00(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    b"(K\x01K\x03M\x00\x0c\x86"
    b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
    + struct.pack("<i", ROWS.size)
    + ROWS.tobytes()
    + b"tbU\x06labels](K\x03K\x00K\x09eu."
)
PY, BIN = "cifar-10-batches-py", "cifar-10-batches-bin"
RECORDS = b"".join(bytes([label]) + row.tobytes() for label, row in zip(LABELS, ROWS, strict=True))


def pickle_of(content: object, protocol: int = 2) -> bytes:
    return pickle.dumps(content, protocol)


def tar_of(*members: bytes) -> bytes:
    """Return the archive of the names and a batch."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, raw in zip((f"{PY}/batches.meta", f"{PY}/test_batch"), members, strict=True):
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return stream.getvalue()


def with_headers(first: bytes, content: bytes, second: bytes, rest: bytes) -> bytes:
    """Return an archive whose two headers have the right checksums, whatever they say."""
    return gzipped(summed(first) + content + summed(second) + rest)


def summed(header: bytes) -> bytes:
    """Return a tar header of 512 bytes with its checksum."""
    raw = header[:512].ljust(512, b"\0")
    total = sum(raw[:148]) + 8 * 32 + sum(raw[156:])
    return raw[:148] + b"%06o\0 " % total + raw[156:]


def cut(raw: bytes, *places: int) -> tuple[bytes, ...]:
    return tuple(raw[begin:end] for begin, end in zip((0, *places), (*places, len(raw)), strict=True))


TAR = tar_of(pickle_of(META), pickle_of(BATCH))
SECOND_HEADER = 512 * (1 + -(-len(pickle_of(META)) // 512))
IDX_IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 3, 6, 8) + np.stack([GRAY, GRAY[::-1], GRAY]).tobytes()
IDX_LABELS = b"\0\0\x08\x01" + struct.pack(">I", 3) + bytes([1, 0, 2])
IDX_IMAGES_FILE, IDX_LABELS_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
CLASS_FILE = b"cat\ndog\nelk\n"
ARRAYS = (npy(np.stack([GRAY, GRAY[::-1], GRAY])), npy(np.array([2, 0, 1])), npy(np.array(["cat", "dög", "elk"])))
FEATURES = (npy(np.asfortranarray(SOME.random((3, 4)))), npy(np.array(["b", "a", "b"])))
NPY_FILES = {
    "X_train.npy": npy(SOME.random((3, 4)).astype("f2")), "y_train.npy": npy(np.array(["b", "a", "b"])),
    "images_test.npy": npy(COLOR[None] / 255), "labels_test.npy": npy(np.eye(3, dtype=np.uint8)[1:2]),
    "class_names.npy": npy(np.array(["a", "b", "dög"])),
}  # fmt: skip
EMNIST_IMAGES_FILE, EMNIST_LABELS_FILE = (f"emnist-letters-{name}" for name in (IDX_IMAGES_FILE, IDX_LABELS_FILE))
ARRAY_NAMES = ("X.npy", "y.npy", "class_names.npy")


CSV_IMAGES = b"file,label,split\na.png,cat,train\nin/b.png,dog,train\nin\\c,cat,test\n"
CSV_PIXELS = b"label," + b",".join(b"pixel%d" % n for n in range(48)) + b"\n"
CSV_PIXELS += b"".join(b"%d,%s\n" % (label, b",".join(b"%d" % n for n in GRAY.ravel())) for label in (3, 1, 4))
CSV_FEATURES = 'größe;b;class\n0.5;-1e3;cat\n1;2;"dög"\n.25;7;cat\n'
CSV_CELLS = b"emotion,pixels,Usage\n"
CSV_CELLS += b"".join(b"%d,%s,%s\n" % (n, b" ".join([b"%d" % n] * 64), b"Training") for n in (3, 1, 4))
CSV_BARE = b"5.1,3.5,1.4,setosa\r\n4.9,3,1.4,setosa\r\n7,3.2,4.7,versicolor\r\n"


def pack_files() -> dict[str, bytes]:
    """Return the files of a pack of pictures and of features."""
    labels, names = np.array([2, 0, 1]), ("cat", "dög", "elk")
    sets = {
        "train": Dataset.of(np.stack([COLOR, COLOR[::-1], COLOR]), labels, names),
        "test": Dataset.of(np.arange(12.0).reshape(3, 4), labels, names),
    }
    with tempfile.TemporaryDirectory() as place:
        list(write_pack(Path(place), {split: Content.of(one) for split, one in sets.items()}, "f"))
        return {path.name: path.read_bytes() for path in sorted(Path(place).iterdir())}


PACK = pack_files()


def encoded(form: str, image: np.ndarray = COLOR, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form, **options)
    return stream.getvalue()


def with_exif(form: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(form, exif=exif)


def bitmap_with_alpha() -> bytes:
    """Return a 32-bit BMP of version 5 whose alpha is 0 everywhere."""
    rows = np.dstack([COLOR[::-1, :, ::-1], np.zeros(COLOR.shape[:2], np.uint8)]).tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, 8, 6, 1, 32, 3, len(rows), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    front = struct.pack("<2sIHHI", b"BM", 138 + len(rows), 0, 0, 138)
    return (front + header + masks).ljust(138, b"\0") + rows


def deep_tiff() -> bytes:
    """Return a TIFF of 12 bits, which Pillow does not write."""
    tags = [(256, 8), (257, 6), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 6), (279, 72)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in tags)
    return b"II*\0" + struct.pack("<I", 80) + bytes(range(72)) + struct.pack("<H", 9) + entries + bytes(4)


def tiff_of(*tags: tuple[int, int]) -> bytes:
    """Return a small TIFF with other numbers under some of its tags."""
    raw = bytearray(deep_tiff())
    for tag, number in tags:
        at = raw.index(struct.pack("<HHI", tag, 4, 1), 82)
        raw[at + 8 : at + 12] = struct.pack("<I", number)
    return bytes(raw)


def many_clear_codes() -> bytes:
    """Return a TIFF of 25 million pixels in LZW that begins anew after each code."""
    codes = np.packbits(np.tile([1, 0, 0, 0, 0, 0, 0, 0, 0], 8)).tobytes() * (1 << 20)
    raw = tiff_of((256, 5000), (257, 5000), (258, 8), (259, 5), (278, 5000), (279, len(codes)), (273, 194))
    return raw.ljust(194, b"\0") + codes


def many_scans() -> bytes:
    """Return a progressive JPEG of 1,000 scans of 25 million pixels: 136 KB that take half a minute to decode."""
    raw = encoded("JPEG", np.zeros((512, 512), np.uint8), progressive=True)
    at = raw.index(b"\xff\xc2") + 5
    large = raw[:at] + struct.pack(">HH", 5000, 5000) + raw[at + 4 :]
    return large[:-2] + large[large.rindex(b"\xff\xda") : -2] * 1000 + large[-2:]


def with_segments(marker: int, content: bytes, number: int) -> bytes:
    """Return a JPEG with such a segment so many times after its start."""
    raw = encoded("JPEG")
    return raw[:2] + (struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content) * number + raw[2:]


def with_chunks(kind: bytes, content: bytes, number: int = 1) -> bytes:
    """Return a PNG with such a chunk so many times after its header."""
    raw = encoded("PNG")
    return raw[:33] + png_chunk(kind, content) * number + raw[33:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def webp_canvas() -> bytes:
    """Return a WebP that announces a canvas of 4 gigapixels."""
    return b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\0\xff\xff\0" + encoded("WEBP")[12:]


def gif_with_comment() -> bytes:
    """Return a GIF with a comment of 10 MB, which takes minutes to add up piece by piece."""
    raw = encoded("GIF")
    at = 13 + 3 * 2 ** ((raw[10] & 7) + 1)
    return raw[:at] + b"!\xfe" + (b"\xff" + b"c" * 255) * 40_000 + b"\0" + raw[at:]


def png(header: bytes, palette: bytes, extra: bytes, rows: bytes) -> bytes:
    """Return a PNG with the right checksums; extra is the name of a chunk and its content."""
    chunks = [
        (b"IHDR", header),
        (b"PLTE", palette),
        (extra[:4], extra[4:]),
        (b"IDAT", zlib.compress(rows, 1)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, raw) for kind, raw in chunks)


_PACKER = zlib.compressobj()
_START, _MEGABYTE = (
    _PACKER.flush(zlib.Z_FULL_FLUSH),
    _PACKER.compress(bytes(1 << 20)) + _PACKER.flush(zlib.Z_FULL_FLUSH),
)
ZEROS = _START + 4000 * _MEGABYTE  # 4 GB
LARGE = np.full((6500, 4000), 99, np.uint8)  # 26 megapixels, of a picture that is reduced
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\1\x0f\0\2\0\0\xf0\0\0\0\0\0" * 5000 + bytes(5517)
XMP = b"XML:com.adobe.xmp\0\1\0\0\0"
DEEP_ROWS = (b"\0" + bytes(range(48))) * 6
DEEP_PNG_PARTS = (struct.pack(">IIBBBBB", 8, 6, 16, 2, 0, 0, 0), b"", b"tRNS\0\1\2\3\4\5", DEEP_ROWS)
PNG_PARTS = (struct.pack(">IIBBBBB", 8, 6, 8, 3, 0, 0, 0), bytes(range(240)), b"tRNS\0\x80\xff", bytes(6 * 9))
GRAY_ROWS = GRAY.astype(np.uint16) << 8
VARIANTS = ("optimizer.name=adam", "schedule.name=step")
ANNOTATIONS = "0.png\tcat\t0\t1\n1.png\tdög\n2.png\tcat\t0\n".encode()
CONFIGS = (
    "name: a\nseed: 3\nmodel:\n  loss: svm\n  init_scale: 1.0e-3\ndata:\n  source: synthetic\n"
    "  path: null\n  val_fraction: .1\n  options: {classes: 3, size: [2, 'x']}\n",
    dump(
        resolve(
            (), ["optimizer.name=adam", "schedule.name=step", "early_stopping={}", "train.class_weight={cat: 2}"]
        ).config
    ),
)


def model() -> Model:
    mean, std = (SOME.random(12).astype("f4") + 1 for _ in range(2))
    return Model(
        SOME.random((13, 2)).astype("f4"),
        Preprocess((2, 2, 3), 255.0, mean, std, "float32"),
        ("cat", "dög"),
        "svm",
        1e-4,
        0.0,
        np.array([0.5, 2.0]),
    )


def members(raw: bytes) -> dict[str, bytes]:
    """Return what a zip holds, by name."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


MODEL = model_bytes(model())
MODEL_MEMBERS = members(MODEL)
ABOUT = str(np.load(io.BytesIO(MODEL_MEMBERS["about.npy"]))).encode()


def about(text: bytes) -> bytes:
    """Return a model file that says this of itself."""
    return resealed(npy(np.array(text.decode("utf-8", "replace"))), *list(MODEL_MEMBERS.values())[2:])


def resealed(*parts: bytes) -> bytes:
    """Return a model file of these members, and the checksum that is right for them if they are arrays."""
    names = list(MODEL_MEMBERS)[1:]
    arrays = {name.removesuffix(".npy"): array_of(raw) for name, raw in zip(names, parts, strict=True)}
    seal = npy(np.array(digest({name: array for name, array in arrays.items() if array is not None})))
    return zip_of(*MODEL_MEMBERS)(seal, *parts)


def array_of(raw: bytes) -> np.ndarray | None:
    """Return what the bytes of an npy file say, if it is as long as its header says."""
    stream = io.BytesIO(raw)
    try:
        shape, fortran, dtype = read_header(stream, "", "")
        flat = np.frombuffer(raw[stream.tell() :], dtype)
        return flat.reshape(shape, order="F" if fortran else "C")
    except (DataError, ValueError):
        return None


CHECKPOINT = checkpoint_bytes(
    Checkpoint(
        Snapshot(
            TrainState(7, SOME.random((5, 3), np.float32), {"velocity": SOME.random((5, 3), np.float32)}),
            epochs=2,
            tally=Tally(1.5, 3, 4),
            best=Best(1, 0.5, SOME.random((5, 3), np.float32)),
            previous_loss=1.25,
        ),
        tables={"metrics.csv": 100, "timings.csv": 50},
        fingerprints={"config": "a", "data": "b", "classes": "c", "order": "1"},
        losses=SOME.random(7),
    )
)
CHECKPOINT_MEMBERS = members(CHECKPOINT)
PATH = sealed_npz({"steps": np.array([0, 1, 3]), "weights": SOME.random((3, 5, 3), np.float32)})
PATH_MEMBERS = members(PATH)

TABLE = b"epoch,train/loss,val/loss\n0,2.302585092994046,\n1,0.30000000000000004,1e-300\n2,1.5,0.25\n"
RUN = {
    "config.yaml": CONFIGS[1].encode(),
    "status.json": b'{\n  "status": "finished"\n}\n',
    "environment.json": json.dumps({
        "started": "2026-01-02T03:04:05+00:00", "packages": {"numpy": "2.1.0"}, "cpu": "x",
        "blas": [{"internal_api": "openblas", "version": "0.3", "architecture": "Haswell"}],
    }).encode(),
    "metrics.json": b'{"train": {"objective": 0.5, "accuracy": 1.0, "n": 3}, "val": null}',
    "metrics.csv": TABLE,
}  # fmt: skip
