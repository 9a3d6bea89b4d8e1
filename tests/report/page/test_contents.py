import base64
import json
import re
import shutil
import zlib
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.gradients import evaluate_loss
from imgclf.report.diagnosis import diagnose
from imgclf.report.objective import formula, translations
from imgclf.report.page import contents
from imgclf.report.page.baselines import class_means, nearest
from imgclf.report.page.contents import BUDGET, SIZE_OF_HTML, page
from imgclf.report.page.samples import OF_A_CELL, mistakes
from imgclf.report.run_facts import read_facts
from imgclf.report.shown_run import read_run
from imgclf.run.data_identity import with_data_path
from imgclf.run.run_dir import write_status
from imgclf.speed.threads import workers
from imgclf.training.evaluation import score_images

COLOR = ("data.source=synthetic", "data.options={classes: 5, size: 12, channels: 3, train: 400}")


def parts(html):
    """What a page says, and its arrays."""
    text = html.decode()
    about = json.loads(re.search(r'id="about">(.*?)</script>', text, re.DOTALL)[1])
    content, at, arrays = base64.b64decode(re.search(r'id="arrays">(.*?)</script>', text, re.DOTALL)[1]), 0, {}
    for one in about["arrays"]:
        raw = zlib.decompress(content[at : at + one["bytes"]])
        arrays[one["name"]] = np.frombuffer(raw, one["dtype"]).reshape(one["shape"])
        at += one["bytes"]
    return about, arrays


@pytest.fixture(scope="module")
def page_of(run_of):
    """A function that returns what the page of such a run says, and its arrays; each page is made once."""
    return cache(lambda *settings: parts(page(run_of(*settings))))


def test_the_same_run_gives_the_same_bytes_on_any_number_of_threads(run_of):
    with workers(1):
        first = page(run_of(*COLOR))
    assert page(replace(run_of(*COLOR))) == first


def test_the_sample_is_stratified_and_judged_by_the_model(run_of, monkeypatch):
    monkeypatch.setattr(contents, "SAMPLE", (20, 1.0))
    run = run_of("data.val_fraction=0.3", *COLOR)
    about, arrays = parts(page(run))
    rows = arrays["val/index"][arrays["val/counted"] == 1]
    assert Counter(run.val.y_of(rows).tolist()) == Counter(dict.fromkeys(range(5), 4))
    right = (score_images(run.model, run.val.pixels(rows)).argmax(axis=1) == run.val.y_of(rows)).mean()
    assert about["sample"]["accuracy"] == right
    assert about["sample"]["interval"][0] < right < about["sample"]["interval"][1]
    others = {"cells": len(arrays["val/index"]) - 20, "train": len(arrays["train/index"])}
    assert about["embedded"] == {"val": 20, "val_total": len(run.val), **others}


def test_images_of_wrong_cells_are_of_the_fullest_and_the_most_confident(run_of):
    run = run_of("data.limit=300")
    s = score_images(run.model, run.val.pixels(np.arange(len(run.val)))).astype(np.float64)
    y, predicted = run.val.y, s.argmax(axis=1)
    cells = {}
    for i in np.flatnonzero(y != predicted):
        cells.setdefault((y[i], predicted[i]), []).append((y[i] and 0, -(s[i].max() - s[i, y[i]]), i))
    fullest = sorted(cells.items(), key=lambda cell: (-len(cell[1]), cell[0]))
    expected = [i for _, images in fullest for _, _, i in sorted(images)[:OF_A_CELL]]
    found = mistakes(run.model, run.val, np.arange(len(run.val)), 25)
    assert found.tolist() == sorted(expected[:25])


def test_without_a_val_split_training_images_are_shown_and_those_judged_are_not_learned_from(run_of, monkeypatch):
    run = run_of("data.val_fraction=0", *COLOR)
    about, arrays = parts(page(run))
    assert about["result"]["split"] == "train"
    assert "train/pixels" not in arrays
    assert about["embedded"]["train"] == about["embedded"]["val"] == arrays["val/counted"].sum()
    learned, judged = [], []

    def means(parts, *rest):
        parts = list(parts)
        learned.extend(x.tobytes() for X, _ in parts for x in X)
        return class_means(parts, *rest)

    def near(X, others, k):
        judged.extend(x.tobytes() for x in X)
        return nearest(X, others, k)

    monkeypatch.setattr("imgclf.report.page.baselines.class_means", means)
    monkeypatch.setattr("imgclf.report.page.baselines.nearest", near)
    page(run)
    assert len(learned) + len(set(judged)) == len(run.train)
    assert set(learned).isdisjoint(judged)


def test_baselines_are_computed_with_their_numbers(run_of, page_of):
    about, _ = page_of("data.limit=300")
    found = {one["name"]: one for one in about["baselines"]}
    assert list(found) == ["guessing", "majority", "nearest class mean", "5 nearest neighbors", "ridge"]
    assert found["guessing"]["accuracy"] == 0.1
    counts = Counter(run_of("data.limit=300").val.y.tolist())
    train = Counter(run_of("data.limit=300").train.y.tolist())
    largest = min(c for c in range(10) if train[c] == max(train.values()))
    assert found["majority"]["accuracy"] == counts[largest] / 600
    assert all(one["n"] == 600 and one["split"] == "val" for one in found.values())
    assert all(0.5 < found[name]["accuracy"] < 0.9 for name in list(found)[2:])


def test_what_does_not_fit_is_left_out_in_order_and_said(run_of, monkeypatch):
    run = run_of("data.limit=300")
    room = {}
    for budget in (3_000_000, SIZE_OF_HTML + 300_000, SIZE_OF_HTML + 100_000, SIZE_OF_HTML + 20_000):
        monkeypatch.setattr(contents, "BUDGET", budget)
        html = page(run)
        about, arrays = parts(html)
        assert len(html) <= budget or not arrays
        room[budget] = set(arrays), about
        assert all(text.endswith(".") for text in about["left_out"])
        for name, words in (("W", "live"), ("frames", "on the way"), ("hill/scores", "hill"), ("val/pixels", "images")):
            assert (name in arrays) or any(words in text for text in about["left_out"]), (budget, name)
        assert (about["hill"] is None) == ("hill/scores" not in arrays)
        assert (about["frames"] is None) == ("frames" not in arrays)
    kept = [arrays for arrays, _ in room.values()]
    assert {"W", "val/pixels", "train/pixels", "frames", "hill/scores", "means"} <= kept[0]
    assert "frames" not in kept[-2]
    assert "W" in kept[-2]
    embedded = [about["embedded"]["val"] for _, about in room.values()]
    assert embedded == sorted(embedded, reverse=True)
    assert embedded[0] == 600 > embedded[-2]


STOPPED = ("data.limit=300", "train.epochs=30", "early_stopping.patience=2", "schedule.step_size=1")


def test_the_way_ends_where_training_ended_and_the_kept_model_is_a_point_of_it(run_of, page_of):
    run = run_of(*STOPPED)
    about, arrays = page_of(*STOPPED)
    hill, frames, rows = about["hill"], about["frames"], about["epochs"]
    kept_step, last_step = rows["step"][rows["epoch"].index(about["kept_epoch"])], rows["step"][-1]
    assert kept_step < last_step
    with np.load(run.directory / "path.npz") as file:
        start, end = file["weights"][0], file["weights"][-1]
    away = np.linalg.norm(end.astype(np.float64) - start)
    np.testing.assert_allclose(hill["end"], [away, 0], atol=1e-6 * away)
    k = hill["path"]["steps"].index(kept_step)
    assert hill["kept"] == [hill["path"]["a"][k], hill["path"]["b"][k]] != hill["end"]
    first = (end - start) / away
    np.testing.assert_allclose(hill["kept"][0], ((run.model.weights - start) * first).sum(), rtol=1e-5)
    X, y = Reader(run.model.preprocess, run.train)(arrays["train/index"])
    batch = Batch.of(X.astype(np.float64), y)
    losses = [evaluate_loss(run.model.objective, batch, one.astype(np.float64))[0] for one in (run.model.weights, end)]
    np.testing.assert_allclose([hill["kept_loss"], hill["path"]["loss"][-1]], losses, rtol=1e-6)
    assert (frames["steps"][frames["kept"]], frames["steps"][-1]) == (kept_step, last_step)
    scale = frames["scale"][frames["kept"]]
    W = np.clip(run.model.weights[:-1].T, -scale, scale)
    np.testing.assert_allclose(arrays["frames"][frames["kept"]] / 127 * scale, W, atol=scale / 253)


def test_where_the_last_weights_are_the_model_none_of_the_way_is_marked(page_of):
    for settings in ((), ("early_stopping.patience=2",)):
        about, _ = page_of("data.limit=300", *settings)
        assert (about["hill"]["kept"], about["hill"]["kept_loss"], about["frames"]["kept"]) == (None, None, None)


@pytest.mark.parametrize("room", [2, 3, 6])
def test_frames_that_are_left_out_are_never_the_first_the_kept_or_the_last(run_of, monkeypatch, room):
    monkeypatch.setattr(contents, "FRAMES", room)
    run = run_of(*STOPPED)
    about, _ = parts(page(run))
    if frames := about["frames"]:
        ends = [0, run.kept_step, run.path.steps[-1]]
        assert len(frames["steps"]) <= room
        assert set(ends) <= set(frames["steps"])
        assert frames["steps"][frames["kept"]] == run.kept_step
    assert (about["frames"] is None) == (room < 3)


def test_a_run_of_one_step_has_templates_on_the_way(page_of):
    about, arrays = page_of(*COLOR, "train.epochs=1", "train.batch_size=all")
    assert about["frames"]["steps"] == [0, 1]
    assert len(arrays["frames"]) == 2
    assert about["left_out"] == []


def test_until_it_is_finished_a_run_has_its_last_weights_not_the_best(run_of, tmp_path):
    run = run_of(*STOPPED)
    shutil.copytree(run.directory, tmp_path / "run")
    write_status(tmp_path / "run", "interrupted")
    assert read_run(tmp_path / "run", run.config, "").kept_epoch is None
    assert read_run(run.directory, run.config, "").kept_epoch is not None


def test_what_is_shared_has_no_path_of_the_machine(run_of, tmp_path):
    run = run_of("data.limit=300")
    shutil.copytree(run.directory, tmp_path / "run")
    path = tmp_path / "run/environment.json"
    command = ["/home/ada/.venv/bin/imgclf", "train", "-s", "data.limit=300"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"command": command, "cwd": "/home/ada/x"}))
    found = with_data_path(run.config, "/home/ada/found")  # where the data was looked for, and found
    html = page(replace(run, directory=tmp_path / "run", config=found))
    assert parts(html)[0]["command"] == "imgclf train -s data.limit=300"
    for secret in ("/home/ada", str(run.directory.parent), str(tmp_path)):
        assert secret.encode() not in html


def test_the_penalty_l1_needs_the_axes_of_the_hill_in_full(run_of, page_of):
    run = run_of("data.limit=300", "regularization.l1=0.001")
    about, arrays = parts(page(run))
    start, first, _ = arrays["hill/axes"].astype(np.float64)
    end = run.model.weights[:-1]
    np.testing.assert_allclose(start + about["hill"]["end"][0] * first, end, atol=1e-6 * np.abs(end).max())
    assert "hill/axes" not in page_of("data.limit=300")[1]


def test_weights_that_do_not_fit_leave_a_page_without_live_parts(run_of, monkeypatch):
    monkeypatch.setattr(contents, "BUDGET", SIZE_OF_HTML + 45_000)
    about, arrays = parts(page(run_of("data.limit=300")))
    assert "W" not in arrays
    assert "What is live: 7,840 weights take more bytes than a page may have." in about["left_out"]


def test_feature_vectors_travel_as_float32_without_images(run_of, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    np.savez(tmp_path / "data.npz", X_train=rng.normal(size=(90, 7)) + 2 * np.eye(3, 7)[y], y_train=y)
    run = run_of("data.source=npz", f"data.path={tmp_path / 'data.npz'}")
    about, arrays = parts(page(run))
    assert about["image"] is None
    assert arrays["val/pixels"].dtype == np.float32
    assert (arrays["val/pixels"] == run.val.pixels(arrays["val/index"]).astype(np.float32)).all()
    assert "means" not in arrays
    assert "frames" not in arrays
    assert about["hill"] is not None


@pytest.mark.parametrize("classes", [2, 100, 250])
def test_few_and_many_classes_have_a_page(run_of, classes):
    options = f"data.options={{classes: {classes}, size: 4, channels: 1, train: 1200}}"
    run = run_of("data.source=synthetic", options)
    html = page(run)
    about, arrays = parts(html)
    assert len(html) < BUDGET
    assert len(about["classes"]) == len(about["per_class"]) == classes == arrays["b"].size
    assert (about["confusion"] is None) == (classes > 200)


def test_templates_on_the_way_are_those_of_the_path(run_of, page_of):
    run = run_of("data.limit=300")
    about, arrays = page_of("data.limit=300")
    with np.load(run.directory / "path.npz") as file:
        weights = dict(zip(file["steps"].tolist(), file["weights"], strict=True))
    assert arrays["frames"].shape == (len(about["frames"]["steps"]), 10, 784)
    assert about["frames"]["steps"][-1] == max(weights)
    for step, scale, frame in zip(about["frames"]["steps"], about["frames"]["scale"], arrays["frames"], strict=True):
        W = np.clip(weights[step][:-1].T, -scale, scale)
        np.testing.assert_allclose(frame / 127 * scale, W, atol=scale / 253)


def test_mean_images_are_the_means_of_the_classes(run_of):
    run = run_of("data.limit=300", "preprocess.std=pixel")
    _, arrays = parts(page(run))
    images = np.cumsum(arrays["means"], axis=2, dtype=np.uint8)
    for c in range(10):
        expected = run.train.pixels(np.flatnonzero(run.train.y == c)).mean(axis=0)
        assert np.abs(images[c] - expected).max() <= 0.51


def test_only_sampled_images_are_read(run_of, monkeypatch):
    run = run_of("data.limit=300")
    images = np.lib.stride_tricks.as_strided(run.train.images, (60_000, 28, 28, 1), (0, 28, 1, 1))
    large = Dataset.of(images, np.arange(60_000) % 10, run.train.class_names)
    read = []
    plain = Dataset.pixels

    def pixels(self, rows, out=None):
        if self is large:
            read.append(np.size(self.rows[rows]))
        return plain(self, rows, out)

    monkeypatch.setattr(Dataset, "pixels", pixels)
    about, _ = parts(page(replace(run, data=lambda: (run.train, large))))
    assert about["n"] == {"train": 300, "val": 60_000}
    assert sum(read) < 15_000
    assert max(read) <= large.at_once


def test_findings_and_objective_are_those_of_the_diagnosis(run_of, page_of):
    run = run_of("data.limit=300")
    about, _ = page_of("data.limit=300")
    facts = read_facts(run.directory, model=run.model, val=run.seen)
    found = diagnose(replace(facts, directory=Path(run.directory.name)))
    assert about["findings"] == [one._asdict() for one in found]
    assert about["verdict"] == found[0].sentence
    assert about["objective"]["formula"] == formula(run.config)
    assert about["objective"]["translations"] == [list(pair) for pair in translations(run.config, 300)]


def test_a_run_of_an_older_version_has_a_page_without_its_path(run_of, tmp_path):
    run = run_of("data.limit=300")
    for name in ("config.yaml", "metrics.csv", "environment.json", "status.json"):
        (tmp_path / name).write_bytes((run.directory / name).read_bytes())
    about, arrays = parts(page(replace(run, directory=tmp_path)))
    assert about["hill"] is None
    assert about["steps"] == {"step": [], "loss": []}
    assert "W" in arrays
    assert about["left_out"] == ["The hill and the templates on the way: the run has no path.npz."]


def test_sentences_do_not_run_into_each_other(run_of):
    html = re.sub(r"<(script|style).*?</\1>", "", page(run_of(*COLOR)).decode(), flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", "\n", html)
    assert "The best of the simpler ways is" in text
    assert re.findall(r".*[a-z%)]\.[A-Z].*", text) == []
