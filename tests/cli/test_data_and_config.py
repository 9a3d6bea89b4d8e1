"""`imgclf data`, `imgclf config` and `imgclf completion`."""

import json
from pathlib import Path

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
    def broken(*_):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("imgclf.compose.make_plan", broken)
    done = imgclf("train")
    assert done.code == 70
    assert (
        done.err
        == "imgclf: error: imgclf: a bug in imgclf: RuntimeError: two\\nlines - run it with --debug and report it\n"
    )
