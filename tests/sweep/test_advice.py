"""Advice after a sweep: where a best value lies in its range, and the next ranges, by hand."""

import shlex
from pathlib import Path

import pytest

from imgclf.config import resolve
from imgclf.metrics import wilson_interval
from imgclf.sweep.advice import advise, go_farther, longer, next_command, next_range
from imgclf.sweep.results import Result, ranked
from imgclf.sweep.trials import Trial


def swept(**ranges):
    """Return a config that sweeps keys, given with __ for the dot."""
    return resolve((), [f"sweep.params.{key.replace('__', '.')}={given}" for key, given in ranges.items()]).config


def tried(config, *rows, n=1000):
    """Return candidates, the best first; rows of values, and the share of n validation images that are right."""
    results = [
        Result(Trial(f"{i:03}", i, values, config), "finished", 1, 1.0, accuracy, accuracy, n)
        for i, (values, accuracy) in enumerate(rows)
    ]
    return ranked(results)


@pytest.mark.parametrize(
    ("given", "best", "following", "side"),
    [
        # Inside: half as wide, around it.
        ("{log_uniform: [0.01, 1.0]}", 0.1, {"log_uniform": [0.0316, 0.316]}, None),
        ("{log_uniform: [0.01, 1.0]}", 0.5, {"log_uniform": [0.158, 1.0]}, None),
        ("[0.01, 0.1, 1]", 0.1, [0.0316, 0.1, 0.316], None),
        # On the border: as wide, around it.
        ("{log_uniform: [0.01, 1.0]}", 0.98, {"log_uniform": [0.098, 9.8]}, "largest"),
        ("{log_uniform: [0.01, 1.0]}", 0.011, {"log_uniform": [0.0011, 0.11]}, "smallest"),
        ("{choice: [0.01, 0.1, 1]}", 1, {"choice": [0.1, 1, 10.0, 100.0]}, "largest"),
        ("[1, 0.01, 0.1]", 0.01, [0.0001, 0.001, 0.01, 0.1], "smallest"),
        # Of two values, each is at an end.
        ("[0.001, 0.003]", 0.003, [0.001, 0.003, 0.009, 0.027], "largest"),
        ("[0.1, 0.01]", 0.01, [0.0001, 0.001, 0.01, 0.1], "smallest"),
        ("[0.1]", 0.1, [0.1], None),
    ],
)
def test_ranges_of_positive_numbers_move_and_shrink_by_factors(given, best, following, side):
    config = swept(schedule__step_size=given)
    assert next_range(config, "schedule.step_size", best) == following
    inside = ({"schedule.step_size": 0.1}, 0.9)  # as good, but steps that are too short do not arrive
    found, ranges = advise(config, tried(config, ({"schedule.step_size": best}, 0.9), *[inside] * (best != 0.1)))
    assert ranges == {"schedule.step_size": following}
    assert [(border.wider, border.side) for border in found] == [(following, side)] * (side is not None)


@pytest.mark.parametrize(("given", "values"), [("[1.0e-4, 0.01]", (1e-4, 0.01)), ("[1.0e-4, 0.01, 1]", (1e-4, 0.01)),
                                              ("{log_uniform: [1.0e-4, 1]}", (1.2e-4, 0.02))])  # fmt: skip
@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_where_a_value_inside_cannot_be_told_from_the_best_the_range_is_not_widened(given, values, n):
    config, key = swept(regularization__l2=given), "regularization.l2"
    best, inside = values
    for right in range(n // 2, n, n // 100):
        finished = tried(config, ({key: best}, 0.9), ({key: inside}, min(right / n, 0.9)), n=n)
        as_good = finished[1].accuracy >= wilson_interval(0.9 * n, n)[0]
        (border,), ranges = advise(config, finished)
        assert (border.side, border.end) == ("smallest", 1e-4)
        assert border.as_good == (inside if as_good else None)
        assert (border.wider is None) == as_good
        assert (ranges == config.sweep.params) == as_good
        assert (next_command(config, Path("s"), ranges) is None) == as_good


@pytest.mark.parametrize(("values", "as_good"), [((64, 16), 16), ((64, 16, 32), 32), ((64, 32), 32), ((64,), None)])
def test_as_good_is_a_value_inside_if_there_is_one_else_the_other_end(values, as_good):
    config, key = swept(train__batch_size="[16, 32, 64]"), "train.batch_size"
    finished = tried(config, *[({key: value}, 0.9 - 0.001 * i) for i, value in enumerate(values)])
    (border,), _ = advise(config, finished)
    assert (border.side, border.as_good) == ("largest", as_good)


def test_a_search_for_a_penalty_that_does_not_count_ends():
    """All are as good: a sweep that goes on from what is printed stops; one whose best is ever smaller goes on."""
    config, key = swept(regularization__l2="[0.001, 0.01, 0.1]"), "regularization.l2"
    for fall, ends in ((0.0001, True), (0.1, False)):
        sweep = config
        for _ in range(5):
            values = sweep.sweep.params[key]
            finished = tried(sweep, *[({key: value}, 0.9 - fall * i) for i, value in enumerate(sorted(values))])
            command = next_command(sweep, Path("s"), advise(sweep, finished)[1])
            if command is None:
                break
            sweep = resolve((), shlex.split(command)[5::2]).config
        assert (command is None) == ends


def test_a_search_for_a_step_size_ends_where_all_are_as_good_or_those_on_both_sides():
    key, sizes = "schedule.step_size", [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]
    config = swept(schedule__step_size=str(sizes))

    def ends(best, *as_good):
        accuracy = dict.fromkeys(sizes, 0.5) | dict.fromkeys(as_good, 0.899) | {best: 0.9}
        _, ranges = advise(config, tried(config, *[({key: size}, accuracy[size]) for size in sizes]))
        return ranges == config.sweep.params

    assert ends(6.4, *sizes[:-1])
    assert ends(0.8, 0.4, 1.6)
    assert not ends(0.8, 0.4)
    assert not ends(6.4, *sizes[1:-1])


@pytest.mark.parametrize(
    ("best", "as_good", "following"),
    [(0.003, 0.001, [0.001, 0.003, 0.009, 0.027]), (0.001, 0.003, [0.001, 0.003, 0.009, 0.027]),
     (0.001, None, [0.001, 0.003]), ("[0.003]", None, [0.003])],
)  # fmt: skip
def test_where_the_loss_still_falls_steps_grow_if_the_largest_are_as_good_else_the_epochs_do(best, as_good, following):
    step_size, l2, given = "schedule.step_size", "regularization.l2", "[0.001, 0.003]"
    given, best = (best, 0.003) if isinstance(best, str) else (given, best)
    config = swept(schedule__step_size=given, regularization__l2="[0.1, 1]")
    rows = [({step_size: best, l2: 0.1}, 0.5), *[({step_size: as_good, l2: 0.1}, 0.499)] * (as_good is not None)]
    found, ranges = go_farther(config, tried(config, *rows))
    assert ranges == {step_size: following, l2: [0.1, 1]}
    assert all((border.key, border.side, border.as_good) == (step_size, "largest", None) for border in found)
    widened = following != config.sweep.params[step_size]
    assert longer(config, ranges) == ({} if widened else {"train.epochs": 2 * config.train.epochs})
    words = shlex.split(next_command(config, Path("s"), ranges, longer(config, ranges)))
    assert resolve((), words[5::2]).config.train.epochs == config.train.epochs * (1 if widened else 2)


def test_where_the_loss_still_falls_one_thing_changes_at_a_time():
    both = swept(schedule__step_size="[0.1, 0.2]", train__epochs="[5, 10]")
    rows = [({"schedule.step_size": 0.2, "train.epochs": 10}, 0.5)]
    _, ranges = go_farther(both, tried(both, *rows))
    assert ranges["schedule.step_size"] != both.sweep.params["schedule.step_size"]
    assert ranges["train.epochs"] == [5, 10]
    one = swept(regularization__l2="[0.1, 1]")
    assert longer(one, one.sweep.params, 0.3) == {"schedule.step_size": 0.3}
    assert longer(one, one.sweep.params) == {"train.epochs": 2 * one.train.epochs}


def test_other_values_stay():
    config = swept(model__loss="[softmax, svm, svm_cs]", regularization__l1="[0, 0.1, 1]")
    best = {"model.loss": "svm_cs", "regularization.l1": 1}
    assert [next_range(config, key, best[key]) for key in best] == list(config.sweep.params.values())
    assert advise(config, tried(config, (best, 0.9))) == ([], config.sweep.params)
    assert next_command(config, Path("s"), config.sweep.params) is None  # the same sweep again


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
    best = {"schedule.step_size": 0.1, "model.loss": "svm"}
    _, ranges = advise(config, tried(config, (best, 0.9)))
    words = shlex.split(next_command(config, tmp_path / "a b", ranges))
    assert words[:4] == ["imgclf", "sweep", "-c", f"{tmp_path}/a b/config.yaml"]
    following = resolve((), words[5::2]).config.sweep.params
    assert following == {"schedule.step_size": {"log_uniform": [0.0316, 0.316]}}
