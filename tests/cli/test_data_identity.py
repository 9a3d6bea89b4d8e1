"""A run's data is known by its fingerprint: other data is refused, the same data is found or taken anywhere."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.run.data_identity import find_data

TRAIN = ("train", "--progress", "none", "--no-plots", "-s", "data.val_fraction=0.2", "-s", "train.epochs=2")
N = 40


def arrays(n=N):
    """Noise with coin-toss labels: what is not memorized is guessed."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, 4, 4), dtype=np.uint8), np.arange(n) % 2


def write_folder(X, y):
    shutil.rmtree("data", ignore_errors=True)
    for i, (image, label) in enumerate(zip(X, y, strict=True)):
        path = Path("data", "ab"[label], f"{i:03}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def write_npz(X, y):
    np.savez("data.npz", X=X, y=y)


def write_idx_files(X, y):
    Path("data").mkdir(exist_ok=True)
    for name, array in (("images-idx3", X), ("labels-idx1", y.astype(np.uint8))):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        Path(f"data/train-{name}-ubyte").write_bytes(header + array.tobytes())


def write_cifar(X, y):
    folder = Path("data")
    folder.mkdir(exist_ok=True)
    pixels = np.resize(X.reshape(len(X), -1), (len(X), 3072)).astype(np.uint8)
    rows = np.hstack([y.astype(np.uint8)[:, None], pixels])
    for number, part in enumerate(np.array_split(rows, 5), 1):
        (folder / f"data_batch_{number}.bin").write_bytes(part.tobytes())
    (folder / "test_batch.bin").write_bytes(rows[:4].tobytes())
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij"))


SOURCES = {"folder": write_folder, "npz": write_npz, "idx": write_idx_files, "cifar10": write_cifar}
OWN = {
    "eval val": ("eval", "run", "--split", "val"),
    "eval train": ("eval", "run", "--split", "train"),
    "gradcheck": ("gradcheck", "--run", "run", "--images", "4"),
    "verify": ("verify", "run"),
    "resume": ("train", "--resume", "run", "-s", "train.epochs=4", "--no-plots"),
}


def options(source):
    return ("-s", f"data.source={source}", "-s", f"data.path={'data.npz' if source == 'npz' else 'data'}")


def changed(how):
    X, y = arrays()
    if how == "one more":
        X, y = np.concatenate([X, X[:1]]), np.append(y, 0)
    elif how == "one fewer":
        X, y = X[1:], y[1:]
    elif how == "another pixel":
        X[0, 0, 0] ^= 1
    elif how == "another label":
        y[:2] = y[1::-1]
    elif how == "another order":
        X, y = X[::-1], y[::-1]
    return X, y


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_data_written_again_is_the_data_of_the_run(imgclf, source):
    imgclf("--version")
    SOURCES[source](*arrays())
    assert imgclf(*TRAIN, *options(source), "--out", "run").code == 0
    SOURCES[source](*arrays())
    for name, command in OWN.items():
        done = imgclf(*command)
        assert done.code == 0, (name, done.err)


# What differs is told from arrays, whichever source they come from.
@pytest.mark.parametrize(("source", "how"), [
    *(("npz", how) for how in ("one more", "one fewer", "another pixel", "another label", "another order")),
    *((source, how) for source in ("folder", "idx", "cifar10") for how in ("one more", "another pixel")),
])  # fmt: skip
def test_data_that_has_changed_is_refused_by_all_commands_and_it_is_said_how(imgclf, refused, source, how):
    imgclf("--version")
    SOURCES[source](*arrays())
    assert imgclf(*TRAIN, *options(source), "--out", "run").code == 0
    SOURCES[source](*changed(how))
    words = {"one more": f"{N} images then, {N + 1} now", "one fewer": f"{N} images then, {N - 1} now"}
    for command in OWN.values():
        refused(3, ["data", "the images have changed since the run began", words.get(how, "the same number")], *command)
    if source != "cifar10":  # which has a test split
        refused(3, "the images have changed since the run began", "eval", "run")


def test_a_class_more_is_named(imgclf, refused, pictures, on_pictures):
    shutil.rmtree(pictures / "test")
    assert imgclf(*TRAIN, *on_pictures, "--out", "run").code == 0
    shutil.copytree(pictures / "train" / "cat", pictures / "train" / "owl")
    for command in OWN.values():
        refused(3, ["the classes have changed since the run began: 'owl' is new"], *command)
    shutil.rmtree(pictures / "train" / "owl")
    (pictures / "train" / "cat").rename(pictures / "train" / "lion")
    refused(3, ["'lion' is new, 'cat' is missing"], "eval", "run")


def test_a_validation_split_of_its_own_is_part_of_the_data(imgclf, refused, pictures, on_pictures):
    shutil.copytree(pictures / "test", pictures / "val")
    assert imgclf(*TRAIN, *on_pictures, "--out", "run").code == 0
    (pictures / "val" / "cat" / "0.png").rename(pictures / "train" / "cat" / "new.png")
    refused(
        3, ["40 training and 14 validation then, 41 training and 13 validation now"], "eval", "run", "--split", "val"
    )
    (pictures / "train" / "cat" / "new.png").unlink()
    refused(3, ["54 images then, 53 now"], "verify", "run")


def test_a_test_split_cut_out_of_what_was_trained_on_is_warned_of(imgclf):
    imgclf("--version")
    write_folder(*arrays())
    assert imgclf(*TRAIN, *options("folder"), "--out", "run").code == 0
    for name in "ab":
        Path("data/train").mkdir(exist_ok=True)
        Path(f"data/{name}").rename(f"data/train/{name}")
        Path(f"data/test/{name}").mkdir(parents=True)
        for path in sorted(Path(f"data/train/{name}").iterdir())[:5]:
            path.rename(f"data/test/{name}/{path.name}")
    done = imgclf("eval", "run", "--json")
    assert (done.code, done.json["n"]) == (0, 10)
    assert "40 images for training and validation when the run began, 30 now" in done.err
    shutil.rmtree("data/train")  # nobody needs it to test
    assert imgclf("eval", "run").err == ""


def test_a_test_split_that_was_there_is_evaluated_without_a_word(imgclf, pictures, on_pictures):
    assert imgclf(*TRAIN, *on_pictures, "--out", "run").code == 0
    assert imgclf("eval", "run").err == ""


def test_a_test_split_cut_out_of_an_npz_is_warned_of(imgclf):
    imgclf("--version")
    X, y = arrays()
    write_npz(X, y)
    assert imgclf(*TRAIN, *options("npz"), "--out", "run").code == 0
    np.savez("data.npz", x_train=X[5:], y_train=y[5:], x_test=X[:5], y_test=y[:5])
    done = imgclf("eval", "run", "--json")
    assert (done.code, done.json["n"]) == (0, 5)
    assert "40 images for training and validation when the run began, 35 now" in done.err


def test_nobody_cuts_test_images_out_of_cifar_so_training_images_are_not_counted(imgclf, monkeypatch):
    imgclf("--version")
    write_cifar(*arrays())
    assert imgclf(*TRAIN, *options("cifar10"), "--out", "run").code == 0
    monkeypatch.setattr("imgclf.training.loading.count_training_images", lambda _: pytest.fail("counted"))
    done = imgclf("eval", "run")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("source", ["folder", "npz", "idx"])
def test_other_images_that_were_trained_on_are_warned_of(imgclf, source):
    imgclf("--version")
    SOURCES[source](*arrays())
    assert imgclf(*TRAIN, *options(source), "--out", "run").code == 0
    moved = Path("data.npz" if source == "npz" else "data").rename("moved.npz" if source == "npz" else "moved")
    done = imgclf("eval", "run", "--data", moved, "--json")
    assert (done.code, done.json["split"], done.json["n"]) == (0, "data", N)
    assert "the run was trained on most of these images; --split val evaluates the others" in done.err
    assert imgclf("eval", "run", "--data", moved, "--split", "val", "--json").json["n"] == N // 5
    SOURCES[source](*changed("another pixel"))
    assert imgclf("eval", "run", "--data", "data.npz" if source == "npz" else "data").err == ""


def test_a_test_split_in_another_place_is_that_of_the_run_or_refused(imgclf, refused, pictures, on_pictures):
    assert imgclf(*TRAIN, *on_pictures, "--out", "deep/run").code == 0
    (pictures / "train" / "cat" / "0.png").rename(pictures / "train" / "cat" / "x.png")
    pictures.rename(Path("deep", pictures.name))  # beside the run, with the same name, and another
    refused(3, "images have changed", "eval", "deep/run")
    refused(3, "images have changed", "eval", "deep/run", "--split", "test", "--data", "deep/pictures")
    Path("deep/pictures/train/cat/x.png").rename("deep/pictures/train/cat/0.png")
    assert imgclf("eval", "deep/run", "--json").json["n"] == 14


def test_data_that_may_not_be_looked_at_is_not_said_to_be_missing(imgclf, refused, monkeypatch):
    imgclf("--version")
    write_npz(*arrays())
    assert imgclf(*TRAIN, *options("npz"), "--out", "run").code == 0
    Path("data.npz").rename("x" * 200 + ".npz")
    path = Path("run/config.yaml")
    path.write_text(path.read_text().replace("data.npz", "x" * 300 + ".npz"))
    refused(3, "file name too long", "verify", "run")


def test_gradcheck_of_a_run_on_other_data_that_is_asked_for(imgclf, refused):
    imgclf("--version")
    write_npz(*arrays())
    assert imgclf(*TRAIN, *options("npz"), "--out", "run").code == 0
    assert imgclf(*OWN["gradcheck"], "-s", "data.limit=10").code == 0
    np.savez("other.npz", X=arrays()[0][::-1], y=arrays()[1])
    refused(3, "images have changed", *OWN["gradcheck"], "-s", "data.path=other.npz")


def test_a_run_that_does_not_say_on_what_it_was_trained(imgclf, refused):
    assert imgclf("train", "-s", "data.limit=200", "-s", "train.epochs=1", "--no-plots", "--out", "run").code == 0
    Path("run/environment.json").unlink()
    refused(4, "does not say which images", "eval", "run", "--split", "val")
    assert imgclf("verify", "run").code == 0  # the checkpoint says it


@pytest.mark.parametrize("found", [
    {"data_images": 3}, {"data_images": {"train": "x", "val": 0}}, {"data_classes": 7}, {"data_classes": [None, 1]},
    {"data_fingerprint": []},
])  # fmt: skip
def test_an_environment_that_was_edited_is_no_reason_to_fall(imgclf, refused, found):
    imgclf("--version")
    write_npz(*arrays())
    assert imgclf(*TRAIN, *options("npz"), "--out", "run").code == 0
    path = Path("run/environment.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | found))
    write_npz(*changed("one more"))
    for command in OWN.values():
        refused(3, "have changed since the run began", *command)


def contents(run):
    """Name and content of every file, but the lock's, which says who had it last."""
    return {path.name: path.read_bytes() for path in run.iterdir() if path.name != ".lock"}


@pytest.fixture
def project(imgclf):
    """A project folder with data and, where every project has them, its runs; trained from inside it."""
    imgclf("--version")
    Path("project/data").mkdir(parents=True)
    return Path("project").resolve()


def train_in(imgclf, monkeypatch, project, *more):
    monkeypatch.chdir(project)
    np.savez("data/set.npz", X=arrays()[0], y=arrays()[1])
    done = imgclf(*TRAIN, "-s", "data.source=npz", "-s", "data.path=data/set.npz", *more)
    assert done.code == 0, done.err
    monkeypatch.chdir(project.parent)


def own(run):
    return [[str(run) if word == "run" else word for word in command] for command in OWN.values()]


@pytest.mark.parametrize("where", [(), ("--out", "deep/er/run")])
def test_a_project_that_was_renamed_goes_on_as_before(imgclf, monkeypatch, project, where):
    train_in(imgclf, monkeypatch, project, *where)
    project.rename("renamed")
    run = Path("renamed", where[1] if where else "runs/npz-softmax")
    for command in own(run):
        done = imgclf(*command)
        assert done.code == 0, done.err
    assert f"path: {Path('renamed/data/set.npz').resolve()}" in (run / "config.yaml").read_text()  # by --resume


def test_a_project_that_went_on_in_one_place_is_found_in_the_next(imgclf, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    project.rename("renamed")
    assert imgclf("train", "--resume", "renamed/runs/npz-softmax", "-s", "train.epochs=4", "--no-plots").code == 0
    Path("renamed").rename("once more")
    assert imgclf("verify", "once more/runs/npz-softmax").code == 0


def test_data_beside_the_run_and_data_below_the_same_folder_as_before_is_found(imgclf, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    Path("stick").mkdir()
    shutil.move(project / "data/set.npz", "stick/set.npz")
    shutil.move(project / "runs/npz-softmax", "stick/run")
    assert imgclf("verify", "stick/run").code == 0
    shutil.move("stick/run", "elsewhere")
    Path("data").mkdir()
    shutil.move("stick/set.npz", "data/set.npz")  # from here as it was from where the run began
    assert imgclf("verify", "elsewhere").code == 0


def test_data_that_is_found_but_is_another_is_refused(imgclf, refused, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    project.rename("renamed")
    X, y = changed("another pixel")
    np.savez("renamed/data/set.npz", X=X, y=y)
    for command in own("renamed/runs/npz-softmax"):
        refused(3, "the images have changed since the run began", *command)


def test_a_run_with_the_name_of_its_data_is_not_taken_for_it(imgclf, refused, pictures):
    shutil.copytree(pictures, "data/photos")
    imgclf("train", "data/photos", "-s", "train.epochs=1", "--no-plots", "--out", "runs/photos")
    shutil.rmtree("data/photos")
    refused(3, [str(Path("data/photos").absolute()), "no such file or folder"], "eval", "runs/photos")


def test_data_that_is_nowhere_is_said_to_be_missing_and_where_to_name_it(imgclf, refused, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    (project / "data/set.npz").rename("moved.npz")
    run = project / "runs/npz-softmax"
    for command in own(run):
        option = "data.path=PATH" if command[0] in ("train", "gradcheck") else "--data PATH"
        refused(3, [str(project / "data/set.npz"), "no such file or folder", option], *command)
    before = contents(run)
    assert imgclf("eval", run, "--split", "val", "--data", "moved.npz", "--json").json["n"] == 8
    assert imgclf("verify", run, "--data", "moved.npz").code == 0
    assert imgclf("gradcheck", "--run", run, "--images", "4", "-s", "data.path=moved.npz").code == 0
    assert contents(run) == before
    refused(3, "absent.npz", "train", "--resume", run, "-s", "data.path=absent.npz", "-s", "train.epochs=9")
    X, y = changed("another pixel")
    np.savez("other.npz", X=X, y=y)
    for command in (("verify", run, "--data", "other.npz"), ("eval", run, "--split", "val", "--data", "other.npz")):
        refused(3, "images have changed", *command)
    assert contents(run) == before


def test_resume_takes_data_from_another_place_and_remembers_it(imgclf, refused, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    shutil.copytree(project / "runs/npz-softmax", "unmoved")
    assert imgclf("train", "--resume", "unmoved", "-s", "train.epochs=4", "--no-plots").code == 0
    (project / "data/set.npz").rename("moved.npz")
    X, y = changed("another pixel")
    np.savez("other.npz", X=X, y=y)
    run = project / "runs/npz-softmax"
    longer = ("train", "--resume", run, "-s", "train.epochs=4", "--no-plots")
    refused(3, "images have changed", *longer, "-s", "data.path=other.npz")
    assert imgclf(*longer, "-s", "data.path=moved.npz").code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert (run / name).read_bytes() == Path("unmoved", name).read_bytes(), name
    assert imgclf("verify", run).code == 0


def test_a_finished_run_learns_the_new_place_of_its_data_and_nothing_else_changes(
    imgclf, refused, monkeypatch, project
):
    train_in(imgclf, monkeypatch, project)
    (project / "data/set.npz").rename("moved.npz")
    run = project / "runs/npz-softmax"
    before = contents(run)
    X, y = changed("another pixel")
    np.savez("other.npz", X=X, y=y)
    refused_words = "the images have changed since the run began"
    assert refused_words in imgclf("train", "--resume", run, "-s", "data.path=other.npz").err
    done = imgclf("train", "--resume", run, "-s", "data.path=moved.npz")
    assert done.code == 0, done.err
    after = contents(run)
    config = before.pop("config.yaml").replace(
        str(project / "data/set.npz").encode(), str(Path("moved.npz").resolve()).encode()
    )
    assert after.pop("config.yaml") == config
    environment = json.loads(before.pop("environment.json")) | {"folder": str(run.resolve().parent)}
    assert json.loads(after.pop("environment.json")) == environment
    assert after == before
    assert imgclf("verify", run).code == 0


def test_a_path_that_was_edited_by_hand_will_do_where_the_data_is_the_same(imgclf, refused, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    (project / "data/set.npz").rename("moved.npz")
    run = project / "runs/npz-softmax"
    config = run / "config.yaml"
    config.write_text(config.read_text().replace(str(project / "data/set.npz"), str(Path("moved.npz").resolve())))
    for command in own(run):
        done = imgclf(*command)
        assert done.code == 0, done.err


def test_a_place_that_is_named_is_not_looked_for_elsewhere(imgclf, refused, monkeypatch, project):
    train_in(imgclf, monkeypatch, project)
    project.rename("renamed")
    run = Path("renamed/runs/npz-softmax")
    refused(3, "set.npz", "train", "--resume", run, "-s", "train.epochs=3", "-s", "data.path=mistyped/set.npz")
    refused(3, "set.npz", "verify", run, "--data", "mistyped/set.npz")
    refused(3, "set.npz", "gradcheck", "--run", run, "-s", "data.path=mistyped/set.npz")


@pytest.mark.parametrize("folder", [None, 3, "", "a\0b", "relative", "/" * 5000, "/x" * 5000])
def test_whatever_a_run_says_of_where_it_was_is_no_reason_to_fall(tmp_path, folder):
    from imgclf.config import resolve
    from imgclf.errors import DataError

    (tmp_path / "environment.json").write_text(json.dumps({"folder": folder, "cwd": folder}))
    config = resolve(overrides=["data.source=npz", f"data.path={tmp_path}/absent/set.npz"]).config
    with pytest.raises(DataError, match="no such file or folder"):
        find_data(config, tmp_path, "remedy")
