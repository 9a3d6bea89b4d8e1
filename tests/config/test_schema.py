from typing import Annotated

import pytest
from pydantic import ValidationError

from imgclf.config import Config, ConfigError, json_schema, resolve
from imgclf.config.shape import every_key
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.schedules import SCHEDULES

PROBES = ("-1", "0", "1", "0.5", "7", ".nan", ".inf", "1e400", "abc", "'7'", "true", "null", "[1]", "{a: 1}")
NUMBERS = {
    "seed": {"0", "1", "7"},
    "data.val_fraction": {"0", "0.5"},
    "data.test_fraction": {"0", "0.5"},
    "data.folds": {"1", "7"},
    "data.fold": {"1", "7"},
    "data.limit": {"1", "7", "null"},
    "preprocess.image_size": {"1", "7", "null"},
    "preprocess.scale": {"0.5", "1", "7", "null"},
    "features.cell": {"1", "7"},
    "features.block": {"1", "7"},
    "features.orientations": {"1", "7"},
    "features.hues": {"1", "7"},
    "features.picture": {"1", "7"},
    "features.number": {"1", "7"},
    "features.patch": {"7"},
    "features.stride": {"1", "7"},
    "features.pool": {"1", "7"},
    "features.scales": {"1", "7"},
    "augment.flip": {"0", "0.5", "1"},
    "augment.shift": {"0", "1", "7"},
    "model.init_scale": {"0", "0.5", "1", "7"},
    "regularization.l2": {"0", "0.5", "1", "7"},
    "regularization.l1": {"0", "0.5", "1", "7"},
    "optimizer.momentum": {"0", "0.5"},
    "optimizer.decay": {"0", "0.5"},
    "optimizer.beta1": {"0", "0.5"},
    "optimizer.beta2": {"0", "0.5"},
    "optimizer.epsilon": {"0.5", "1", "7"},
    "schedule.step_size": {"0.5", "1", "7"},
    "schedule.warmup_epochs": {"0", "0.5", "1", "7"},
    "schedule.every_epochs": {"1", "7"},
    "schedule.factor": {"0.5", "1"},
    "train.epochs": {"1", "7"},
    "train.batch_size": {"1", "7"},
    "early_stopping.patience": {"1", "7"},
    "early_stopping.min_delta": {"0", "0.5", "1", "7"},
    "checkpoint.every": {"1", "7"},
    "sweep.runs": {"1", "7"},
    "sweep.seeds": {"1", "7"},
    "sweep.folds": {"1", "7"},
}
TEXTS = {"name": set(PROBES), "data.path": set(PROBES)}
SECTIONS = {"features": {"null"}, "early_stopping": {"null"}, "sweep": {"null"}, "data.options": {"{a: 1}"}}
NULLABLE = {
    "preprocess.color": {"null"}, "preprocess.norm": {"null"}, "preprocess.std": {"null"},
    "train.class_weight": {"null", "{a: 1}"},
    "features.signed": {"true"}, "features.interpolate": {"true"}, "features.mirror": {"true"},
}  # fmt: skip
ACCEPTED = NUMBERS | TEXTS | SECTIONS | NULLABLE  # of all others, which are choices and sections, none
OWNER = {
    "features.hues": "hog_color", "features.picture": "hog_color", "features.number": "patches",
    "features.patch": "patches", "features.stride": "patches", "features.pool": "patches", "features.scales": "patches",
    "optimizer.momentum": "momentum", "optimizer.decay": "rmsprop", "optimizer.beta1": "adam",
    "optimizer.beta2": "adam", "optimizer.epsilon": "adam", "schedule.every_epochs": "step", "schedule.factor": "step",
}  # fmt: skip


@pytest.mark.parametrize("key", every_key())
def test_a_key_takes_only_its_values(key):
    name = [f"{key.partition('.')[0]}.name={OWNER[key]}"] if key in OWNER else []
    accepted = set()
    for probe in PROBES:
        try:
            resolve((), [*name, f"{key}={probe}"])
            accepted.add(probe)
        except ConfigError as error:
            (line,) = error.lines()
            inner = key if "." in key or probe != "{a: 1}" else f"{key}.a"
            assert line.startswith(f"-s {key}: " if inner == key else (f"-s {key}: ", f"-s {key}: {inner}: "))
            assert not line.startswith(f"-s {key}: {key}: ")
            assert len(line) <= 300
    assert accepted == ACCEPTED.get(key, set())


CHOICES = {
    "data.source": ["fashion-mnist-mini", "cifar10", "cifar100", "idx", "folder", "npz", "pack", "synthetic"],
    "data.labels": ["fine", "coarse"],
    "preprocess.color": ["rgb", "gray"],
    "preprocess.center": ["pixel", "channel", "none"],
    "preprocess.std": ["pixel", "channel", "none"],
    "preprocess.norm": ["l2"],
    "features.name": ["hog", "hog_color", "patches"],
    "features.norm": ["L2-Hys", "L2", "L1"],
    "model.loss": list(LOSSES),
    "optimizer.name": list(OPTIMIZERS),
    "schedule.name": list(SCHEDULES),
    "train.gradient": ["analytic", "numerical"],
    "train.class_weight": ["balanced"],
    "train.dtype": ["float32", "float64"],
    "sweep.method": ["grid", "random", "halving"],
    "early_stopping.monitor": ["val/accuracy", "val/loss", "train/accuracy", "train/loss"],
}


@pytest.mark.parametrize(("key", "choice"), [(key, choice) for key in CHOICES for choice in CHOICES[key]])
def test_every_choice_can_be_made(key, choice):
    section, word = key.split(".")
    assert getattr(getattr(resolve((), [f"{key}={choice}"]).config, section), word) == choice


def test_a_batch_may_be_everything():
    assert resolve((), ["train.batch_size=all"]).config.train.batch_size == "all"


@pytest.mark.parametrize("name", ["a", "run-2", "My run", "ünïcode", "..a", "a.b", "x" * 200])
def test_a_name_may_be_any_plain_directory_name(name):
    assert resolve((), [f'name="{name}"']).config.name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "../a",
        "a\\\\b",
        "/etc",
        "a\\nb",
        "a\\0",
        " a",
        "a ",
        "\\u202Ea",
        "x" * 201,
        "é" * 101,
    ],
)
def test_a_name_that_leads_elsewhere_or_cannot_be_a_directory_is_refused(name):
    with pytest.raises(ConfigError, match="must be a plain directory name"):
        resolve((), [f'name="{name}"'])


@pytest.mark.parametrize("path", ['""', r'"a\0b"'])
def test_a_path_that_cannot_be_one_is_refused(path):
    with pytest.raises(ConfigError, match="must be a path"):
        resolve((), [f"data.path={path}"])


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError):
        Config().seed = 1
    with pytest.raises(ValidationError):
        Config().train.epochs = 1


def test_a_whole_number_is_taken_for_a_number():
    scale = resolve((), ["preprocess.scale=1"]).config.preprocess.scale
    assert scale == 1.0
    assert type(scale) is float


def test_a_loss_that_is_added_can_be_chosen(monkeypatch):
    monkeypatch.setitem(LOSSES, "toy", LOSSES["softmax"])
    assert resolve((), ["model.loss=toy"]).config.model.loss == "toy"
    assert json_schema()["$defs"]["Model"]["properties"]["loss"]["enum"][-1] == "toy"
    monkeypatch.delitem(LOSSES, "toy")
    with pytest.raises(ConfigError, match="'toy' is not one of softmax, svm"):
        resolve((), ["model.loss=toy"])


@pytest.mark.parametrize("hint", [float, Annotated[float, "Words."], Annotated[float, "Words.", {"lt": 9}]])
def test_an_option_needs_a_type_and_a_default_and_may_say_more(monkeypatch, hint):
    def toy(push=0.5):
        return OPTIMIZERS["sgd"]()

    toy.__annotations__["push"] = hint
    monkeypatch.setitem(OPTIMIZERS, "toy", toy)
    chosen = resolve((), ["optimizer.name=toy", "optimizer.push=2"]).config.optimizer
    assert chosen.model_dump() == {"name": "toy", "push": 2.0}
    assert type(chosen).model_fields["push"].description == (None if hint is float else "Words.")
    with pytest.raises(ConfigError, match="expected a number"):
        resolve((), ["optimizer.name=toy", "optimizer.push=x"])
