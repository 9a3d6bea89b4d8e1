"""Findings hold where their formula says so, by facts made by hand; and never two that contradict."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgclf.cli.console import WIDTH, fold
from imgclf.config import resolve
from imgclf.metrics import Z_95, wilson_interval
from imgclf.report.alarms import ALARMS
from imgclf.report.confused_pairs import confused_pairs
from imgclf.report.diagnosis import diagnose
from imgclf.report.questions import QUESTIONS
from imgclf.report.run_facts import Counts, RunFacts, Split
from imgclf.report.trend import fall_to_come, falls, is_straight, late_falls
from imgclf.schedules import SCHEDULES
from imgclf.training.evaluation import Evaluation, PairCounts

LN_10 = math.log(10)
TEN = tuple("abcdefghij")


def columns(train, val=None, step_size=0.1, accuracy=None, steps=20):
    """Return the columns of metrics.csv of these losses."""
    n = len(train)
    step_size = step_size if isinstance(step_size, list) else [step_size] * n
    return {
        "epoch": list(range(1, n + 1)),
        "step": [steps * (i + 1) for i in range(n)],
        "step_size": step_size,
        "train/loss": list(train),
        "val/loss": [None] * n if val is None else list(val),
        "val/accuracy": [None] * n if val is None else accuracy or [0.8] * n,
    }


def facts_of(*overrides, **changes):
    """Return the facts of a run that has nothing to report, but for some changes."""
    config = resolve(overrides=["train.epochs=10", "regularization.l2=0", "schedule.name=constant", *overrides]).config
    flat = [1.0] * 10
    usual = {
        "rows": columns(flat, flat),
        "train": Split(1.0, 1.0, 0.85, 5400),
        "val": Split(1.0, 1.0, 0.80, 600),
    }
    known = {"directory": Path("runs/run"), "config": config, "status": "finished", "class_names": TEN}
    return RunFacts(**(known | usual | changes))


def names(facts):
    return [finding.name for finding in diagnose(facts)]


def counts_of(y, predicted, classes):
    return Counts(*PairCounts.of(np.asarray(y), np.asarray(predicted), classes).totals(classes))


def test_a_run_without_a_finding_says_so():
    (finding,) = diagnose(facts_of())
    assert finding.name == "nothing_to_report"
    assert "10 epochs" in finding.sentence
    assert "from 2.3026 to 1" in finding.sentence


# Alarms.


def test_a_diverged_run_says_how_the_loss_grew_and_gives_a_smaller_step():
    steps = np.arange(3), np.array([LN_10, 1e5, 1e30])
    facts = facts_of("schedule.step_size=20", status="diverged", steps=steps, train=None, val=None)
    (finding,) = diagnose(facts)
    assert finding.name == "diverged"
    for words in ("2.303 at step 0", "1e+30 at step 2", "step size (learning rate) of 20"):
        assert words in finding.sentence
    assert finding.remedy == "imgclf train -c runs/run/config.yaml -s schedule.step_size=0.1"
    assert diagnose(replace(facts, steps=None))[0].remedy == finding.remedy  # a run of an earlier version
    (finding,) = diagnose(replace(facts, steps=(steps[0][:1], steps[1][:1])))
    assert "the loss was 2.303 at step 0, and soon no number" in finding.sentence


@pytest.mark.parametrize(("steps", "losses", "said"), [
    ([], [], "Training diverged; the step"),
    ([0], [LN_10], "Training diverged: the loss was 2.303 at step 0, and soon no number; the step"),
    ([0, 1], [LN_10, 1e9], "diverged: the loss was 2.303 at step 0, 1e+09 at step 1, and soon no number; the step"),
    ([0, 2, 4], [LN_10, 5, 7], "diverged: the loss was 2.303 at step 0, 7 at step 4, and soon no number; the step"),
])  # fmt: skip
def test_no_step_of_a_diverged_run_is_told_twice(steps, losses, said):
    facts = facts_of(status="diverged", steps=(np.array(steps, int), np.array(losses, float)))
    assert said in diagnose(facts)[0].sentence


@pytest.mark.parametrize("more", [1e-4, 2e-5])
def test_numbers_that_are_said_to_differ_differ_as_written(more):
    """A loss just above guessing, accuracies of one image in 100,000."""
    loss = LN_10 * (1 + more)
    y, flat = np.repeat(np.arange(10), 100), [1.0] * 10
    alarm = facts_of(train=Split(loss, loss, 0.5, 5400))
    nothing = replace(alarm, train=Split(loss, loss, 0.1, 1000), of_train=counts_of(y, y * 0, 10))
    jumped = facts_of(rows=columns([loss, *flat[1:]], [loss, *flat[1:]]))
    accuracy = [0.8501, *[0.8501 - more] * 9]
    luck = facts_of(rows=columns(flat, flat, accuracy=accuracy), val=Split(1, 1, accuracy[-1], 100_000))
    down = facts_of(train=Split(LN_10 * (1 - more), 1, 0.5, 5400), val=None)
    for name, facts, words in (
        ("loss_above_guessing", alarm, r"objective, (\S+), is above that of guessing, (\S+), though"),
        ("nothing_learned", nothing, r"the loss grew from (\S+) to (\S+), so"),
        ("step_too_large", jumped, r"the loss was (\S+), above that of guessing, (\S+); "),
        ("best_epoch_is_noise", luck, r"after epoch 1, (\S+) %, and is (\S+) % at the end"),
        ("nothing_to_report", down, r"the loss fell from (\S+) to (\S+)\."),
    ):
        (sentence,) = [one.sentence for one in diagnose(facts) if one.name == name]
        first, second = map(float, re.search(words, sentence).groups())
        assert (first < second) == (name == "nothing_learned")
        assert first != second


def test_a_loss_that_stayed_did_not_fall():
    (finding,) = diagnose(facts_of(train=Split(LN_10, LN_10, 0.5, 5400), val=None))
    assert finding.sentence == "Nothing stands out: in 10 epochs, the loss stayed at 2.3026."


@pytest.mark.parametrize(("size", "smaller"), [(1e6, 0.1), (1, 0.1), (0.2, 0.05), (1e-3, 2.5e-4)])
def test_a_smaller_step_is_a_quarter_and_at_most_the_usual_one(size, smaller):
    remedy = diagnose(facts_of(f"schedule.step_size={size}", status="diverged"))[0].remedy
    assert float(remedy.rpartition("=")[2]) == pytest.approx(smaller)


def test_x_that_is_too_large_is_mended_first_and_a_usual_step_is_kept():
    problem = ("x has a standard deviation of 76", "preprocess.scale=255")
    for size, more in ((0.1, ""), (10, " -s schedule.step_size=0.1")):
        (finding,) = diagnose(facts_of(f"schedule.step_size={size}", status="diverged", scale_problem=problem))
        assert finding.remedy.endswith(f" -s preprocess.scale=255{more}")
        assert f"{problem[0]}; the step size (learning rate) is {size:g}." in finding.sentence


@pytest.mark.parametrize("status", ["interrupted", "running"])
def test_a_run_that_is_not_finished_says_how_to_resume_it(status):
    facts = replace(facts_of("train.epochs=20", status=status), directory=Path("my runs/a"))
    (finding,) = diagnose(facts)
    assert finding.name == "unfinished"
    assert "10 of 20 epochs" in finding.sentence
    assert finding.remedy == "imgclf train --resume 'my runs/a'"


@pytest.mark.parametrize("loss", ["softmax", "svm", "svm_cs", "logistic_ovr"])
def test_a_loss_above_that_of_equal_scores_is_an_alarm_and_one_at_it_is_none(loss):
    facts = facts_of(f"model.loss={loss}")
    at = facts.guessing
    assert "loss_above_guessing" not in names(replace(facts, train=Split(at, at, 0.5, 5400)))
    (finding,) = diagnose(replace(facts, train=Split(at * 1.001, at * 1.001, 0.5, 5400)))
    assert finding.name == "loss_above_guessing"


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_to_name_the_largest_class_is_to_learn_nothing_and_more_than_its_interval_is_something(share):
    n, largest = 200, int(200 * share)
    y = np.repeat([0, 1], [largest, n - largest])

    def told(correct):
        counts = counts_of(y, np.where(np.arange(n) < correct, y, 1 - y), 2)
        train = Split(0.5, 0.5, correct / n, n)
        return "nothing_learned" in names(facts_of(train=train, of_train=counts, class_names=("a", "b")))

    answers = [told(correct) for correct in range(n + 1)]
    first = answers.index(False)
    assert answers == [True] * first + [False] * (n + 1 - first)
    deviation = np.sqrt(share * (1 - share) * n)
    assert largest + 1.5 * deviation < first < largest + 2.5 * deviation


def test_with_class_weights_guessing_is_weighed_as_the_loss_is():
    y = np.repeat([0, 1], [180, 20])
    often_common, often_rare = np.where(np.arange(200) % 3 > 0, y, 0), np.where(np.arange(200) % 3 > 0, y, 1)
    balanced = 200 / (2 * np.bincount(y))

    def found(predicted, weights):
        train = Split(0.5, 0.5, float((predicted == y).mean()), 200)
        counts = counts_of(y, predicted, 2)
        facts = facts_of(train=train, of_train=counts, class_weights=weights, class_names=("a", "b"))
        return next((one.sentence for one in diagnose(facts) if one.name == "nothing_learned"), None)

    assert found(often_rare, None)  # 69 % are correct, and 90 % by naming the common class
    assert not found(often_rare, balanced)  # mean recall 83 %
    assert not found(often_common, None)
    assert "accuracy is 50.0 % (weighted by class), 50.0 % by always naming" in found(y * 0, balanced)


def test_without_an_evaluation_of_train_the_shares_of_the_classes_are_those_of_val():
    seen = counts_of(np.repeat([0, 1], [90, 10]), np.zeros(100, int), 2)
    facts = facts_of(train=Split(0.5, 0.5, 0.9, 900), seen=seen, class_names=("a", "b"))
    assert names(facts) == ["nothing_learned"]
    assert "nothing_learned" not in names(replace(facts, train=Split(0.5, 0.5, 0.95, 900)))
    assert "nothing_learned" not in names(replace(facts, seen=None))


# Questions.


def test_a_class_is_missed_where_chance_would_hardly_miss_any():
    enough = math.log(10 / 0.05)  # 5.3: C * exp(-n) = 5 %

    def told(support):
        y = np.repeat(np.arange(10), [support, *[60] * 9])
        return "class_never_predicted" in names(facts_of(seen=counts_of(y, np.maximum(y, 1), 10)))

    assert [told(support) for support in (0, 1, math.floor(enough), math.ceil(enough), 60)] == [False] * 3 + [True] * 2


def test_a_rare_class_is_given_more_weight_and_another_is_looked_at():
    def remedy(support, *overrides):
        y = np.repeat(np.arange(10), [support, *[60] * 9])
        return diagnose(facts_of(*overrides, seen=counts_of(y, np.maximum(y, 1), 10)))[0].remedy

    assert remedy(10).endswith("-s train.class_weight=balanced")
    assert remedy(60) == remedy(10, "train.class_weight=balanced") == "imgclf eval runs/run --split val"


WAYS = {"constant": [0.1] * 40, "cosine": [SCHEDULES["cosine"](0.1, steps=40)(i) for i in range(40)]}


@pytest.mark.parametrize("schedule", WAYS)
def test_the_fall_to_come_is_half_of_what_falls_with_the_way_and_nothing_of_what_falls_with_the_step(schedule):
    step_sizes = np.array(WAYS[schedule])
    way = step_sizes.cumsum() / step_sizes.sum()
    losses = 0.7 + 3 * step_sizes + 0.2 / way
    assert fall_to_come(losses, step_sizes, way) == pytest.approx(0.1, rel=1e-6)
    assert fall_to_come(losses - 0.2 / way, step_sizes, way) == pytest.approx(0, abs=1e-9)


def test_no_loss_is_promised_to_fall_below_half_of_itself():
    """As 1 / way itself does: that of softmax, where the classes can be told apart (Soudry et al. 2018)."""
    step_sizes = np.array(WAYS["constant"])
    way = step_sizes.cumsum() / step_sizes.sum()
    assert fall_to_come(0.2 / way, step_sizes, way) == pytest.approx(0.1, rel=1e-6)
    assert fall_to_come(0.2 / way - 0.1, step_sizes, way) == pytest.approx(0.05, rel=1e-6)


def test_where_all_is_right_a_lower_loss_is_of_no_use():
    losses = falling(0.05)
    for accuracy, told in ((0.98, True), (0.995, False)):
        split = Split(1, 1, accuracy, 5400)
        facts = facts_of(rows=columns(losses, losses), train=split, val=split)
        assert ("still_falling" in names(facts)) == told


def test_the_fall_to_come_is_seldom_promised_too_large():
    step_sizes = np.array(WAYS["cosine"])
    way = step_sizes.cumsum() / step_sizes.sum()
    noise = np.random.default_rng(0).standard_normal((400, 40))
    promised = np.array([fall_to_come(0.7 + 0.2 / way + 0.01 * one, step_sizes, way) for one in noise])
    assert (promised > 0.1).mean() < 0.05
    assert 0.08 < promised.mean() < 0.1


def falling(fall, end=1.0, epochs=10):
    """Return losses that would fall by so much more over twice the way; none is above guessing."""
    losses = [end - 2 * fall + 2 * fall * epochs / (i + 1) for i in range(epochs)]
    assert max(losses) < LN_10
    return losses


@pytest.mark.parametrize(("train", "val", "told"), [(0.02, 0.02, True), (0.02, 0.01, False), (0.01, 0.02, False)])
def test_a_loss_still_falls_if_train_and_val_would_fall_by_a_hundredth_of_what_they_have(train, val, told):
    """The loss has fallen by 1.30."""
    of_train = [2 * train / ((i + 0.5) / 10) for i in range(10)]  # means over an epoch: those of its middle
    facts = facts_of(rows=columns(of_train, falling(val)))
    assert ("still_falling" in names(facts)) == told


@pytest.mark.parametrize(("bend", "told"), [(1.0, True), (0.9, True), (0.3, False)])
def test_a_loss_that_falls_along_a_straight_line_needs_longer_steps(bend, told):
    """Of way**bend, the second half is 1 - 0.5**bend: a half, 0.46, 0.19."""
    way = np.arange(1, 11) / 10
    losses, means = LN_10 - 0.3 * way**bend, LN_10 - 0.3 * (way - 0.05) ** bend
    split = Split(losses[-1], losses[-1], 0.5, 5400)
    facts = facts_of("optimizer.momentum=0", rows=columns(means, losses), train=split, val=split)
    (finding, *_) = diagnose(facts)
    assert finding.name == ("step_too_small" if told else "still_falling")
    if told:
        assert f"({0.3 * (1 - 0.5**bend):.2g} of its fall of 0.3 came in the second half)" in finding.sentence
        assert finding.remedy.endswith(" -s schedule.step_size=0.3")
        noisy = np.arange(3), np.array([LN_10, 1.2 * LN_10, 1])
        assert diagnose(replace(facts, steps=noisy))[0] == finding  # of a batch, a loss may be anything


# The train and val losses of cifar10_hog, whose step size was called too small.
HOG = [1.977, 1.848, 1.732, 1.596, 1.450, 1.316, 1.203, 1.118, 1.061, 1.029]
HOG_VAL = [2.056, 1.900, 1.783, 1.639, 1.492, 1.379, 1.279, 1.220, 1.191, 1.189]


@pytest.mark.parametrize("noise", [0.5, 1, 2])
def test_a_loss_that_falls_because_the_step_size_does_needs_no_longer_steps(noise):
    """Noise fades with the step size: on the way of a cosine, the loss falls ever faster, as no convex one can."""
    sizes = [SCHEDULES["cosine"](0.016, steps=10)(i) for i in range(10)]
    hog = facts_of(rows=columns(HOG, HOG_VAL, sizes), train=Split(1.02, 0.94, 0.67, 45_000))
    faded = [1.1 + noise * size / 0.016 - 0.01 * i for i, size in enumerate(sizes)]
    synthetic = facts_of(rows=columns(faded, faded, sizes), train=Split(faded[-1], 1, 0.67, 45_000))
    for facts in (hog, synthetic):
        assert not is_straight(facts)
        assert not {"step_too_small", "nothing_learned"} & set(names(facts))
        assert falls(facts) == [0]  # ten epochs more took 0.004 off hog
        assert "still_falling" not in names(facts)


@pytest.mark.parametrize("momentum", [0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("epochs", [5, 8, 20])
def test_of_a_slope_that_stays_each_quarter_of_the_way_falls_as_much_with_momentum_too(momentum, epochs):
    """Steps down a plane, 8 an epoch, are too short, however slowly momentum starts."""
    x, velocity, losses = 0.0, 0.0, []
    for _ in range(8 * epochs):
        losses.append(LN_10 - x)
        velocity = momentum * velocity + 1
        x += 1e-5 * velocity
    means, ends = np.reshape(losses, (epochs, 8)).mean(axis=1), [*losses[8::8], LN_10 - x]
    split = Split(ends[-1], ends[-1], 0.5, 5400)
    facts = facts_of(f"optimizer.momentum={momentum}", f"train.epochs={epochs}", "schedule.step_size=1e-5",
                     rows=columns(means, ends, steps=8), train=split, val=split)  # fmt: skip
    third, last = late_falls(facts)
    assert third == pytest.approx(last)
    assert names(facts) == ["step_too_small"]


@pytest.mark.parametrize(("fall", "told"), [(0.0022, False), (0.0024, True)])
def test_a_loss_that_would_fall_by_a_thousandth_of_guessing_is_not_waited_for(fall, told):
    """It has fallen by 0.1, of which a hundredth is less."""
    of_train = [2.2 - 2 * fall + 2 * fall / ((i + 0.5) / 10) for i in range(10)]
    split = Split(2.2, 2.2, 0.5, 5400)
    facts = facts_of(rows=columns(of_train, falling(fall, end=2.2), steps=10**6), train=split, val=split)
    assert ("still_falling" in names(facts)) == told


@pytest.mark.parametrize(("highest", "told"), [(LN_10, False), (LN_10 * (1 + 1e-6), False), (1.001 * LN_10, True)])
def test_a_loss_that_was_above_guessing_on_its_way_asks_for_shorter_steps(highest, told):
    losses = [2.0, highest, 1.5, *[1.0] * 7]
    facts = facts_of("schedule.step_size=3", rows=columns(losses, losses))
    (finding, *_) = diagnose(facts)
    assert (finding.name == "step_too_large") == told
    assert not told or "In epoch 2 the loss was" in finding.sentence
    assert not told or finding.remedy.endswith(" -s schedule.step_size=0.75")
    random = replace(facts, config=resolve(overrides=["model.init_scale=1"]).config)
    assert "step_too_large" not in names(random)  # it began above


def test_under_early_stopping_that_ended_it_nothing_falls_any_more():
    facts = facts_of("train.epochs=11", "early_stopping.patience=2", rows=columns(falling(0.05), falling(0.05)))
    assert "still_falling" not in names(facts)


@pytest.mark.parametrize("epochs", [1, 2, 3, 4])
def test_after_a_few_epochs_the_fall_of_their_second_half_is_asked(epochs):
    down, flat = [2.0, 1.8, 1.7, 1.6][:epochs], [2.3, 1.6, 1.6, 1.6][:epochs]
    run = (f"train.epochs={epochs}",)
    assert "still_falling" in names(facts_of(*run, rows=columns(down, down)))
    assert ("still_falling" in names(facts_of(*run, rows=columns(flat, down)))) == (epochs <= 3 and epochs != 1)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_run_that_is_longer_goes_as_far_again(schedule):
    epochs = 10

    def sizes(total):
        step_size = SCHEDULES[schedule](0.1, **({} if schedule == "constant" else {"steps": total}))
        return [step_size(i) for i in range(total)]

    losses = [0.9 + 0.1 / way for way in np.cumsum(sizes(epochs)) / sum(sizes(epochs))]
    facts = facts_of(f"schedule.name={schedule}", rows=columns(losses, losses, step_size=sizes(epochs)))
    found = next(one for one in diagnose(facts) if one.name == "still_falling")
    longer = int(found.remedy.rpartition("=")[2])
    assert found.remedy == f"imgclf train --resume runs/run -s train.epochs={longer}"
    assert math.fsum(sizes(longer)[epochs:]) > 0.99 * math.fsum(sizes(epochs))
    assert longer == 2 * epochs or math.fsum(sizes(longer - epochs)[epochs:]) < 0.99 * math.fsum(sizes(epochs))


def test_where_step_sizes_die_out_the_schedule_is_changed():
    sizes = [0.1 * 0.1**i for i in range(3)]
    losses = falling(0.2, epochs=3)
    schedule = "schedule={name: exponential, factor: 0.1}"
    facts = facts_of("train.epochs=3", schedule, rows=columns(losses, losses, step_size=sizes))
    (finding,) = diagnose(facts)
    assert finding.remedy.endswith(" -s schedule.name=cosine -s train.epochs=6")


def test_l2_alone_leads_to_the_minimum_as_fast_as_it_is_said():
    """On the flattest loss with this penalty, l2/2 * w**2 alone, small steps leave exp(-2 * l2 * way) of its height."""
    l2, size, steps = 0.01, 0.01, 20 * 10
    w = 1.0
    for _ in range(steps):
        w -= size * l2 * w
    assert w**2 <= math.exp(-l2 * size * steps)
    losses = falling(0.05)
    for l2, settled in ((0.2, False), (0.3, True)):  # exp(-0.2 * 20) = 1.8 %, exp(-0.3 * 20) = 0.2 %
        facts = facts_of("optimizer.name=sgd", f"regularization.l2={l2}", rows=columns(losses, losses))
        assert ("still_falling" in names(facts)) != settled
    faster = facts_of("optimizer.momentum=0.9", "regularization.l2=0.03", rows=columns(losses, losses))
    assert "still_falling" not in names(faster)


def test_as_val_falls_behind_train_it_is_equal_then_nobody_knows_then_it_is_overfitting():
    """Cohen's h of 0.2 is the border of both, and chance widens the middle: sqrt(1/5400 + 1/600) * 1.96 = 0.084."""

    def story(train, n):
        answers = []
        for val in np.linspace(train, 0.3, 60):
            facts = facts_of(train=Split(1, 1, train, 5400), val=Split(1, 1, float(val), n))
            answers.append((names(facts)[0], 2 * math.asin(math.sqrt(train)) - 2 * math.asin(math.sqrt(val))))
        return answers

    for n in (600, 100_000):
        half = Z_95 * math.sqrt(1 / 5400 + 1 / n)
        for name, h in story(0.85, n):
            expected = "flat_and_equal" if h + half < 0.2 else "overfitting" if h > 0.2 else "nothing_to_report"
            assert name == expected
    assert all(name != "overfitting" or h > Z_95 / 5 for name, h in story(0.85, 25))  # of 25 images, chance does more


def test_to_name_nearly_all_is_no_limit_of_the_model():
    for accuracy, told in ((0.98, True), (0.995, False)):
        split = Split(1, 1, accuracy, 50_000)
        assert ("flat_and_equal" in names(facts_of(train=split, val=split))) == told


def test_a_penalty_of_a_tenth_of_what_the_loss_has_fallen_is_too_strong_if_val_is_equal():
    penalty = 0.1 * (LN_10 - 1)
    for share, told in ((0.99, False), (1.01, True)):
        split = Split(1.0, 1 - share * penalty, 0.85, 5400)
        facts = facts_of("regularization.l2=0.3", "regularization.l1=0.03", train=split, val=split)
        (finding, *_) = diagnose(facts)
        assert (finding.name == "strong_penalty") == told
    assert finding.remedy.endswith(" -s regularization.l2=0.1 -s regularization.l1=0.01")
    worse = replace(facts, val=Split(1.0, 1.0, 0.5, 5400))
    (finding,) = diagnose(worse)
    assert finding.name == "overfitting"
    assert finding.remedy == ""  # neither more of the penalty nor less


@pytest.mark.parametrize(("l2", "larger"), [(0, 0.01), (1e-4, 0.01), (0.01, 0.03)])
def test_against_overfitting_the_penalty_grows(l2, larger):
    (finding,) = diagnose(facts_of(f"regularization.l2={l2}", train=Split(1, 1, 0.99, 300)))
    assert finding.name == "overfitting"
    assert float(finding.remedy.rpartition("=")[2]) == pytest.approx(larger)


@pytest.mark.parametrize(("right", "n", "told"), [(8, 8, True), (15, 15, True), (16, 16, False), (46, 92, True),
                                                  (48, 96, False)])  # fmt: skip
def test_an_accuracy_whose_interval_is_wider_than_20_points_tells_nothing(right, n, told):
    low, high = wilson_interval(right, n)
    assert told == (high - low > 0.2)
    facts = facts_of(val=Split(1, 1, right / n, n), train=Split(1, 1, right / n, 50))
    found = [one.sentence for one in diagnose(facts) if one.name == "few_val"]
    assert bool(found) == told
    if n == 8:
        sentence = "8 val images are too few to tell: the 95 % interval of val accuracy, 100.0 %, is 67.6 % to 100.0 %."
        assert found == [sentence]
        assert names(facts) == ["few_val"]  # not: nothing stands out


def test_a_best_epoch_is_noise_as_long_as_chance_explains_the_difference():
    """Two shares of n differ by chance by up to 1.96 * sqrt(2 * p * (1 - p) / n), with p between them."""
    n, last = 600, 480
    told = []
    for best in range(last, n + 1):
        accuracy = [0.5, best / n, *[last / n] * 8]
        facts = facts_of(rows=columns([1.0] * 10, [1.0] * 10, accuracy=accuracy))
        found = [one for one in diagnose(facts) if one.name == "best_epoch_is_noise"]
        p = (best + last) / (2 * n)
        assert bool(found) == (0 < best / n - last / n <= Z_95 * np.sqrt(2 * p * (1 - p) / n))
        told += found
    assert 20 < len(told) < 30
    assert "after epoch 2" in told[0].sentence


# All of them.

share = st.floats(0, 1)
loss = st.floats(0, 1e9) | st.floats(0, 3)


@st.composite
def runs(draw):
    epochs, n = draw(st.integers(0, 8)), draw(st.integers(1, 10_000))
    losses = st.lists(loss, min_size=epochs, max_size=epochs)
    has_val = draw(st.booleans())
    objective = draw(loss)
    accuracy = draw(st.lists(share, min_size=epochs, max_size=epochs))
    sizes = draw(st.lists(st.floats(1e-9, 1e3), min_size=epochs, max_size=epochs))
    val_losses = draw(losses) if has_val else None
    name = draw(st.text(min_size=1, max_size=200))
    y = draw(st.lists(st.integers(0, 2), min_size=1, max_size=60))
    predicted = draw(st.lists(st.integers(0, 2), min_size=len(y), max_size=len(y)))
    return facts_of(
        f"train.epochs={max(1, epochs)}",
        f"regularization.l2={draw(st.sampled_from([0, 1e-4, 1]))}",
        f"schedule.name={draw(st.sampled_from(['cosine', 'constant', 'exponential']))}",
        status=draw(st.sampled_from(["finished", "diverged", "interrupted", ""])),
        class_names=(name, "b" * 200, "c"),
        rows=columns(draw(losses), val_losses, sizes, accuracy if has_val else None),
        train=draw(st.none() | st.just(Split(objective, objective * draw(share), draw(share), n))),
        val=Split(objective, objective, draw(share), n) if has_val else None,
        seen=draw(st.none() | st.just(counts_of(y, predicted, 3))),
        of_train=draw(st.none() | st.just(counts_of(y, predicted, 3))),
        class_weights=draw(st.none() | st.just(np.array([1.0, 2.0, 0.1]))),
        scale_problem=draw(st.sampled_from([("", ""), ("x is the same for every training image", "")])),
    )


# What would send a learner both ways: longer and no longer, a larger penalty and a smaller one.
CONTRADICT = {"step_too_large", "step_too_small", "still_falling", "overfitting", "strong_penalty", "flat_and_equal"}
AT_ITS_END = {"overfitting", "strong_penalty", "flat_and_equal"}
ALONE = {rule.__name__ for rule in ALARMS} | {"nothing_to_report"}


@settings(max_examples=40)
@given(runs())
def test_there_is_something_to_say_of_every_run_and_nothing_that_contradicts_it(facts):
    found = diagnose(facts)
    told = [finding.name for finding in found]
    assert told
    assert len(set(told)) == len(told)
    assert len(told) == 1 or not set(told) & ALONE
    assert len(set(told) & CONTRADICT) <= 1
    assert "best_epoch_is_noise" not in told or not CONTRADICT - AT_ITS_END & set(told)
    order = [*ALONE, *(name for group in QUESTIONS for name in (rule.__name__ for rule in group))]
    assert set(told) <= set(order)
    for finding in found:
        assert "nan" not in finding.sentence
        assert "\n" not in finding.sentence
        assert all(len(line) <= WIDTH for line in fold("note   ", finding.sentence)), finding.sentence


def test_a_run_goes_on_to_its_end_before_its_gap_is_judged():
    losses = falling(0.05)
    assert names(facts_of(rows=columns(losses, losses), train=Split(1, 1, 0.99, 5400))) == ["still_falling"]


def test_the_most_important_finding_comes_first():
    y = np.repeat(np.arange(10), 60)
    accuracy = [0.5, 0.81, *[0.8] * 8]
    flat = [1.0] * 10
    facts = facts_of(
        train=Split(1, 1, 0.99, 5400),
        seen=counts_of(y, np.maximum(y, 1), 10),
        rows=columns(flat, flat, accuracy=accuracy),
    )
    assert names(facts) == ["class_never_predicted", "overfitting", "best_epoch_is_noise"]


@pytest.mark.parametrize("epochs", [1, 2, 3, 4])
def test_what_a_few_epochs_brought_is_said_as_it_was(epochs):
    down = [2.0, 1.8, 1.7, 1.65][:epochs]
    (finding,) = diagnose(facts_of(f"train.epochs={epochs}", rows=columns(down, down)))
    told = {
        1: "by 0.3 since the start",
        2: "by 0.2 since epoch 1",
        3: "by 0.3 since epoch 1",
        4: "by 0.15 since epoch 2",
    }
    assert told[epochs] in finding.sentence


def test_without_class_names_there_is_still_something_to_say():
    assert names(facts_of(class_names=())) == ["nothing_to_report"]
    assert names(facts_of(class_names=(), val=None, train=None)) == ["nothing_to_report"]


def test_confused_pairs_are_the_most_frequent_mistakes_in_words():
    y, predicted = np.array([0] * 5 + [1] * 4 + [2] * 3), np.array([0, 0, 1, 1, 1, 1, 0, 0, 1, 2, 2, 0])
    seen = Evaluation(0.5, 0.0, PairCounts.of(y, predicted, 3).merged(), np.array([6, 3, 3]))
    assert confused_pairs(seen, ["cat", "dog", "x" * 100], most=2) == [
        "cat taken for dog (3 of 5)",
        "dog taken for cat (2 of 4)",
    ]
    (*_, last) = confused_pairs(seen, ["cat", "dog", "x\n" * 100])
    assert len(last) < 60
    assert "\n" not in last
    alike = [f"a very long name, number {i} of a genus of animals" for i in range(3)]
    first, *_ = confused_pairs(seen, alike)
    true, taken = first.partition(" (")[0].split(" taken for ")
    assert (true[:2], taken[:2]) in {(f"{i}:", f"{j}:") for i in range(3) for j in range(3) if i != j}
