"""`imgclf data download`, against a server on this machine."""

import hashlib
import random
import shlex
from pathlib import Path

import pytest

import imgclf as package
from imgclf.cli.progress import DownloadProgress
from imgclf.cli.signals import Stop
from imgclf.data.download import fetch
from imgclf.data.download.catalog import OFFICIAL, OfficialFile, OfficialSet
from imgclf.data.download.fetch import Patience

MINI = Path(package.__file__).parent / "fashion-mnist-mini"
CONTENT = random.Random(0).randbytes(5000)


def official(name, content):
    return OfficialFile(name, len(content), hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())


@pytest.fixture(autouse=True)
def _official(server, gives, monkeypatch):
    """Instead of the official sets: as mnist the pictures that ship with imgclf, as cifar10 an archive of noise."""
    monkeypatch.setattr(fetch, "PATIENCE", Patience(stall=0.2, tries=2, pause=0))
    contents = {path.name: path.read_bytes() for path in sorted(MINI.glob("*.gz"))}
    files = tuple(official(*item) for item in contents.items())
    for name, content in {**contents, "cifar.tar.gz": CONTENT}.items():
        server.says(f"/{name}", gives(content))
    servers = (f"{server.address}/",)
    sets = {
        "mnist": OfficialSet("idx", "mnist", servers, files, class_names=tuple("abcdefghij")),
        "cifar10": OfficialSet("cifar10", "", servers, (official("cifar.tar.gz", CONTENT),)),
    }
    monkeypatch.setattr("imgclf.cli.commands.download.OFFICIAL", {**OFFICIAL, **sets})


def asked(server):
    return [path for path, _ in server.asked]


def test_what_it_says_to_do_next_trains_on_what_came(imgclf, small):
    done = imgclf("data", "download", "mnist", "--out", "my data")
    assert done.code == 0
    assert done.err == ""
    *files, following = done.out.splitlines()
    assert len(files) == 4
    assert all(line.endswith(" bytes, downloaded") for line in files)
    command = shlex.split(following.removeprefix("next   "))
    assert command == ["imgclf", "train", "-s", "data.source=idx", "-s", "data.path=my data/mnist"]
    assert imgclf(*command[1:], *small, "--out", "run").code == 0
    content = imgclf("data", "info", "my data/mnist", "--json").json
    assert content["classes"] == list("abcdefghij")
    assert content["splits"].keys() == {"train", "test"}


def test_an_archive_lies_in_data_and_is_named_next(imgclf):
    done = imgclf("data", "download", "cifar10")
    assert Path("data/cifar.tar.gz").read_bytes() == CONTENT
    assert done.out.splitlines() == [
        "data/cifar.tar.gz  5,000 bytes, downloaded",
        "next   imgclf train -s data.source=cifar10 -s data.path=data/cifar.tar.gz",
    ]


def written():
    """What is in data/, which file it is, and when it was written; reading is no change."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in Path("data").rglob("*")}


def test_the_second_time_nothing_is_loaded_and_nothing_changes(imgclf, server):
    imgclf("data", "download", "mnist")
    before = written()
    server.asked.clear()
    done = imgclf("data", "download", "mnist")
    assert done.code == 0
    assert done.out.count("already there") == 4
    assert written() == before
    assert server.asked == []


def test_json_is_one_object(imgclf):
    done = imgclf("data", "download", "cifar10", "--json", "--progress", "plain")
    file = {"path": "data/cifar.tar.gz", "bytes": 5000, "sha256": hashlib.sha256(CONTENT).hexdigest()}
    head = {"data": "cifar10", "source": "cifar10", "path": "data/cifar.tar.gz"}
    assert done.json == {**head, "files": [{**file, "downloaded": True}]}
    again = imgclf("data", "download", "cifar10", "--json")
    assert again.json == {**head, "files": [{**file, "downloaded": False}]}


def test_progress_is_a_bar_or_lines_or_nothing(imgclf):
    assert "cifar.tar.gz  " in imgclf("data", "download", "cifar10", "--out", "a", "--progress", "bar").err
    done = imgclf("data", "download", "cifar10", "--out", "b", "--progress", "plain")
    assert done.out.splitlines()[0] == "cifar.tar.gz  from byte 0 of 5,000"
    assert imgclf("-q", "data", "download", "cifar10", "--out", "c", "--progress", "bar").err == ""


def test_no_server_is_6_and_a_wrong_file_is_3_in_one_line(refused, server, gives, status):
    server.says("/cifar.tar.gz", status(403))
    words = ("data/cifar.tar.gz: download failed: 127.0.0.1", "403 forbidden", "check the connection")
    refused(6, words, "data", "download", "cifar10")
    server.says("/cifar.tar.gz", gives(bytes(5000)))
    assert refused(3, ("checksum mismatch", "try again later"), "data", "download", "cifar10", "--json").out == ""
    assert list(Path("data").iterdir()) == []


def test_files_of_the_user_are_refused_before_anything_is_loaded(refused, server):
    Path("data/mnist").mkdir(parents=True)
    mine = Path("data/mnist/train-labels-idx1-ubyte.gz")
    mine.write_bytes(b"mine")
    refused(3, (str(mine), "not the official file: 4 bytes", "choose another --out"), "data", "download", "mnist")
    assert mine.read_bytes() == b"mine"
    assert list(Path("data/mnist").iterdir()) == [mine]
    assert server.asked == []


def test_a_place_that_is_no_folder_is_6(refused):
    Path("data").write_bytes(b"mine")
    refused(6, "data", "data", "download", "cifar10")
    assert Path("data").read_bytes() == b"mine"


def test_stopped_it_says_how_to_go_on_and_does(imgclf, refused, server, gives, monkeypatch):
    server.says("/cifar.tar.gz", gives(CONTENT, cut=3000, stall=server.closing))

    def stop(_, event):
        if event.done == 3000:
            raise Stop

    with monkeypatch.context() as stopping:
        stopping.setattr(DownloadProgress, "__call__", stop)
        refused(130, "run the same command again to resume", "data", "download", "cifar10")
    assert [path.name for path in Path("data").iterdir()] == ["cifar.tar.gz.part"]
    server.says("/cifar.tar.gz", gives(CONTENT))
    assert imgclf("data", "download", "cifar10").code == 0
    assert server.asked[-1] == ("/cifar.tar.gz", "bytes=3000-")
    assert Path("data/cifar.tar.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("name", [(), ("imagenet",)])
def test_a_set_must_be_one_of_the_known(refused, name):
    refused(2, "imgclf data download", "data", "download", *name)


def test_nothing_else_ever_downloads(imgclf, refused, small, server):
    assert imgclf("train", *small, "--out", "run").code == 0
    for source, name in (("idx", "mnist"), ("cifar10", "cifar10"), ("cifar100", "cifar100")):
        words = ("data/here: no such file or folder", f"run `imgclf data download {name}`")
        refused(3, words, "train", "-s", f"data.source={source}", "-s", "data.path=data/here")
        refused(2, f"`imgclf data download {name}` downloads it", "train", "-s", f"data.source={source}")
    assert asked(server) == []
