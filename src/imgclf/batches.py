"""Sample mini-batches as a function of the seed and the step."""

from collections.abc import Callable
from functools import lru_cache
from threading import local

from imgclf.arrays import Batch, Example, IntArray, SumFn, places
from imgclf.seeds import ORDER, shuffled

ReadFn = Callable[[IntArray], Example]
SampleFn = Callable[[int], Batch]


def steps_per_epoch(n: int, batch_size: int) -> int:
    """How many batches it takes to deal n examples; the last one may be smaller."""
    return -(-n // batch_size)


def epoch_sampler(n: int, batch_size: int, seed: int, read: ReadFn) -> SampleFn:
    """Return sample(step) -> Batch: every epoch deals each of the n examples once, in an order of its own.

    Stateless, except that the last two orders are cached.
    """
    per_epoch = steps_per_epoch(n, batch_size)

    @lru_cache(maxsize=2)
    def order(epoch: int) -> IntArray:
        return shuffled(n, seed, ORDER, epoch)

    def sample(step: int) -> Batch:
        epoch, place = divmod(step, per_epoch)
        return Batch(order(epoch)[place * batch_size : (place + 1) * batch_size], read)

    return sample


def per_thread(new_reader: Callable[[], ReadFn]) -> ReadFn:
    """Let every thread read with a reader of its own, which may use the same memory again and again."""
    own = local()

    def read(rows: IntArray) -> Example:
        if not hasattr(own, "reader"):
            own.reader = new_reader()
        example: Example = own.reader(rows)
        return example

    return read


def full_pass(n: int, read: ReadFn, sum_blocks: SumFn) -> Batch:
    """All n examples in their own order, as one batch."""
    return Batch(places(n), read, sum_blocks)
