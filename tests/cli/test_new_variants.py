"""The recipe "Add an optimizer or a schedule": one line in a dict, and every command knows it."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.errors import UsageError
from imgclf.gradcheck.checks.optimizer_steps import FACTORS, RECURRENCES
from imgclf.optimizers import OPTIMIZERS, Optimizer
from imgclf.run.model_file import load_model
from imgclf.schedules import SCHEDULES

DATA = ("-s", "data.source=synthetic", "-s", "data.options={train: 60, classes: 3, size: 3}")
SHORT = (*DATA, "-s", "train.batch_size=10", "-s", "train.epochs=2", "--no-plots")
ALL_AT_ONCE = (*DATA, "-s", "train.batch_size=all", "-s", "train.epochs=1", "--no-plots")


def signsgd() -> Optimizer:
    """A step of one length for every weight (Bernstein et al. 2018): sign(grad)."""
    return Optimizer(lambda weights: {}, lambda grad, state: (np.sign(grad), state))


def shrunk(share: Annotated[float, "How much of the gradient is left.", {"ge": 0, "lt": 1}] = 0.5) -> Optimizer:
    """Half the gradient: share * grad."""
    return Optimizer(lambda weights: {}, lambda grad, state: (share * grad, state))


def halving(step_size: float, every_epochs: Annotated[int, "A half-life.", {"ge": 1}] = 1, *, steps_per_epoch: int):
    """Stairs of one height: step_size / 2**(epochs // every_epochs)."""
    return lambda step: step_size / 2 ** (step // (every_epochs * steps_per_epoch))


def quadratic(step_size: float, *, steps: int):
    """A parabola, to 0 after the last step."""
    return lambda step: step_size * (1 - step / steps) ** 2


@pytest.fixture(autouse=True)
def added(monkeypatch):
    for table, factory in ((OPTIMIZERS, signsgd), (OPTIMIZERS, shrunk), (SCHEDULES, halving), (SCHEDULES, quadratic)):
        monkeypatch.setitem(table, factory.__name__, factory)


@pytest.fixture
def with_formulas(monkeypatch):
    monkeypatch.setitem(RECURRENCES, "signsgd", lambda g: np.sign(g[-1]))
    monkeypatch.setitem(RECURRENCES, "shrunk", lambda g, share: share * g[-1])
    monkeypatch.setitem(FACTORS, "halving", lambda epochs, part, every_epochs: 0.5 ** (epochs // every_epochs))
    monkeypatch.setitem(FACTORS, "quadratic", lambda epochs, part: (1 - part) ** 2)


def weights(imgclf, name, *settings):
    done = imgclf("train", *ALL_AT_ONCE, "-s", "schedule={name: constant, step_size: 0.25}", *settings, "--out", name)
    assert done.code == 0, done.err
    return load_model(Path(name, "model.npz")).weights


def test_an_optimizer_without_options_trains(imgclf):
    moved = weights(imgclf, "a", "-s", "optimizer.name=signsgd")
    assert set(np.abs(moved).ravel().tolist()) <= {0.25, 0.0}
    assert moved.any()


def test_an_option_reaches_the_optimizer_and_stands_in_the_run(imgclf):
    whole = weights(imgclf, "a", "-s", "optimizer.name=sgd")
    half = weights(imgclf, "b", "-s", "optimizer.name=shrunk")
    quarter = weights(imgclf, "c", "-s", "optimizer.name=shrunk", "-s", "optimizer.share=0.25")
    assert (2 * half).tobytes() == (4 * quarter).tobytes() == whole.tobytes()
    assert "optimizer:\n  name: shrunk\n  share: 0.25\n" in Path("c/config.yaml").read_text()
    assert weights(imgclf, "d", "-c", "c/config.yaml").tobytes() == quarter.tobytes()


@pytest.mark.parametrize(("setting", "words"), [
    ("optimizer={name: shrunk, share: 1}", "optimizer.share: must be less than 1, is 1"),
    ("optimizer={name: shrunk, share: a}", "optimizer.share: expected a number, got the text 'a'"),
    ("optimizer={name: shrunk, shar: 0}", "optimizer.shar: unknown key; did you mean 'share'?"),
    ("optimizer={name: signsgd, share: 0}", "optimizer.share: not a key of signsgd, but of shrunk"),
    ("optimizer.name=signsdg", "rmsprop, adam, signsgd, shrunk; did you mean 'signsgd'?"),
    ("schedule={name: halving, every_epochs: 0}", "schedule.every_epochs: must be at least 1, is 0"),
    ("schedule={name: quadratic, factor: 1}", "schedule.factor: not a key of quadratic, but of step, exponential"),
])  # fmt: skip
def test_its_options_are_checked(refused, setting, words):
    refused(2, words, "train", "-s", setting)


def test_the_template_and_the_schema_say_what_it_is(imgclf):
    template = imgclf("config", "init", "-").out
    assert "#   signsgd      A step of one length for every weight.\n" in template
    assert "#   shrunk       Half the gradient. share: 0.5\n" in template
    assert "#   halving      Stairs of one height. every_epochs: 1\n" in template
    schema = json.loads(imgclf("config", "schema").out)
    (found,) = [one for one in schema["properties"]["optimizer"]["anyOf"] if one["title"] == "shrunk"]
    assert found["properties"]["share"]["description"] == "How much of the gradient is left."
    assert found["properties"]["share"]["exclusiveMaximum"] == 1


@pytest.mark.parametrize("schedule", ["{name: halving, every_epochs: 2}", "{name: quadratic, warmup_epochs: 1}"])
def test_a_schedule_trains(imgclf, schedule):
    assert imgclf("train", *SHORT, "-s", f"schedule={schedule}", "--out", "a").code == 0
    rows = Path("a/metrics.csv").read_text().splitlines()
    sizes = [float(row.split(",")[2]) for row in rows[1:]]  # of steps 5 and 11 of 0 to 11
    assert sizes == pytest.approx([0.1, 0.1] if "halving" in schedule else [0.1 * (7 / 12) ** 2, 0.1 / 12**2])


@pytest.mark.parametrize("setting", ["optimizer.name=signsgd", "optimizer.name=shrunk", "schedule.name=halving"])
def test_without_a_second_formula_its_steps_are_not_checked(imgclf, setting):
    done = imgclf("gradcheck", *DATA, "-s", "model.loss=softmax", "-s", setting)
    assert done.code == 1
    assert f"not checked: there is no formula of {setting.partition('=')[2]}" in done.out
    assert "verdict: inconclusive" in done.out


@pytest.mark.usefixtures("with_formulas")
@pytest.mark.parametrize("schedule", ["{name: halving, every_epochs: 3}", "{name: quadratic, warmup_epochs: 2}"])
@pytest.mark.parametrize("optimizer", ["{name: signsgd}", "{name: shrunk, share: 0.25}"])
def test_with_one_they_are(imgclf, optimizer, schedule):
    settings = ("-s", f"optimizer={optimizer}", "-s", f"schedule={schedule}")
    done = imgclf("gradcheck", *DATA, "-s", "model.loss=softmax", *settings)
    assert done.code == 0, done.err + done.out


@pytest.mark.usefixtures("with_formulas")
@pytest.mark.parametrize(("table", "name"), [(RECURRENCES, "signsgd"), (FACTORS, "halving")])
def test_a_second_formula_that_differs_fails(imgclf, monkeypatch, table, name):
    right = table[name]
    monkeypatch.setitem(table, name, lambda *given, **settings: 1.001 * right(*given, **settings))
    settings = ("-s", "optimizer.name=signsgd", "-s", "schedule.name=halving")
    done = imgclf("gradcheck", *DATA, "-s", "model.loss=softmax", *settings)
    assert done.code == 1
    assert "verdict: fail" in done.out


def test_what_is_taken_away_is_unknown_again(monkeypatch):
    monkeypatch.delitem(OPTIMIZERS, "signsgd")
    with pytest.raises(UsageError, match="'signsgd' is not one of"):
        resolve(overrides=["optimizer.name=signsgd"])
