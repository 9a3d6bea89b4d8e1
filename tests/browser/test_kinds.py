"""Every kind of run has a page that opens without a word, and says what it lacks."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from browser.page import SMALL, named, read, run_of, write_page
from browser.reader import DESKTOP, PHONE, ZOOMED
from imgclf.errors import DivergedError
from imgclf.report.page import contents

SYNTHETIC = ("data.source=synthetic", "train.epochs=1")


def features(folder):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    np.savez(folder / "data.npz", X_train=rng.normal(size=(90, 7)) + 2 * np.eye(3, 7)[y], y_train=y)
    return read(run_of(folder / "run", "data.source=npz", f"data.path={folder / 'data.npz'}", "train.epochs=2"))


def diverged(folder):
    with suppress(DivergedError):
        run_of(folder / "run", *SMALL, "schedule.step_size=1e30", "preprocess.scale=1", "model.loss=svm_squared")
    return read(folder / "run")


def older(folder):
    run = run_of(folder / "run", *SMALL)
    for name in ("path.npz", "steps.csv"):
        (run / name).unlink()
    return read(run)


def with_classes(classes):
    options = f"data.options={{classes: {classes}, size: 8, channels: 3, train: {max(200, 5 * classes)}}}"
    return lambda folder: read(run_of(folder / "run", *SYNTHETIC, options))


LONG = [digit + 199 * "W" for digit in "0123456789"]
KINDS = {
    "features": features,
    "diverged": diverged,
    "older version": older,
    "2 classes": with_classes(2),
    "100 classes": with_classes(100),
    "300 classes": with_classes(300),
    "never moved": lambda folder: read(run_of(folder / "run", *SMALL, "schedule.step_size=1e-30")),
    "no val": lambda folder: read(run_of(folder / "run", *SMALL, "data.val_fraction=0")),
    "five images": lambda folder: read(run_of(folder / "run", "data.limit=10", "train.epochs=1")),
    "early stopping": lambda folder: read(run_of(folder / "run", *SMALL, "early_stopping={patience: 2}")),
    "interrupted": lambda folder: replace(read(run_of(folder / "run", *SMALL)), kept_epoch=1),
    "long names": lambda folder: named(read(run_of(folder / "run", *SMALL)), LONG),
}


WIDE = ("features", "diverged", "100 classes", "early stopping", "long names")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_opens_without_a_word_and_fits_its_screen(reader, tmp_path, kind):
    reader.open(write_page(KINDS[kind](tmp_path), tmp_path / "report.html"), size=PHONE)
    if kind not in WIDE:
        return
    reader.visit_all()
    reader.run("for (const one of document.querySelectorAll('details')) one.open = true")
    for size in (PHONE, ZOOMED, DESKTOP):
        assert reader.resize(size).too_wide() == [], size


@pytest.mark.parametrize("more", [2_000, 45_000, 80_000, 200_000])
def test_a_page_that_lacks_most_opens_without_a_word(browser, run_directory, tmp_path, monkeypatch, more):
    monkeypatch.setattr(contents, "BUDGET", contents.SIZE_OF_HTML + more)
    browser.open(write_page(read(run_directory(*SMALL)), tmp_path / "report.html"))
    assert browser.messages() == []
    text = browser.driver.execute_script("return document.body.textContent")
    for sentence in browser.run("return data.about.left_out"):
        assert sentence in text
