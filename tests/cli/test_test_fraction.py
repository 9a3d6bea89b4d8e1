"""A run with `data.test_fraction` from train to eval, verify and resume."""

import json

import pytest

from cli.conftest import write_pictures

WITH_TEST = ("-s", "data.test_fraction=0.25", "-s", "train.epochs=2", "--no-plots")


@pytest.fixture
def run(imgclf, tmp_path):
    """A run on 40 images, of which 10 are tested on."""
    write_pictures(tmp_path / "set", each=20)
    assert imgclf("train", "set", *WITH_TEST, "--out", "r").code == 0
    return tmp_path / "r"


def test_eval_tests_on_the_images_that_were_set_aside(imgclf, run):
    assert imgclf("eval", "r", "--json").json["split"] == "test"
    assert imgclf("eval", "r", "--split", "test", "--json").json["n"] == 10
    assert imgclf("eval", "r", "--split", "val", "--json").json["n"] == 3
    assert imgclf("eval", "r", "--split", "train", "--json").json["n"] == 27
    assert json.loads((run / "environment.json").read_text())["data_images"] == {"train": 27, "val": 3}


def test_the_banner_says_what_is_set_aside(imgclf, run):
    assert "25.0 % set aside for test" in imgclf("train", "set", *WITH_TEST, "--dry-run").out


def test_a_set_that_has_changed_is_refused_for_its_rows_would_be_other_images(refused, run, tmp_path):
    image = tmp_path / "set" / "cat" / "0.png"
    image.rename(image.with_name("500.png"))
    refused(3, "the images have changed since the run began", "eval", "r")


def test_it_is_found_where_it_has_moved_to(imgclf, run, tmp_path):
    (tmp_path / "set").rename(tmp_path / "moved")
    assert imgclf("eval", "r", "--split", "test", "--data", "moved", "--json").json["n"] == 10


@pytest.mark.slow
def test_verify_and_resume_go_on_with_the_same_images(imgclf, run, tmp_path):
    assert imgclf("verify", "r").code == 0
    assert imgclf("train", "--resume", "r", "-s", "train.epochs=3").code == 0
    assert imgclf("gradcheck", "--run", "r", "--images", "4").code == 0
    assert imgclf("eval", "r", "--json").json["n"] == 10


def test_all_of_the_set_as_other_data_is_warned_of(imgclf, run):
    done = imgclf("eval", "r", "--data", "set")
    assert done.code == 0
    assert "the run was trained on most of these images; --split test evaluates the others" in done.err


def test_a_fraction_that_is_not_used_is_said(imgclf):
    done = imgclf("train", "--dry-run", "-s", "data.test_fraction=0.2")
    assert "data.test_fraction: not used, because the data has a test split" in done.err
    assert "set aside" not in done.out
