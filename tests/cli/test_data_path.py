"""`imgclf train PATH|CONFIG`: what is there is found, its images get what they need, and -s wins."""

import shutil

import numpy as np
import pytest
from PIL import Image

from cli.conftest import write_pictures
from imgclf.config import resolve
from imgclf.config.ready import ready_configs
from imgclf.data.sources._image_headers import MOST_LOOKED_AT, Suggestion, what_they_need
from imgclf.files.form import conform
from imgclf.files.images import read_image
from imgclf.run.model_file import load_model
from imgclf.training.loading import load_test, load_training_data
from imgclf.training.other_data import load_for

READY = sorted(ready_configs())


def save(path, size, *, gray=False, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if gray else (size[1], size[0], 3)
    rng = np.random.default_rng(len(list(path.parent.iterdir())))
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    """Photos of several sizes, formats and colors."""
    for number, size in enumerate([(200, 100), (100, 200), (90, 70), (300, 300)]):
        for name, form in (("cat", "jpg"), ("dog", "webp"), ("elk", "tif")):
            save(tmp_path / "photos" / name / f"{number}.{form}", size)
    save(tmp_path / "photos" / "cat" / "gray.png", (70, 90), gray=True)
    return tmp_path / "photos"


def config_of(run):
    return resolve([run / "config.yaml"]).config


def test_a_folder_of_mixed_photos_trains_at_once_and_says_what_it_did(imgclf, photos, tmp_path):
    done = imgclf("train", "photos", "--no-plots", "-s", "train.epochs=1", "--out", "r")
    assert done.code == 0
    assert done.out.startswith(
        "path      photos is read as folder;\n"
        "          its images differ in size and are gray and in color:\n"
        "          resized to 64 x 64 (squash), converted to RGB\n"
    )
    config = config_of(tmp_path / "r")
    assert (config.preprocess.image_size, config.preprocess.color) == (64, "rgb")
    assert (config.data.source, config.data.path) == ("folder", str(photos))
    assert imgclf("train", "-c", "r/config.yaml", "--no-plots", "--out", "again").code == 0
    for name in ("model.npz", "metrics.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "r" / name).read_bytes()
    assert imgclf("eval", "r", "--data", "photos").code == 0
    assert imgclf("verify", "r").code == 0


def test_a_column_named_for_a_table_wins_over_folders_and_evaluation_keeps_to_it(imgclf, tmp_path):
    rows = ["image,dx,sex"]
    for number in range(12):
        save(tmp_path / "scans" / ("left" if number < 6 else "right") / f"{number}.png", (8, 8))
        rows.append(f"{number},{'nv' if number % 2 else 'mel'},{'fm'[number % 3 == 0]}")
    (tmp_path / "scans" / "about.csv").write_text("\n".join(rows))
    plain = imgclf("data", "info", "scans")
    assert plain.out.startswith("scans (folder)")
    assert "-s data.options.label_column=COLUMN, one of 'dx', 'sex'" in plain.err
    options = ("-s", "data.options.label_column=dx", "--no-plots", "-s", "train.epochs=1")
    done = imgclf("train", "scans", *options, "--out", "r")
    assert done.out.startswith("path      scans is read as csv\n")
    (tmp_path / "table.yaml").write_text("data: {options: {label_column: dx}}")
    assert imgclf("train", "scans", "-c", "table.yaml", *options[2:], "--dry-run").out.startswith("path      scans is")
    assert imgclf("eval", "r", "--data", "scans", "--json").json["n"] == 12
    (tmp_path / "scans" / "about.csv").write_text("image,place,sex\n0,a,f\n1,b,m\n")  # no such column: class folders
    assert "'left', 'right' not among the classes" in imgclf("eval", "r", "--data", "scans").err


@pytest.mark.parametrize("path", ["flat", "flat/labels.csv"])
def test_photos_that_a_table_names_get_what_a_folder_gets(imgclf, photos, tmp_path, path):
    as_folder = imgclf("data", "info", "photos", "--json").json["splits"]
    rows = ["file,dx,type"]
    for number, file in enumerate(sorted(photos.rglob("*.*"))):
        (tmp_path / "flat").mkdir(exist_ok=True)
        file.rename(tmp_path / "flat" / f"{file.parent.name}{file.name}")
        rows.append(f"{file.parent.name}{file.stem},{file.parent.name},{number}")
    (tmp_path / "flat" / "labels.csv").write_text("\n".join(rows))
    options = ("-s", "data.options.label_column=dx")
    done = imgclf("train", path, *options, "--no-plots", "-s", "train.epochs=1", "--out", "r")
    assert done.code == 0
    needed = "its images differ in size and are gray and in color: resized to 64 x 64 (squash), converted to RGB"
    assert " ".join(done.out.split()).startswith(f"path {path} is read as csv; {needed} ")
    assert [imgclf("eval", "r", "--data", data, "--json").json["n"] for data in ("flat", "flat/labels.csv")] == [13, 13]
    assert imgclf("data", "info", path, *options, "--json").json["splits"] == as_folder
    assert imgclf("data", "pack", path, *options, "--out", "packed").code == 0
    assert imgclf("data", "info", "packed", "--json").json["splits"] == as_folder


def test_other_tables_are_read_by_the_columns_that_a_run_names(imgclf, tmp_path):
    for name in ("one/a.csv", "two/b.csv"):
        (tmp_path / name).parent.mkdir()
        rows = "".join(f"{i % 2},{i % 4}.5,{i % 2},{i}\n" for i in range(20))
        (tmp_path / name).write_text(f"f,g,kind,h\n{rows}")
    (tmp_path / "one" / "c.csv").write_text("f,g,kind,h\n1,2,3,4\n")
    options = ("-s", "data.options={labels_file: a.csv, label_column: kind}")
    assert imgclf("train", "one", *options, "--no-plots", "-s", "train.epochs=9", "--out", "r").code == 0
    for path in ("one", "one/a.csv", "two", "two/b.csv"):
        assert imgclf("eval", "r", "--data", path, "--json").json["n"] == 20
    (tmp_path / "test.csv").write_text(f"f,g,h\n{rows}".replace(".5,0,", ".5,").replace(".5,1,", ".5,"))
    for path in ("two/b.csv", "test.csv"):
        seen = imgclf("predict", "r", path, "--format", "json").json["predictions"]
        assert [one["class"] for one in seen] == ["0", "1"] * 10


def test_images_that_are_set_aside_are_not_looked_at(imgclf, tmp_path):
    write_pictures(tmp_path / "set", each=8)
    overrides = (f"data.path={tmp_path / 'set'}", "data.source=folder", "data.test_fraction=0.9", "data.val_fraction=0")
    taken = load_test(resolve((), overrides).config, ("cat", "dog"))
    for file in taken.paths():
        Image.fromarray(np.full((9, 40), 4095, np.uint16)).save(file)
    done = imgclf("train", "set", "--dry-run", "-s", "data.test_fraction=0.9", "-s", "data.val_fraction=0")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "path      set is read as folder"


def test_what_is_set_wins_over_what_is_suggested(imgclf, photos, tmp_path):
    (tmp_path / "c.yaml").write_text("preprocess:\n  image_size: 9\ntrain:\n  epochs: 1\n")
    done = imgclf("train", "photos", "-c", "c.yaml", "-s", "preprocess.color=gray", "--print-config")
    (tmp_path / "printed.yaml").write_text(done.out)
    config = resolve([tmp_path / "printed.yaml"]).config
    assert (config.preprocess.image_size, config.preprocess.color) == (9, "gray")
    assert (config.data.source, config.train.epochs) == ("folder", 1)
    said = imgclf("train", "photos", "-c", "c.yaml", "-s", "preprocess.color=gray", "--dry-run").out
    assert ":\n          resized to 9 x 9 (squash), converted to gray\n" in said


def test_info_and_pack_read_a_path_as_train_does(imgclf, photos, tmp_path):
    done = imgclf("data", "info", "photos", "--json")
    assert done.json["example_shape"] == [64, 64, 3]
    assert done.err.startswith("images differ in size and are gray and in color: resized to 64 x 64 (squash),\n")
    done = imgclf("data", "pack", "photos", "--out", "packed", "-s", "preprocess.resize=crop")
    assert done.out.splitlines()[-1] == "next   imgclf train packed -s preprocess.resize=crop"
    done = imgclf("train", "packed", "--no-plots", "-s", "preprocess.resize=crop", "-s", "train.epochs=1", "--out", "r")
    assert done.out.splitlines()[0] == "path      packed is read as pack"
    assert load_model(tmp_path / "r" / "model.npz").preprocess.resize == "crop"


def test_test_images_are_not_looked_at(imgclf, pictures):
    for file in (pictures / "test").rglob("*.png"):
        file.unlink()
        file.mkdir()  # which cannot be opened as an image
    done = imgclf("train", "pictures", "--no-plots", "-s", "train.epochs=1")
    assert done.code == 0
    assert done.out.splitlines()[0] == "path      pictures is read as folder"


@pytest.mark.parametrize("name", ["a.npz", "packed"])
def test_files_and_packs_are_found(imgclf, pictures, name):
    with (pictures.parent / "a.npz").open("wb") as file:
        np.savez(file, X=np.arange(48, dtype=np.uint8).reshape(12, 2, 2), y=np.arange(12) % 2)
    assert imgclf("data", "pack", "pictures", "--out", "packed").code == 0
    done = imgclf("train", name, "--dry-run")
    assert done.out.splitlines()[0] == f"path      {name} is read as {'npz' if name == 'a.npz' else 'pack'}"


@pytest.mark.parametrize("name", READY)
def test_a_ready_config_is_found_by_its_name(imgclf, tmp_path, name):
    (tmp_path / "data").mkdir()
    by_name, by_option = imgclf("train", name, "--print-config"), imgclf("train", "-c", name, "--print-config")
    assert by_name.out == by_option.out
    assert imgclf("train", f"{name}.yaml", "--print-config").out == by_name.out
    (tmp_path / "printed.yaml").write_text(by_name.out)
    config = resolve([tmp_path / "printed.yaml"]).config
    assert config.data.path is None or config.data.path.startswith(str(tmp_path / "data"))
    assert config.name == resolve([ready_configs()[name]]).config.name


def test_a_ready_config_that_needs_data_says_how_to_get_it(refused):
    refused(3, ["no such file or folder", "`imgclf data download cifar10`"], "train", "-c", "cifar10_softmax")


def test_what_is_on_the_disk_wins_over_a_ready_config(imgclf, tmp_path):
    write_pictures(tmp_path / "fashion_svm")
    assert imgclf("train", "fashion_svm", "--dry-run").out.startswith("path      fashion_svm is read as folder")
    shutil.rmtree(tmp_path / "fashion_svm")
    (tmp_path / "fashion_svm").write_text("seed: 3\n")
    assert "seed: 3" in imgclf("train", "-c", "fashion_svm", "--print-config").out


def test_a_config_file_may_be_named_without_an_option(imgclf, tmp_path):
    (tmp_path / "my.yaml").write_text("seed: 7\n")
    assert imgclf("train", "my.yaml", "--print-config").out.startswith("seed: 7\n")
    assert imgclf("train", "my.yaml", "-s", "seed=8", "--print-config").out.startswith("seed: 8\n")


@pytest.mark.parametrize(("code", "words", "typed"), [
    (2, "did you mean imgclf train cifar10_softmax?", ["cifar10_sofmax"]),
    (2, "did you mean cifar10_softmax?", ["-c", "cifar10_sofmax"]),
    (3, "no such file or folder - check the path, or name a ready config: cifar10_hog, ", ["no/such"]),
    (3, "no such file or folder", ["none.npz"]),
    (2, "did you mean --resume r?", ["r"]),
    (2, "PATH: does not go with --resume", ["pictures", "--resume", "r"]),
    (2, "did you mean -s model.loss=svm?", ["model.loss=svm"]),
    (3, "not a data set that imgclf knows - name ", ["r/status.json"]),
    (3, "not a data set that imgclf knows - unpack it, and name the folder of the images", ["photos.zip"]),
])  # fmt: skip
def test_a_word_that_is_neither_data_nor_a_config_is_told_apart(imgclf, refused, pictures, code, words, typed):
    assert imgclf("train", "pictures", "--no-plots", "-s", "train.epochs=1", "--out", "r").code == 0
    (pictures.parent / "photos.zip").write_bytes(b"PK")
    refused(code, words, "train", *typed)


def needed(tmp_path, *images):
    files = []
    for number, (size, gray) in enumerate(images):
        files.append(tmp_path / "few" / f"{number}.png")
        save(files[-1], size, gray=gray)
    return what_they_need(files, len(files), 2)


def test_images_of_one_size_and_color_need_nothing(tmp_path):
    assert needed(tmp_path, ((30, 20), False), ((30, 20), False)) == Suggestion()
    assert needed(tmp_path, ((30, 20), True), ((30, 20), True)) == Suggestion()
    assert what_they_need([], 0, 1) == Suggestion()


@pytest.mark.parametrize(
    ("sides", "size"), [((28, 28, 30), 28), ((28, 30, 30), 30), ((20, 40), 20), ((100, 90, 80), 64), ((1, 50, 60), 50)]
)
def test_half_of_the_images_are_at_least_as_large_as_they_are_resized_to(tmp_path, sides, size):
    found = needed(tmp_path, *(((side, side + 10), True) for side in sides))
    assert found.settings == {"preprocess.image_size": size}
    assert found.why == "images differ in size"


def test_large_images_of_one_size_are_resized(tmp_path):
    assert needed(tmp_path, ((257, 9), True)).settings == {"preprocess.image_size": 9}
    assert needed(tmp_path, ((256, 9), True)).settings == {}


def test_images_that_are_turned_have_the_size_that_they_are_seen_in(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "few" / "a.jpg", (20, 30))
    save(tmp_path / "few" / "b.jpg", (30, 20), exif=exif)
    assert what_they_need([tmp_path / "few" / "a.jpg", tmp_path / "few" / "b.jpg"], 2, 1) == Suggestion()


def test_of_very_many_images_some_are_looked_at(tmp_path, monkeypatch):
    save(tmp_path / "few" / "color.png", (5, 5))
    looked_at = what_they_need([tmp_path / "few" / "color.png"] * (2 * MOST_LOOKED_AT), 2 * MOST_LOOKED_AT, 2)
    assert looked_at.settings == {"preprocess.color": "rgb"}  # one that is gray may be among the others


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_training_evaluation_and_prediction_resize_alike(imgclf, photos, tmp_path, resize):
    options = ("-s", f"preprocess.resize={resize}", "-s", "train.epochs=1", "-s", "data.val_fraction=0")
    assert imgclf("train", "photos", *options, "--no-plots", "--out", "r").code == 0
    model, config = load_model(tmp_path / "r" / "model.npz"), config_of(tmp_path / "r")
    train, _ = load_training_data(config)
    files = sorted(photos.rglob("*.*"), key=lambda file: (file.parent.name, file.name))
    assert np.array_equal(train.images, [model.preprocess.read_image(file) for file in files])
    assert np.array_equal(load_for(model, photos).images, train.images)
    assert np.array_equal(train.images, [conform(read_image(file), (64, 64), "rgb", resize) for file in files])


@pytest.mark.parametrize(("values", "warned"), [(4095, True), (65535, False), (0, False)])
def test_images_of_12_bits_in_16_are_named_once(imgclf, tmp_path, monkeypatch, values, warned):
    monkeypatch.setattr("imgclf.data.sources._image_files._MOST_AT_ONCE", 3)
    for name in ("cat", "dog"):
        (tmp_path / "deep" / name).mkdir(parents=True)
        for number in range(4):
            deep = np.linspace(0, values, 64).reshape(8, 8).astype(np.uint16)
            Image.fromarray(deep).save(tmp_path / "deep" / name / f"{number}.png")
    names = [f"{name}/{number}.png,{name}" for name in ("cat", "dog") for number in range(4)]
    (tmp_path / "deep.csv").write_text("\n".join(["image,label", *(f"deep/{name}" for name in names)]))
    assert imgclf("train", "deep", "--no-plots", "-s", "train.epochs=1", "--out", "r").code == 0
    for command in (
        ("train", "deep", "--dry-run"), ("data", "info", "deep"), ("predict", "r", "deep"),
        ("predict", "r", "deep.csv"), ("predict", "r", "deep/cat/1.png"), ("eval", "r", "--data", "deep"),
    ):  # fmt: skip
        done = imgclf(*command)
        assert done.code == 0
        assert done.err.count(".png: 16 bits, but no value above 4,095") == warned
