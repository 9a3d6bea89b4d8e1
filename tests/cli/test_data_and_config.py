"""`imgclf data`, `imgclf config` and `imgclf completion`."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from imgclf.config import resolve


def test_data_info_counts_splits_and_classes(imgclf, pictures):
    seen = imgclf("data", "info", "-s", "data.source=folder", "-s", "data.path=pictures", "--json").json
    assert seen["example_shape"] == [6, 8, 3]
    assert seen["color"] == "rgb"
    assert {name: split["classes"] for name, split in seen["splits"].items()} == {
        "train": {"cat": 18, "dog": 18}, "val": {"cat": 2, "dog": 2}, "test": {"cat": 7, "dog": 7},
    }  # fmt: skip
    assert len({split["fingerprint"] for split in seen["splits"].values()}) == 3


def test_data_info_of_a_path_shows_it_as_it_is(imgclf, pictures):
    done = imgclf("data", "info", "pictures")
    assert done.code == 0
    assert "cat       20     7" in done.out
    assert "8" in done.out.splitlines()[0]
    assert "sha256" in done.out


def test_data_info_says_how_a_folder_was_read(imgclf, pictures):
    (pictures / "test").rename(pictures / "Testing")
    shutil.copytree(pictures / "train", pictures / "val2")
    (pictures / "valid").mkdir()
    shutil.copy(pictures / "train" / "cat" / "1.png", pictures / "valid")
    (pictures / "notes.txt").touch()
    done = imgclf("data", "info", "pictures")
    assert done.err.startswith(f"imgclf: warning: {pictures}: passed over: ")
    for words in ("val2 (2 folders): not the name of a split", "valid (1 file): no class folders are in it"):
        assert words in done.err
    start = done.out.index("read as")
    rows = [line.split("  ") for line in done.out[start:].split("\n\n")[0].splitlines()]
    assert [[word.strip() for word in row if word] for row in rows] == [
        ["read as", "folder", "contents", "why"],
        ["train", "train", "2 folders"],
        ["test", "Testing", "2 folders"],
        ["passed over", "val2", "2 folders", "not the name of a split (train, val, test)"],
        ["passed over", "valid", "1 file", "no class folders are in it"],
        ["passed over", ".", "notes.txt", "not called an image"],
    ]
    tree = imgclf("data", "info", "pictures", "--json").json["tree"]
    assert tree[1] == {"place": "Testing", "read_as": "test", "holds": "2 folders", "why": None}
    assert [(row["place"], row["read_as"]) for row in tree[2:]] == [("val2", None), ("valid", None), (".", None)]
    assert imgclf("data", "info", "--json").json["tree"] is None


NAMES = (
    *("two\nlines", "two lines", "tab\there", "it's", '"quoted"', "my #2", "a: b", "{b}", "[z]", "@at", "null", " x "),
    *("\\n", "\x1b[31m", "\x85", "\u2028"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_the_folder_of_that_name_and_no_other(imgclf, pictures, name):
    shutil.copytree(pictures, "two lines")  # what one of them was read as
    shutil.rmtree("two lines/test")
    Path("set").mkdir()
    pictures.rename(pictures.parent / "set" / name)
    seen = imgclf("data", "info", Path("set", name), "--json")
    assert seen.code == 0, seen.err
    assert seen.json["data"] == str(Path("set", name))
    assert seen.json["splits"]["test"]["n"] == 14


def test_what_is_passed_over_is_said_by_train_pack_and_eval_too(imgclf, pictures, small):
    shutil.copytree(pictures / "train", pictures / "val2")
    words = "imgclf: warning: .*: passed over: val2 "
    folder = ("-s", "data.source=folder", "-s", "data.path=pictures")
    for command in (
        ("-q", "train", *folder, *small, "--out", "run"),
        ("-q", "eval", "run", "--data", "pictures"),
        ("data", "pack", "pictures", "--out", "packed"),
    ):
        done = imgclf(*command)
        assert done.code == 0
        assert re.match(words, done.err), command


def test_data_info_shows_what_there_is_whatever_the_classes_are(imgclf, pictures):
    (pictures / "test" / "dog").rename(pictures / "test" / "elk")
    done = imgclf("data", "info", "pictures")
    assert done.code == 0
    assert done.out.splitlines()[2:7] == [
        "class  train  test", "cat       20     7", "dog       20     -", "elk        -     7", "all       40    14",
    ]  # fmt: skip
    assert "test has images of 'elk', classes that train lacks" in done.err
    seen = imgclf("data", "info", "pictures", "--json").json
    assert seen["classes"] == ["cat", "dog", "elk"]
    assert seen["splits"]["test"]["classes"] == {"cat": 7, "elk": 7}


def test_data_info_shows_a_set_without_a_training_split_and_train_names_what_is_there(imgclf, refused, pictures):
    (pictures / "train").rename(pictures / "first")
    folder = ("-s", "data.source=folder", "-s", "data.path=pictures")
    refused(
        3, "no training split, only 'first', 'test' - name the folder of the training images train", "train", *folder
    )
    done = imgclf("data", "info", "pictures")
    assert done.code == 0
    assert "all      14" in done.out


def test_classes_without_training_images_are_said(imgclf):
    names = [str(number) for number in range(10)]
    np.savez("data.npz", X=np.zeros((4, 2, 2), np.uint8), y=[0, 9, 9, 0], class_names=names)
    words = "no training images of '1', '2', '3', '4', '5' and 3 more\n"
    assert words in imgclf("data", "info", "data.npz").err
    done = imgclf("train", "-s", "data.source=npz", "-s", "data.path=data.npz", "--dry-run")
    assert done.code == 0
    assert words in done.err


def test_how_arrays_are_read_is_said_wherever_they_are_read(imgclf):
    X = np.random.default_rng(0).random((40, 3, 3))
    np.savez("data.npz", X=X, y=np.eye(4)[1 + np.arange(40) % 3])
    words = ["read as bytes: (255 * X)", "one-hot labels (40, 4)", "no label is 0: the classes are 1, 2, 3"]
    npz = ("-s", "data.source=npz", "-s", "data.path=data.npz", "--no-plots")
    for command in (("data", "info", "data.npz"), ("data", "pack", "data.npz", "--out", "packed"),
                    ("train", *npz, "--out", "run"), ("eval", "run", "--data", "data.npz")):  # fmt: skip
        done = imgclf(*command)
        assert done.code == 0, done.err
        for word in words:
            known = command[0] == "eval" and "bytes" in word  # as in training
            assert done.err.count(word) == (0 if known else 1), (command, done.err)


FEATURES = (np.arange(60) % 3)[:, None] + np.random.default_rng(0).random((60, 5))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_features_in_npy_files_are_trained_on_evaluated_verified_and_packed(imgclf, dtype):
    for split in ("train", "test"):
        np.save(f"X_{split}.npy", FEATURES.astype(dtype))
        np.save(f"y_{split}.npy", np.arange(60) % 3)
    npz = ("-s", "data.source=npz", "-s", "data.path=.", "--no-plots")
    done = imgclf("train", *npz, "-s", "preprocess.norm=l2", "--out", "run")
    assert done.code == 0, done.err
    printed = " ".join(done.out.split())
    assert "npz: 54 training examples, 6 validation examples; 5 features, 3 classes" in printed
    assert "features x = (features / |features| - mean) / standard deviation, by feature" in printed
    for command in (("eval", "run"), ("eval", "run", "--data", "X_test.npy"), ("verify", "run")):
        done = imgclf(*command)
        assert done.code == 0
        assert "image" not in done.out
    assert imgclf("gradcheck", "--run", "run", "--images", "20").code == 0
    assert imgclf("data", "pack", ".", "--out", "packed").code == 0
    assert np.load("packed/train_images.npy").dtype == dtype
    seen = [imgclf("eval", "run", *data, "--json").json for data in ((), ("--data", "packed"))]
    assert seen[0]["accuracy"] == seen[1]["accuracy"]
    assert imgclf("-q", "train", "--resume", "run", "-s", "train.epochs=21", "--no-plots").code == 0


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


def test_a_git_lfs_pointer_is_called_by_its_name(refused, pictures):
    for name in ("train/cat/1.png", "../data.npz", "../set/train-images-idx3-ubyte", "../cifar-10.tar.gz"):
        path = pictures / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(POINTER)
    words = "a Git LFS pointer: run `git lfs pull`"
    Path("set/train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 0]))
    refused(3, f"1 bad of 40 files: cat/1.png: {words}", "data", "info", "pictures")
    for data in ("data.npz", "set", "cifar-10.tar.gz"):
        refused(3, words, "data", "info", data)


def test_data_info_of_the_default(imgclf):
    done = imgclf("data", "info")
    assert "T-shirt/top" in done.out
    assert "5,400  600  1,000" in done.out


def test_config_init_writes_a_template_that_is_the_default(imgclf):
    assert imgclf("config", "init").code == 0
    assert resolve([Path("imgclf.yaml")]).config == resolve().config
    assert imgclf("config", "init", "-").out == Path("imgclf.yaml").read_text()
    Path("imgclf.yaml").write_text("seed: 5\n")
    again = imgclf("config", "init")
    assert again.code == 2
    assert Path("imgclf.yaml").read_text() == "seed: 5\n"


def test_config_init_from_copies_a_config_that_ships_with_imgclf(imgclf):
    done = imgclf("config", "init", "--from", "cifar10_softmax")
    assert (done.code, done.out) == (0, "wrote cifar10_softmax.yaml; next: imgclf train -c cifar10_softmax.yaml\n")
    assert "\n  path: data\n" in Path("cifar10_softmax.yaml").read_text()
    assert "next: imgclf sweep -c s.yaml" in imgclf("config", "init", "--from", "sweep_cifar10", "s.yaml").out
    assert imgclf("config", "init", "--from", "cifar10_softmax").code == 2  # it is there
    assert imgclf("config", "init", "--from", "nothing", "n.yaml").code == 2
    assert not Path("n.yaml").exists()
    assert imgclf("config", "init", "--from", "fashion_svm", "-").out.endswith("step_size: 0.03\n")


def test_config_show_says_where_each_value_comes_from(imgclf):
    imgclf("config", "init", "a.yaml")
    Path("a.yaml").write_text("train:\n  epochs: 3\n")
    lines = imgclf("config", "show", "-c", "a.yaml", "-s", "seed=7").out.splitlines()
    (epochs,) = [line for line in lines if "epochs: 3" in line]
    (seed,) = [line for line in lines if line.startswith("seed: 7")]
    (loss,) = [line for line in lines if "loss: softmax" in line]
    assert "a.yaml:2" in epochs
    assert "-s" in seed
    assert "default" in loss


def test_config_check_points_at_every_mistake(imgclf):
    imgclf("--version")
    Path("a.yaml").write_text("train:\n  epoch: 3\nseed: x\n")
    done = imgclf("config", "check", "a.yaml")
    assert done.code == 2
    assert "a.yaml:2:3" in done.err
    assert "a.yaml:3:7" in done.err
    assert "did you mean 'epochs'" in done.err
    carets = [line for line in done.err.splitlines() if line.strip() == "^"]
    assert len(carets) == 2
    Path("a.yaml").write_text("train:\n  epochs: 3\n")
    assert imgclf("config", "check", "-c", "a.yaml").code == 0


def test_config_schema_is_json(imgclf):
    schema = json.loads(imgclf("config", "schema").out)
    assert {"seed", "data", "train", "schedule"} <= set(schema["properties"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(imgclf, shell):
    done = imgclf("completion", shell)
    assert done.code == 0
    assert "_IMGCLF_COMPLETE" in done.out


def test_version(imgclf):
    assert imgclf("--version").out.startswith("imgclf 0.")


def test_debug_shows_the_traceback_too(imgclf):
    done = imgclf("--debug", "data", "info", "nowhere")
    assert done.code == 3
    assert done.err.startswith("Traceback")
    assert done.err.splitlines()[-1].startswith("imgclf: error: nowhere: ")


def test_a_bug_is_exit_70_and_one_line(imgclf, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("imgclf.run.session.make_plan", broken)
    done = imgclf("train")
    assert done.code == 70
    assert (
        done.err
        == "imgclf: error: imgclf: a bug in imgclf: RuntimeError: two\\nlines - run it with --debug and report it\n"
    )


@pytest.mark.parametrize(
    "name", ["a\nb", "a #b", " a", "a ", "null", "~", "'a'", "[a]", "a: b", "-a", "a=b", "\x1b[31m"]
)
def test_a_path_is_taken_as_it_is(imgclf, pictures, name):
    shutil.copytree(pictures, "a")  # where a part of the name would lead
    (pictures / "test").rename(pictures / "val")
    pictures.rename(pictures.parent / name)
    done = imgclf("data", "info", "--json", "--", name)
    assert done.code == 0, done.err
    assert (done.json["data"], set(done.json["splits"])) == (name, {"train", "val"})


def test_what_pack_says_next_is_what_works(imgclf, pictures):
    for out in ("null", "~", "'a'", "my pack #2"):
        said = imgclf("data", "pack", "pictures", f"--out={out}").out.partition("next   imgclf ")[2]
        assert imgclf(*shlex.split(said), "--dry-run").code == 0
