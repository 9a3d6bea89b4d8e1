"""Random streams: one seed, and a purpose number for each use.

Everything is made of raw bits: NumPy keeps these between versions, while its distributions may change (NEP 19).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.numerics.indices import index_dtype

# PCG64(5), PCG64([5, 0]) and PCG64([5, 0, 0]) are one stream, so no purpose is 0.
ORDER = 1
VAL_SPLIT = 2
WEIGHTS = 3
SYNTHETIC = 4
LIMIT = 5
CHECK = 6
AUGMENT = 7
TEST_SPLIT = 8
PAGE = 9
SWEEP = 10
FOLDS = 11
FEATURES = 12

SORTED_AT_ONCE = 1 << 20
_DRAWN_AT_ONCE = 1 << 16
_PART_BITS = 4
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, odd


def stream(seed: int, purpose: int, *counters: int) -> np.random.PCG64:
    """Return the bit generator of a purpose, a pure function of the arguments."""
    return np.random.PCG64([seed, purpose, *counters])


def uniform(bits: np.random.PCG64, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw from the uniform distribution on [0, 1)."""
    return _unit(bits.random_raw(int(np.prod(shape)))).reshape(shape)


def hashed(key: int, numbers: IntArray, draws: int) -> NDArray[np.float64]:
    """Draw from the uniform distribution on [0, 1) for each of `numbers` (n,) by itself: (n, draws).

    SplitMix64 (Steele, Lea and Flood 2014), started at `key` (64 bits): its outputs number * draws, and the following.
    """
    counters = numbers.astype(np.uint64)[:, None] * np.uint64(draws) + np.arange(1, draws + 1, dtype=np.uint64)
    z: NDArray[Any] = np.uint64(key) + counters * _GOLDEN  # uint64 arrays wrap around, as they should
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return _unit(z ^ (z >> np.uint64(31)))


def normal(bits: np.random.PCG64, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw from the standard normal distribution: sqrt(-2 log(1 - u)) * cos(2 pi v) (Box and Muller 1958)."""
    u, v = uniform(bits, (2, *shape))
    return np.asarray(np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v))


def _unit(raw: NDArray[Any]) -> NDArray[np.float64]:
    """Return the upper 53 bits as numbers in [0, 1)."""
    return np.asarray((raw >> 11) * 2.0**-53)


def shuffled(n: int, seed: int, purpose: int, *counters: int) -> IntArray:
    """Return 0..n-1 in random order, (n,): the indices that sort n random numbers."""
    if n <= SORTED_AT_ONCE:
        return _argsort(stream(seed, purpose, *counters).random_raw(n)).astype(index_dtype(n))
    # The same order with 6 bytes per index instead of 28: a sixteenth of the numbers is sorted at a time.
    order = np.empty(n, index_dtype(n))
    done = 0
    for part in range(1 << _PART_BITS):
        numbers, indices = _part(stream(seed, purpose, *counters), n, part)
        order[done : done + len(indices)] = indices[_argsort(numbers)]
        done += len(indices)
    return order


def _argsort(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the indices that sort numbers; equal ones keep their order."""
    # Each with its index in place of its last bits: to sort these takes a third of the time of argsort.
    bits = np.uint64(len(numbers).bit_length())
    packed = np.sort(numbers >> bits << bits | np.arange(len(numbers), dtype=np.uint64))
    ranked = packed >> bits
    if (ranked[:-1] < ranked[1:]).all():
        return packed & ((np.uint64(1) << bits) - np.uint64(1))
    return numbers.argsort(kind="stable").astype(np.uint64)


def _part(bits: np.random.PCG64, n: int, part: int) -> tuple[NDArray[np.uint64], IntArray]:
    """Return those of n random numbers that begin with the bits `part`, and their indices."""
    numbers, indices = [], []
    for start in range(0, n, _DRAWN_AT_ONCE):
        raw = bits.random_raw(min(_DRAWN_AT_ONCE, n - start))
        here = np.flatnonzero(raw >> (64 - _PART_BITS) == part)
        numbers.append(raw[here])
        indices.append((here + start).astype(index_dtype(n)))
    return np.concatenate(numbers), np.concatenate(indices)
