"""One seed, many independent streams: every use of chance has a purpose number of its own.

All is made of raw bits: they are what NumPy keeps from version to version; its distributions may change (NEP 19).
"""

import numpy as np
from numpy.typing import NDArray

# PCG64(5), PCG64([5, 0]) and PCG64([5, 0, 0]) are one stream, so no purpose is 0.
ORDER = 1
VAL_SPLIT = 2
WEIGHTS = 3
SYNTHETIC = 4
LIMIT = 5
CHECK = 6


def stream(seed: int, purpose: int, *counters: int) -> np.random.PCG64:
    """Return the bit generator of one purpose: a pure function of its arguments."""
    return np.random.PCG64([seed, purpose, *counters])


def uniform(bits: np.random.PCG64, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw from [0, 1)."""
    return np.asarray((bits.random_raw(int(np.prod(shape))) >> 11) * 2.0**-53).reshape(shape)


def normal(bits: np.random.PCG64, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw from the standard normal distribution: sqrt(-2 log(1 - u)) * cos(2 pi v) (Box and Muller 1958)."""
    u, v = uniform(bits, (2, *shape))
    return np.asarray(np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v))


def shuffled(n: int, seed: int, purpose: int, *counters: int) -> NDArray[np.intp]:
    """Return 0..n-1 in random order, (n,)."""
    return stream(seed, purpose, *counters).random_raw(n).argsort(kind="stable")
