"""Read and write .npz files with a checksum.

The array `sha256` is a digest over the names, types, shapes and bytes of all others. A zip's own checksums have 32 bits
each, and cover neither the names of the members nor which members there should be.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.errors import DataError
from imgclf.files.npz import read_npz

SEAL, ABOUT = "sha256", "about"
FORMAT = 1


def sealed_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    sealed: dict[str, Any] = {SEAL: np.array(digest(arrays)), **arrays}
    np.savez(buffer, **sealed)
    return buffer.getvalue()


def read_sealed_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays, without the seal; raises DataError where the digest does not match."""
    arrays = read_npz(path)
    seal = arrays.pop(SEAL, None)
    if seal is None or str(seal) != digest(arrays):
        raise DataError(path, "checksum mismatch", "the file is damaged or was edited")
    return arrays


def described_npz(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return a sealed file of arrays and their description, as JSON with the number of the format."""
    return sealed_npz({ABOUT: np.array(json.dumps({"format": FORMAT, **about})), **arrays})


def read_described_npz(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read description and arrays; raises ValueError or RecursionError for invalid JSON or another format."""
    arrays = read_sealed_npz(path)
    about = json.loads(str(arrays.pop(ABOUT, "null")))
    if not isinstance(about, dict):
        raise ValueError("it has no description")
    if (number := about.pop("format", None)) != FORMAT:
        is_newer = isinstance(number, int) and number > FORMAT
        needed = "needs a newer imgclf" if is_newer else f"is not {FORMAT}, which this imgclf reads"
        raise ValueError(f"format {str(number)[:20]} {needed}")
    return about, arrays


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and bytes, in hexadecimal digits."""
    seen = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        seen.update(repr((name, array.dtype.str, array.shape)).encode())
        seen.update(np.ascontiguousarray(array).tobytes())
    return seen.hexdigest()
