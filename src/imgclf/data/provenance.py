"""Record which files a data set was read from."""

import hashlib
from typing import NamedTuple


class LoadedFile(NamedTuple):
    """A file, or a member of an archive, that images were read from."""

    name: str
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "LoadedFile":
        """Describe what was read. Other threads run meanwhile."""
        return cls(name, hashlib.sha256(content).hexdigest())
