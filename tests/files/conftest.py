"""Damaged copies of a good file, the same ones every time."""

import random

import pytest

from imgclf.errors import DataError


def damaged(raw, count=300, seed=0):
    """Yield the file with bits flipped, cut short, with bytes put in, or with one part laid over another."""
    chance = random.Random(seed)
    for number in range(count):
        copy = bytearray(raw)
        at = chance.randrange(len(copy))
        # Half of all damage is near the beginning, where the headers are.
        at = at % 200 if number % 2 and len(copy) > 200 else at
        kind = number % 5
        if kind in (0, 1):
            for _ in range(chance.randint(1, 4)):
                copy[chance.randrange(max(0, at - 20), min(len(copy), at + 20))] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del copy[at:]
        elif kind == 3:
            copy[at:at] = chance.randbytes(chance.randint(1, 8))
        else:
            other = chance.randrange(len(copy))
            copy[at : at + 16] = copy[other : other + 16]
        yield bytes(copy)


@pytest.fixture(name="damaged")
def damaged_fixture():
    return damaged


def try_all(read, copies):
    """Return what was read, and the messages of those refused; all but DataError gets through to the test."""
    found, refused = [], []
    for raw in copies:
        try:
            found.append(read(raw))
        except DataError as error:
            refused.append(str(error))
    assert not [message for message in refused if "\n" in message or len(message) > 400]
    return found, refused


@pytest.fixture(name="try_all")
def try_all_fixture():
    return try_all
