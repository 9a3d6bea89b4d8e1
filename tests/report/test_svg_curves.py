"""Learning curves of the page: every measured value is where it belongs."""

import math

import pytest

from imgclf.report.page.svg_curves import UNIT, _apart, _linear_axis, _log_axis, last_step, panels


def about(epochs=3, **columns):
    """What a page says of a run of so many epochs of 10 steps."""
    rows = range(epochs)
    table = {
        "epoch": [row + 1 for row in rows],
        "step": [10 * (row + 1) for row in rows],
        "step_size": [0.1 for _ in rows],
        "train/loss": [1 / (row + 1) for row in rows],
        "train/accuracy": [0.5 + row / 10 for row in rows],
        "val/loss": [1.1 / (row + 1) for row in rows],
        "val/accuracy": [0.4 + row / 10 for row in rows],
        "update_ratio": [1e-2 / (row + 1) for row in rows],
    }
    return {
        "epochs": table | columns,
        "steps": {"step": list(range(10 * epochs)), "loss": [2.3 / (1 + step) for step in range(10 * epochs)]},
        "guess": {"loss": 2.3, "accuracy": 0.1},
        "result": {"split": "val", "interval": [0.5, 0.7]},
    }


def points(panel, kind):
    (line,) = [line for line in panel.lines if line.kind == kind]
    return [tuple(map(float, point.split(","))) for point in line.points.split()]


def by_title(given):
    return {panel.title.split(",")[0]: panel for panel in panels(given)}


def test_train_is_drawn_in_the_middle_of_its_epoch_and_val_at_its_end():
    loss = by_title(about())["Loss"]
    assert [x for x, _ in points(loss, "train")] == pytest.approx(
        [UNIT * 5 / 30, UNIT * 15 / 30, UNIT * 25 / 30], abs=0.1
    )
    assert [x for x, _ in points(loss, "val")] == pytest.approx([UNIT * 10 / 30, UNIT * 20 / 30, UNIT], abs=0.1)


def test_accuracy_begins_at_guessing():
    accuracy = by_title(about())["Accuracy"]
    x, y = points(accuracy, "val")[0]
    assert (x, y / UNIT) == (0, pytest.approx(accuracy.levels[0].top, abs=1e-4))


def test_a_higher_value_is_drawn_higher():
    loss = by_title(about())["Loss"]
    tops = [y for _, y in points(loss, "train")]
    assert tops == sorted(tops)
    assert all(0 <= y <= UNIT for panel in panels(about()) for line in panel.lines for _, y in points(panel, line.kind))


def test_what_was_not_measured_is_no_line():
    given = about(**{"val/loss": [None] * 3, "val/accuracy": [None] * 3, "update_ratio": [None, math.inf, math.nan]})
    drawn = by_title(given)
    assert [line.name for line in drawn["Accuracy"].labels] == ["train"]
    assert "Update ratio" not in drawn


def test_a_run_without_an_epoch_has_the_loss_of_its_steps():
    given = about(0) | {"steps": {"step": [0, 1, 2], "loss": [2.3, 1e30, None]}, "result": None}
    assert list(by_title(given)) == ["Loss"]
    assert by_title(given)["Loss"].title.endswith("log scale")
    assert last_step(given) == 2


def test_nothing_measured_is_no_panel():
    assert panels(about(0) | {"steps": {"step": [], "loss": []}}) == []
    assert last_step(about(0) | {"steps": {"step": [], "loss": []}}) == 1


def test_the_ring_is_on_the_value_of_val_after_the_kept_epoch_and_told():
    plain, kept = by_title(about()), by_title(about() | {"kept_epoch": 2})
    for title in ("Loss", "Accuracy"):
        assert plain[title].dots == []
        (ring,) = kept[title].dots
        x, y = points(kept[title], "val")[{"Loss": 1, "Accuracy": 2}[title]]
        assert (UNIT * ring.left, UNIT * ring.top) == (pytest.approx(x, abs=0.1), pytest.approx(y, abs=0.1))
        assert "Ring: epoch 2," in kept[title].advice
        assert "Ring" not in plain[title].advice
    assert kept["Update ratio"].dots == []


def test_a_line_of_one_point_is_a_dot():
    loss = by_title(about(1))["Loss"]
    assert {dot.kind: dot.left for dot in loss.dots} == {"train": 0.5, "val": 1}


def test_a_single_value_is_a_sentence():
    given = about(0) | {"steps": {"step": [0], "loss": [9.0]}, "result": None}
    assert [panel.alone for panel in panels(given)] == ["Only one value was measured: 9, at step 0."]
    assert by_title(about(1))["Step size"].alone == "Only one value was measured: 0.1, at step 10."
    assert not any(panel.alone for panel in panels(about()))


def test_advice_names_only_what_is_drawn():
    no_val = about(**{"val/loss": [None] * 3, "val/accuracy": [None] * 3}) | {"result": {"split": "train"}}
    for title in ("Loss", "Accuracy"):
        assert "Orange" in by_title(about())[title].advice
        assert "Orange" not in by_title(no_val)[title].advice
    assert "band" in by_title(about())["Accuracy"].advice
    assert "band" not in by_title(no_val)["Accuracy"].advice


@pytest.mark.parametrize(
    ("low", "high", "most"), [(0, 1, None), (0.1, 0.9, 1.0), (5, 5, None), (0.99, 1.0, 1.0), (-3, 2e5, None)]
)
def test_a_linear_axis_holds_its_values_and_some_round_ticks(low, high, most):
    scaled, ticks = _linear_axis(low, high, most)
    assert 0 <= scaled(high) <= scaled(low) <= 1
    assert all(-1e-9 <= scaled(tick) <= 1 + 1e-9 for tick in ticks)
    assert 1 <= len(ticks) <= 6


def test_a_log_axis_gives_a_decade_the_same_room_everywhere():
    scaled, ticks = _log_axis(1e-6, 1e2)
    assert scaled(1e-3) - scaled(1e-2) == pytest.approx(scaled(1) - scaled(10))
    assert scaled(ticks[0]) == 1


def test_labels_never_cover_each_other():
    lines = panels(about())[0].labels
    for tops in ([0.99, 0.98], [0.5, 0.5], [0, 1], [0.01, 0.0]):
        placed = _apart([line._replace(top=top) for line, top in zip(lines, tops, strict=True)])
        assert placed[1].top - placed[0].top >= 0.11 - 1e-9
        assert placed[1].top <= 1
