"""What `train` says of a run: each finding has a run that makes it appear, and its command mends it."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from imgclf.cli.console import WIDTH
from imgclf.errors import RunError
from imgclf.report.diagnosis import diagnose
from imgclf.report.run_facts import read_facts

PLAIN = ("--no-plots", "--progress", "none")
SLOW = ("-s", "data.limit=500", "-s", "train.epochs=8", "-s", "train.batch_size=32")
FEW = ("-s", "data.limit=500", "-s", "train.epochs=3")


def said(text):
    """Return the sentences of the diagnosis, and its commands."""
    whole = re.sub(r" \\\n {7}| *\n {7}(?! )", " ", text)
    return re.findall("^note   (.*)$", whole, re.M), re.findall("^try    (.*)$", whole, re.M)


def found(directory):
    return {finding.name: finding for finding in diagnose(read_facts(Path(directory)))}


def data(name, X, y):
    np.savez(f"{name}.npz", X=X, y=y)
    return ("-s", "data.source=npz", "-s", f"data.path={name}.npz")


def noise():
    rng = np.random.default_rng(0)
    return data("noise", rng.standard_normal((600, 3)), rng.integers(0, 3, 600))


def rare():
    """Two common classes, and in between a rare one."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [450, 60, 450])
    return data("rare", (y - 1.0)[:, None] * 1.5 + rng.standard_normal((960, 2)), y)


# A run, words of its sentence, and what its command leads to.
ALARMING = ("diverged", "loss_above_guessing", "nothing_learned")
RUNS = {
    "diverged": (("-s", "schedule.step_size=1e30", *FEW), "the step size (learning rate) of 1e+30 is too large"),
    "loss_above_guessing": (
        ("-s", "preprocess.scale=1", "-s", "schedule.step_size=10", *FEW),
        "is above that of guessing, 2.3026, though train accuracy is",
    ),
    "step_too_large": (
        ("-s", "model.loss=svm_squared", "-s", "data.limit=1000", "-s", "train.epochs=10"),
        "the step size (learning rate) of 0.1 is too large",
    ),
    "step_too_small": (
        (*SLOW, "-s", "schedule.step_size=1e-4"),
        "the step size (learning rate) of 0.0001 is too small",
    ),
    "still_falling": (FEW, "The loss still falls on train and val"),
    "overfitting": (("-s", "data.limit=200", "-s", "train.epochs=50", "-s", "schedule.step_size=0.3"), "overfitting"),
    "strong_penalty": (("-s", "regularization.l2=0.3", "-s", "train.epochs=8"), "underfitting"),
    "flat_and_equal": (("-s", "regularization.l2=0.01"), "what a linear model can do with these pixels"),
    "class_never_predicted": (rare, "1, with 6 val examples; a rare class counts for little"),
    "nothing_learned": (noise, "the labels do not belong to the examples, or these say nothing about the classes"),
}
WITHOUT_REMEDY = {"flat_and_equal", "nothing_learned"}
COUNTED = {"class_never_predicted", "nothing_learned"}


@pytest.mark.parametrize("name", RUNS)
def test_a_finding_appears_and_its_command_works_and_mends_it(imgclf, name):
    options, words = RUNS[name]
    if callable(options):
        options = ("-s", "train.epochs=10", *options())
    done = imgclf("train", *PLAIN, "--out", "run", *options)
    assert done.code == (5 if name == "diverged" else 0), done.err
    assert all(len(line) <= WIDTH for line in done.out.splitlines())
    sentences, commands = said(done.out)
    (sentence,) = [one for one in sentences if words in one]
    before = found("run")
    if name not in COUNTED:  # no file has the counts, with --no-plots
        assert sentence.startswith(before[name].sentence.partition(";")[0])
    if name == "diverged":
        assert len(done.err.splitlines()) == 1
        assert done.err.startswith("imgclf: error: step ")
    if name in WITHOUT_REMEDY:
        assert not commands
        return
    command = shlex.split(commands[0])
    assert command[0] == "imgclf"
    is_resumed = "--resume" in command
    metrics = Path("run/metrics.json")
    objective = json.loads(metrics.read_text())["val"]["objective"] if is_resumed else None
    again = imgclf(*command[1:], *PLAIN, *(() if is_resumed else ("--out", "again")))
    assert again.code == 0, again.err
    if is_resumed:
        assert json.loads(metrics.read_text())["val"]["objective"] < objective
    elif name == "overfitting":
        gaps = [read_facts(Path(run)) for run in ("run", "again")]
        first, second = (facts.train.accuracy - facts.val.accuracy for facts in gaps)
        assert second < first
    elif name == "strong_penalty":
        first, second = (read_facts(Path(run)).val.data_loss for run in ("run", "again"))
        assert second < first
    else:
        assert not [one for one in said(again.out)[0] if words in one]


def ill_conditioned():
    """Feature 0 is large and says nothing; the others say all."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 1000)
    scale = np.geomspace(1 / 30, 1, 20)
    means = rng.standard_normal((3, 20)) * np.geomspace(1, 0.001, 20)
    return (*data("ill", (rng.standard_normal((1000, 20)) + means[y]) * scale, y), "-s", "preprocess.std=none")


@pytest.mark.parametrize("of", ["pixels", "ill_conditioned"])
def test_of_two_runs_none_says_longer_steps_and_the_other_shorter_ones(imgclf, of):
    """The one with the larger step size, three times as large as the one before."""
    options = ("-s", "train.epochs=8", "-s", "train.batch_size=32")
    options += ("-s", "data.limit=500") if of == "pixels" else ill_conditioned()
    told = []
    for i in range(10):
        size = 1e-4 * 3**i
        imgclf("train", *PLAIN, "--out", f"run{i}", *options, "-s", f"schedule.step_size={size:.4g}")
        told.append(set(found(f"run{i}")))
    longer = [i for i, names in enumerate(told) if "step_too_small" in names]
    shorter = [i for i, names in enumerate(told) if names & {"step_too_large", "loss_above_guessing", "diverged"}]
    assert shorter
    assert bool(longer) == (of == "pixels")
    assert max(longer, default=0) + 1 < min(shorter)


@pytest.mark.parametrize("batch_size", [1, 256])
def test_steps_that_are_too_short_are_told_so_whatever_the_noise_of_batches_and_momentum(imgclf, batch_size):
    """At batch size 256 these are 64 steps, and momentum takes ten to start."""
    options = f"data.source=synthetic train.epochs=8 train.batch_size={batch_size} schedule.step_size=1e-5"
    done = imgclf("train", *PLAIN, "--out", "run", *(word for one in options.split() for word in ("-s", one)))
    assert set(found("run")) == {"step_too_small"}
    assert said(done.out)[1][0].endswith(" -s schedule.step_size=3e-05")


@pytest.mark.parametrize("name", ["fashion_softmax", "fashion_svm", "online_sgd", "full_batch"])
def test_the_step_size_of_a_config_that_ships_is_right(imgclf, name):
    assert imgclf("train", name, *PLAIN, "--out", "run").code == 0
    assert not set(found("run")) & {"step_too_small", "step_too_large", *ALARMING}


def test_a_run_that_learned_nothing_says_what_to_try(imgclf):
    options = ("-s", "train.epochs=3", *noise())
    for more, sentence, command in (
        ((), "the step size is too small, or the labels", "schedule.step_size=0.3"),
        (("-s", "schedule.step_size=1e4"), "so the step size is too large", "schedule.step_size=0.1"),
        (
            ("-s", "preprocess.std=none", "-s", "preprocess.scale=1e5"),
            "step sizes suit one near 1",
            "preprocess.scale=1",
        ),
    ):
        sentences, commands = said(imgclf("-q", "train", *PLAIN, *options, *more).out)
        assert sentences[0].startswith("Nothing was learned: train accuracy is ")
        assert sentence in sentences[0]
        assert commands[0].endswith(f"-s {command}")


def test_a_good_run_has_nothing_to_report(imgclf):
    rng = np.random.default_rng(0)
    y = np.arange(600) % 2
    easy = data("easy", 8.0 * y[:, None] + rng.standard_normal((600, 2)), y)
    options = ("-s", "regularization.l2=0.001", "-s", "train.epochs=30", "-s", "schedule.step_size=0.5")
    sentences, commands = said(imgclf("train", *PLAIN, "--out", "run", *options, *easy).out)
    assert set(found("run")) == {"nothing_to_report"}
    assert [one.partition(":")[0] for one in sentences] == ["Nothing stands out"]
    assert commands == []


def test_the_first_loss_and_the_confused_pairs_are_said(imgclf):
    done = imgclf("train", *PLAIN, "--out", "run", *FEW)
    assert "start     loss at W = 0 is 2.3026 = ln 10: ten classes, equally likely\n" in done.out
    assert re.search(r"^wrong  most often on val: .* taken for .* \(\d+ of \d+\)", done.out, re.M)
    resumed = imgclf("train", *PLAIN, "--resume", "run", "-s", "train.epochs=4")
    assert "loss at W = 0" not in resumed.out  # it starts elsewhere
    random = imgclf("train", "--dry-run", "-s", "model.init_scale=0.01")
    assert "start     W is random, of standard deviation 0.01;\n          the loss at W = 0 is 2.3026" in random.out


def test_a_finished_run_that_is_asked_to_resume_ends_as_it_did(imgclf):
    done = imgclf("train", *PLAIN, "--out", "run", *RUNS["overfitting"][0])
    assert said(done.out)[1]
    assert said(imgclf("train", "--resume", "run").out) == said(done.out)


def test_quiet_leaves_what_is_alarming(imgclf):
    assert said(imgclf("-q", "train", *PLAIN, *RUNS["loss_above_guessing"][0]).out)[1]
    assert imgclf("-q", "train", *PLAIN, *FEW).out.count("\n") == 4


def test_with_json_the_diagnosis_is_for_people(imgclf):
    done = imgclf("train", *PLAIN, *FEW, "--json")
    assert set(done.json) == {"run", "epochs", "steps", "seconds", "train", "val"}
    assert len(said(done.err)[1]) == 1
    diverged = imgclf("train", *PLAIN, *RUNS["diverged"][0], "--json")
    assert (diverged.code, diverged.out) == (5, "")
    assert said(diverged.err)[1]
    assert diverged.err.splitlines()[-1].startswith("imgclf: error: ")


def test_the_objective_of_others_is_said_with_verbose_and_in_config_show(imgclf):
    assert "scikit-learn's C       1.8519 = 1 / (N * l2)" in imgclf("-v", "train", "--dry-run").err
    assert "scikit-learn" not in imgclf("train", "--dry-run").out
    for options in ((), ("-s", "regularization.l1=0.01", "-s", "train.class_weight=balanced")):
        shown = imgclf("config", "show", *options).out
        *_, comments = shown.partition("\n\n")
        assert comments.startswith("# L(W, b) = mean ")
        assert "10,000 / N" in comments or options
        assert all(line.startswith("# ") and len(line) <= WIDTH for line in comments.splitlines())
        Path("shown.yaml").write_text(shown)
        again = imgclf("config", "show", "-c", "shown.yaml").out
        assert [line.split("  #")[0].rstrip() for line in again.splitlines()] == [
            line.split("  #")[0].rstrip() for line in shown.splitlines()
        ]


def test_a_diagnosis_needs_no_more_than_the_directory(imgclf):
    imgclf("train", *PLAIN, "--out", "run", *FEW)
    facts = read_facts(Path("run"))
    assert facts.steps is not None
    assert facts.seen is None
    told = diagnose(facts)
    for name in ("steps.csv", "path.npz", "environment.json"):  # a run of an earlier version
        (Path("run") / name).unlink()
    assert diagnose(read_facts(Path("run"))) == told
    names = read_facts(Path("run")).class_names
    counts = np.diag(np.arange(10))
    counts[3, 4] = 7
    rows = [["true \\ predicted", *names], *([name, *map(str, row)] for name, row in zip(names, counts, strict=True))]
    Path("run/confusion_matrix.csv").write_text("\n".join(",".join(row) for row in rows))
    seen = read_facts(Path("run")).seen
    assert seen.right.tolist() == list(range(10))
    assert seen.support[3] == 10
    assert seen.predicted[4] == 11


def test_the_page_has_the_same_remedy_as_the_terminal(imgclf):
    done = imgclf("train", *PLAIN, "--out", "run", *RUNS["loss_above_guessing"][0])
    assert "preprocess.scale=255" in done.out
    assert imgclf("report", "run").code == 0
    assert "imgclf train -c run/config.yaml -s preprocess.scale=255" in Path("run/report.html").read_text()


def test_a_command_can_be_copied_into_a_shell(imgclf):
    out = "of my own/a -s b/" + "long " * 12 + "name"
    done = imgclf("train", *PLAIN, "--out", out, *RUNS["loss_above_guessing"][0])
    copied = done.out.partition("try    ")[2].partition("\nrun ")[0]
    taken = subprocess.run(["sh", "-c", f"printf '%s\\n' {copied}"], capture_output=True, text=True, check=True).stdout
    words = [
        "imgclf",
        "train",
        "-c",
        f"{out}/config.yaml",
        "-s",
        "preprocess.scale=255",
        "-s",
        "schedule.step_size=0.1",
    ]
    assert taken.splitlines() == words


def test_a_diagnosis_that_fails_costs_no_results(imgclf, monkeypatch):
    def fail(*_, **__):
        raise RunError("run/metrics.csv", "damaged")

    monkeypatch.setattr("imgclf.report.run_facts.read_facts", fail)
    done = imgclf("train", *PLAIN, "--out", "run", "--json", *FEW)
    assert done.code == 0
    assert done.json["run"] == "run"
    assert "imgclf: warning: no diagnosis: run/metrics.csv: damaged\n" in done.err
    assert imgclf("train", *PLAIN, *RUNS["diverged"][0]).code == 5


@pytest.mark.parametrize("name", ["metrics.json", "metrics.csv", "steps.csv", "confusion_matrix.csv", "model.npz"])
@pytest.mark.parametrize("content", [b"", b"\xff\n", b"a,b\n1,2\n", b'{"train": {"n": 0}, "val": []}', b"1e999,\n,\n"])
def test_a_damaged_file_is_refused_or_passed_over(imgclf, name, content):
    imgclf("train", *PLAIN, "--out", "run", "-s", "data.source=synthetic", "-s", "train.epochs=1")
    (Path("run") / name).write_bytes(content)
    try:
        told = diagnose(read_facts(Path("run")))
    except RunError as error:
        told = [name in str(error)]
    assert all(told)
