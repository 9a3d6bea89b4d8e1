import hashlib
import os
import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imgclf.config import Config, dump, dump_as_0_1, dump_given, resolve, show

CHARACTERS = st.characters()  # all of them, also halves of surrogate pairs
TEXTS = st.text(CHARACTERS, max_size=8) | st.sampled_from(
    ["no", "null", "~", "1e-3", "1e5", ".5", ".inf", "010", "1:30", "2024-01-31", "a: b", "# a", "<<", "=", "---",
     "- a", "'", '"', "\\", "\n", "\t", "\x85", "\u2028", "\ufeff", "\ud800", "😀", " a ", "a,b", "[", "{",
     "*a", "&a", "!a"]
)  # fmt: skip
KEYS = st.text(CHARACTERS, max_size=5).filter(str.isprintable) | st.sampled_from(["no", "1", "null", "<<", "", "é"])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | NUMBERS | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
POSITIVE = st.floats(min_value=0, exclude_min=True, max_value=1e30)
NOT_NEGATIVE = st.floats(min_value=0, max_value=1e30)
FRACTION = st.floats(min_value=0, max_value=1, exclude_max=True)
COUNT = st.integers(1, 10**9)
NAMES = st.text(string.ascii_letters + "._- é0:#", min_size=1, max_size=9).filter(
    lambda name: name.strip() == name and name not in (".", "..")
)


def variants(**own):
    return st.one_of(st.fixed_dictionaries({"name": st.just(name)}, optional=fields) for name, fields in own.items())


SCHEDULE = {"step_size": POSITIVE, "warmup_epochs": st.floats(0, 1e6)}
CONFIGS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**30),
        "name": st.none() | NAMES,
        "data": st.fixed_dictionaries(
            {
                "path": st.none() | TEXTS.map(lambda text: os.path.normpath("/" + text.replace("\0", ""))),
                "options": st.dictionaries(KEYS, VALUES, max_size=3),
                "val_fraction": FRACTION,
                "test_fraction": FRACTION,
            }
        ),
        "preprocess": st.fixed_dictionaries(
            {"scale": st.floats(1e-6, 1e9), "image_size": st.none() | st.integers(1, 4096)}
        ),
        "regularization": st.fixed_dictionaries({"l2": NOT_NEGATIVE, "l1": NOT_NEGATIVE}),
        "optimizer": variants(
            sgd={},
            nesterov={"momentum": FRACTION},
            adam={"beta1": FRACTION, "beta2": FRACTION, "epsilon": POSITIVE},
        ),
        "schedule": variants(cosine=SCHEDULE, step=SCHEDULE | {"every_epochs": COUNT}),
        "train": st.fixed_dictionaries(
            {
                "epochs": COUNT,
                "batch_size": COUNT | st.just("all"),
                "class_weight": st.sampled_from([None, "balanced"]) | st.dictionaries(KEYS, POSITIVE, max_size=3),
            }
        ),
        "augment": st.fixed_dictionaries({"flip": st.floats(0, 1), "shift": st.integers(0, 4095)}),
        "early_stopping": st.none() | st.fixed_dictionaries({"patience": COUNT, "min_delta": NOT_NEGATIVE}),
    }
).map(Config.model_validate)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("dump") / "config.yaml"


@settings(max_examples=150, deadline=None)
@given(config=CONFIGS)
def test_a_written_config_reads_back_as_the_same_config(config, file):
    file.write_text(dump(config), encoding="utf-8")
    resolved = resolve([file])
    assert resolved.config == config
    assert dump(resolved.config) == dump(config)
    assert set(resolved.origins.values()) <= {f"{file}:{line}" for line in range(1, 99)}


@settings(max_examples=50, deadline=None)
@given(config=CONFIGS)
def test_a_reader_of_yaml_1_1_sees_the_same(config):
    assert yaml.safe_load(dump(config)) == config.model_dump()


@pytest.mark.parametrize(
    ("value", "text"), [(1e-4, "0.0001"), (1e-5, "1.0e-05"), (1e16, "1.0e+16"), (1.5e-7, "1.5e-07"), (0.1, "0.1")]
)
def test_a_number_is_written_in_a_form_that_both_versions_of_yaml_take_for_one(value, text):
    assert f"  l2: {text}\n" in dump(resolve((), [f"regularization.l2={value!r}"]).config)
    assert yaml.safe_load(text) == value


LATER = (  # than version 0.1
    "  folds: 1\n  fold: 1\n", "  test_fraction: 0.0\n", "  resize: squash\n", "  norm: null\n",
    "features: null\n", "augment:\n  flip: 0.0\n  shift: 0\n",
    "  kernel: blocks\n", "  device: auto\n", "  class_weight: null\n", "sweep: null\n",
)  # fmt: skip


@pytest.mark.parametrize(("overrides", "checksum"), [
    ([], "bed65ca05123534662467f11a6b038da446b687c683722d40dac2faf9fe50efd"),
    (["optimizer={name: adam, beta1: 0.5}"], "9db70f7eeba59a3c206abb05600a21bd4927f32090389364ddb0ca35f4c2fd6e"),
])  # fmt: skip
def test_configs_of_version_0_1_are_known_by_their_checksum(tmp_path, overrides, checksum):
    file = tmp_path / "config.yaml"
    text = dump(resolve((), overrides).config)
    for later in LATER:
        assert later in text
        text = text.replace(later, "")
    file.write_text(text)
    for _ in ("the names of today", "the names of 0.1"):
        text = dump_as_0_1(resolve([file]).config)
        assert hashlib.sha256(text.encode()).hexdigest() == checksum
        file.write_text(text)


def test_the_keys_that_a_config_was_given_are_those_of_its_file_at_any_value(tmp_path):
    file = tmp_path / "config.yaml"
    for text in (dump(Config()), "seed: 0\nmodel:\n  loss: svm\ntrain:\n  epochs: 20\n"):
        file.write_text(text)
        assert dump_given(resolve([file]).config) == text


def test_a_key_that_version_0_1_lacks_is_left_out_only_where_nothing_is_chosen():
    known, chosen = (dump_as_0_1(resolve((), options).config) for options in ([], ["preprocess.norm=l2"]))
    assert "norm" not in known
    assert "  norm: l2\n" in chosen


def test_keys_come_in_the_order_of_the_contract():
    document = yaml.safe_load(dump(resolve().config))
    assert list(document) == [
        "seed", "name", "data", "preprocess", "features", "augment", "model", "regularization", "optimizer", "schedule",
        "train", "early_stopping", "checkpoint", "sweep",
    ]  # fmt: skip
    assert list(document["schedule"]) == ["name", "step_size", "warmup_epochs"]
    assert list(document["data"]) == [
        "source", "path", "labels", "options", "val_fraction", "test_fraction", "folds", "fold", "limit",
    ]  # fmt: skip


def test_origins_are_shown_beside_the_values_in_one_column(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("seed: 3\ndata:\n  options: {classes: 3}\n")
    resolved = resolve([file], ["model.loss=svm"])
    lines = show(resolved).splitlines()
    texts = {line.partition("  # ")[0].rstrip(): line.partition("  # ")[2] for line in lines}
    assert texts["seed: 3"] == f"{file}:1"
    assert texts["    classes: 3"] == f"{file}:3"
    assert texts["  loss: svm"] == "-s"
    assert texts["  l1: 0.0"] == "default"
    assert texts["data:"] == ""
    assert len({line.index("  # ") for line in lines if "#" in line}) == 1
    assert "\n".join(texts) + "\n" == dump(resolved.config)
    assert yaml.safe_load(show(resolved)) == resolved.config.model_dump()
