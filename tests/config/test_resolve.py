import itertools
import os
from pathlib import Path

import pytest

from imgclf.config import ConfigError, resolve


@pytest.fixture
def write(tmp_path):
    """Write numbered files: 1.yaml, 2.yaml, ..."""
    numbers = itertools.count(1)

    def write_next(text):
        file = tmp_path / f"{next(numbers)}.yaml"
        file.write_text(text)
        return file

    return write_next


def test_later_files_win_over_earlier_ones_and_overrides_over_files(write):
    files = [write("seed: 1\ntrain: {epochs: 1, batch_size: 1}\n"), write("seed: 2\ntrain: {epochs: 2}\n")]
    config = resolve(files, ["train.epochs=3", "train.dtype=float64", "train.dtype=float32"]).config
    assert (config.seed, config.train.epochs, config.train.batch_size) == (2, 3, 1)
    assert config.train.dtype == "float32"
    assert config.train.gradient == "analytic"


def test_every_value_knows_where_it_comes_from(write):
    first = write("seed: 1\ntrain:\n  epochs: 1\n  batch_size: 1\n")
    second = write("\ntrain: {epochs: 2,\n  dtype: float64}\nearly_stopping:\n  patience: 3\n")
    origins = resolve([first, second], ["model.loss=svm", "data.options.noise=3"]).origins
    assert origins["seed"] == f"{first}:1"
    assert origins["train.epochs"] == f"{second}:2"
    assert origins["train.dtype"] == f"{second}:3"
    assert origins["train.batch_size"] == f"{first}:4"
    assert origins["early_stopping.patience"] == f"{second}:5"
    assert origins["model.loss"] == origins["data.options.noise"] == "-s"
    assert {origins[key] for key in ("name", "train.gradient", "early_stopping.monitor", "optimizer.momentum")} == {
        "default"
    }


def test_a_new_name_drops_the_keys_of_earlier_layers_that_it_does_not_have(write):
    first = write("schedule: {name: step, step_size: 0.5, every_epochs: 3, factor: 0.5, warmup_epochs: 1}\n")
    schedule = resolve([first], ["schedule.name=exponential"]).config.schedule
    assert schedule.model_dump() == {"name": "exponential", "step_size": 0.5, "warmup_epochs": 1.0, "factor": 0.5}
    schedule = resolve([first], ["schedule.name=cosine"]).config.schedule
    assert schedule.model_dump() == {"name": "cosine", "step_size": 0.5, "warmup_epochs": 1.0}


def test_dropped_keys_do_not_come_back(write):
    files = [write("schedule: {name: step, every_epochs: 3}"), write("schedule: {name: cosine}")]
    assert resolve(files, ["schedule.name=step"]).config.schedule.every_epochs == 10


def test_the_same_name_again_drops_nothing(write):
    file = write("optimizer: {name: adam, beta2: 0.5}")
    assert resolve([file], ["optimizer.name=adam"]).config.optimizer.beta2 == 0.5


def test_keys_in_the_layer_of_the_new_name_are_kept_and_checked(write):
    with pytest.raises(ConfigError, match=r"optimizer.epsilon: not a key of sgd, but of adagrad, rmsprop, adam"):
        resolve([write("optimizer: {name: sgd, epsilon: 1e-3}")])


def test_the_same_name_again_hides_no_mistake(write):
    with pytest.raises(ConfigError, match=r"optimizer.epsilon: not a key of sgd"):
        resolve([write("optimizer: {name: sgd, epsilon: 1e-3}")], ["optimizer.name=sgd"])


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_overrides_does_not_decide_which_keys_are_dropped(order):
    overrides = [f"optimizer.{text}" for text in ("name=adam", "epsilon=1e-3")]
    assert resolve((), overrides[::order]).config.optimizer.epsilon == 1e-3


@pytest.mark.parametrize("order", [1, -1])
def test_overrides_are_one_layer_and_must_fit_together(order):
    overrides = [f"optimizer.{text}" for text in ("name=sgd", "epsilon=1e-3")]
    with pytest.raises(ConfigError, match="not a key of sgd"):
        resolve((), overrides[::order])


def test_a_typo_below_a_new_name_is_reported_and_not_dropped(write):
    with pytest.raises(ConfigError, match=r"optimizer\.momentun: unknown key; did you mean 'momentum'"):
        resolve([write("optimizer: {momentun: 0.5}")], ["optimizer.name=nesterov"])


def test_a_mapping_replaces_null_and_null_a_mapping(write):
    on, off = write("early_stopping: {monitor: train/loss, patience: 3}"), write("early_stopping:\n")
    assert resolve([on]).config.early_stopping.monitor == "train/loss"
    assert resolve([on, off]).config.early_stopping is None
    assert resolve([on], ["early_stopping=null"]).config.early_stopping is None
    again = resolve([on, off], ["early_stopping.min_delta=0.5"]).config.early_stopping
    assert again.model_dump() == {"monitor": "val/accuracy", "patience": 10, "min_delta": 0.5}
    assert resolve((), ["early_stopping={}"]).config.early_stopping.patience == 10


def test_options_are_free_and_merged_key_by_key(write):
    file = write("data: {options: {classes: 3, deep: {a: [1, {b: x}], c: no}}}")
    options = resolve([file], ["data.options.deep.c=1e-3", "data.options.noise=5"]).config.data.options
    assert options == {"classes": 3, "deep": {"a": [1, {"b": "x"}], "c": 1e-3}, "noise": 5}


def test_a_path_in_a_file_is_relative_to_the_file_and_in_an_override_to_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    (tmp_path / "here").mkdir()
    file = tmp_path / "configs" / "c.yaml"
    file.write_text("data: {path: ../data/x}")
    monkeypatch.chdir(tmp_path / "here")
    assert resolve([file]).config.data.path == str(tmp_path / "data" / "x")
    assert resolve([Path("../configs/c.yaml")]).config.data.path == str(tmp_path / "data" / "x")
    assert resolve([file], ["data.path=x"]).config.data.path == str(tmp_path / "here" / "x")
    assert resolve([file], ["data.path=../x/."]).config.data.path == str(tmp_path / "x")
    assert resolve([file], ["data.path=/x"]).config.data.path == "/x"
    assert resolve([file], ["data.path=null"]).config.data.path is None


def test_a_path_follows_the_links_of_its_folder(tmp_path):
    (tmp_path / "real" / "configs").mkdir(parents=True)
    (tmp_path / "real" / "configs" / "c.yaml").write_text("data: {path: ../data}")
    (tmp_path / "link").symlink_to(tmp_path / "real" / "configs")
    assert resolve([tmp_path / "link" / "c.yaml"]).config.data.path == str(tmp_path / "real" / "data")


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve((), ["data.path=~/data"]).config.data.path == str(tmp_path / "data")
    assert resolve((), ["data.path='~nobody-has-this-name'"]).config.data.path.endswith("~nobody-has-this-name")


def test_a_value_may_hold_equals_signs_and_colons(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve((), ["data.path=a=b:c"]).config.data.path == str(tmp_path / "a=b:c")


def test_an_override_without_a_value_is_null():
    assert resolve((), ["name="]).config.name is None
    assert resolve((), ["early_stopping= "]).config.early_stopping is None


def test_an_override_may_be_a_section():
    config = resolve((), ["schedule={name: step, factor: 0.5}", "schedule.step_size=2"]).config
    assert (config.schedule.name, config.schedule.factor, config.schedule.step_size) == ("step", 0.5, 2.0)


def test_a_config_may_come_from_a_pipe():
    reading, writing = os.pipe()
    os.write(writing, b"seed: 5\n")
    os.close(writing)
    try:
        assert resolve([Path(f"/dev/fd/{reading}")]).config.seed == 5
    finally:
        os.close(reading)


def test_resolving_twice_gives_the_same():
    assert resolve((), ["optimizer.name=adam"]) == resolve((), ["optimizer.name=adam"])
    assert resolve().config.optimizer.name == "momentum"


RENAMED = {
    "{name: momentum, decay: 0.5}": {"name": "momentum", "momentum": 0.5},
    "{name: nesterov, decay: 0.5}": {"name": "nesterov", "momentum": 0.5},
    "{decay: 0.5, decay_square: 0.75, epsilon: 0.125, name: adam}":
        {"name": "adam", "beta1": 0.5, "beta2": 0.75, "epsilon": 0.125},
    "{name: rmsprop, decay: 0.5}": {"name": "rmsprop", "decay": 0.5, "epsilon": 1e-8},
}  # fmt: skip


@pytest.mark.parametrize("written", RENAMED)
def test_a_config_of_version_0_1_is_read_by_the_names_of_then(written, write):
    assert resolve([write(f"optimizer: {written}")]).config.optimizer.model_dump() == RENAMED[written]


@pytest.mark.parametrize("written", ["{decay: 0.5}", "{name: momentum, decay: 0.5, momentum: 0.5}"])
def test_the_error_for_an_old_name_suggests_the_new_one(written, write):
    words = "not a key of momentum; did you mean 'momentum'"
    with pytest.raises(ConfigError, match=words):
        resolve([write(f"optimizer: {written}")])
    with pytest.raises(ConfigError, match=words):
        resolve((), [f"optimizer={written}"])


@pytest.mark.parametrize("name", ["[a]", "{a: 1}", "3", "null", "x"])
def test_a_name_that_is_no_variant_is_the_only_mistake(name, write):
    with pytest.raises(ConfigError) as caught:
        resolve([write(f"optimizer:\n  name: {name}\n  beta1: 7\n"), write("schedule: {step_size: 1}")])
    (line,) = caught.value.lines()
    assert ":2:9: optimizer.name: " in line
    assert "is not one of sgd, momentum" in line
