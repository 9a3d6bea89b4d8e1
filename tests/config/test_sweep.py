"""The section `sweep`: values are checked like those of -s, each at its position."""

import pytest

from imgclf.config import ConfigError, dump, resolve


def lines(*overrides, files=()):
    with pytest.raises(ConfigError) as error:
        resolve(files, overrides)
    return error.value.lines()


def test_every_wrong_value_is_told_at_its_position(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "sweep:\n  method: grid\n  params:\n"
        "    schedule.step_size: {log_uniform: [0.1, 1]}\n"
        "    regularization.l2: [1e-4, -1]\n"
        "    train.epochz: [1, 2]\n"
        "    train.dtype: {choice: [float32, float16]}\n"
        "    seed: [1, 2]\n"
    )
    assert lines(files=[file]) == [
        f"{file}:4:39: sweep.params.schedule.step_size: a grid takes a list of values; log_uniform is for "
        "sweep.method: random",
        f"{file}:5:24: regularization.l2: must be at least 0, is -1",
        f"{file}:6:5: train.epochz: unknown key; did you mean 'epochs'?",
        f"{file}:7:27: train.dtype: 'float16' is not one of float32, float64; did you mean 'float64'?",
        f"{file}:8:5: sweep.params.seed: cannot be swept: it is the same for all runs",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("3", "expected a list of values, "),
        ("{uniform: [1, 2]}", "expected a list of values, "),
        ("{choice: [1], log_uniform: [1, 2]}", "expected a list of values, "),
        ("{log_uniform: [0, 1]}", "two numbers above 0, the lower one first"),
        ("{log_uniform: [1, 1]}", "two numbers above 0, the lower one first"),
        ("{log_uniform: [1, .inf]}", "two numbers above 0, the lower one first"),
        ("{log_uniform: [a, b]}", "two numbers above 0, the lower one first"),
        ("[]", "at least one value"),
        ("[[1]]", "at least one value"),
        ("[1, 2, 1]", "a value is given twice"),
        ("[.nan]", "every number must be finite"),
    ],
)
def test_a_range_that_is_none_is_refused(given, words):
    (line,) = lines(f"sweep.params.schedule.step_size={given}")
    assert line.startswith("-s sweep.params.schedule.step_size: ")
    assert words in line


def test_a_key_of_another_optimizer_is_no_key_of_this_one():
    (line,) = lines("sweep.params.optimizer.beta1=[0.8, 0.9]")
    assert line.endswith("not a key of momentum, but of adam")
    resolve((), ["optimizer.name=adam", "sweep.params.optimizer.beta1=[0.8, 0.9]"])


def test_files_and_overrides_merge_key_by_key_and_read_back(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("sweep: {params: {schedule.step_size: [0.1, 1], train.epochs: [1, 2]}}")
    config = resolve([file], ["sweep.params.train.epochs=[3]", "sweep.params.model.loss={choice: [svm]}"]).config
    assert config.sweep.params == {
        "schedule.step_size": [0.1, 1], "train.epochs": [3], "model.loss": {"choice": ["svm"]},
    }  # fmt: skip
    file.write_text(dump(config))
    assert resolve([file]).config == config
