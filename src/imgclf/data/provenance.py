"""Record which files a data set was read from."""

import hashlib
from typing import NamedTuple


class LoadedFile(NamedTuple):
    """A file, or a member of an archive, that images were read from."""

    name: str
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "LoadedFile":
        """Hash the content of a file; hashing releases the interpreter lock."""
        return cls(name, hashlib.sha256(content).hexdigest())
