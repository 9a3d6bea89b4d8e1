"""Exceptions: where, what is wrong, and what to do."""

import errno

_ELSEWHERE = "use another folder, such as one on a local disk"
_IN_THE_WAY = "move away what is there, or choose another path"
REMEDIES = {  # by the error number of the operating system
    **dict.fromkeys([errno.EACCES, errno.EPERM], "check the permissions of the file and of its folder"),
    errno.EROFS: "use a folder that can be written to",
    errno.ENOSPC: "make room on the disk, or use another",
    errno.EDQUOT: "make room: this user may not store more",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no larger file",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "replace the symbolic link by what it leads to",
    errno.EMLINK: "replace it by a copy",
    errno.ENOENT: "check the path; it may have been moved or removed meanwhile",
    **dict.fromkeys([errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ENXIO], _IN_THE_WAY),
    **dict.fromkeys(
        [errno.ENOLCK, errno.ENOSYS, errno.ENODEV, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP], _ELSEWHERE
    ),
    **dict.fromkeys([errno.EMFILE, errno.ENFILE], "close other programs, or raise the limit of open files (ulimit -n)"),
    **dict.fromkeys([errno.EBUSY, errno.ETXTBSY], "close the program that uses it"),
    **dict.fromkeys([errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN], "check the connection to the network drive"),
    errno.EIO: "check the disk, or the connection to it",
    errno.ENOMEM: "close other programs",
}


def printable(text: str) -> str:
    r"""Escape control and invisible characters: a newline becomes \n."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def excerpt(text: object) -> str:
    """Return the beginning of a text as one line, such as the message of another library's error."""
    return " ".join(str(text).split())[:80]


def plural(n: int, word: str, many: str = "") -> str:
    """Format a count with its noun: `1 image`, `5,400 images`."""
    return f"{n:,} {word if n == 1 else many or word + 's'}"


class ImgclfError(Exception):
    """An error that a user can act on: `WHERE: what is wrong - what to do`."""

    exit_code = 70

    def __init__(self, where: object, problem: str, remedy: str = "") -> None:
        self.where = str(where)
        self.problem = problem
        self.remedy = remedy
        super().__init__(printable(f"{self.where}: {problem}" + (f" - {remedy}" if remedy else "")))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.where, self.problem, self.remedy)  # to reach another process as it is

    def lines(self) -> list[str]:
        """Return the lines to print: one per mistake."""
        return [str(self)]


class UsageError(ImgclfError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class DataError(ImgclfError):
    """A data set, an image or an archive is missing, damaged or unsuitable."""

    exit_code = 3


class RunError(ImgclfError):
    """A run directory or a model file is missing or damaged."""

    exit_code = 4


class DivergedError(ImgclfError):
    """The loss or a weight is no longer a finite number."""

    exit_code = 5


class RunInUseError(ImgclfError):
    """Another process owns the run directory."""

    exit_code = 7


class StoppedError(ImgclfError):
    """Ctrl-C or a signal stopped the run, after saving."""

    exit_code = 130


class StorageError(ImgclfError):
    """Disk, permissions or memory do not suffice."""

    exit_code = 6

    @classmethod
    def of(cls, where: object, error: OSError) -> "StorageError":
        """Return the error for an OSError, with what to do about it."""
        remedy = REMEDIES.get(error.errno or 0, "check the disk and the permissions")
        return cls(where, (error.strerror or str(error)).lower(), remedy)


class NetworkError(ImgclfError):
    """No server can be reached, or none has the file; it may work later."""

    exit_code = 6
