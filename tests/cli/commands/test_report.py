"""`imgclf report` as a user calls it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from imgclf.run.run_dir import acquire


def about(directory):
    html = (directory / "report.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'id="about">(.*?)</script>', html, re.DOTALL)[1])


def test_it_writes_the_page_of_a_run_and_says_where(imgclf, run):
    done = imgclf("report", "run")
    assert done.code == 0
    assert done.out == f"page   run/report.html, {(run / 'report.html').stat().st_size:,} bytes\n"
    metrics = json.loads((run / "metrics.json").read_text())
    assert about(run)["result"]["accuracy"] == metrics["val"]["accuracy"]


def test_a_run_has_the_page_that_train_wrote(imgclf, small):
    assert imgclf("train", *[option for option in small if option != "--no-plots"], "--out", "run").code == 0
    first = Path("run/report.html").read_bytes()
    assert imgclf("report", "run").code == 0
    assert Path("run/report.html").read_bytes() == first


def test_no_plots_means_no_page(imgclf, small):
    assert imgclf("train", *small, "--out", "run").code == 0
    assert not Path("run/report.html").exists()


def test_by_default_it_is_the_newest_finished_run(imgclf, run, small):
    Path("runs").mkdir()
    run.rename("runs/b")
    assert imgclf("train", *small).code == 0
    Path("runs/fashion-mnist-mini-softmax").rename("runs/a")
    assert imgclf("report").out.startswith("page   runs/a/report.html, ")


def test_without_a_run_it_says_so(refused):
    refused(4, "no finished run", "report")
    refused(4, "no such run directory", "report", "nowhere")


def test_a_model_file_is_not_a_run_directory(refused, run):
    refused(2, "not a run directory", "report", run / "model.npz")


@pytest.mark.parametrize(("name", "words"), [
    ("config.yaml", "there is no config.yaml"), ("metrics.csv", "metrics.csv: no such file"),
    ("environment.json", "does not say which images"),
])  # fmt: skip
def test_a_run_that_lacks_a_file_says_which(refused, run, name, words):
    (run / name).unlink()
    refused(4, words, "report", "run")
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("name", ["model.npz", "metrics.csv", "path.npz", "steps.csv"])
def test_a_damaged_file_is_one_line_and_the_old_page_stays(refused, run, name):
    (run / "report.html").write_text("the page before")
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: len(content) // 2] + b"\xff,")
    refused(4, f"run/{name}: ", "report", "run")
    assert (run / "report.html").read_text() == "the page before"


def test_data_that_moved_is_found_by_data(imgclf, refused, pictures, on_pictures):
    assert imgclf("train", *on_pictures, "--out", "run").code == 0
    assert imgclf("report", "run").code == 0
    page = Path("run/report.html").read_bytes()
    Path("elsewhere").mkdir()
    shutil.move(pictures, "elsewhere/moved")
    refused(3, ["no such file or folder", "--data PATH"], "report", "run")
    assert imgclf("report", "run", "--data", "elsewhere/moved").code == 0
    assert about(Path("run"))["val_names"] is not None
    assert Path("run/report.html").stat().st_size - len(page) < 100


def test_other_data_is_refused(imgclf, refused, pictures, on_pictures):
    assert imgclf("train", *on_pictures, "--out", "run").code == 0
    next((pictures / "train" / "cat").iterdir()).unlink()
    refused(3, "the images have changed since the run began", "report", "run")


def test_a_run_in_use_is_left_alone(refused, run):
    with acquire(run):
        refused(7, "in use by", "report", "run")


def test_a_folder_in_place_of_the_page_is_one_line(refused, run):
    (run / "report.html").mkdir()
    refused(6, "report.html", "report", "run")


def test_a_diverged_run_has_a_page_of_its_last_weights(imgclf, small):
    diverging = ("-s", "schedule.step_size=1e30", "-s", "preprocess.scale=1", "-s", "model.loss=svm_squared")
    assert imgclf("train", *small, *diverging, "--out", "run").code == 5
    assert not Path("run/model.npz").exists()
    assert imgclf("report", "run").code == 0
    assert about(Path("run"))["status"] == "diverged"
    assert "W" in [one["name"] for one in about(Path("run"))["arrays"]]
    for name in ("path.npz", "checkpoint.npz", "checkpoint.previous.npz"):
        Path("run", name).unlink(missing_ok=True)
    assert imgclf("report", "run").code == 4


def test_open_shows_the_page_in_the_browser(imgclf, run, monkeypatch):
    opened = []
    monkeypatch.setattr("click.launch", opened.append)
    assert imgclf("report", "run", "--open").code == 0
    assert opened == [(run / "report.html").resolve().as_uri()]
