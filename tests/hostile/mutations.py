"""Damage and malice, the same every time: each kind of mutation changes bytes in its own way."""

import random
from collections.abc import Callable, Sequence

# Numbers at which programs stumble, as they stand in binary files.
INTERESTING = [
    value.to_bytes(width, order)
    for width in (1, 2, 4, 8)
    for value in (0, 1, (1 << 8 * width - 1) - 1, 1 << 8 * width - 1, (1 << 8 * width) - 2, (1 << 8 * width) - 1)
    for order in ("little", "big")
]
ENDS = 24  # bytes at the beginning and at the end, where headers, checksums and directories are


def place(data: bytearray, chance: random.Random) -> int:
    """Return a place to change: one in three is near an end."""
    if chance.random() < 1 / 3 and len(data) > 2 * ENDS:
        near = chance.randrange(ENDS)
        return near if chance.random() < 0.5 else len(data) - 1 - near
    return chance.randrange(len(data)) if data else 0


def piece(data: bytearray, chance: random.Random) -> bytes:
    """Return some of the bytes: mostly a few, now and then many."""
    begin = place(data, chance)
    return bytes(data[begin : begin + chance.choice([1, 2, 4, 8, 16, 64, 512])])


def flip(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        if data:
            data[place(data, chance)] ^= 1 << chance.randrange(8)


def truncate(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    del data[place(data, chance) :]


def remove(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    begin = place(data, chance)
    del data[begin : begin + chance.choice([1, 1, 2, 4, 16, 256])]


def insert(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    begin = place(data, chance)
    data[begin:begin] = chance.randbytes(chance.choice([1, 1, 2, 4, 16]))


def splice(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    """Lay one piece over another."""
    begin, part = place(data, chance), piece(data, chance)
    data[begin : begin + len(part)] = part


def duplicate(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    begin, part = place(data, chance), piece(data, chance)
    data[begin:begin] = part * chance.choice([1, 1, 2, 50])


def swap(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    length = chance.choice([1, 2, 4, 16])
    one, other = sorted((place(data, chance), place(data, chance)))
    if one + length <= other:
        data[one : one + length], data[other : other + length] = (
            data[other : other + length],
            data[one : one + length],
        )


def number(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    """Overwrite with a number at which programs stumble."""
    begin, value = place(data, chance), chance.choice(INTERESTING)
    data[begin : begin + len(value)] = value


def word(data: bytearray, chance: random.Random, words: Sequence[bytes]) -> None:
    """Put a word of the format in, or over what is there."""
    begin, value = place(data, chance), chance.choice(words or INTERESTING)
    data[begin : begin + chance.choice([0, 0, 1, len(value)])] = value


KINDS: dict[str, Callable[[bytearray, random.Random, Sequence[bytes]], None]] = {
    "flip": flip,
    "truncate": truncate,
    "remove": remove,
    "insert": insert,
    "splice": splice,
    "duplicate": duplicate,
    "swap": swap,
    "number": number,
    "word": word,
}


def mutate(raw: bytes, kind: str, chance: random.Random, words: Sequence[bytes]) -> bytes:
    """Return a changed copy; one in three is changed once or twice more, in any way."""
    data = bytearray(raw)
    KINDS[kind](data, chance, words)
    for _ in range(chance.choice([0, 0, 0, 0, 1, 2])):
        KINDS[chance.choice(list(KINDS))](data, chance, words)
    return bytes(data)
