"""`imgclf predict --explain DIR`: a picture and a JSON for each image, and nothing that the user did not ask for."""

import gc
import json
import math
import os
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.conftest import write_pictures
from imgclf.cli.commands import predict as command
from imgclf.config import resolve
from imgclf.report import explanation, style
from imgclf.report.explanation_files import stem_for
from imgclf.run.session import train_run


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    write_pictures(folder / "pictures", each=20)
    settings = ("data.source=folder", f"data.path={folder / 'pictures'}", "train.epochs=3")
    return train_run(resolve((), settings).config, folder / "run", threads=1).directory


@pytest.fixture
def trained(imgclf, trained_once):
    """A run on pictures, its directory."""
    return Path(shutil.copytree(trained_once, "run"))


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures are a few bytes."""
    monkeypatch.setattr(explanation, "explanation_picture", lambda *_: None)
    monkeypatch.setattr(style, "png_bytes", lambda _: b"a picture")


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def read(path):
    return json.loads(Path(path).read_bytes())


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_picture_and_a_json_say_why(imgclf, trained, pictures):
    done = imgclf("predict", "run", pictures / "test" / "cat" / "0.png", "--explain", "why/here")
    assert (done.code, done.err) == (0, "explained 1 example in why/here\n")
    assert names_in("why/here") == ["0.json", "0.png"]
    with Image.open("why/here/0.png") as picture:
        assert picture.size[0] > 1200
    seen = read("why/here/0.json")
    with Image.open(pictures / "test" / "cat" / "0.png") as image:
        assert seen["values"] == np.asarray(image).reshape(-1).tolist()
    assert (seen["class"], seen["second"], seen["shape"]) == ("cat", "dog", [6, 8, 3])
    done = imgclf("predict", "run", pictures / "test" / "cat" / "0.png", "--format", "json")
    scores = done.json["predictions"][0]["scores"]
    expected = {"class": scores["cat"], "second": scores["dog"], "difference": scores["cat"] - scores["dog"]}
    for name in ("ink_alone", "mean_image"):
        for what, score in expected.items():
            one = seen[name][what]
            assert one["score"] == pytest.approx(score, abs=1e-4)
            assert one["score"] == math.fsum([*one["terms"], one["bias"]])
            assert one["for"] == math.fsum(term for term in one["terms"] if term > 0)
            total = one["for"] + one["against"] + one["bias"]
            size = math.fsum(map(abs, [*one["terms"], one["bias"]]))
            assert abs(total - one["score"]) <= (len(one["terms"]) + 1) * 2**-53 * size


@pytest.mark.parametrize("words", ["", "--top-k 1", "--format csv", "--format json", "--columns a,b"])
def test_predictions_are_the_same_with_explanations_and_the_second_class_is_there(
    imgclf, undrawn, trained, pictures, words
):
    images = [pictures / "test" / "cat" / f"{i}.png" for i in range(2)]
    plain = imgclf("predict", "run", *images, *words.split())
    done = imgclf("predict", "run", *images, *words.split(), "--explain", "why")
    assert (done.code, done.out) == (0, plain.out)
    assert names_in("why") == sorted(f"{i}.{kind}" for i in range(2) for kind in ("json", "png"))
    assert all(read(path)["second"] == "dog" for path in Path("why").glob("*.json"))


def test_images_of_one_name_do_not_overwrite_each_other(imgclf, undrawn, trained, pictures):
    files = [pictures / "test" / name / "0.png" for name in ("cat", "dog", "cat")]
    for source, target in zip(files, ("a/Boot.png", "a/boot-2.PNG", "b/boot.png"), strict=True):
        Path(target).parent.mkdir(exist_ok=True)
        shutil.copy(source, target)
    assert imgclf("predict", "run", "a", "b", "a/Boot.png", "--explain", "why").code == 0
    images = {path.stem: read(path)["image"] for path in Path("why").glob("*.json")}
    assert images == {"Boot": "a/Boot.png", "boot-2": "a/boot-2.PNG", "boot-3": "b/boot.png", "Boot-4": "a/Boot.png"}
    assert {path.stem for path in Path("why").glob("*.png")} == set(images)


@pytest.mark.parametrize(("image", "expected"), [
    ("photos/boot.png", "boot"), ("a b(1).png", "a_b_1_"), ("..", "__"), ("", "image"), ("/", "image"),
    (".png", "_png"), ("x/../../etc\\pass:wd\n", "etc_pass_wd_"), ("\u732b.png", "\u732b"), ("e\u0301.png", "\u00e9"),
    ("\udcff.png", "_"), ("a" * 300, "a" * 50), ("17", "17"), ("in/x.csv:3", "x_3"), ("x.y.npz:12", "x_y_12"),
])  # fmt: skip
def test_names_of_files_are_letters_digits_and_nothing_that_leads_elsewhere(image, expected):
    assert stem_for(image) == expected


def test_hostile_file_names_stay_in_the_folder(imgclf, trained, pictures, undrawn):
    Path("photos").mkdir()
    latin = os.fsdecode(b"caf\xe9.png")
    for name in ("-rf.png", "$x^2$.png", "a\nb.png", "\u202exyz.png", "<b>.png", latin, "\u9577" * 60 + ".png"):
        shutil.copy(pictures / "test" / "cat" / "0.png", Path("photos") / name)
    before = {path for path in Path().rglob("*") if "why" not in path.parts}
    assert imgclf("predict", "run", "photos", "--explain", "why").code == 0
    assert {path for path in Path().rglob("*") if "why" not in path.parts} == before
    assert len(names_in("why")) == 14
    assert os.fsdecode(b"photos/caf\xe9.png") in {read(path)["image"] for path in Path("why").glob("*.json")}


@pytest.mark.parametrize(("words", "problem"), [
    (("full",), "full exists and is not an empty folder"),
    (("file",), "file exists and is not an empty folder"),
    (("file/why",), "file is not a folder"),
    (("photos/why",), "photos/why is in photos, where its pictures would be predicted"),
    (("why", "--out", "why/seen.csv"), "there is no folder why"),
    (("empty", "--out", "empty/seen.csv"), "is in the folder of --explain"),
])  # fmt: skip
def test_a_folder_that_cannot_be_used_is_refused_and_nothing_touched(refused, trained, pictures, words, problem):
    shutil.copytree(pictures / "test" / "cat", "photos")
    Path("full").mkdir()
    Path("empty").mkdir()
    Path("full/mine").write_text("mine")
    Path("file").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    done = refused(2, problem, "predict", "run", "photos", "--explain", *words)
    assert done.out == ""
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_a_bad_image_does_not_stop_the_others(imgclf, undrawn, trained, pictures):
    shutil.copytree(pictures / "test" / "cat", "photos")
    Path("photos/3.png").write_bytes(b"no image")
    done = imgclf("predict", "run", "photos", "--explain", "why")
    assert done.code == 3
    assert names_in("why") == sorted(f"{i}.{kind}" for i in (0, 1, 2, 4, 5, 6) for kind in ("json", "png"))
    assert [line.split(": ")[0] for line in done.err.splitlines()] == ["explained 6 examples in why", "imgclf"]


def test_where_no_image_can_be_read_there_is_no_folder(refused, trained):
    Path("bad.png").write_bytes(b"no image")
    refused(3, "bad.png", "predict", trained, "bad.png", "--explain", "why")
    assert not Path("why").exists()


def test_more_images_than_anyone_looks_at_are_predicted_but_not_explained(
    imgclf, undrawn, trained, pictures, monkeypatch
):
    from imgclf.data.sources import _image_files

    monkeypatch.setattr(command, "MOST_EXPLAINED", 2)
    monkeypatch.setattr(_image_files, "_MOST_AT_ONCE", 3)
    done = imgclf("predict", "run", pictures / "test", "--explain", "why", "--columns", "a,b")
    assert (done.code, len(done.out.splitlines()), len(names_in("why"))) == (0, 15, 4)
    assert "explained 2 examples in why\n" in done.err
    assert "12 more examples not explained" in done.err


@pytest.mark.parametrize(("many", "most", "said"), [
    (13, 1000, "explaining 14 examples: about 0.25 seconds each, 4 seconds in all"),
    (3, 4, "explaining 4 examples: about 0.25 seconds each, 1 second in all"),
    (14, 1000, ""),
])  # fmt: skip
def test_how_long_many_explanations_take_is_said_before_the_first_one(
    imgclf, undrawn, trained, pictures, monkeypatch, many, most, said
):
    from imgclf.data.sources import _image_files

    monkeypatch.setattr(command, "MANY", many)
    monkeypatch.setattr(command, "MOST_EXPLAINED", most)
    monkeypatch.setattr(_image_files, "_MOST_AT_ONCE", 3)
    done = imgclf("predict", "run", pictures / "test", "--explain", "why")
    first, *rest = done.err.splitlines()
    assert (first if said else "") == said
    assert not any("explaining" in line for line in (rest if said else [first, *rest]))
    assert "explaining" not in imgclf("-q", "predict", "run", pictures / "test", "--explain", "quiet").err


def test_of_a_table_it_is_said_how_long_each_explanation_takes_and_no_number(imgclf, undrawn, trained, monkeypatch):
    monkeypatch.setattr(command, "MANY", 3)
    np.save("some.npy", np.zeros((5, 6, 8, 3), np.uint8))
    lines = imgclf("predict", "run", "some.npy", "--explain", "why").err.splitlines()
    assert lines == ["explaining examples: about 0.25 seconds each", "explained 5 examples in why"]


def test_a_full_disk_leaves_whole_files_and_says_so(imgclf, undrawn, trained, pictures, monkeypatch):
    from imgclf.report import explanation_files

    written = []

    def full_after_three(path, content):
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(path)
        path.write_bytes(content)

    monkeypatch.setattr(explanation_files, "write_whole", full_after_three)
    for out in ([], ["--out", "all.csv"]):
        written.clear()
        done = imgclf("predict", "run", pictures / "test", "--explain", "why", "--format", "csv", *out)
        assert (done.code, names_in("why")) == (6, ["0.json", "0.png", "1.png"])
        assert "some examples are not explained" in done.err
        assert "Traceback" not in done.err
        shutil.rmtree("why")
    whole = imgclf("predict", "run", pictures / "test", "--format", "csv").out
    assert Path("all.csv").read_text() == whole


def test_quiet_says_nothing(imgclf, undrawn, trained, pictures):
    done = imgclf("-q", "predict", "run", pictures / "test" / "cat" / "0.png", "--explain", "why")
    assert (done.code, done.err) == (0, "")


def test_an_svm_is_explained_and_the_same_command_writes_the_same_bytes(imgclf, pictures, on_pictures):
    assert imgclf("train", *on_pictures, "-s", "model.loss=svm", "--out", "run").code == 0
    for folder in ("one", "two"):
        assert imgclf("predict", "run", pictures / "test" / "dog" / "1.png", "--explain", folder).code == 0
    assert contents("one") == contents("two")
    assert "mean_image" in read("one/1.json")


def test_without_a_mean_there_is_one_decomposition(imgclf, undrawn, pictures, on_pictures):
    options = ("-s", "preprocess.center=none", "-s", "preprocess.std=channel")
    assert imgclf("train", *on_pictures, *options, "--out", "run").code == 0
    assert imgclf("predict", "run", pictures / "test" / "dog" / "1.png", "--explain", "why").code == 0
    assert "mean_image" not in read("why/1.json")


def test_an_image_is_explained_as_the_model_sees_it(imgclf, undrawn, pictures, on_pictures):
    options = ("-s", "preprocess.image_size=5", "-s", "preprocess.color=gray", "--no-plots", "--out", "run")
    assert imgclf("train", *on_pictures, *options).code == 0
    assert imgclf("predict", "run", pictures / "test" / "dog" / "1.png", "--explain", "why").code == 0
    seen = read("why/1.json")
    assert seen["shape"] == [5, 5, 1]
    assert len(seen["values"]) == len(seen["ink_alone"]["class"]["terms"]) == 25


def test_features_have_the_names_of_the_table(imgclf, tmp_path):
    rng = np.random.default_rng(0)
    rows = [[*(rng.normal(size=3) + 3 * (i % 2)), "ab"[i % 2]] for i in range(40)]
    lines = [",".join(map(str, row)) for row in rows]
    Path("train.csv").write_text("\n".join(["petal,=sepal,\u202ewidth,label", *lines]))
    done = imgclf("train", "-s", "data.source=csv", "-s", "data.path=train.csv", "--no-plots", "--out", "run")
    assert done.code == 0, done.err
    Path("new.csv").write_text("\n".join(["petal,=sepal,\u202ewidth", lines[0][:-2]]))
    assert imgclf("predict", "run", "new.csv", "--explain", "why").code == 0
    (seen,) = map(read, Path("why").glob("*.json"))
    assert seen["features"] == ["petal", "=sepal", "\u202ewidth"]
    np.testing.assert_allclose(seen["values"], rows[0][:3], rtol=1e-6)
    np.save("new.npy", np.array([row[:3] for row in rows[:2]], np.float32))
    assert imgclf("predict", "run", "new.npy", "--explain", "numbers").code == 0
    assert names_in("numbers") == ["0.json", "0.png", "1.json", "1.png"]
    assert read("numbers/0.json")["features"] == seen["features"]  # the model knows them


def test_no_picture_stays_in_memory(imgclf, trained, pictures, monkeypatch):
    seen, alive = [], []

    def count(figure):
        alive.append(sum(one() is not None for one in seen))
        seen.append(weakref.ref(figure))
        return b"a picture"

    monkeypatch.setattr(style, "png_bytes", count)
    gc.disable()  # it runs by the number of objects, however large they are
    file = pictures / "test" / "cat" / "0.png"
    try:
        done = imgclf("predict", "run", file, file, file, file, "--explain", "why")
    finally:
        gc.enable()
    assert done.code == 0
    assert (alive, len(seen)) == ([0, 0, 0, 0], 4)
