"""Decoding many files: the result does not depend on the number of threads."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Event

import numpy as np
import pytest
from PIL import Image

from imgclf.data.sources import _class_folders, folder
from imgclf.data.sources import _image_files as _decoding
from imgclf.errors import DataError
from imgclf.files.form import Form
from imgclf.files.images import read_image


@pytest.fixture(name="files")
def files_fixture(tmp_path):
    """Eighty images, some of them no images and some of another shape."""
    chance = np.random.default_rng(0)
    for number in range(80):
        size = (5, 4) if number % 13 == 3 else (3, 4)
        Image.fromarray(chance.integers(0, 256, (*size, 3), dtype=np.uint8)).save(tmp_path / f"{number:02}.png")
        if number % 11 == 5:
            (tmp_path / f"{number:02}.png").write_bytes(b"rubbish")
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 200])
def test_images_and_problems_are_in_order_on_any_number_of_threads(files, threads):
    images = np.zeros((len(files), 3, 4, 3), np.uint8)
    read = _decoding.read_into(images, files, Form(), threads)
    assert [digest for _, digest in read] == [sha256(file.read_bytes()).digest() for file in files]
    problems = [problem for problem, _ in read]
    for number, (problem, pixels) in enumerate(zip(problems, images, strict=True)):
        if number % 11 == 5:
            assert problem.startswith("not a PNG")
        elif number % 13 == 3:
            assert problem == (5, 4, 3)
        else:
            assert problem is None
            np.testing.assert_array_equal(pixels, read_image(files[number]))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_bad_files_are_listed_in_the_order_of_their_names(files, monkeypatch, threads, at_once):
    (files[0].parent / "cat").mkdir()
    for file in files:
        file.rename(file.parent / "cat" / file.name)
    monkeypatch.setattr(_class_folders, "available_cores", lambda: threads)
    monkeypatch.setattr(_class_folders, "_MOST_AT_ONCE", at_once)
    with pytest.raises(DataError, match="7 bad of 80 files") as caught:
        folder.load(files[0].parent, ["train"])
    named = [word.split("/")[1].removesuffix(".png:") for word in str(caught.value).split() if word.startswith("cat/")]
    assert named == ["05", "16", "27", "38", "49", "60", "71"]


def test_warning_filters_are_left_as_they_were(files):
    before = list(warnings.filters)
    _decoding.read_into(np.zeros((len(files), 3, 4, 3), np.uint8), files, Form(), 8)
    assert list(warnings.filters) == before


def test_errors_other_than_data_errors_propagate(files, monkeypatch):
    def broken(path, _):
        raise RuntimeError(path.name)

    monkeypatch.setattr(_decoding, "decode_image", broken)
    with pytest.raises(RuntimeError, match=r"\.png"):
        _decoding.read_into(np.zeros((len(files), 3, 4, 3), np.uint8), files, Form(), 2)


def test_after_an_error_no_thread_begins_another_file_of_its_task(monkeypatch):
    begun, is_begun, is_over = [], Event(), Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *arguments, **options):
            is_over.set()
            super().shutdown(*arguments, **options)

    def work(row):
        if row == 0:
            is_begun.wait()
            raise ValueError("torn")
        begun.append(row)
        is_begun.set()
        is_over.wait()

    monkeypatch.setattr(_decoding, "ThreadPoolExecutor", Pool)
    with pytest.raises(ValueError, match="torn"):
        _decoding.of_each(80, work, 2)
    assert begun
    assert {row % 10 for row in begun} == {0}  # the first of 10
