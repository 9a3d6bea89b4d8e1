"""Small data sets in the layout of the real ones."""

import io
import pickle
import tarfile
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

TEN = [f"class{n}" for n in range(10)]
HUNDRED = [f"fine{n:02}" for n in range(100)]
TWENTY = [f"coarse{n:02}" for n in range(20)]


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 wrote: text and bytes alike as its one string type, and numpy's old names."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        raw = text.encode("ascii") if isinstance(text, str) else text
        if len(raw) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw)
        else:
            self.write(pickle.BINSTRING + len(raw).to_bytes(4, "little") + raw)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = save_string

    def save_global(self, thing, name=None):
        known = {np.ndarray: b"numpy\nndarray", np.dtype: b"numpy\ndtype"}
        self.write(pickle.GLOBAL + known.get(thing, b"numpy.core.multiarray\n_reconstruct") + b"\n")
        self.memoize(thing)

    dispatch[type] = save_global


def python_2_pickle(thing):
    buffer = io.BytesIO()
    Python2Pickler(buffer, 2).dump(thing)
    return buffer.getvalue()


def batches(classes, lengths, seed):
    chance = np.random.default_rng(seed)
    return {
        name: (chance.integers(0, 256, (n, 3072), dtype=np.uint8), chance.integers(0, classes, n).tolist())
        for name, n in lengths.items()
    }


def write_cifar10(root):
    """Write both forms and the archive; returns (pixels (n, 3072), labels) of each batch."""
    made = batches(10, {**{f"data_batch_{n}": 5 + n for n in range(1, 6)}, "test_batch": 7}, 1)
    python, binary = root / "cifar-10-batches-py", root / "cifar-10-batches-bin"
    python.mkdir(parents=True)
    binary.mkdir()
    for name, (data, labels) in made.items():
        files = [f"{name}_{row}.png" for row in range(len(labels))]
        content = {"batch_label": name, "labels": labels, "data": data, "filenames": files}
        (python / name).write_bytes(python_2_pickle(content))
        (binary / f"{name}.bin").write_bytes(np.column_stack([np.uint8(labels), data]).tobytes())
    meta = {"num_cases_per_batch": 10, "label_names": TEN, "num_vis": 3072}
    (python / "batches.meta").write_bytes(python_2_pickle(meta))
    (binary / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n")
    for folder, name in ((python, "cifar-10-python.tar.gz"), (binary, "cifar-10-binary.tar.gz")):
        with tarfile.open(root / name, "w:gz", compresslevel=1) as tar:
            tar.add(folder, folder.name)
    return made


def write_cifar100(root):
    """Write both forms; returns (pixels, fine labels) of each split. The coarse label is a fifth of the fine."""
    made = batches(100, {"train": 40, "test": 9}, 2)
    python, binary = root / "cifar-100-python", root / "cifar-100-binary"
    python.mkdir(parents=True)
    binary.mkdir()
    for name, (data, fine) in made.items():
        coarse = [label // 5 for label in fine]
        content = {"fine_labels": fine, "coarse_labels": coarse, "data": data}
        (python / name).write_bytes(python_2_pickle(content))
        (binary / f"{name}.bin").write_bytes(np.column_stack([np.uint8(coarse), np.uint8(fine), data]).tobytes())
    meta = {"fine_label_names": HUNDRED, "coarse_label_names": TWENTY}
    (python / "meta").write_bytes(python_2_pickle(meta))
    (binary / "fine_label_names.txt").write_text("\n".join(HUNDRED) + "\n")
    (binary / "coarse_label_names.txt").write_text("\n".join(TWENTY) + "\n")
    return made


@pytest.fixture(name="cifar")
def cifar_fixture():
    return SimpleNamespace(
        write_10=write_cifar10,
        write_100=write_cifar100,
        pickle=python_2_pickle,
        ten=TEN,
        hundred=HUNDRED,
        twenty=TWENTY,
    )
