"""Files that a stranger put where imgclf writes: what they lead to keeps its bytes; a command works or says one line.

A folder that was cloned, unpacked or mounted may hold links, second names, pipes and folders under any name.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgclf.data.download.catalog import OFFICIAL, OfficialFile, OfficialSet
from imgclf.files.writing import UNFINISHED

pytestmark = pytest.mark.slow

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PRECIOUS = b"precious\n" * 99
VICTIM, FOLDER = Path("victim"), Path("folder of the victim")
PLANTS = {
    "link": lambda place: place.symlink_to(VICTIM.resolve()),
    "second name": lambda place: place.hardlink_to(VICTIM),
    "link to a folder": lambda place: place.symlink_to(FOLDER.resolve()),
    "link to nothing": lambda place: place.symlink_to("nowhere"),
    "pipe": os.mkfifo,
    "folder": lambda place: shutil.copytree(FOLDER, place),
}
DATA = "data.options={train: 40, val: 10, test: 10, classes: 2, size: 3}"
TRAIN = ("train", "-s", "data.source=synthetic", "-s", DATA, "-s", "train.epochs=1", "--no-plots", "--progress", "none")


class Written:
    """Notes which paths are opened for writing, made or renamed to; audit hooks cannot be taken away."""

    log = None


def _hook(event, arguments):
    if Written.log is None:
        return
    if event == "open" and not isinstance(arguments[0], int) and int(arguments[2]) & WRITING:
        Written.log.add(arguments[0])
    elif event in ("os.rename", "os.mkdir"):
        Written.log.add(arguments[event == "os.rename"])


sys.addaudithook(_hook)


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    """In an empty folder, with a cache; figures are empty, which saves time."""
    monkeypatch.delenv("IMGCLF_CACHE")
    for draw in ("curves.curves", "templates.templates", "template_steps.template_steps", "mistakes.mistakes",
                 "confusion.confusion_matrix", "style.png_bytes"):  # fmt: skip
        monkeypatch.setattr(f"imgclf.report.{draw}", lambda *_, **__: b"")


@pytest.fixture
def downloads(server, gives, monkeypatch):
    """A set of one file that a server on this machine gives."""
    content = PRECIOUS * 9
    file = OfficialFile("images", len(content), "5de4e2ff1b2b2e7ffa0bd93b5ccd2b2b", "")
    monkeypatch.setattr("imgclf.data.download.fetch._difference", lambda found, file: None)
    server.says("/images", gives(content))
    one = OfficialSet("idx", "mnist", (f"{server.address}/",), (file,), class_names=("a", "b"))
    monkeypatch.setattr("imgclf.cli.commands.download.OFFICIAL", {**OFFICIAL, "mnist": one})


def an_unfinished_pack(imgclf):
    assert imgclf("data", "pack", *TRAIN[1:5], "--out", "packed").code == 0
    index = Path("packed/imgclf-pack.json")
    index.write_text(index.read_text().replace('"done": 40', '"done": 0'))


def nothing(imgclf):
    pass


def some_images(imgclf):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        Path("images", name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 4)).save(Path("images", name))


COMMANDS = {
    "a run": (nothing, TRAIN),
    "a run in a folder": (nothing, (*TRAIN, "--out", "run")),
    "a run that goes on": (
        lambda imgclf: imgclf(*TRAIN, "--out", "run"),
        ("train", "--resume", "run", "-s", "train.epochs=2"),
    ),
    "a pack": (nothing, ("data", "pack", *TRAIN[1:5], "--out", "packed")),
    "a pack that goes on": (an_unfinished_pack, ("data", "pack", *TRAIN[1:5], "--out", "packed")),
    "a config": (nothing, ("config", "init", "new.yaml")),
    "the cache": (some_images, ("data", "info", "images")),
    "a download": (nothing, ("data", "download", "mnist", "--out", "data")),
    "an evaluation": (lambda imgclf: imgclf(*TRAIN, "--out", "run"), ("eval", "run", "--out", "evaluated")),
}


def places_written(imgclf, command):
    """Run a command; return where it wrote, in the current folder, but for names that are random."""
    Written.log = set()
    assert imgclf(*command).code == 0
    written, Written.log = Written.log, None
    here = Path.cwd()
    paths = {Path(os.path.abspath(os.fsdecode(path))) for path in written}  # noqa: PTH100 - no link is followed
    places = {path.relative_to(here) for path in paths if here in path.parents}
    return sorted(place for place in places if not any(part.startswith((UNFINISHED, ".new-")) for part in place.parts))


def plant_at(plant, place):
    VICTIM.write_bytes(PRECIOUS)
    FOLDER.mkdir()
    (FOLDER / "precious").write_bytes(PRECIOUS)
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    PLANTS[plant](place)


@pytest.mark.parametrize("what", COMMANDS)
def test_nothing_is_written_through_what_a_stranger_planted(imgclf, tmp_path, downloads, monkeypatch, what):
    def go_to(name):
        shutil.copytree(tmp_path / "before", tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name / "cache"))

    prepare, command = COMMANDS[what]
    (tmp_path / "before").mkdir()
    monkeypatch.chdir(tmp_path / "before")
    prepare(imgclf)
    go_to("first")
    places = places_written(imgclf, command)
    assert places
    for number, (place, plant) in enumerate((place, plant) for place in places for plant in PLANTS):
        go_to(str(number))
        plant_at(plant, place)
        done = imgclf(*command)
        told = (str(place), plant, done)
        assert VICTIM.read_bytes() == (FOLDER / "precious").read_bytes() == PRECIOUS, told
        assert done.code in (0, 2, 3, 4, 6), told
        errors = [line for line in done.err.splitlines() if line.startswith("imgclf: error: ")]
        assert len(errors) == (done.code != 0), told


@pytest.mark.parametrize("target", ["empty", "nowhere"])
def test_a_link_with_the_name_of_a_run_has_taken_the_name(imgclf, target):
    Path("empty").mkdir()
    Path("runs").mkdir()
    Path("runs/synthetic-softmax").symlink_to(Path(target).resolve())
    assert imgclf(*TRAIN).code == 0
    assert Path("runs/synthetic-softmax-2/model.npz").exists()
    assert {path.name for path in Path().iterdir()} == {"empty", "runs"}
    assert list(Path("empty").iterdir()) == []


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("name", ["", "/.lock", "/config.yaml"])
def test_what_is_planted_as_an_unfinished_run_leads_nowhere(imgclf, plant, name):
    planted = Path(f"runs/{UNFINISHED}0123abcd{name}")
    plant_at(plant, planted)
    os.utime(planted.parent, (0, 0))
    assert imgclf(*TRAIN).code == 0
    assert VICTIM.read_bytes() == (FOLDER / "precious").read_bytes() == PRECIOUS
    assert sorted(path.name for path in FOLDER.iterdir()) == ["precious"]


@pytest.mark.parametrize("name", [f"{UNFINISHED}0123abcd", f"{UNFINISHED}mine"])
def test_a_run_that_is_named_like_an_unfinished_one_is_refused_and_never_removed(imgclf, refused, name):
    refused(2, name, *TRAIN, "--out", f"runs/{name}")
    refused(2, UNFINISHED, *TRAIN, "-s", f"name={name}")
    assert imgclf(*TRAIN, "--out", "run").code == 0
    old = Path("runs", name)
    old.parent.mkdir(exist_ok=True)
    Path("run").rename(old)  # by whoever does not know better
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    os.utime(old, (0, 0))
    assert imgclf(*TRAIN).code == 0
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
