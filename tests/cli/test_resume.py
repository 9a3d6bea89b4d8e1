"""`imgclf train --resume`: on from where it was, to the same bytes; whatever else differs is refused by name."""

import hashlib
import json
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from imgclf import record, run_dir
from imgclf.cli.stopping import Stop
from imgclf.formats.sealed_npz import sealed_npz

TRAIN = ("train", "--no-plots", "--progress", "none")
FEW = ("-s", "data.limit=200", "-s", "train.epochs=3")


def tree(run):
    """Name and content of every file, but the lock's, which says who had it last."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(run).iterdir()
        if path.name != run_dir.LOCK
    }


def raise_stop(*_):
    raise Stop


@pytest.fixture
def stopped(imgclf, monkeypatch):
    import imgclf.run as room

    assert imgclf(*TRAIN, *FEW, "--out", "whole").code == 0
    watch = room._watch

    def stop_in_the_second(plan, best, row, weights):
        if row["epoch"] == 2:
            raise Stop
        return watch(plan, best, row, weights)

    with monkeypatch.context() as patch:
        patch.setattr(room, "_watch", stop_in_the_second)
        assert imgclf(*TRAIN, *FEW, "--out", "run").code == 130
    assert (Path("run/status.json").read_text()) == '{\n  "status": "interrupted"\n}\n'
    return Path("run")


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
    assert "not equal to one that had been so long from the start" in done.out
    assert len(Path("whole/metrics.csv").read_text().splitlines()) == 6
    assert "epochs: 5" in Path("whole/config.yaml").read_text()
    assert "finished already" in imgclf(*TRAIN, "--resume", "whole").out


def test_a_run_that_was_stopped_as_it_became_longer_is_not_finished(imgclf, stopped, monkeypatch):
    longer = (*TRAIN, "--resume", "whole", "-s", "train.epochs=5")
    with monkeypatch.context() as patch:
        patch.setattr(record.Record, "go_on", raise_stop)
        assert imgclf(*longer).code == 130
    assert json.loads(Path("whole/status.json").read_text()) == {"status": "interrupted"}
    assert imgclf(*longer).code == 0
    assert len(Path("whole/metrics.csv").read_text().splitlines()) == 6


@pytest.mark.parametrize(("code", "words", "options"), [
    (2, ["--config", "does not go with --resume"], ("-c", "whole/config.yaml")),
    (2, ["--out", "does not go with --resume"], ("--out", "elsewhere")),
    (2, ["-s seed", "only train.epochs, early_stopping.patience, data.path"], ("-s", "seed=1")),
    (2, ["-s optimizer.decay", "cannot change"], ("-s", "optimizer.decay=0.5")),
    (2, ["-s optimizer.name", "cannot change"], ("-s", "optimizer.name=sgd")),
    (2, ["train.epochs"], ("-s", "train.epochs=0")),
])  # fmt: skip
def test_other_settings_are_refused_by_name_and_nothing_changes(refused, stopped, code, words, options):
    before = tree(stopped)
    refused(code, words, *TRAIN, "--resume", stopped, *options)
    assert tree(stopped) == before


def test_a_config_that_was_edited_is_refused(refused, stopped):
    path = stopped / "config.yaml"
    path.write_text(path.read_text().replace("decay: 0.9", "decay: 0.8"))
    refused(2, ["run/config.yaml", "changed since the run began"], *TRAIN, "--resume", stopped)


@pytest.mark.parametrize(("change", "words"), [("pixel", "other images"), ("name", "other classes")])
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
    (["format 2, this version of imgclf reads 1"], {"format": lambda _: 2}),
    (["this NumPy deals the images in another order", "environment.json"],
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
    refused(3, "other classes", *TRAIN, "--resume", "run", "-s", "train.epochs=30")
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
    with closing(run_dir.own(stopped)):
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
