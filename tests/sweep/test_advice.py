"""Advice after a sweep: where a best value lies in its range, and the next ranges, by hand."""

import shlex

import pytest

from imgclf.config import resolve
from imgclf.sweep.advice import borders, next_command, next_range


def swept(**ranges):
    """Return a config that sweeps keys, given with __ for the dot."""
    return resolve((), [f"sweep.params.{key.replace('__', '.')}={given}" for key, given in ranges.items()]).config


@pytest.mark.parametrize(
    ("given", "best", "following", "on_border"),
    [
        # Inside: half as wide, around it.
        ("{log_uniform: [0.01, 1.0]}", 0.1, {"log_uniform": [0.0316, 0.316]}, False),
        ("{log_uniform: [0.01, 1.0]}", 0.5, {"log_uniform": [0.158, 1.0]}, False),
        ("[0.01, 0.1, 1]", 0.1, [0.0316, 0.1, 0.316], False),
        # On the border: as wide, around it.
        ("{log_uniform: [0.01, 1.0]}", 0.98, {"log_uniform": [0.098, 9.8]}, True),
        ("{log_uniform: [0.01, 1.0]}", 0.011, {"log_uniform": [0.0011, 0.11]}, True),
        ("{choice: [0.01, 0.1, 1]}", 1, {"choice": [0.1, 1, 10.0, 100.0]}, True),
        ("[1, 0.01, 0.1]", 0.01, [0.0001, 0.001, 0.01, 0.1], True),
        # Of two values, each is at an end; 0 has no factor.
        ("[0.01, 0.1]", 0.1, [0.01, 0.1], False),
        ("[0.1]", 0.1, [0.1], False),
    ],
)
def test_ranges_of_positive_numbers_move_and_shrink_by_factors(given, best, following, on_border):
    config = swept(schedule__step_size=given)
    assert next_range(config, "schedule.step_size", best) == following
    assert [border.wider for border in borders(config, {"schedule.step_size": best})] == [following] * on_border


def test_other_values_stay():
    config = swept(model__loss="[softmax, svm, svm_cs]", regularization__l1="[0, 0.1, 1]")
    best = {"model.loss": "svm_cs", "regularization.l1": 1}
    assert [next_range(config, key, best[key]) for key in best] == list(config.sweep.params.values())
    assert borders(config, best) == []


def test_whole_numbers_stay_whole_and_limits_hold():
    config = swept(train__batch_size="[16, 64, 256]", optimizer__momentum="[0.5, 0.7, 0.9]", train__epochs="[1, 2, 4]")
    assert next_range(config, "train.batch_size", 64) == [32, 64, 128]
    assert next_range(config, "train.batch_size", 256) == [64, 256, 1024, 4096]
    assert next_range(config, "optimizer.momentum", 0.9) == [0.5, 0.7, 0.9]  # 0.9 * 0.9 / 0.7 is above 1
    assert next_range(config, "train.epochs", 1) == [1, 2, 4]  # none is below 1
    config = swept(train__batch_size="{log_uniform: [4, 64]}")
    assert next_range(config, "train.batch_size", 16) == {"log_uniform": [8, 32]}


def test_the_next_command_is_one_that_runs(tmp_path):
    config = swept(schedule__step_size="{log_uniform: [0.01, 1.0]}", model__loss="[softmax, svm]")
    words = shlex.split(next_command(config, tmp_path / "a b", {"schedule.step_size": 0.1, "model.loss": "svm"}))
    assert words[:4] == ["imgclf", "sweep", "-c", f"{tmp_path}/a b/config.yaml"]
    following = resolve((), words[5::2]).config.sweep.params
    assert following == {"schedule.step_size": {"log_uniform": [0.0316, 0.316]}}
