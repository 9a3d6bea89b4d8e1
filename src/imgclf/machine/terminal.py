"""Width of text on a terminal."""

import unicodedata


def display_width(text: str) -> int:
    """Return the number of terminal columns of a text: two per wide character, none per combining mark."""
    if text.isascii():
        return len(text)
    # Korean letters that make one syllable take two columns together: composed, they are one character.
    return sum(map(_columns, unicodedata.normalize("NFC", text)))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
