"""The table of readers: what is changed, how the program reads it, and what it may say and need."""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hostile import words
from hostile.good_files import (
    ABOUT,
    ANNOTATIONS,
    ARRAY_NAMES,
    ARRAYS,
    BATCH,
    CHECKPOINT,
    CHECKPOINT_MEMBERS,
    CLASS_FILE,
    CONFIGS,
    CSV_BARE,
    CSV_CELLS,
    CSV_FEATURES,
    CSV_IMAGES,
    CSV_PIXELS,
    DEEP_PNG_PARTS,
    EMNIST_IMAGES_FILE,
    EMNIST_LABELS_FILE,
    EXIF,
    FEATURES,
    FROM_PYTHON_2,
    GRAY_ROWS,
    IDX_IMAGES,
    IDX_IMAGES_FILE,
    IDX_LABELS,
    IDX_LABELS_FILE,
    LARGE,
    META,
    MODEL,
    MODEL_MEMBERS,
    NAMES,
    NPY_FILES,
    PACK,
    PATH,
    PATH_MEMBERS,
    PNG_PARTS,
    RECORDS,
    RUN,
    SECOND_HEADER,
    TABLE,
    TAR,
    XMP,
    ZEROS,
    File,
    about,
    bitmap_with_alpha,
    cut,
    deep_tiff,
    encoded,
    gif_with_comment,
    gzipped,
    many_clear_codes,
    many_scans,
    pickle_of,
    png,
    resealed,
    tiff_of,
    webp_canvas,
    with_chunks,
    with_exif,
    with_headers,
    with_name,
    with_segments,
    zip_of,
)
from imgclf.config import dump, resolve
from imgclf.config.problems import ConfigError
from imgclf.data.dataset import Dataset
from imgclf.data.sources import cifar10, folder, idx, npz, pack, recognize
from imgclf.data.sources.csv import loading as csv_loading
from imgclf.errors import DataError, ImgclfError, RunError
from imgclf.files.archive import find_folder
from imgclf.files.images import read_header, read_image, settled_warnings
from imgclf.run import run_dir
from imgclf.run.checkpoint import checkpoint_bytes, read_checkpoint
from imgclf.run.environment import compare_environment
from imgclf.run.learning import read_path
from imgclf.run.model_file import load_model, model_bytes
from imgclf.run.opening import config_of_run
from imgclf.run.run_dir import read_table

MB = 1 << 20


@dataclass(frozen=True)
class Bomb:
    """A file that takes a careless reader much time or memory; it is made when it is tried."""

    make: Callable[[], bytes]
    refused: bool  # or read


@dataclass(frozen=True)
class Reader:
    """One way in.

    read     (path) -> what was read, all of it looked at; path is the changed file, in a folder with the others
    files    what is changed, one at a time
    errors   the one kind that it may raise
    good     files that must be there beside: name -> bytes
    words    pieces of the format, to be put anywhere
    memory   bytes that it may reserve beside twice the file
    bombs    what is tried in place of the first file, by name
    checked  whether a sealed file that was changed reads as the same, or not at all
    named    what an error may name in place of the file
    """

    read: Callable[[Path], object]
    files: tuple[File, ...]
    errors: type[ImgclfError] = DataError
    good: Mapping[str, bytes] = field(default_factory=dict)
    words: Sequence[bytes] = ()
    memory: int = 64 * MB
    bombs: Mapping[str, "Bomb"] = field(default_factory=dict)
    checked: bool = False
    named: tuple[str, ...] = ()


def look(found: Mapping[str, Dataset]) -> dict[str, str]:
    """Look at every pixel, label and name, as training does."""
    return {split: dataset.fingerprint for split, dataset in found.items()}


def cifar_folder(path: Path) -> object:
    return look(cifar10.load(path.parent, ("test",)))


def cifar_archive(path: Path) -> object:
    find_folder(path, ["cifar-10-batches-py"])
    return look(cifar10.load(path, ("test",)))


def idx_folder(path: Path) -> object:
    return look(idx.load(path.parent, ("train", "val", "test")))


def npz_file(path: Path) -> object:
    assert recognize(path) == "npz"
    return look(npz.load(path, ("train", "val", "test"))), npz.read_examples(path)[0].shape


def csv_file(path: Path) -> object:
    assert recognize(path) == "csv"
    return look(csv_loading.load(path, ("train", "val", "test"))), csv_loading.warnings(path)


def csv_folder(path: Path) -> object:
    assert recognize(path.parent) == "csv"
    return look(csv_loading.load(path.parent, ("train", "val", "test")))


def npy_folder(path: Path) -> object:
    return look(npz.load(path.parent, ("train", "val", "test"))), npz.read_examples(path.parent)[0].shape


def pack_folder(path: Path) -> object:
    return look(pack.load(path.parent, ("train", "val", "test")))


def image_file(path: Path) -> object:
    pixels = read_image(path)
    return pixels.shape, pixels.tobytes()


def image_header(path: Path) -> object:
    with settled_warnings():
        return read_header(path)


def class_folders(path: Path) -> object:
    return look(folder.load(path.parent.parent, ("train",)))


def annotated_folder(path: Path) -> object:
    return look(folder.load(path.parent.parent, ("train", "val")))


def config_file(path: Path) -> object:
    return dump(resolve([path]).config)


def model_file(path: Path) -> object:
    return model_bytes(load_model(path))


def run_folder(path: Path) -> object:
    """Read what a run directory holds beside its model and checkpoints, as eval, verify and --resume do."""
    run = path.parent
    config, metrics = dump(config_of_run(run)), run_dir.read_metrics(run)
    rows = run_dir.table_lines(run / "metrics.csv")
    return config, metrics, rows, run_dir.read_status(run), compare_environment(run, {"cpu": "y"})


def path_file(path: Path) -> object:
    found = read_path(path.parent)
    assert found is not None
    return found.steps.tobytes(), found.weights.tobytes()


def checkpoint_file(path: Path) -> object:
    return checkpoint_bytes(read_checkpoint(path))


IMAGES = (
    *(File("picture", (with_exif(form),)) for form in ("PNG", "JPEG", "WEBP")),
    *(File("picture", (encoded(form),)) for form in ("BMP", "GIF", "PPM")),
    File("picture", (encoded("JPEG", progressive=True),)),
    File("picture", (encoded("JPEG", LARGE),)),
    File("picture", (encoded("WEBP", lossless=True),)),
    File("picture", (encoded("PNG", GRAY_ROWS),)),
    File("picture", (bitmap_with_alpha(),)),
    *(File("picture", (encoded("TIFF", compression=how),)) for how in (None, "tiff_lzw", "packbits")),
    File("picture", (encoded("TIFF", LARGE[:500, :400], compression="tiff_adobe_deflate", tiffinfo={317: 2}),)),
    File("picture", (encoded("TIFF", GRAY_ROWS),)),
    File("picture", (deep_tiff(),)),
    File("picture", PNG_PARTS, png),
    File("picture", DEEP_PNG_PARTS, png),
)
READERS: dict[str, Reader] = {
    "CIFAR pickle": Reader(
        cifar_folder,
        (
            File("test_batch", (pickle_of(BATCH),)),
            File("test_batch", (FROM_PYTHON_2,)),
            File("test_batch", (pickle_of(BATCH, 4),)),
            File("test_batch", (pickle_of(BATCH, 5),)),
            File("batches.meta", (pickle_of(META),)),
        ),
        good={"test_batch": pickle_of(BATCH), "batches.meta": pickle_of(META)},
        words=words.PICKLE,
    ),
    "CIFAR binary": Reader(
        cifar_folder,
        (File("test_batch.bin", (RECORDS,)), File("batches.meta.txt", ("\n".join(NAMES).encode(),))),
        good={"test_batch.bin": RECORDS, "batches.meta.txt": "\n".join(NAMES).encode()},
    ),
    "tar.gz": Reader(
        cifar_archive,
        (
            File("cifar-10.tar.gz", (gzipped(TAR),)),
            File("cifar-10.tar.gz", (TAR,), gzipped),
            File("cifar-10.tar.gz", cut(TAR, 512, SECOND_HEADER, SECOND_HEADER + 512), with_headers),
            File("cifar-10.tar", (TAR,)),
        ),
        words=words.TAR,
        memory=192 * MB,
    ),
    "IDX": Reader(
        idx_folder,
        (
            File(IDX_IMAGES_FILE, (IDX_IMAGES,)),
            File(IDX_IMAGES_FILE, (gzipped(IDX_IMAGES),)),
            File(IDX_IMAGES_FILE, (IDX_IMAGES,), gzipped),
            File(IDX_LABELS_FILE, (IDX_LABELS,)),
            File("class_names.txt", (CLASS_FILE,)),
        ),
        good={IDX_IMAGES_FILE: IDX_IMAGES, IDX_LABELS_FILE: IDX_LABELS, "class_names.txt": CLASS_FILE},
        named=(IDX_LABELS_FILE,),
        memory=192 * MB,
        bombs={
            "100,000 gzip parts": Bomb(lambda: gzipped(b"") * 100_000 + gzipped(IDX_IMAGES), refused=False),
            "a gzip name of 50 MB": Bomb(lambda: with_name(gzipped(IDX_IMAGES), b"n" * 50_000_000), refused=True),
        },
    ),
    "npz": Reader(
        npz_file,
        (
            File("data.npz", (zip_of(*ARRAY_NAMES)(*ARRAYS),)),
            File("data.npz", (zip_of(*ARRAY_NAMES, compression=zipfile.ZIP_DEFLATED)(*ARRAYS),)),
            File("data.npz", ARRAYS, zip_of(*ARRAY_NAMES)),
            File("data.npz", FEATURES, zip_of(*ARRAY_NAMES[:2], compression=zipfile.ZIP_DEFLATED)),
        ),
        words=words.ZIP,
        memory=192 * MB,
    ),
    "CSV of images": Reader(
        csv_folder,
        (File("labels.csv", (CSV_IMAGES,)),),
        good={**dict.fromkeys(["a.png", "in/b.png", "in/c.png"], encoded("PNG")), "labels.csv": CSV_IMAGES},
        words=[*words.CSV, *words.PATHS],
    ),
    "CSV of numbers": Reader(
        csv_file,
        (
            File("data.csv", (CSV_PIXELS,)),
            File("data.csv", (CSV_CELLS,)),
            File("data.csv", (CSV_FEATURES.encode(),)),
            File("data.csv", (CSV_FEATURES.encode("utf-16"),)),
            File("data.csv", (CSV_BARE,)),
        ),
        words=words.CSV,
        memory=192 * MB,
        bombs={
            "a line of 200 MB": Bomb(lambda: b"1," * 100_000_000, refused=True),
            "a million columns": Bomb(lambda: b"label" + b",x" * 1_000_000 + b"\n" * 1_000_000, refused=True),
            "a million pixels in a cell": Bomb(lambda: b"label,pixels\n0," + b"1 " * 1_000_000, refused=True),
            "65,536 pixels in each of 100 cells": Bomb(
                lambda: b"label,pixels\n" + (b"0," + b" ".join([b"1"] * 65_536) + b"\n") * 100, refused=False
            ),
            "a million columns of a number": Bomb(lambda: b"label" + b",x" * 1_000_000 + b"\n1", refused=True),
            "a cell without an end": Bomb(lambda: b'a,b\n"' + b"x\n" * 10_000_000, refused=True),
            "a million empty lines": Bomb(lambda: CSV_BARE + b"\n" * 1_000_000, refused=False),
        },
    ),
    "npy": Reader(
        npy_folder,
        tuple(File(name, (raw,)) for name, raw in NPY_FILES.items()),
        good=NPY_FILES,
        words=words.NPY,
        named=tuple(NPY_FILES),
    ),
    "EMNIST": Reader(
        idx_folder,
        (File(EMNIST_IMAGES_FILE, (IDX_IMAGES,)), File(EMNIST_LABELS_FILE, (IDX_LABELS[:-3] + b"\1\3\2",))),
        good={EMNIST_IMAGES_FILE: IDX_IMAGES, EMNIST_LABELS_FILE: IDX_LABELS[:-3] + b"\1\3\2"},
        named=(EMNIST_LABELS_FILE,),
        memory=192 * MB,
    ),
    "pack": Reader(
        pack_folder,
        tuple(File(name, (raw,)) for name, raw in PACK.items()),
        good=PACK,
        words=[*words.NPY, *words.JSON],
        named=tuple(PACK),
    ),
    "images": Reader(
        image_file,
        IMAGES,
        words=words.IMAGE,
        memory=1024 * MB,  # as docs/data.md says
        bombs={
            "a JPEG of 1,000 scans": Bomb(many_scans, refused=True),
            "a JPEG of 1,500 EXIF segments": Bomb(lambda: with_segments(0xE1, EXIF, 1500), refused=False),
            "a JPEG of a million comments": Bomb(lambda: with_segments(0xFE, b"", 1_000_000), refused=True),
            "a PNG of a million texts": Bomb(lambda: with_chunks(b"tEXt", b"a\0b", 1_000_000), refused=True),
            "a PNG of much text": Bomb(lambda: with_chunks(b"zTXt", b"a\0\0" + ZEROS), refused=False),
            "a PNG of much XMP": Bomb(lambda: with_chunks(b"iTXt", XMP + ZEROS), refused=False),
            "a PNG of a large profile": Bomb(lambda: with_chunks(b"iCCP", b"a\0\0" + ZEROS), refused=False),
            "a PNG of much EXIF": Bomb(lambda: with_chunks(b"eXIf", EXIF[6:] * 200), refused=False),
            "a GIF of a long comment": Bomb(gif_with_comment, refused=False),
            "a PGM of a long comment": Bomb(lambda: b"P5\n#" + b"c" * 50_000_000 + b"\n1 1 255\nx", refused=False),
            "a PGM of many comments": Bomb(lambda: b"P2 1 1 255\n" + b"#\n" * 1_000_000 + b"7\n", refused=False),
            "a WebP of 4 gigapixels": Bomb(webp_canvas, refused=True),
            "a TIFF of 16 exapixels": Bomb(lambda: tiff_of((256, 2**32 - 1), (257, 2**32 - 1)), refused=True),
            "a TIFF of a million strips": Bomb(lambda: tiff_of((257, 2**20), (278, 1)), refused=True),
            "a TIFF that begins anew with each code": Bomb(many_clear_codes, refused=True),
        },
    ),
    "image headers": Reader(image_header, IMAGES, words=words.IMAGE, memory=256 * MB),
    "image folder": Reader(
        class_folders,
        (File("data/cat/1.png", (encoded("PNG"),)), File("data/cat/1.png", (encoded("BMP"),))),
        good={"data/cat/1.png": encoded("PNG"), "data/dog/1.png": encoded("PNG"), "data/dog/2.png": encoded("PNG")},
        words=words.IMAGE,
        memory=1024 * MB,
    ),
    "annotated folder": Reader(
        annotated_folder,
        (File("data/val/val_annotations.txt", (ANNOTATIONS,)),),
        good={
            "data/val/val_annotations.txt": ANNOTATIONS,
            **{f"data/val/images/{n}.png": encoded("PNG") for n in range(3)},
            **{f"data/train/{name}/1.png": encoded("PNG") for name in ("cat", "dög")},
        },
        words=[b"\t", b"\n", b"../", b"0.png", b"\0", b"\xff", b"\x1b[2J", b"\r", b"/"],
        named=("data/val",),
    ),
    "YAML": Reader(
        config_file,
        tuple(File("config.yaml", (text.encode(),)) for text in CONFIGS),
        errors=ConfigError,
        words=words.YAML,
    ),
    "model": Reader(
        model_file,
        (
            File("model.npz", (MODEL,)),
            File("model.npz", tuple(MODEL_MEMBERS.values()), zip_of(*MODEL_MEMBERS), sealed_inside=True),
            File("model.npz", (ABOUT,), about),
            File("model.npz", tuple(MODEL_MEMBERS.values())[1:], resealed),
        ),
        errors=RunError,
        words=[*words.ZIP, *words.JSON],
        memory=192 * MB,
        checked=True,
    ),
    "checkpoint": Reader(
        checkpoint_file,
        (
            File("checkpoint.npz", (CHECKPOINT,)),
            File("checkpoint.npz", tuple(CHECKPOINT_MEMBERS.values()), zip_of(*CHECKPOINT_MEMBERS), sealed_inside=True),
        ),
        errors=RunError,
        words=[*words.ZIP, *words.JSON],
        memory=192 * MB,
        checked=True,
    ),
    "path of learning": Reader(
        path_file,
        (
            File("path.npz", (PATH,)),
            File("path.npz", tuple(PATH_MEMBERS.values()), zip_of(*PATH_MEMBERS), sealed_inside=True),
        ),
        errors=RunError,
        words=words.ZIP,
        memory=192 * MB,
        checked=True,
    ),
    "run directory": Reader(
        run_folder,
        tuple(File(name, (raw,)) for name, raw in RUN.items()),
        errors=RunError,
        good=RUN,
        words=[*words.JSON, *words.YAML],
        named=("config.yaml",),
    ),
    "CSV table": Reader(
        read_table,
        (File("metrics.csv", (TABLE,)),),
        errors=RunError,
        words=words.CSV,
    ),
}  # fmt: skip
