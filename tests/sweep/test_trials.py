"""Trials are a pure function of the config."""

import itertools

import numpy as np
import pytest

from imgclf.config import ConfigError, resolve
from imgclf.errors import UsageError
from imgclf.sweep.trials import trials


def found(*overrides):
    return trials(resolve((), overrides).config)


def test_a_grid_is_every_combination_the_last_key_first():
    tried = found(
        "sweep.method=grid", "sweep.seeds=2", "seed=5",
        "sweep.params.schedule.step_size=[0.1, 1]", "sweep.params.optimizer.name={choice: [sgd, adam]}",
    )  # fmt: skip
    by_hand = [
        (step_size, name, seed) for step_size, name, seed in itertools.product([0.1, 1.0], ["sgd", "adam"], [5, 6])
    ]
    assert [(one.config.schedule.step_size, one.config.optimizer.name, one.config.seed) for one in tried] == by_hand
    assert [one.name for one in tried] == ["001", "002", "003", "004", "005", "006", "007", "008"]
    assert [one.candidate for one in tried] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {one.config.sweep for one in tried} == {None}
    assert [one.config.optimizer.model_fields_set for one in tried if one.config.optimizer.name == "sgd"]


RANDOM = (
    "sweep.params.schedule.step_size={log_uniform: [0.001, 10.0]}",
    "sweep.params.train.batch_size={log_uniform: [8, 512]}",
    "sweep.params.model.loss=[softmax, svm]",
)


def test_lists_that_have_no_more_combinations_than_runs_are_tried_whole():
    lists = "sweep.params.train.batch_size=[8, 16, 32]", "sweep.params.model.loss=[softmax, svm]"
    assert found(*lists, "sweep.runs=6") == found(*lists, "sweep.method=grid")
    some = found(*lists, "sweep.runs=5")
    assert len(some) <= 5
    assert [one.values for one in some] != [one.values for one in found(*lists, "sweep.method=grid")][: len(some)]


def test_the_first_random_trials_stay_when_more_are_drawn():
    few, many = found(*RANDOM, "sweep.runs=7"), found(*RANDOM, "sweep.runs=20")
    assert few == found(*RANDOM, "sweep.runs=7")
    assert few == many[:7]
    assert few != found(*RANDOM, "sweep.runs=7", "seed=1")


def test_a_decade_gets_as_many_draws_as_another():
    drawn = [one.values for one in found(*RANDOM, "sweep.runs=600")]
    steps = np.log10([values["schedule.step_size"] for values in drawn])
    counts, _ = np.histogram(steps, bins=4, range=(-3.001, 1.001))
    assert counts.sum() == len(drawn) > 550  # equal ones are tried once
    assert (abs(counts - 150) < 5 * np.sqrt(600 * 0.25 * 0.75)).all()
    sizes = [values["train.batch_size"] for values in drawn]
    assert {type(size) for size in sizes} == {int}
    assert min(sizes) >= 8
    assert max(sizes) <= 512
    assert {values["model.loss"] for values in drawn} == {"softmax", "svm"}


def test_equal_draws_are_tried_once():
    assert len(found("sweep.params.model.loss=[softmax, svm]", "sweep.runs=50")) == 2


def test_each_candidate_is_validated_on_every_fold_with_every_seed():
    tried = found("sweep.params.model.loss=[softmax, svm]", "sweep.method=grid", "sweep.folds=3", "sweep.seeds=2")
    assert [(one.candidate, one.config.seed, one.config.data.fold) for one in tried] == list(
        itertools.product([0, 1], [0, 1], [1, 2, 3])
    )
    assert {one.config.data.folds for one in tried} == {3}


def test_a_combination_that_cannot_be_is_refused_before_any_run():
    with pytest.raises(ConfigError, match="not a key of sgd"):
        found(
            "sweep.method=grid",
            "sweep.params.optimizer.name=[momentum, sgd]",
            "sweep.params.optimizer.momentum=[0.5, 0.9]",
        )


def test_a_sweep_without_keys_or_with_too_many_runs_is_refused():
    with pytest.raises(UsageError, match="does not say what to search"):
        found()
    hundred = f"[{', '.join(map(str, range(1, 102)))}]"
    with pytest.raises(UsageError, match=r"more than 10,000 runs"):
        found("sweep.method=grid", f"sweep.params.train.epochs={hundred}", f"sweep.params.train.batch_size={hundred}")
    with pytest.raises(UsageError, match=r"20,000 runs, more than 10,000"):
        found("sweep.params.model.loss=[softmax, svm]", "sweep.seeds=10000")
