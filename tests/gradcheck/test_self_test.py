"""Planted mistakes are found, all of them; and each check is there for a reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.check import Check, check_loss, checks_of, make_cases
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images
from imgclf.gradcheck.self_test import run
from imgclf.gradcheck.self_test.mutants import MUTANTS, Mutant
from imgclf.gradcheck.self_test.planting import gradient
from imgclf.gradcheck.self_test.run import first_to_see, self_test
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.losses import LOSSES
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan
from pages import SELF_TEST, sessions
from pages import run as run_command

pytestmark = pytest.mark.slow

PENALTY = (1e-4, 3e-5)
PAGE = Path(__file__).parents[2] / "docs" / "gradient-check.md"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with workers(1):
        yield


@pytest.fixture(scope="module")
def plan():
    return make_plan(resolve().config)


@pytest.fixture(scope="module")
def done(plan):
    return self_test(plan, list(LOSSES), 64, PENALTY)


def test_there_are_more_than_sixty_mistakes_over_all_losses(done):
    assert len(MUTANTS) >= 60
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert {trial.loss for trial in done.trials} == set(LOSSES)
    assert len(done.trials) == sum(len(mutant.losses) for mutant in MUTANTS)


def test_every_mistake_is_found_or_shown_to_be_none(done):
    assert [(trial.mutant.name, trial.loss) for trial in done.trials if not trial.is_as_it_should_be] == []
    assert done.false_alarms == []
    assert done.verdict == "pass"


def test_the_usual_checks_miss_many(done):
    for usual in ("ten_samples", "one_direction"):
        seen = sum(getattr(trial, usual) for trial in done.trials)
        assert 0 < seen < 0.7 * len(done.trials)


def test_what_is_equivalent_changes_not_a_bit(done):
    same = [trial for trial in done.trials if trial.mutant.equivalent]
    assert same
    assert all(not trial.differs and not trial.check for trial in same)


def test_the_page_shows_what_the_command_prints_of_it(done, plan, imgclf, monkeypatch):
    """It takes ten seconds: the command is given what is known, and asks for just that."""

    def known(asked, losses, images, penalty):
        assert (asked.config, losses, images, penalty) == (plan.config, list(LOSSES), 64, PENALTY)
        return done

    monkeypatch.setattr(run, "self_test", known)
    ((shown, timed),) = [rest for command, *rest in sessions(PAGE.read_text("utf-8")) if command == SELF_TEST]
    run_command(imgclf, SELF_TEST, "\n...\n".join(["", *shown.splitlines(), ""]), timed)


# What only this check sees: leave it out, and a mistake lives.
ONLY = {
    "value": "the loss capped at 100,000",
    "textbook": "the loss cached for the same array",
    "exhaustive": "too large by a ten-millionth, for large images",
    "invariances": "the mean of the blocks' means",
    "purity": "labels that overflow",
    "small_cases": "no gradient of a single image",
    "optimizer": "the optimizer's memory lost",
    "float32": "summed in float16 in training",
    "training": "one class with the wrong sign in training",
}


@pytest.mark.parametrize("check", ONLY)
def test_without_a_check_a_mistake_lives(plan, check):
    mutant = next(mutant for mutant in MUTANTS if mutant.name == ONLY[check])
    cases, right = make_cases(plan, "svm", *stratified_images(plan, 64)), Implementation.of(plan, "svm")
    checks = checks_of(plan)
    assert first_to_see(mutant.plant(right), cases, PENALTY, checks) == check
    del checks[check]
    assert first_to_see(mutant.plant(right), cases, PENALTY, checks) == ""


def test_every_check_has_its_mistake(plan):
    assert checks_of(plan).keys() - {"complex step"} == ONLY.keys() == set(run.ORDER)


def test_without_the_points_a_mistake_lives(plan):
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "all classes equally likely")
    cases, right = make_cases(plan, "softmax", *stratified_images(plan, 64)), Implementation.of(plan, "softmax")
    checks = {"exhaustive": checks_of(plan)["exhaustive"]}
    assert first_to_see(mutant.plant(right), {"zero": cases["zero"]}, PENALTY, checks) == ""
    assert first_to_see(mutant.plant(right), cases, PENALTY, checks) == "exhaustive"


def test_the_complex_step_sees_that_the_check_itself_is_wrong(plan, monkeypatch):
    right = LOSS_FACTS["softmax"]
    too_long = right._replace(argument=lambda scores, y: 1.001 * right.argument(scores, y))
    monkeypatch.setitem(LOSS_FACTS, "softmax", too_long)
    case = make_cases(plan, "softmax", *stratified_images(plan, 16))["wide"]
    wrong_alike = gradient(lambda g: case.truth.gradient)(Implementation.of(plan, "softmax"))
    checks = checks_of(plan)
    assert checks["exhaustive"].run(wrong_alike, case, 0, 0).verdict == "pass"
    assert checks["complex step"].run(wrong_alike, case, 0, 0).verdict == "fail"


def test_a_check_that_finds_nothing_is_called_broken(plan):
    blind = {"exhaustive": Check(lambda *_: checks_of(plan)["purity"].run(*_)._replace(verdict="pass", reason=""))}
    done = self_test(plan, ["svm_cs"], 16, PENALTY, blind)
    assert done.verdict == "fail"
    assert not any(trial.check for trial in done.trials)


def test_a_check_that_cries_wolf_is_called_broken(plan):
    look = checks_of(plan)["purity"].run
    jumpy = {"exhaustive": Check(lambda *_: look(*_)._replace(verdict="fail", reason="wolf"))}
    done = self_test(plan, ["softmax"], 16, PENALTY, jumpy)
    assert (done.verdict, done.false_alarms) == ("fail", ["softmax"])


def test_a_mutant_that_claims_to_be_none_must_prove_it(plan, monkeypatch):
    liar = Mutant("a lie", gradient(lambda g: (g.data + g.penalty) * (1 + 2**-52)), ("softmax",), "it is said")
    monkeypatch.setattr(run, "MUTANTS", [liar])
    (trial,) = self_test(plan, ["softmax"], 16, PENALTY).trials
    assert trial.differs
    assert not trial.is_as_it_should_be


@pytest.mark.parametrize("loss", LOSSES)
def test_on_real_images_a_millionth_in_any_single_parameter_is_seen(plan, loss):
    cases = make_cases(plan, loss, *stratified_images(plan, 64))
    seen, there = np.zeros(plan.weights.shape, bool), np.zeros(plan.weights.shape, bool)
    for case in cases.values():
        right = Implementation.of(plan, loss).gradient_at(case.X, case.y, case.weights)
        expected = case.expected(0, 0)
        seen |= expected.ratio(right + 1e-6 * right) > 1
        there |= right != 0
    assert seen[there].mean() >= 0.995


@pytest.mark.parametrize("loss", LOSSES)
def test_the_right_code_passes_in_every_check_at_every_point(plan, loss):
    cases, right = make_cases(plan, loss, *stratified_images(plan, 64)), Implementation.of(plan, loss)
    findings = list(check_loss(plan, right, cases, [(0.0, 0.0), PENALTY], checks_of(plan)))
    assert [(one.check, one.point, one.outcome.reason) for one in findings if one.verdict != "pass"] == []
    assert {one.point for one in findings} == {"zero", "start", "steps", "wide"}
    assert {one.check for one in findings} == checks_of(plan).keys()


def test_planting_leaves_the_right_code_alone(plan):
    case: Case = make_cases(plan, "softmax", *stratified_images(plan, 8))["wide"]
    right = Implementation.of(plan, "softmax")
    before = right.gradient_at(case.X, case.y, case.weights, *PENALTY).tobytes()
    for mutant in MUTANTS:
        mutant.plant(replace(right))
    assert right.gradient_at(case.X, case.y, case.weights, *PENALTY).tobytes() == before
