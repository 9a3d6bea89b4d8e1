"""`imgclf train --resume`: on from where it was, to the same bytes; whatever else differs is refused by name."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.cli.signals import Stop
from imgclf.config import dump
from imgclf.files.sealed_npz import sealed_npz
from imgclf.report.pictures import PICTURES
from imgclf.run import run_dir, targets, writer

pytestmark = pytest.mark.bits

TRAIN = ("train", "--no-plots", "--progress", "none")
FEW = ("-s", "data.limit=200", "-s", "train.epochs=3")
OF_PIXELS = [name for name in PICTURES if name != "features.png"]


def tree(run):
    """Name and content of every file, but the lock's, which says who had it last."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(run).iterdir()
        if path.name != run_dir.LOCK
    }


def raise_stop(*_, **__):
    raise Stop


@pytest.fixture(scope="module")
def first_copy(tmp_path_factory):
    """A folder for what `stopped` makes."""
    return tmp_path_factory.mktemp("first-copy")


@pytest.fixture
def stopped(imgclf, ends_in_second_epoch, first_copy):
    """A run that was stopped in its second epoch, beside one that was not: made once, then copied."""
    if any(first_copy.iterdir()):
        shutil.copytree(first_copy, Path(), dirs_exist_ok=True)
        return Path("run")
    assert imgclf(*TRAIN, *FEW, "--out", "whole").code == 0
    with ends_in_second_epoch(Stop):
        assert imgclf(*TRAIN, *FEW, "--out", "run").code == 130
    assert (Path("run/status.json").read_text()) == '{\n  "status": "interrupted"\n}\n'
    shutil.copytree(Path(), first_copy, dirs_exist_ok=True)
    return Path("run")


@pytest.mark.parametrize("command", [["eval", "run"], ["-q", "eval", "run"], ["predict", "run", "x.png"]])
def test_what_judges_a_run_that_was_stopped_says_that_it_is_not_finished(imgclf, stopped, command):
    Image.new("L", (28, 28)).save("x.png")
    done = imgclf(*command)
    assert (done.code, done.err.count("run: not finished")) == (0, 1)
    assert "`imgclf train --resume run` continues it" in done.err
    assert imgclf("eval", "whole").err == ""


def test_it_goes_on_to_the_same_bytes(imgclf, stopped):
    done = imgclf(*TRAIN, "--resume", stopped)
    assert done.code == 0, done.err
    assert "after 1 epoch, at step 1" in done.out
    for name in ("model.npz", "metrics.csv", "metrics.json", "status.json"):
        assert (stopped / name).read_bytes() == (Path("whole") / name).read_bytes(), name


def test_a_finished_run_is_left_as_it_is(imgclf, stopped):
    before = tree("whole")
    done = imgclf(*TRAIN, "--resume", "whole", "--json")
    assert done.code == 0
    assert tree("whole") == before
    assert done.json["epochs"] == 3
    assert done.json["steps"] == 3


def test_more_epochs_make_it_longer_and_it_says_what_that_means(imgclf, stopped):
    done = imgclf(*TRAIN, "--resume", "whole", "-s", "train.epochs=5")
    assert done.code == 0, done.err
    assert "3 -> 5" in done.out
    assert "the result differs from a run of 5 epochs from the start" in done.out
    assert len(Path("whole/metrics.csv").read_text().splitlines()) == 6
    assert "epochs: 5" in Path("whole/config.yaml").read_text()
    assert "finished already" in imgclf(*TRAIN, "--resume", "whole").out


def test_a_run_that_was_stopped_as_it_became_longer_is_not_finished(imgclf, stopped, monkeypatch):
    longer = (*TRAIN, "--resume", "whole", "-s", "train.epochs=5")
    with monkeypatch.context() as patch:
        patch.setattr(writer.RunWriter, "resume", raise_stop)
        assert imgclf(*longer).code == 130
    assert json.loads(Path("whole/status.json").read_text()) == {"status": "interrupted"}
    assert imgclf(*longer).code == 0
    assert len(Path("whole/metrics.csv").read_text().splitlines()) == 6


@pytest.mark.parametrize(("code", "words", "options"), [
    (2, ["--config", "does not go with --resume"], ("-c", "whole/config.yaml")),
    (2, ["--out", "does not go with --resume"], ("--out", "elsewhere")),
    (2, ["-s seed", "only train.epochs, train.device, early_stopping.patience, data.path"], ("-s", "seed=1")),
    (2, ["-s optimizer.momentum", "cannot change"], ("-s", "optimizer.momentum=0.5")),
    (2, ["-s optimizer.name", "cannot change"], ("-s", "optimizer.name=sgd")),
    (2, ["train.epochs"], ("-s", "train.epochs=0")),
])  # fmt: skip
def test_other_settings_are_refused_by_name_and_nothing_changes(refused, stopped, code, words, options):
    before = tree(stopped)
    refused(code, words, *TRAIN, "--resume", stopped, *options)
    assert tree(stopped) == before


def test_a_config_that_was_edited_is_refused(refused, stopped):
    path = stopped / "config.yaml"
    path.write_text(path.read_text().replace("momentum: 0.9", "momentum: 0.8"))
    refused(2, ["run/config.yaml", "changed since the run began"], *TRAIN, "--resume", stopped)


EARLIER = {  # how the configs of earlier versions differ from those of today
    "0.1": (("  kernel: blocks\n", ""), ("  momentum: 0.9\n", "  decay: 0.9\n")),
    "a key less": (("  unit: epoch\n", ""),),
    "a section less": (("checkpoint:\n  every: 1\n  unit: epoch\n", ""),),
    "today": (),
}


@pytest.mark.parametrize("version", EARLIER)
def test_a_run_of_an_earlier_version_goes_on(imgclf, refused, monkeypatch, version):
    def dump_then(config):
        text = dump(config)
        for now, then in EARLIER[version]:
            assert now in text
            text = text.replace(now, then)
        return text

    with monkeypatch.context() as patch:
        for room in (writer, targets):
            patch.setattr(room, "dump", dump_then)
        assert imgclf(*TRAIN, *FEW, "--out", "old").code == 0
    path = Path("old/config.yaml")
    assert all(then in path.read_text() for _, then in EARLIER[version])
    checkpoints = {file: file.read_bytes() for file in Path("old").glob("checkpoint*")}
    longer = (*TRAIN, "--resume", "old", "-s", "train.epochs=4")
    for command in (("eval", "old"), ("verify", "old"), longer):
        done = imgclf(*command)
        assert done.code == 0, done.err
    assert "  momentum: 0.9\n" in path.read_text()
    Path("old/status.json").unlink()  # as if it had been killed before its first checkpoint, with the longer config
    for file, content in checkpoints.items():
        file.write_bytes(content)
    config = path.read_text()
    path.write_text(config.replace("  kernel: blocks\n", "").replace("train:\n", "train:\n  kernel: plain\n"))
    refused(2, "changed since the run began", *TRAIN, "--resume", "old")
    path.write_text(config)
    assert imgclf(*TRAIN, "--resume", "old").code == 0


@pytest.mark.parametrize(("change", "words"), [("pixel", "images have changed"), ("name", "classes have changed")])
def test_other_data_is_refused(imgclf, refused, change, words):
    rng = np.random.default_rng(0)
    data = {"X": rng.integers(0, 256, (60, 4, 4), dtype=np.uint8), "y": np.array(["a", "b", "c"] * 20)}
    np.savez("data.npz", **data)
    assert imgclf(*TRAIN, "-s", "data.source=npz", "-s", "data.path=data.npz", "--out", "run").code == 0
    if change == "pixel":
        data["X"][0, 0, 0] ^= 1
    else:
        data["y"] = np.where(data["y"] == "c", "d", data["y"])
    np.savez("data.npz", **data)
    before = tree("run")
    refused(3, words, *TRAIN, "--resume", "run", "-s", "train.epochs=30")
    assert tree("run") == before


def rewritten(path, **changes):
    """Write a checkpoint anew with other words in what it says, and a checksum that is right."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "sha256"}
    about = json.loads(str(arrays["about"]))
    for name, change in changes.items():
        about[name] = change(about[name])
    arrays["about"] = np.array(json.dumps(about))
    path.write_bytes(sealed_npz(arrays))


@pytest.mark.parametrize(("words", "changes"), [
    (["format 2 needs a newer imgclf"], {"format": lambda _: 2}),
    (["this NumPy shuffles in another order", "environment.json"],
     {"origin": lambda origin: origin | {"order": "1"}}),
])  # fmt: skip
def test_what_was_made_by_another_version_is_refused(refused, stopped, words, changes):
    for path in stopped.glob("checkpoint*"):
        rewritten(path, **changes)
    before = tree(stopped)
    refused(4, words, *TRAIN, "--resume", stopped)
    assert tree(stopped) == before


def test_the_order_of_the_classes_is_part_of_the_data(imgclf, refused):
    X = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    y = np.arange(60) % 3
    np.savez("data.npz", X=X, y=y, class_names=["a", "b", "c"])
    data = ("-s", "data.source=npz", "-s", "data.path=data.npz")
    assert imgclf(*TRAIN, *data, "--out", "run").code == 0
    # The same names on the same pictures, in another order.
    np.savez("data.npz", X=X, y=np.array([1, 0, 2])[y], class_names=["b", "a", "c"])
    before = tree("run")
    refused(3, "classes have changed", *TRAIN, "--resume", "run", "-s", "train.epochs=30")
    assert tree("run") == before


def damage(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(imgclf, stopped):
    assert imgclf(*TRAIN, "--resume", stopped, "-s", "train.epochs=3").code == 0
    shutil.copytree(stopped, "again")
    Path("again/status.json").unlink()
    damage(Path("again/checkpoint.npz"))
    done = imgclf(*TRAIN, "--resume", "again")
    assert done.code == 0, done.err
    assert done.err.count("\n") == 1
    assert "again/checkpoint.npz: a damaged checkpoint" in done.err
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert (Path("again") / name).read_bytes() == (Path("whole") / name).read_bytes(), name


def test_two_damaged_checkpoints_end_it(refused, stopped):
    for path in stopped.glob("checkpoint*"):
        damage(path)
    refused(4, ["checkpoint.npz", "damaged"], *TRAIN, "--resume", stopped)


def test_before_the_first_checkpoint_it_starts_from_the_beginning(imgclf, stopped):
    for path in stopped.iterdir():
        if path.name not in ("config.yaml", "environment.json"):
            path.unlink()
    done = imgclf(*TRAIN, "--resume", stopped)
    assert done.code == 0, done.err
    assert "from the beginning" in done.out
    for name in ("model.npz", "metrics.csv"):
        assert (stopped / name).read_bytes() == (Path("whole") / name).read_bytes(), name


def test_a_run_has_one_owner(refused, stopped):
    with run_dir.acquire(stopped):
        refused(7, ["in use by process ", "since 20"], *TRAIN, "--resume", stopped)


@pytest.mark.parametrize("run", ["nowhere", "whole/model.npz"])
def test_what_is_no_run_is_refused(refused, stopped, run):
    refused(4, run, *TRAIN, "--resume", run)


def test_metrics_that_were_cut_are_noticed(refused, stopped):
    (stopped / "metrics.csv").write_bytes((stopped / "metrics.csv").read_bytes()[:-5])
    refused(4, ["metrics.csv", "shorter"], *TRAIN, "--resume", stopped)


def test_another_numpy_is_named(imgclf, stopped):
    path = stopped / "environment.json"
    text = path.read_text()
    path.write_text(text.replace(f'"numpy": "{np.__version__}"', '"numpy": "0.1"'))
    done = imgclf(*TRAIN, "--resume", stopped)
    assert done.code == 0
    assert f"numpy was 0.1 and is {np.__version__}" in done.err


EARLY = (*TRAIN, "-s", "data.limit=300", "-s", "train.epochs=12", "-s", "schedule.name=constant")
STOPPING = ("-s", "early_stopping={monitor: val/accuracy, patience: 2}", "-s", "schedule.step_size=3")


@pytest.fixture
def stopped_early(imgclf):
    """A run of 12 epochs that early stopping ended before, at steps so large that nothing gets better for long."""
    done = imgclf(*EARLY, *STOPPING, "--out", "run")
    assert done.code == 0
    assert 3 <= rows_in("run") < 12
    assert f"stopped early, after epoch {rows_in('run')} of 12: val/accuracy no longer got better" in done.out
    return Path("run")


def rows_in(run):
    return len(Path(run, "metrics.csv").read_text().splitlines()) - 1


def test_a_run_that_is_within_an_epoch_cannot_end_before_it(imgclf, refused, ends_in_second_epoch):
    with ends_in_second_epoch(Stop):
        assert imgclf(*TRAIN, *FEW, "-s", "train.batch_size=50", "--out", "run").code == 130
    before = tree("run")
    refused(2, ["-s train.epochs", "epoch 2 has begun already"], *TRAIN, "--resume", "run", "-s", "train.epochs=1")
    assert tree("run") == before
    done = imgclf(*TRAIN, "--resume", "run", "-s", "train.epochs=2")
    assert "after 1 epoch, at step 7" in done.out
    assert imgclf("verify", "run").code == 0


@pytest.mark.parametrize("option", ["train.epochs=20", "train.epochs=11", "early_stopping.patience=1"])
def test_a_run_that_stopped_early_says_so_where_it_cannot_become_longer(imgclf, refused, stopped_early, option):
    before, epochs = tree(stopped_early), rows_in(stopped_early)
    refused(2, [f"after {epochs} epochs", "early_stopping=null", "patience"], *TRAIN, "--resume", "run", "-s", option)
    assert tree(stopped_early) == before
    done = imgclf(*TRAIN, "--resume", "run")
    assert f"early stopping ended it after epoch {epochs}; `-s early_stopping=null` continues it" in done.out
    assert tree(stopped_early) == before


def test_early_stopping_can_be_lifted_to_the_bytes_of_a_run_without_it(imgclf, stopped_early):
    done = imgclf(*TRAIN, "--resume", "run", "-s", "early_stopping=null")
    assert done.code == 0, done.err
    assert "2 epochs without an improvement -> never" in done.out
    assert imgclf(*EARLY, "-s", "schedule.step_size=3", "--out", "never").code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json"):  # the last weights again, not the best
        assert (stopped_early / name).read_bytes() == Path("never", name).read_bytes(), name
    assert imgclf("verify", "run").code == 0


@pytest.mark.parametrize("epochs", [12, 15])
def test_a_larger_patience_goes_on_as_a_run_that_had_it(imgclf, stopped_early, epochs):
    more = ("-s", f"train.epochs={epochs}", "-s", "early_stopping.patience=30")
    assert imgclf(*TRAIN, "--resume", "run", *more).code == 0
    assert imgclf(*EARLY, *STOPPING, *more, "--out", "patient").code == 0
    assert rows_in("run") == epochs
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert (stopped_early / name).read_bytes() == Path("patient", name).read_bytes(), name


def test_what_was_lifted_stays_lifted_when_it_is_stopped_before_its_first_checkpoint(
    imgclf, stopped_early, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(writer.RunWriter, "resume", raise_stop)
        assert imgclf(*TRAIN, "--resume", "run", "-s", "early_stopping=null").code == 130
    assert imgclf(*TRAIN, "--resume", "run").code == 0
    assert rows_in("run") == 12


@pytest.mark.parametrize("option", [
    "early_stopping.monitor=train/loss", "early_stopping.min_delta=0.5", "early_stopping={monitor: val/loss}",
])  # fmt: skip
def test_what_early_stopping_watches_cannot_change(refused, stopped_early, option):
    before = tree(stopped_early)
    refused(2, [option.split("=", maxsplit=1)[0], "cannot change"], *TRAIN, "--resume", "run", "-s", option)
    assert tree(stopped_early) == before


@pytest.mark.parametrize(
    ("old", "new"), [("monitor: val/accuracy", "monitor: val/loss"), ("min_delta: 0.0", "min_delta: 0.5")]
)
def test_what_early_stopping_watches_is_missed_in_an_edited_config(refused, stopped_early, old, new):
    path = stopped_early / "config.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    refused(2, "changed since the run began", *TRAIN, "--resume", "run", "-s", "train.epochs=20")


def test_early_stopping_cannot_begin_in_the_middle(refused, stopped):
    refused(2, ["early_stopping", "cannot change"], *TRAIN, "--resume", stopped, "-s", "early_stopping={patience: 3}")


DRAWN = ("train", "--progress", "none")


@pytest.fixture
def quickly(monkeypatch):
    """Let each picture be a line of what it would be drawn from."""

    def line(run):
        split, seen = run.split, run.seen
        return f"{run.title} {run.kept_epoch} {[len(part) for part in run.splits if part]} {split} {seen.correct}"

    for name, picture in PICTURES.items():
        monkeypatch.setitem(PICTURES, name, picture._replace(draw=line))


@pytest.mark.usefixtures("quickly")
def test_pictures_that_a_kill_cost_are_drawn_and_nothing_else_changes(imgclf, monkeypatch):
    options = (
        "-s",
        "early_stopping={monitor: train/loss, patience: 9}",
        "-s",
        "data.limit=200",
        "-s",
        "train.epochs=3",
    )
    assert imgclf(*DRAWN, *options, "--out", "whole").code == 0
    Path("elsewhere").mkdir()
    with monkeypatch.context() as patch:
        for name, picture in PICTURES.items():  # the page is drawn beside the others
            patch.setitem(PICTURES, name, picture._replace(draw=raise_stop))
        assert imgclf(*DRAWN, *options, "--out", "elsewhere/whole").code == 130
    run = Path("elsewhere/whole")
    before = tree(run)
    assert not set(before) & set(PICTURES)
    done = imgclf(*DRAWN, "--resume", run)
    assert done.code == 0, done.err
    assert {name: sha for name, sha in tree(run).items() if name not in PICTURES} == before
    for name in OF_PIXELS:
        assert (run / name).read_bytes() == Path("whole", name).read_bytes(), name


@pytest.mark.long
@pytest.mark.parametrize("name", OF_PIXELS)
def test_only_the_picture_that_is_missing_is_drawn(imgclf, monkeypatch, name):
    assert imgclf(*DRAWN, *FEW, "--out", "run").code == 0
    before = tree("run")
    Path("run", name).unlink()
    for other in set(OF_PIXELS) - {name}:
        Path("run", other).write_text("mine")
    assert f"drawn  run\n       {name}\n" in imgclf(*DRAWN, "--resume", "run").out
    after = tree("run")
    assert after.pop(name) == before.pop(name)
    assert all(Path("run", other).read_text() == "mine" for other in set(OF_PIXELS) - {name})
    with monkeypatch.context() as patch:
        patch.setattr("imgclf.training.loading.load_source", pytest.fail)  # nothing is missing, nothing is loaded
        assert imgclf(*DRAWN, "--resume", "run").code == 0


def test_a_run_that_was_to_have_no_pictures_gets_none(imgclf):
    assert imgclf(*TRAIN, *FEW, "--out", "run").code == 0
    before = tree("run")
    assert imgclf(*DRAWN, "--resume", "run").code == 0
    assert tree("run") == before


@pytest.mark.usefixtures("quickly")
def test_pictures_of_a_run_before_it_became_longer_do_not_stay(imgclf, monkeypatch):
    assert imgclf(*DRAWN, *FEW, "--out", "run").code == 0
    longer = (*DRAWN, "--resume", "run", "-s", "train.epochs=5")
    with monkeypatch.context() as patch:
        for name, picture in PICTURES.items():  # the page is drawn beside the others
            patch.setitem(PICTURES, name, picture._replace(draw=raise_stop))
        assert imgclf(*longer).code == 130
    assert not any(Path("run", name).exists() for name in PICTURES)
    assert imgclf(*longer).code == 0
    assert all(Path("run", name).exists() for name in OF_PIXELS)


@pytest.mark.parametrize("name", ["model.npz", "metrics.json"])
def test_what_a_finished_run_lacks_is_made_again(imgclf, name):
    assert imgclf(*TRAIN, *FEW, "--out", "run").code == 0
    before = tree("run")
    Path("run", name).unlink()
    done = imgclf(*TRAIN, "--resume", "run")
    assert done.code == 0, done.err
    assert tree("run") == before


def test_where_the_data_is_gone_the_results_are_said_and_what_needs_no_data_is_drawn(imgclf, monkeypatch):
    np.savez("data.npz", X=np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8), y=np.arange(60) % 3)
    with monkeypatch.context() as patch:
        for name, picture in PICTURES.items():
            patch.setitem(PICTURES, name, picture._replace(draw=lambda _: "soon gone"))
        assert imgclf(*DRAWN, "-s", "data.source=npz", "-s", "data.path=data.npz", "--out", "run").code == 0
    Path("data.npz").unlink()
    for name in OF_PIXELS:
        Path("run", name).unlink()
    done = imgclf("-q", *DRAWN, "--resume", "run")
    assert done.code == 3
    assert "finished already" in done.out
    assert done.err.count("\n") == 1
    assert "only its pictures are missing" in done.err
    assert "data.npz: no such file" in done.err
    assert [name for name in PICTURES if Path("run", name).exists()] == ["steps.png"]
