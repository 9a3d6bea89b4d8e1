"""The picture of a sweep: what is drawn is what was measured."""

import itertools

import pytest

from imgclf.config import Config
from imgclf.report.search import search_picture
from imgclf.report.style import png_bytes
from imgclf.sweep.results import Candidate, Result
from imgclf.sweep.trials import Trial
from layout import laid_out


def candidate(number, values, accuracy, status="finished"):
    trial = Trial(f"{number:03}", number, values, Config())
    return Candidate((Result(trial, status, 3, 1.0, accuracy, accuracy, 100),))


GRID = [
    candidate(i, {"schedule.step_size": step, "model.loss": loss, "seed": 0}, accuracy, status)
    for i, ((step, loss), accuracy, status) in enumerate(
        zip(
            itertools.product([0.01, 0.1, 1.0], ["softmax", "svm"]),
            [0.9, 0.85, 0.5, 0.4, 0.3, None],
            ["finished"] * 3 + ["paused"] * 2 + ["diverged"],
            strict=True,
        )
    )
]


def test_a_dot_for_each_choice_at_its_values_with_its_accuracy():
    plane, by_step, by_loss = search_picture(GRID, "six").axes  # the same seed everywhere is no key to draw
    places = {"softmax": 0.0, "svm": 1.0}
    dots = {tuple(float(one[0]) for one in line.get_data()) for line in plane.lines}
    assert dots == {(one.values["schedule.step_size"], places[one.values["model.loss"]]) for one in GRID}
    assert [text.get_text() for text in plane.texts] == ["best 90.0", "85.0", "50.0", "40.0", "30.0"]
    assert plane.get_xscale() == "log"
    assert [label.get_text() for label in plane.get_yticklabels()] == ["softmax", "svm"]
    for axes in (by_step, by_loss):
        drawn = [float(line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
        assert sorted(drawn) == [0.3, 0.4, 0.5, 0.85, 0.9]
    intervals = [tuple(bar.get_segments()[0][:, 1]) for bar in by_step.collections]
    assert intervals[-1] == pytest.approx(GRID[0].interval)


def test_the_best_has_its_color_and_those_within_its_interval_a_ring():
    plane = search_picture(GRID, "six").axes[0]
    ringed = [line for line in plane.lines if line.get_markeredgewidth() > 1 and line.get_marker() == "o"]
    assert sorted(float(line.get_xdata()[0]) for line in ringed) == [0.01, 0.01]  # 0.85 lies within 0.825 to 0.945
    assert plane.lines[-1].get_color() == "#d55e00"


def test_any_two_keys_have_a_plane():
    three = [candidate(i, {"x": i, "y": i % 2, "z": -i}, 0.5) for i in range(4)]
    planes = search_picture(three, "four").axes[:3]
    pairs = [(axes.get_xlabel(), axes.get_ylabel().split()[-1]) for axes in planes]
    assert pairs == [("x", "y"), ("x", "z"), ("y", "z")]


def advice(figure):
    return " ".join(text.get_text() for text in figure.texts[1:])


def test_the_advice_names_the_best_and_its_values_and_how_many_cannot_be_told_from_it():
    said = advice(search_picture(GRID, "six"))
    assert "Orange: the best, 90.0% by schedule.step_size 0.01, model.loss softmax." in said  # not the common seed
    assert "as good, as far as 100 validation images can tell" in said
    alone = advice(search_picture([candidate(0, {"x": 0.123456}, 0.9), candidate(1, {"x": 2}, 0.1)], "two"))
    assert "by x 0.123." in alone
    assert "too near" not in alone
    assert "Orange" not in advice(search_picture([candidate(0, {"x": 1}, None, "diverged")], "none"))


def test_accuracies_lie_neither_on_each_other_nor_on_a_dot_and_the_best_is_there():
    places = [(2, 2), *((1 + 0.02 * (i % 5), 1 + 0.005 * i) for i in range(39))]
    near = [candidate(i, {"x": x, "y": y}, 0.9 - 0.01 * i) for i, (x, y) in enumerate(places)]
    plane = laid_out(search_picture(near, "near")).axes[0]
    boxes = [text.get_window_extent() for text in plane.texts]
    assert plane.texts[0].get_text() == "best 90.0"
    assert 5 < len(boxes) < 40
    assert all(min(one.y1, other.y1) - max(one.y0, other.y0) < 1 or min(one.x1, other.x1) - max(one.x0, other.x0) < 1
               for one, other in itertools.combinations(boxes, 2))  # fmt: skip
    dots = plane.transData.transform([[float(line.get_xdata()[0]), float(line.get_ydata()[0])] for line in plane.lines])
    assert not any(box.contains(*dot) for box in boxes for dot in dots)


def test_candidates_of_one_value_stand_beside_each_other():
    same = [candidate(i, {"x": i % 2}, 0.5) for i in range(8)]
    axes = laid_out(search_picture(same, "same")).axes[0]
    places = sorted(float(line.get_transform().transform([line.get_xdata()[0], 0.5])[0]) for line in axes.lines)
    assert min(b - a for a, b in itertools.pairwise(places)) > 5  # pixels
    bars = sorted(float(bar.get_transform().transform(bar.get_segments()[0])[0, 0]) for bar in axes.collections)
    assert bars == pytest.approx(places)


@pytest.mark.parametrize("n", [1, 45])
def test_the_same_sweep_gives_the_same_bytes_and_nothing_leaves_the_figure(n):
    long = [f"a value that is very much too long for any axis {i % 5}" for i in range(n)]
    many = [candidate(i, {"data.options": name, "name": name, "x": i}, 0.5) for i, name in enumerate(long)]
    figure = search_picture(many, "many")
    assert png_bytes(figure) == png_bytes(search_picture(many, "many"))
    drawn, (width, height) = figure.get_tightbbox(figure.canvas.get_renderer()), figure.get_size_inches()
    assert 0 <= drawn.x0 < drawn.x1 <= width
    assert 0 <= drawn.y0 < drawn.y1 <= height


def test_a_sweep_without_a_finished_run_can_be_drawn():
    assert search_picture([candidate(0, {"x": 1}, None, "diverged")], "none").axes
