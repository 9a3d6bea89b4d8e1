"""The page in the reader's hands: the mouse draws, rubs out and drags, and files are dropped."""

import io

import numpy as np
import pytest
from PIL import Image

from browser.page import SMALL, read, run_of, write_page

PIXELS = "return [...imgclf.play.view().pixels]"


@pytest.fixture
def opened(reader, page_of):
    return reader.open(page_of(*SMALL)[0])


def image(reader):
    return np.array(reader.run(PIXELS)).reshape(28, 28)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def center(k):
    """The middle of the k-th of 28 pixels, as a share of the image's side."""
    return (k + 0.5) / 28


def test_the_mouse_draws_a_line_without_a_gap_however_fast_it_moves(opened):
    opened.find("play-blank").click()
    opened.drag("play-canvas", (center(4), center(6)), (center(23), center(14)))
    drawn = image(opened)
    assert all(drawn[:, column].max() == 255 for column in range(4, 24))
    assert drawn[20:].max() == 0
    assert opened.text("play-seen").startswith("Your drawing, changed by hand")


def test_the_mouse_rubs_out_what_it_passes_and_nothing_else(opened):
    opened.find("tool-rub").click()
    before = image(opened)
    opened.drag("play-canvas", (center(10), center(14)), (center(20), center(14)))
    changed = (image(opened) != before).nonzero()[0]
    assert len(changed)
    assert set(changed) <= {12, 13, 14, 15, 16}


def test_the_mouse_drags_the_image(opened):
    opened.drag("play-canvas", (center(10), center(10)), (center(12), center(13)))
    assert opened.run("return imgclf.state.get('move')") == [3, 2]


def test_a_dropped_file_is_shown_as_approximate_and_reset_goes_back_to_it(opened):
    mine = np.arange(784, dtype=np.uint8).reshape(28, 28)
    opened.drop("play-drop", "mine.png", png(mine)).wait(lambda: "mine.png" in opened.text("play-seen"))
    assert opened.find("play-approximate").is_displayed()
    assert np.abs(image(opened) - mine).max() <= 2
    opened.find("play-invert").click()
    opened.find("play-reset").click()
    assert np.abs(image(opened) - mine).max() <= 2
    assert opened.text("play-seen").startswith("The file mine.png (approximate): called")


def test_a_huge_image_is_resized(opened):
    huge = np.full((4000, 3000), 200, np.uint8)
    opened.drop("play-drop", "huge.png", png(huge)).wait(lambda: "huge.png" in opened.text("play-seen"))
    assert (image(opened) == 200).all()


def test_what_is_no_image_is_refused_by_name_and_changes_nothing(opened):
    before = image(opened)
    opened.drop("play-drop", "notes.txt", b"no image").wait(lambda: "notes.txt" in opened.text("play-seen"))
    assert opened.text("play-seen") == "The browser cannot read notes.txt as an image."
    assert (image(opened) == before).all()


def test_images_of_few_levels_are_as_bright_as_others_and_so_is_what_is_drawn(reader, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.integers(0, 9, (60, 8, 8, 1), dtype=np.uint8)
    X[:, 2:4, 2:4] = np.where(y == 1, 16, 0)[:, None, None, None]
    np.savez(tmp_path / "digits.npz", X_train=X, y_train=y)
    settings = ("data.source=npz", f"data.path={tmp_path / 'digits.npz'}", "train.epochs=1")
    reader.open(write_page(read(run_of(tmp_path / "run", *settings)), tmp_path / "report.html"))
    shown = (
        "const {data} = document.getElementById('play-canvas').getContext('2d').getImageData(0, 0, 8, 8);"
        "return Math.max(...data.filter((_, k) => k % 4 < 3))"
    )
    reader.run("imgclf.play.show([...imgclf.data.val.index].find((_, k) => imgclf.data.val.y[k] === 1))")
    reader.find("play-invert").click()
    assert min(reader.run(PIXELS)) == 0
    reader.find("play-blank").click()
    reader.drag("play-canvas", (0.3, 0.3))
    assert max(reader.run(PIXELS)) == 16
    assert reader.run(shown) == 255
