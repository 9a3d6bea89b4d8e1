"""Readers as one might write them: the alarms must ring at each.

They hide what they stumble over behind an error of ours, so that it is not by an exception that they are found out.
"""

import gzip
import io
import math
import pickle
import struct
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from hostile.good_files import MODEL_MEMBERS
from hostile.readers import READERS, Reader
from imgclf.errors import DataError, RunError


def hushed(read: Callable[[Path], object], path: Path) -> object:
    try:
        return read(path)
    except Exception as error:
        raise DataError(path.name, "damaged") from error


def naive(like: str, read: Callable[[Path], object], **changes: object) -> Reader:
    """Return a reader of the same files that reads them so, and hides what goes wrong."""
    return replace(READERS[like], read=partial(hushed, read), errors=DataError, **{"bombs": {}, **changes})


def unpickle(path: Path) -> object:
    return str(pickle.loads(path.read_bytes(), encoding="bytes"))


def load_objects(path: Path) -> object:
    with np.load(path, allow_pickle=True) as arrays:
        return {name: str(arrays[name]) for name in arrays}


def yaml_of_any_kind(path: Path) -> object:
    return yaml.load(path.read_bytes(), yaml.UnsafeLoader)


def believe_the_size(path: Path) -> object:
    raw = path.read_bytes()
    dimensions = raw[3]
    shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    data = np.empty(math.prod(shape), np.uint8)
    return io.BytesIO(raw[4 + 4 * dimensions :]).readinto(data)


def all_parts(path: Path) -> object:
    if path.read_bytes()[:2] != b"\x1f\x8b":
        return None
    with gzip.open(path) as file:
        return file.read()


def unpack(path: Path) -> object:
    with tarfile.open(path) as tar:
        for member in tar:
            # Of a name only the last part, or the control itself would write anywhere.
            (path.parent / f"unpacked {Path(member.name).name}").write_bytes(tar.extractfile(member).read())
    return None


def weights_without_checksum(path: Path) -> object:
    """Read the arrays by their lengths in a model file, whatever the checksums say."""
    raw = path.read_bytes()
    return [raw[at : at + 400] for name in MODEL_MEMBERS if (at := raw.find(name.encode())) >= 0]


def complain(path: Path) -> object:
    gzip.decompress(path.read_bytes())
    warnings.warn("unexpected", stacklevel=1)
    return None


def tell(path: Path, where: object, problem: str) -> object:
    if path.read_bytes() == READERS["CSV table"].files[0].good:
        return None
    raise RunError(where, problem)


NAMED = "a gzip name of 50 MB"
NAIVE: dict[str, Reader] = {
    "unpickles": naive("CIFAR pickle", unpickle),
    "loads objects": naive("npz", load_objects),
    "builds any YAML": naive("YAML", yaml_of_any_kind),
    "believes the size": naive("IDX", believe_the_size, files=READERS["IDX"].files[:1]),
    "has all the time": naive(
        "IDX", all_parts, files=READERS["IDX"].files[:1], bombs={NAMED: READERS["IDX"].bombs[NAMED]}
    ),
    "unpacks": naive("tar.gz", unpack),
    "has no checksum": naive("model", weights_without_checksum),
    "warns": naive("tar.gz", complain, files=READERS["tar.gz"].files[:2]),
    "says too much": replace(READERS["CSV table"], read=lambda path: tell(path, path, "x" * 301)),
    "says nothing of the file": replace(READERS["CSV table"], read=lambda path: tell(path, "file", "damaged")),
    "raises anything": replace(READERS["YAML"], read=lambda path: path.read_bytes().decode("ascii")),
}
