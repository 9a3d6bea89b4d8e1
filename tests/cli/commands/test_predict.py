"""`imgclf predict` on many images: folders, files to submit, bad files, output formats."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgclf.run.model_file import load_model
from imgclf.training.evaluation import score_images


@pytest.fixture
def trained(imgclf, pictures, on_pictures):
    """A run on pictures, its directory."""
    assert imgclf("train", *on_pictures, "-s", "train.epochs=10", "--no-plots", "--out", "run").code == 0
    return Path("run")


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


def test_a_folder_is_predicted_at_any_depth_like_its_files(imgclf, trained, pictures):
    deep = Path("photos/2024/summer")
    shutil.copytree(pictures / "test" / "cat", deep)
    shutil.copy(pictures / "test" / "dog" / "0.png", "photos/10.png")
    shutil.copy(pictures / "test" / "dog" / "1.png", "photos/9.png")
    files = ["photos/9.png", "photos/10.png", *(f"{deep}/{i}.png" for i in range(7))]
    one_by_one = imgclf("predict", "run", *files, "--format", "csv")
    assert imgclf("predict", "run", "photos", "--format", "csv").out == one_by_one.out
    together = [row["image"] for row in rows_of(one_by_one.out)][::2]
    assert together == files


def test_what_is_no_image_is_passed_over_and_links_do_not_lead_in_circles(imgclf, trained, pictures):
    folder = Path("photos")
    folder.mkdir()
    shutil.copy(pictures / "test" / "dog" / "0.png", folder / "a.png")
    for name in ("labels.csv", ".DS_Store", "Thumbs.db", "notes.txt"):
        (folder / name).write_text("x")
    (folder / "again").symlink_to(folder.absolute())
    assert [one["image"] for one in imgclf("predict", "run", folder, "--format", "json").json["predictions"]] == [
        "photos/a.png"
    ]


def test_columns_name_a_file_to_submit(imgclf, trained, pictures):
    best = {one["image"]: one["class"] for one in
            imgclf("predict", "run", pictures / "test", "--format", "json").json["predictions"]}  # fmt: skip
    done = imgclf("predict", "run", pictures / "test", "--columns", "ImageId,Label", "--out", "submission.csv")
    assert done.code == 0
    header, *rows = csv.reader(Path("submission.csv").read_text().splitlines())
    assert header == ["ImageId", "Label"]
    assert {f"{pictures}/test/{image}": name for image, name in rows} == best
    assert (
        imgclf("predict", "run", pictures / "test", "--columns", "ImageId, Label").out
        == Path("submission.csv").read_text()
    )


def test_of_arrays_with_splits_it_is_said_which_are_predicted(imgclf):
    X, y = FEATURES, np.arange(60) % 3
    np.savez("feats.npz", X_train=X[:40], y_train=y[:40], X_test=X[40:], y_test=y[40:])
    imgclf("train", "feats.npz", "-s", "train.epochs=1", "--no-plots", "--out", "run")
    done = imgclf("predict", "run", "feats.npz", "--columns", "a,b")
    assert len(rows_of(done.out)) == 20
    assert done.err == "imgclf: warning: feats.npz: only its split test is predicted, not train\n"


def test_images_of_several_folders_are_told_apart(imgclf, trained, pictures):
    done = imgclf("predict", "run", pictures / "test" / "cat", pictures / "test" / "dog", "--columns", "a,b")
    names = [row["a"] for row in rows_of(done.out)]
    assert len(set(names)) == len(names) > 2
    assert names == [row["image"] for row in rows_of(imgclf("predict", "run", pictures / "test" / "cat",
                     pictures / "test" / "dog", "--format", "csv", "--top-k", "1").out)]  # fmt: skip


@pytest.mark.parametrize("name", ["out.csv", "out.json"])
def test_a_file_holds_what_the_terminal_shows(imgclf, trained, pictures, name):
    assert imgclf("predict", "run", pictures / "test", "--out", name).code == 0
    assert imgclf("predict", "run", pictures / "test", "--format", Path(name).suffix[1:]).out == Path(name).read_text()


def test_one_bad_file_stops_neither_the_others_nor_the_file(imgclf, trained, pictures):
    shutil.copytree(pictures / "test" / "cat", "photos")
    Path("photos/3.png").write_bytes(b"no image")
    done = imgclf("predict", "run", "photos", "--columns", "a,b", "--out", "seen.csv")
    assert (done.code, len(rows_of(Path("seen.csv").read_text()))) == (3, 6)
    assert done.err.startswith("imgclf: error: photos/3.png: ")
    assert done.err.count("\n") == 1


def test_of_many_bad_files_the_first_are_named_and_the_rest_counted(imgclf, trained, pictures):
    folder = Path("photos")
    folder.mkdir()
    for i in range(30):
        (folder / f"{i}.png").write_bytes(b"no image")
    done = imgclf("predict", "run", folder, "--out", "seen.csv")
    lines = done.err.splitlines()
    assert (done.code, len(lines), Path("seen.csv").exists()) == (3, 21, False)
    assert lines[-1].endswith("10 more images cannot be read")


@pytest.mark.parametrize(("words", "code", "problem"), [
    (("empty",), 3, "empty: no images in this folder"),
    (("photos", "--out", "there.csv"), 2, "there.csv exists"),
    (("photos", "--out", "nowhere/a.csv"), 2, "there is no folder nowhere"),
    (("photos", "--columns", "one"), 2, "'one' is not two printable names"),
    (("photos", "--columns", "a,a"), 2, "'a,a' is not two printable names"),
    (("photos", "--columns", "a,b,c"), 2, "'a,b,c' is not two printable names"),
    (("photos", "--columns", "a\nc,b"), 2, "is not two printable names"),
    (("photos", "--columns", "a,b", "--format", "json"), 2, "does not go with --format json"),
    (("photos", "--columns", "a,b", "--top-k", "2"), 2, "does not go with --top-k"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_line(imgclf, trained, pictures, words, code, problem):
    Path("empty").mkdir()
    Path("there.csv").write_text("mine")
    shutil.copytree(pictures / "test" / "cat", "photos")
    done = imgclf("predict", "run", *words)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert problem in done.err
    assert Path("there.csv").read_text() == "mine"


def test_nothing_is_left_of_a_file_that_was_not_finished(imgclf, trained, pictures, monkeypatch):
    from imgclf.training import prediction

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prediction, "score_images", full)
    before = set(Path().iterdir())
    done = imgclf("predict", "run", pictures / "test", "--out", "seen.csv")
    assert (done.code, set(Path().iterdir())) == (6, before)


def test_the_same_file_twice_is_predicted_twice(imgclf, trained, pictures):
    file = str(pictures / "test" / "cat" / "0.png")
    predictions = imgclf("predict", "run", file, file, "--format", "json").json["predictions"]
    assert predictions[0] == predictions[1]


def test_chunks_are_seen_as_one_list(imgclf, trained, pictures, monkeypatch):
    from imgclf.data.sources import _image_files

    whole = [imgclf("predict", "run", pictures / "test", "--format", form).out for form in ("csv", "json")]
    monkeypatch.setattr(_image_files, "_MOST_AT_ONCE", 3)
    parts = [imgclf("predict", "run", pictures / "test", "--format", form).out for form in ("csv", "json")]
    names = [[row["image"] for row in rows_of(text)] for text in (whole[0], parts[0])]
    assert names[0] == names[1]
    assert [one["class"] for one in json.loads(whole[1])["predictions"]] == [
        one["class"] for one in json.loads(parts[1])["predictions"]
    ]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(imgclf, trained, pictures, monkeypatch):
    import tracemalloc

    from imgclf.data.sources import _image_files

    monkeypatch.setattr(_image_files, "_MOST_AT_ONCE", 16)
    monkeypatch.setattr(_image_files, "available_cores", lambda: 1)
    peaks = {5: [], 40: []}
    for folders in peaks:
        for folder in (Path(f"photos{folders}/{number}") for number in range(folders)):
            folder.mkdir(parents=True)
            for i in range(40):
                (folder / f"{i}.png").hardlink_to(pictures / "test" / "cat" / "0.png")
    for turn in range(3):  # what is made once, and at any time, is in one of them only: Python's table of names grows
        for folders, seen in peaks.items():
            tracemalloc.start()
            assert imgclf("predict", "run", f"photos{folders}", "--out", f"{folders}-{turn}.json").code == 0
            seen.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    # A prediction is 1,000 bytes as objects, a listed file 500; one run differs from the next by 100 kB.
    assert min(peaks[40]) - min(peaks[5]) < 1400 * 200


RNG = np.random.default_rng(0)
FEATURES = (RNG.standard_normal((60, 5)) + 3 * np.eye(3, 5)[np.arange(60) % 3]).astype(np.float32)


def write_rows(path, header, rows):
    Path(path).write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]))


@pytest.fixture
def on_features(imgclf):
    """A run on feature vectors."""
    imgclf("--version")
    np.savez("feats.npz", X=FEATURES, y=np.arange(60) % 3)
    done = imgclf("train", "-s", "data.source=npz", "-s", "data.path=feats.npz", "--no-plots", "--out", "run")
    assert done.code == 0, done.err


def test_feature_vectors_are_predicted_from_any_file_of_them(imgclf, on_features):
    np.save("alone.npy", FEATURES)
    np.savez("alone.npz", X=FEATURES)
    write_rows("a.csv", [f"f{i}" for i in range(5)], FEATURES.tolist())
    write_rows(
        "b.csv", ["label", *(f"f{i}" for i in range(5))], [[i % 3, *row] for i, row in enumerate(FEATURES.tolist())]
    )
    Path("folder").mkdir()
    np.save("folder/X.npy", FEATURES)
    model = load_model(Path("run/model.npz"))
    expected = [model.class_names[c] for c in score_images(model, FEATURES).argmax(axis=1)]
    assert sum(name == str(i % 3) for i, name in enumerate(expected)) > 50
    for source, first in (
        ("feats.npz", 0),
        ("alone.npy", 0),
        ("alone.npz", 0),
        ("folder", 0),
        ("a.csv", 1),
        ("b.csv", 1),
    ):
        done = imgclf("predict", "run", source, "--format", "json")
        assert [one["class"] for one in done.json["predictions"]] == expected, source
        assert [one["image"] for one in done.json["predictions"]] == [str(first + i) for i in range(60)]


def test_rows_of_several_files_are_told_apart(imgclf, on_features):
    np.save("a.npy", FEATURES)
    Path("b").mkdir()
    write_rows("b/b.csv", [f"f{i}" for i in range(5)], FEATURES.tolist())
    write_rows("c.csv", ["id", *(f"f{i}" for i in range(5))], [[f"n{i}", *row] for i, row in enumerate(FEATURES)])
    done = imgclf("predict", "run", "a.npy", "b/b.csv", "c.csv", "--format", "json")
    expected = [
        *(f"a.npy:{i}" for i in range(60)),
        *(f"b/b.csv:{i}" for i in range(1, 61)),
        *(f"n{i}" for i in range(60)),
    ]
    assert [one["image"] for one in done.json["predictions"]] == expected
    alone = imgclf("predict", "run", "a.npy", "--columns", "a,b").out
    together = imgclf("predict", "run", "a.npy", "b/b.csv", "--columns", "a,b").out
    assert [row["b"] for row in rows_of(together)] == 2 * [row["b"] for row in rows_of(alone)]
    assert [row["a"] for row in rows_of(together)] == expected[:120]


@pytest.mark.parametrize(("name", "start"), [
    ("x", "image,rank"), ("x.csv", "image,rank"), ("x.TXT", "image,rank"), ("x.JSON", '{"predictions"'),
    ("x.xlsx", None), ("x.tsv", None), ("x.csv.gz", None),
])  # fmt: skip
def test_the_name_of_a_file_says_what_is_in_it(imgclf, on_features, name, start):
    done = imgclf("predict", "run", "feats.npz", "--out", name)
    if start:
        assert Path(name).read_text().startswith(start)
        return
    assert (done.code, done.err.count("\n"), Path(name).exists()) == (2, 1, False)
    assert f"--out: {name} would hold CSV - name it .csv or .json, or add --format" in done.err
    assert imgclf("predict", "run", "feats.npz", "--out", name, "--format", "csv").code == 0


def test_arrays_of_images_get_the_size_and_color_of_the_model(imgclf, trained, pictures):
    files = [pictures / "test" / "cat" / f"{i}.png" for i in range(7)]
    alone = imgclf("predict", "run", *files, "--format", "json").json["predictions"]
    images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    np.savez("images.npz", X=images)
    write_rows("list.csv", ["file"], [[file.relative_to(Path.cwd())] for file in files])
    for source in ("images.npz", "list.csv"):
        done = imgclf("predict", "run", source, "--format", "json")
        assert done.code == 0, done.err
        together = done.json["predictions"]
        assert [one["class"] for one in together] == [one["class"] for one in alone]
        assert [one["scores"][one["class"]] for one in together] == pytest.approx(
            [one["scores"][one["class"]] for one in alone], rel=1e-5
        )


def test_kaggle_pixels_become_a_file_to_submit(imgclf):
    imgclf("--version")
    pixels = RNG.integers(0, 256, (60, 16))
    header = [f"pixel{i}" for i in range(16)]
    write_rows("train.csv", ["label", *header], [[i % 3, *row] for i, row in enumerate(pixels.tolist())])
    write_rows("test.csv", header, pixels.tolist())
    assert imgclf("train", "train.csv", "--no-plots", "--out", "run").code == 0
    done = imgclf("predict", "run", "test.csv", "--columns", "ImageId,Label", "--out", "submission.csv")
    assert done.code == 0, done.err
    rows = rows_of(Path("submission.csv").read_text())
    assert [row["ImageId"] for row in rows] == [str(i) for i in range(1, 61)]


@pytest.mark.parametrize(("source", "problem"), [
    ("photo.png", "photo.png: the model was trained on feature vectors, not on images"),
    ("wide.npy", "wide.npy: examples of 6 features, the model takes 5 features - give it the same features"),
    ("nan.npy", "nan.npy: NaN or Inf in row 3"),
    ("huge.npy", "example huge.npy:3: its values are far too large for the model"),
    ("absent.npy", "absent.npy: no such file"),
    ("absent", "absent: no such file"),
])  # fmt: skip
def test_bad_feature_vectors_are_one_line_and_the_others_are_predicted(imgclf, on_features, source, problem):
    Image.new("L", (5, 5)).save("photo.png")
    np.save("wide.npy", np.ones((3, 6), np.float32))
    np.save("nan.npy", np.where(np.arange(30).reshape(6, 5) == 17, np.nan, 1).astype(np.float32))
    np.save("huge.npy", np.where(np.arange(30).reshape(6, 5) == 17, 1e300, 1))
    done = imgclf("predict", "run", source, "feats.npz", "--format", "json")
    assert (done.code, done.err.count("\n"), len(done.json["predictions"])) == (3, 1, 60)
    assert problem in done.err


@pytest.mark.parametrize("given", ["set", "set/t10k-images-idx3-ubyte", "packed"])
def test_a_data_set_that_only_eval_reads_is_told_so(imgclf, refused, given):
    images, labels = np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2), np.arange(10, dtype=np.uint8) % 2
    Path("set").mkdir()
    for split in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            Path(f"set/{split}-{kind}-ubyte").write_bytes(header + array.tobytes())
    assert imgclf("train", "set", "-s", "train.epochs=1", "--no-plots", "--out", "run").code == 0
    assert imgclf("data", "pack", "set", "--out", "packed").code == 0
    done = refused(3, f"{given}: predict reads images, arrays and tables, not data.source=", "predict", "run", given)
    evaluate = done.err.split("`")[1].replace("RUN", "run").replace("DIR", "out")
    assert imgclf(*evaluate.split()[1:]).code == 0
    assert len(rows_of(Path("out/predictions.csv").read_text())) == 10
