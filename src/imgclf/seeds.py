"""One seed, many independent streams: every use of chance has a purpose number of its own."""

import numpy as np

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


def shuffled(n: int, seed: int, purpose: int, *counters: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return 0..n-1 in random order, (n,).

    Raw bits are what NumPy keeps from version to version; `permutation` may change (NEP 19).
    """
    return stream(seed, purpose, *counters).random_raw(n).argsort(kind="stable")
