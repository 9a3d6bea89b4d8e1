"""Shorten class names and keep them distinct."""

import os.path
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def distinct_labels(names: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """Shorten names until they fit, and keep them different.

    A long name is shortened in the middle: names of one family share their beginning or their end, and what
    tells them apart is at the other one. Where names still look alike, their numbers stand in front.
    """
    labels = [shorten(name, fits) for name in names]
    seen = Counter(labels)
    return [
        label if seen[label] == 1 else shorten(f"{c}: {name}", fits)
        for c, (label, name) in enumerate(zip(labels, names, strict=True))
    ]


def shorten(line: str, fits: Callable[[str], bool]) -> str:
    """Replace the middle of a line by an ellipsis, as little as necessary to fit."""

    def cut(kept: int) -> str:
        head = (kept * 2 + 2) // 3
        return line[:head].rstrip() + ELLIPSIS + line[len(line) - (kept - head) :].lstrip()

    if fits(line):
        return line
    return cut(max(1, bisect_left(range(1, len(line)), True, key=lambda kept: not fits(cut(kept)))))


def without_common_words(names: Sequence[str]) -> list[str]:
    """Drop the common first words of all names: Tomato___Early_blight and Tomato___Late_blight lose Tomato___."""
    common = os.path.commonprefix(list(names))  # noqa: RUF071 - character by character is meant
    words = max((i + 1 for i, char in enumerate(common) if not char.isalnum()), default=0)
    return [name[words:] for name in names] if all(name[words:] for name in names) else list(names)
