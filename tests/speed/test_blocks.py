"""Blocks are what the reader of a batch reads, in memory that is used again and again."""

import threading

import numpy as np
import pytest

from imgclf.arrays import Examples
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.numerics.products import LINE
from imgclf.numerics.sums import BLOCK
from imgclf.speed.blocks import BlockReader

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (300, 4, 3, 3), dtype=np.uint8)
DATA = Dataset.of(IMAGES, RNG.integers(0, 2, 300), ("a", "b"))


def reader(data=DATA, **chosen):
    chosen = {"scale": 255, "center": "pixel", "std": "none", "dtype": "float32"} | chosen
    return Reader(fit_preprocess(data, **chosen), data)


@pytest.mark.parametrize("center", ["none", "pixel"])
@pytest.mark.parametrize("std", ["none", "pixel"])
def test_blocks_are_read_as_the_reader_reads_and_always_into_the_same_memory(center, std):
    read, read_block, memory = reader(center=center, std=std), BlockReader(), set()
    for rows in (np.arange(BLOCK), np.array([5, 5, 0]), np.arange(299, 290, -1)):
        X, y = read_block(read, rows)
        expected = read(rows)
        assert X.tobytes() == expected.X.tobytes()
        assert y.tolist() == expected.y.tolist()
        memory.add(X.__array_interface__["data"][0])
    assert len(memory) == 1
    assert memory.pop() % LINE == 0


def test_a_block_may_be_larger_than_those_before():
    read, read_block = reader(), BlockReader()
    for n in (3, BLOCK + 1, 2 * BLOCK, BLOCK):
        X, y = read_block(read, np.arange(n))
        assert (X.tobytes(), y.tolist()) == (read(np.arange(n)).X.tobytes(), DATA.labels[:n].tolist())


def test_another_reader_is_read_by_the_same_block_reader():
    read_block, rows = BlockReader(), np.array([1, 2])
    others = Dataset.of(RNG.random((9, 5)).astype(np.float32), np.arange(9) % 2, ("a", "b"))
    for read in (
        reader(),
        reader(center="none"),
        reader(others),
        reader(),
        lambda rows: Examples(np.ones((2, 1)), rows),
    ):
        assert read_block(read, rows).X.tobytes() == read(rows).X.tobytes()


def test_every_thread_reads_into_memory_of_its_own():
    read, read_block, met, seen = reader(), BlockReader(), threading.Barrier(3, timeout=60), []

    def work(first):
        rows = np.arange(first, first + BLOCK)
        X, _ = read_block(read, rows)
        met.wait()  # all have read by now
        seen.append(X.tobytes() == read(rows).X.tobytes())

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 50, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 3
