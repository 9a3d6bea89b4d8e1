"""Sample mini-batches as a function of the seed and the step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from imgclf.arrays import Batch, Examples, IntArray, ReadFn
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.numerics.random_streams import ORDER, shuffled

SampleFn = Callable[[int], Batch]


@dataclass(frozen=True, eq=False)
class Reader:
    """Read preprocessed examples of a data set by row index; kernels may ask how they are stored."""

    preprocess: Preprocess
    dataset: Dataset

    def __call__(self, rows: IntArray) -> Examples:
        """Return X (n, D) and y (n,)."""
        return Examples(self.preprocess.apply(self.dataset.pixels(rows)), self.dataset.y_of(rows))

    @cached_property
    def as_stored(self) -> "Reader":
        """The reader whose X are the stored pixels, only cast."""
        return replace(self, preprocess=replace(self.preprocess, scale=1.0, mean=None, std=None))


def steps_per_epoch(n: int, batch_size: int) -> int:
    """Return the number of batches in an epoch of n examples; the last one may be smaller."""
    return -(-n // batch_size)


def epoch_sampler(n: int, batch_size: int, seed: int, read: ReadFn) -> SampleFn:
    """Return sample(step) -> Batch: every epoch takes each of the n examples once, in its own random order.

    Stateless, except that the last two orders are cached.
    """
    per_epoch = steps_per_epoch(n, batch_size)

    @lru_cache(maxsize=2)
    def order(epoch: int) -> IntArray:
        return shuffled(n, seed, ORDER, epoch)

    def sample(step: int) -> Batch:
        epoch, number = divmod(step, per_epoch)
        return Batch(order(epoch)[number * batch_size : (number + 1) * batch_size], read)

    return sample
