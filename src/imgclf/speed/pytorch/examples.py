"""Examples on a device: sent once and kept, or for each step."""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from imgclf.arrays import IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess

Tensor: TypeAlias = Any
Thing = TypeVar("Thing")
Made = TypeVar("Made")

STORED = ("uint8", "float16", "float32", "float64")  # types that NumPy and PyTorch share
SHARE = 0.7  # of a card's free memory that examples may take: steps need some
REMEMBERED = 8  # data sets and preprocessings: a run has two of one and one of the other


def send(array: NDArray[Any], device: str) -> Tensor:
    """Copy an array to a device, in its order in memory."""
    if not (array.flags.writeable and array.flags.forc):  # PyTorch takes no others
        array = array.copy(order="K")
    here = torch.from_numpy(array)
    # A copy begins on a line of the cache, always: on what is not, a processor may add in another order.
    # What is pinned travels at full speed, while this thread goes on.
    return here.clone() if device == "cpu" else here.pin_memory().to(device, non_blocking=True)


def fetch(tensor: Tensor) -> NDArray[Any]:
    """Return the array of a tensor, in its order in memory."""
    if tensor.device.type != "cpu":
        tensor = torch.empty_like(tensor, device="cpu", pin_memory=True).copy_(tensor)
    found: NDArray[Any] = tensor.numpy()
    return found


def room_on(device: str) -> int:
    """Return the number of bytes that examples may take; none on the processor, whose memory they are in already."""
    return int(SHARE * torch.cuda.mem_get_info()[0]) if device == "cuda" else 0


class DeviceReader:
    """Read examples onto a device: X (n, D) and y (n,)."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._lock = Lock()
        self._made: dict[int, tuple[object, Any]] = {}

    def __call__(self, read: ReadFn, rows: IntArray) -> tuple[Tensor, Tensor]:
        """Preprocess what is stored on the device; what is no plain `Reader` reads here, such as mirrored images."""
        if not isinstance(read, Reader) or read.dataset.images.dtype.name not in STORED:
            X, y = read(rows)
            return send(X, self.device), send(y.astype(np.int64), self.device)
        pixels, y = self._once(read.dataset, self._source)(rows)
        center, factor = self._once(read.preprocess, self._constants)
        return preprocessed(pixels, read.preprocess, center, factor), y

    def _source(self, dataset: Dataset) -> "Sent | Kept":
        needed = len(dataset) * dataset.images[:1].nbytes
        return Kept(dataset, self.device) if needed <= room_on(self.device) else Sent(dataset, self.device)

    def _constants(self, preprocess: Preprocess) -> tuple[Tensor | None, Tensor | None]:
        both = preprocess.center, preprocess.factor
        center, factor = (None if one is None else send(np.array(one), self.device) for one in both)
        return center, factor

    def _once(self, thing: Thing, make: Callable[[Thing], Made]) -> Made:
        """Return what is made of a thing, the same one each time; things are told apart by identity."""
        with self._lock:
            if id(thing) not in self._made:
                if len(self._made) == REMEMBERED:
                    del self._made[next(iter(self._made))]
                self._made[id(thing)] = thing, make(thing)  # while the thing is held, no other gets its id
            made: Made = self._made[id(thing)][1]
            return made


class Sent:
    """Examples of a data set, sent whenever they are asked for."""

    def __init__(self, dataset: Dataset, device: str) -> None:
        self.dataset, self.device = dataset, device

    def __call__(self, rows: IntArray) -> tuple[Tensor, Tensor]:
        """Return the stored numbers (n, D) and y (n,)."""
        pixels = self.dataset.pixels(rows).reshape(len(rows), -1)
        return send(pixels, self.device), send(self.dataset.y_of(rows), self.device)


class Kept(Sent):
    """Examples of a data set, sent when they are first asked for, and kept as they are stored."""

    def __init__(self, dataset: Dataset, device: str) -> None:
        super().__init__(dataset, device)
        few = dataset.images[:1].reshape(1, -1)
        N, like = len(dataset), torch.from_numpy(few[:0].copy())
        self._pixels = torch.empty((N, few.shape[1]), dtype=like.dtype, device=device)
        self._y = torch.empty(N, dtype=torch.int64, device=device)
        self._there = np.zeros(N, bool)

    def __call__(self, rows: IntArray) -> tuple[Tensor, Tensor]:
        """Return the stored numbers (n, D) and y (n,)."""
        new = rows[~self._there[rows]]
        if len(new):
            at = send(new.astype(np.int64), self.device)
            self._pixels[at], self._y[at] = super().__call__(new)
            self._there[new] = True
        at = send(rows.astype(np.int64), self.device)
        return self._pixels[at], self._y[at]


def preprocessed(pixels: Tensor, preprocess: Preprocess, center: Tensor | None, factor: Tensor | None) -> Tensor:
    """Return X (n, D) = (pixels - center) * factor, as `Preprocess.apply` does; it may overwrite pixels."""
    dtype = getattr(torch, preprocess.dtype)
    X = unit_rows(pixels, dtype) if preprocess.norm else pixels
    if center is not None and X.element_size() > dtype.itemsize:
        X = (X - center).to(dtype)  # the difference first, as there
    else:
        X = X.to(dtype)
        if center is not None:
            X -= center
    if factor is not None:
        X *= factor
    return X


def unit_rows(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Divide each row (n, D) by its length, as `preprocess.unit_rows` does."""
    rows = values.to(torch.promote_types(values.dtype, dtype))
    largest = rows.abs().amax(dim=1, keepdim=True)
    rows = rows / torch.where(largest > 0, largest, 1)
    return rows / rows.square().sum(dim=1, keepdim=True).clamp(min=1).sqrt()
