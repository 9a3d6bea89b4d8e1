"""What can go wrong, as one small tree: every error says where, what is wrong, and the way out."""

from imgclf.terminal_text import printable


class ImgclfError(Exception):
    """An error that a user can act on: `WHERE: what is wrong - what to do`."""

    exit_code = 70

    def __init__(self, where: object, problem: str, remedy: str = "") -> None:
        self.where = str(where)
        self.problem = problem
        self.remedy = remedy
        super().__init__(printable(f"{self.where}: {problem}" + (f" - {remedy}" if remedy else "")))

    def lines(self) -> list[str]:
        """Return the error as it is printed; a mistake a line."""
        return [str(self)]


class UsageError(ImgclfError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class DataError(ImgclfError):
    """A data set, an image or an archive is not what it should be."""

    exit_code = 3


class RunError(ImgclfError):
    """A run directory or a model file is missing or not what it should be."""

    exit_code = 4


class DivergedError(ImgclfError):
    """The loss or a weight is no longer a finite number."""

    exit_code = 5


class RunInUseError(ImgclfError):
    """Another process owns the run directory."""

    exit_code = 7


class StoppedError(ImgclfError):
    """Ctrl-C or a signal stopped the run; what there was is saved."""

    exit_code = 130


class StorageError(ImgclfError):
    """The disk, a permission or the memory does not allow it."""

    exit_code = 6

    @classmethod
    def of(cls, where: object, error: OSError) -> "StorageError":
        """Say what the operating system refused."""
        return cls(where, (error.strerror or str(error)).lower(), "check the disk and the permissions")


class NetworkError(ImgclfError):
    """No server can be reached, or none gives what was asked for: as with a full disk, the same may work later."""

    exit_code = 6
