"""Text for terminals: escape control characters, measure width."""

import unicodedata


def printable(text: str) -> str:
    r"""Escape what would break a line, hide in it or steer a terminal: a newline becomes \n."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def excerpt(text: object) -> str:
    """Return the beginning of a text in one line, such as the words of another library's error."""
    return " ".join(str(text).split())[:80]


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two a wide character, none a mark on another."""
    if text.isascii():
        return len(text)
    # Korean letters that make one syllable take two columns together: composed, they are one character.
    return sum(map(_columns, unicodedata.normalize("NFC", text)))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
