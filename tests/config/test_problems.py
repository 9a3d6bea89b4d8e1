import re

import pytest

from imgclf.config import ConfigError, resolve
from imgclf.config.messages import CHOSEN_ELSEWHERE
from imgclf.config.shape import json_schema
from imgclf.errors import UsageError

WRONG = """\
seed: -1
data:
  source: cifra10
  val_fraction: 1
model: {loss: softmx}
optimizer: {name: sgd, momentum: 0.5}
train:
  epochs: ten
  epochs: 5
lr: 0.1
schedule:
  stepsize: 3
  name: step
  every_epochs: 1.5
"""


def error(files=(), overrides=()):
    with pytest.raises(ConfigError) as caught:
        resolve(files, overrides)
    return caught.value


def explained(files=(), overrides=()):
    return [line for problem in error(files, overrides).problems for line in problem.explain()]


def lines(*overrides):
    return error((), overrides).lines()


def test_every_mistake_is_reported_at_once_with_its_position(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    found = error([file], ["train.dtype=flaot32", "epochs=3"])
    assert found.exit_code == UsageError.exit_code == 2
    assert found.lines() == [
        f"{file}:1:7: seed: must be at least 0, is -1",
        f"{file}:3:11: data.source: 'cifra10' is not one of fashion-mnist-mini, cifar10, cifar100, idx, npz, pack, "
        "csv, folder, synthetic; did you mean 'cifar10'?",
        f"{file}:4:17: data.val_fraction: must be less than 1, is 1",
        f"{file}:5:15: model.loss: 'softmx' is not one of softmax, svm, svm_squared, svm_cs, logistic_ovr; "
        "did you mean 'softmax'?",
        f"{file}:6:24: optimizer.momentum: not a key of sgd, but of momentum, nesterov",
        f"{file}:8:11: train.epochs: expected a whole number, got the text 'ten'",
        f"{file}:9:3: train.epochs: given twice; first in line 8",
        f"{file}:10:1: lr: unknown key; did you mean 'schedule.step_size'?",
        f"{file}:12:3: schedule.stepsize: unknown key; did you mean 'step_size'?",
        f"{file}:14:17: schedule.every_epochs: expected a whole number, got the number 1.5",
        "-s train.dtype: 'flaot32' is not one of float32, float64; did you mean 'float32'?",
        "-s epochs: unknown key; did you mean 'train.epochs'?",
    ]
    assert str(found) == "\n".join(found.lines())


def test_a_file_that_cannot_be_read_does_not_hide_the_mistakes_of_the_others(tmp_path):
    broken, wrong = tmp_path / "broken.yaml", tmp_path / "wrong.yaml"
    broken.write_text("a: [1\n")
    wrong.write_text("train: {epochs: 0}\noptimizer: {beta2: 0.5}\n")
    found = error([tmp_path / "absent.yaml", broken, wrong], ["seed"]).lines()
    assert found[0] == f"{tmp_path}/absent.yaml: there is no such file - check the path, or write one with " + (
        "`imgclf config init`"
    )
    assert found[1].startswith(f"{broken}:2:1: not valid YAML")
    assert found[2] == f"{wrong}:1:17: train.epochs: must be at least 1, is 0"
    # The broken file may have said `name: adam`, so beta2 is not yet a mistake.
    assert found[3:] == ["-s seed: expected KEY=VALUE, such as train.epochs=5"]


@pytest.mark.parametrize(
    ("override", "key", "meant"),
    [
        ("trian.epochs=1", "trian", "train"),
        ("train.epoch=1", "train.epoch", "epochs"),
        ("schedule.stepsize=1", "schedule.stepsize", "step_size"),
        ("schedule.learning_rate=1", "schedule.learning_rate", "schedule.step_size"),
        ("momentum=0.9", "momentum", "optimizer.momentum"),
        ("batch_size=1", "batch_size", "train.batch_size"),
        ("preprocess.Center=none", "preprocess.Center", "center"),
        ("early_stopping.patients=3", "early_stopping.patients", "patience"),
    ],
)
def test_an_unknown_key_is_reported_with_a_suggestion(override, key, meant):
    where = override.partition("=")[0]
    named = f"-s {where}" if where == key else f"-s {where}: {key}"
    assert lines(override) == [f"{named}: unknown key; did you mean '{meant}'?"]


@pytest.mark.parametrize("key", ["transform", "train.strategy", "sweep.zzz", "zzz", "train.zzz", "a.b.c"])
def test_a_key_like_no_other_is_reported_with_the_known_ones(key):
    (line,) = lines(f"{key}=1")
    assert "unknown key; the keys here are " in line


def test_a_source_that_is_not_there_is_no_choice():
    assert "'tfrecord' is not one of" in lines("data.source=tfrecord")[0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.name=adma", "'adma' is not one of sgd, momentum, nesterov, adagrad, rmsprop, adam; "
         "did you mean 'adam'?"),
        ("optimizer.name=3", "the number 3 is not one of sgd, momentum, nesterov, adagrad, rmsprop, adam"),
        ("model.loss=true", "true is not one of softmax, svm, svm_squared, svm_cs, logistic_ovr"),
        ("train.epochs='5'", "expected a whole number, got the text '5'"),
        ("schedule.step_size=abc", "expected a number, got the text 'abc'"),
        ("schedule.step_size=.nan", "must be a finite number, is nan"),
        ("schedule.step_size=0", "must be greater than 0, is 0"),
        ("train.epochs=5 # five", "expected a whole number, got the text '5 # five'"),
        ("train.epochs='5", "expected a whole number, got the text ''5'"),
        ("train.dtype=*x", "'*x' is not one of float32, float64"),
        ("seed=" + "9" * 5000, "a number of 5,000 characters is too long"),
        ("early_stopping={patience: 3} # x", "nothing may follow the value, not even a comment"),
        ("train.batch_size=some", "expected a whole number or the word all, got the text 'some'"),
        ("train.batch_size=0", "must be at least 1, is 0"),
        ("data.labels=a\udcff", r"the text 'a\udcff' is not valid Unicode"),
        ("model.loss=a\udcff", r"'a\udcff' is not one of softmax, svm, svm_squared, svm_cs, logistic_ovr"),
        ("data.options=5", "expected a section of keys, got the number 5"),
        ("data.options.noise=.inf", "every number must be finite"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_reported_in_words(override, message):
    (line,) = lines(override)
    assert line.endswith(f": {message}")
    assert "Input should" not in line


@pytest.mark.parametrize("value", ["5", "true", "[1]", "null", "x"])
@pytest.mark.parametrize("section", ["data", "preprocess", "model", "regularization", "optimizer", "schedule", "train"])
def test_a_value_for_a_section_is_reported_even_below_a_correct_layer(section, value, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(f"{section}: {value}\n")
    (line,) = error([file], ["early_stopping.patience=1"]).lines()
    assert line.startswith(f"{file}:1:{len(section) + 3}: {section}: expected a section of keys (")
    above = {"optimizer": "optimizer.name=sgd", "train": "train.epochs=3"}.get(section, "seed=1")
    assert len(error([file], [above]).lines()) == 1


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("schedule=cosine", "did you mean schedule.name, as in `schedule: {name: cosine}`?"),
        ("optimizer=adamw", "did you mean optimizer.name, as in `optimizer: {name: adam}`?"),
        ("model=svm", "did you mean model.loss, as in `model: {loss: svm}`?"),
        ("model=hinge", "did you mean model.loss, as in `model: {loss: svm}`?"),
        ("early_stopping=5", "did you mean early_stopping.patience, as in `early_stopping: {patience: 5}`?"),
        ("train=5", "got the number 5"),
        ("model=5", "got the number 5"),
        ("early_stopping=true", "got true"),
        ("optimizer=zzz", "got the text 'zzz'"),
    ],
)
def test_a_value_in_place_of_its_section_is_told_its_key_and_the_form(override, meant):
    (line,) = lines(override)
    assert line.endswith(meant)
    if "`" in line:
        assert resolve((), [line.split("`")[1].replace(": ", "=", 1)]).config


def test_a_name_of_other_programs_leads_to_a_choice():
    said = {("model.loss", "hinge"): "svm", ("model.loss", "CrossEntropyLoss"): "softmax",
            ("train.device", "gpu"): "cuda", ("optimizer.name", "adamw"): "adam",
            ("data.source", "image-folder"): "folder"}  # fmt: skip
    for (key, word), choice in said.items():
        assert lines(f"{key}={word}")[0].endswith(f"; did you mean '{choice}'?")
    assert set(CHOSEN_ELSEWHERE.values()) <= set(re.findall(r"'(\w+)'", str(json_schema())))


@pytest.mark.parametrize("word", ["mnist", "MNIST", "fashion-mnist", "fashion_mnist"])
def test_a_data_set_in_place_of_a_source_is_told_which_source_reads_it(word):
    name = word.lower().replace("_", "-")
    assert lines(f"data.source={word}")[0].endswith(
        f"; did you mean 'idx', which reads what `imgclf data download {name}` brings?"
    )


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed", "-s seed: expected KEY=VALUE, such as train.epochs=5"),
        ("=3", "-s =3: the key is empty; expected KEY=VALUE, such as train.epochs=5"),
        ("", "-s : expected KEY=VALUE, such as train.epochs=5"),
        ("train..epochs=3", "-s train..epochs: the key is empty; expected KEY=VALUE, such as train.epochs=5"),
        ("a\nb=1", r"-s a\nb: the key is too long or has unprintable characters"),
        (".".join("a" * 40) + "=1", "nested more than 32 deep"),
        ("data.options." + ".".join("a" * 20) + "=" + "[" * 12 + "]" * 12, "nested more than 32 deep"),
        ("x" * 500 + "=1", "the key is too long"),
        ("train={epochs: 1, epochs: 2}", "-s train: train.epochs: given twice; first in line 1"),
        ("train={epochs: &a 1}", "-s train: train.epochs: anchors (&) and aliases (*) are not allowed; write the "),
        ("seed.x=1", "-s seed.x: seed: expected a whole number, got a section"),
    ],
)
def test_a_malformed_override_is_reported(override, line):
    (found,) = lines(override)
    assert line in found
    assert len(found) <= 300


def test_the_error_for_a_number_in_place_of_text_suggests_quotes(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("name: 1e-3\n")
    (line,) = error([file]).lines()
    assert line == f"{file}:1:7: name: expected text, got the number 0.001; quote it to make it text"


def test_the_explanation_puts_a_caret_under_the_mistake(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text('data:\n  {path: "猫\tb", limit: 0}  # \u202e\n')
    assert explained([file], ["model.loss = svn"]) == [
        f"{file}:2:24: data.limit: must be at least 1, is 0",
        '      {path: "猫\\tb", limit: 0}  # \\u202e',
        "                             ^",  # a character of two columns, and one that is shown as two
        "-s model.loss: 'svn' is not one of softmax, svm, svm_squared, svm_cs, logistic_ovr; did you mean 'svm'?",
        "    model.loss = svn",
        "                 ^",
    ]


def test_the_explanation_of_a_very_long_line_stays_short():
    found = explained((), ["data.options=[" + "1, " * 4000 + "*x]"])
    assert max(map(len, found)) <= 300
    assert found[1].index("*x") == found[2].index("^")


def test_a_config_that_cannot_be_opened_is_reported_in_one_line(tmp_path):
    assert error([tmp_path]).lines() == [f"{tmp_path}: a directory, not a config file; name the file in it"]
    strange = tmp_path / "two\nlines.yaml"
    assert error([strange]).lines()[0].startswith(f"{tmp_path}/two\\nlines.yaml: there is no such file")
    assert "cannot be read" in error([tmp_path / "nul\0.yaml"]).lines()[0]
    under_a_file = tmp_path / "file"
    under_a_file.write_text("")
    assert "cannot be read: Not a directory" in error([under_a_file / "c.yaml"]).lines()[0]


@pytest.mark.parametrize("text", ["- 1", "seed", "5", "'a'"])
def test_the_top_of_a_file_must_be_a_section(text, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    assert error([file]).lines() == [f"{file}:1:1: a config is a section of keys, such as `seed: 1`"]
