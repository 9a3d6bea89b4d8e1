"""`imgclf sweep`: what it prints, and how it ends."""

import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest

from imgclf.cli.signals import Stop
from imgclf.config.ready import ready_configs
from imgclf.sweep import search

QUICK = ("-s", "data.limit=200", "-s", "train.epochs=1", "--jobs", "1")
GRID = (*QUICK, "-s", "sweep.method=grid", "-s", "sweep.params.schedule.step_size=[0.001, 0.01, 0.1]")


def test_it_says_the_best_how_sure_that_is_its_border_and_the_next_sweep(imgclf, tmp_path):
    done = imgclf("sweep", *GRID)
    assert done.code == 0
    directory = Path("runs/fashion-mnist-mini-softmax-sweep")
    last = done.out.partition("best ")[2]
    assert last.splitlines()[0].strip() == "schedule.step_size 0.1"
    assert re.search(r"val accuracy \d\d\.\d % \(95 % interval \d\d\.\d % to \d\d\.\d %\)", last)
    assert f"run       {directory}/003\n" in last
    told = "range the best schedule.step_size, 0.1, is the largest tried: try larger, [0.01, 0.1, 1.0, 10.0]"
    assert told in " ".join(last.split())
    assert max(map(len, done.out.splitlines())) <= 80
    assert (directory / "sweep.csv").read_text().splitlines()[0] == (
        "schedule.step_size,seed,fold,status,epochs,val/objective,val/accuracy,accuracy_low,accuracy_high,train/accuracy,run"
    )
    command = re.search(r"next      (imgclf sweep .*\n)", last.replace("\\\n         ", "")).group(1)
    following = imgclf(*shlex.split(command)[1:], *QUICK[-2:], "--json")
    assert following.json["runs"] == 4
    assert imgclf("verify", directory / "003").code == 0
    picture = (directory / "sweep.png").read_bytes()
    (directory / "sweep.png").unlink()
    assert imgclf("-q", "sweep", "--resume", directory).out.startswith("best      schedule.step_size 0.1\n")
    assert (directory / "sweep.png").read_bytes() == picture


def test_values_tried_on_folds_are_trained_once_more_on_all(imgclf):
    done = imgclf("sweep", *QUICK, "-s", "sweep.params.model.loss=[softmax]", "-s", "sweep.folds=2", "--out", "s")
    assert done.code == 0
    assert "2 folds each" in done.out
    assert "run       s/001, s/002\n" in done.out
    command = done.out.partition("train     imgclf ")[2]
    again = imgclf(*shlex.split(command), "--no-plots")
    assert again.code == 0
    assert "sweep     is not searched: `imgclf sweep` does that" in again.out
    assert "sweep: null" in Path("runs/fashion-mnist-mini-softmax/config.yaml").read_text()


@pytest.mark.parametrize("command", [
    ("train", "--resume", "s"), ("eval", "s"), ("report", "s"), ("verify", "s"), ("predict", "s", "s/sweep.png"),
    ("compare", "s/001", "s"), ("export", "s", "--format", "onnx", "--out", "onnx"), ("gradcheck", "--run", "s"),
])  # fmt: skip
def test_a_sweep_is_no_run_and_stays_as_it_is(imgclf, refused, command):
    assert imgclf("sweep", *QUICK, "-s", "sweep.params.model.loss=[softmax]", "--out", "s").code == 0
    before = {path: path.read_bytes() for path in Path("s").rglob("*") if path.is_file()}
    refused(4, ["s: this is a sweep, not a run", "s/001", "`imgclf sweep --resume s`"], *command)
    assert {path: path.read_bytes() for path in Path("s").rglob("*") if path.is_file()} == before


def test_json_has_the_best_and_nothing_else_on_stdout(imgclf):
    best = imgclf("sweep", *GRID, "--json", "--out", "s").json
    assert set(best) == {"sweep", "runs", "seconds", "best", "indistinguishable", "borders", "next"}
    assert best["best"]["values"] == {"schedule.step_size": 0.1}
    assert best["best"]["runs"] == ["s/003"]
    low, high = best["best"]["accuracy_interval"]
    assert low < best["best"]["accuracy"] < high
    (border,) = best["borders"]
    assert border == {"key": "schedule.step_size", "value": 0.1, "end": 0.1, "side": "largest",
                      "wider": [0.01, 0.1, 1.0, 10.0], "as_good": None}  # fmt: skip


def test_runs_that_are_as_good_are_counted(imgclf):
    same = ("-s", "sweep.params.checkpoint.every=[1]", "-s", "sweep.params.regularization.l2=[1.0e-9, 2.0e-9, 3.0e-9]")
    assert imgclf("sweep", *QUICK, *same[2:], "--out", "s", "--json").json["indistinguishable"] == 3
    said = " ".join(imgclf("sweep", "--resume", "s").out.split())
    assert "3 of 3 are within this interval: on 600 validation images, they cannot be told apart" in said
    assert re.search(r"the best regularization.l2, 1e-09, is the smallest tried, but \S+ is as good within this "
                     "interval: no need to try smaller", said)  # fmt: skip
    assert "next " not in said


def test_of_two_values_that_are_as_good_neither_end_is_gone_beyond(imgclf):
    done = imgclf("sweep", *QUICK, "-s", "sweep.params.regularization.l2=[1.0e-9, 2.0e-9]", "--out", "s")
    assert ("the best regularization.l2, 1e-09, is the smallest tried, but 2e-09, the largest, is as good within this "
            "interval: no need to try larger or smaller") in " ".join(done.out.split())  # fmt: skip
    assert "next " not in done.out


@pytest.mark.parametrize(("sizes", "falls"), [("[0.001, 0.003]", True), ("[0.1, 0.3]", False)])
def test_it_says_that_the_loss_still_falls_where_steps_are_too_small_and_then_is_not_done(imgclf, sizes, falls):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    np.savez("x.npz", X=np.eye(3)[y] * 1.5 + rng.standard_normal((600, 3)), y=y)
    options = ("-s", "data.path=x.npz", "-s", "data.source=npz", "-s", "train.epochs=30", "--jobs", "1")
    options += ("-s", "sweep.params.regularization.l2=[1.0e-6, 1.0e-5, 1.0e-4]", "-s", "sweep.method=grid")
    done = imgclf("sweep", *options, "-s", f"sweep.params.schedule.step_size={sizes}", "--out", "s")
    said = " ".join(done.out.split())
    assert (
        "falling the loss of the best run still falls at its end: try larger step sizes next imgclf" in said
    ) == falls
    assert ("falling " in said) == falls
    assert not (falls and ("done " in said or "no need to try" in said))
    assert imgclf("sweep", "--resume", "s", "--json").json["best"]["still_falls"] == falls


def test_ctrl_c_ends_with_how_to_resume(imgclf, monkeypatch):
    assert imgclf("sweep", *GRID, "--out", "whole").code == 0

    def stopped(*arguments):
        raise Stop(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(search, "read_result", stopped)  # while others still run
        done = imgclf("sweep", *GRID, "--out", "a b")
    assert done.code == 130
    assert done.err.splitlines()[-1] == ("imgclf: error: a b: stopped - resume it with `imgclf sweep --resume 'a b'`")
    assert imgclf("sweep", "--resume", "a b").code == 0
    assert Path("a b/sweep.csv").read_bytes() == Path("whole/sweep.csv").read_bytes()


def test_runs_that_all_diverge_are_no_result(imgclf):
    diverge = ("-s", "model.loss=svm_squared", "-s", "sweep.params.schedule.step_size=[1.0e+20, 1.0e+25]")
    done = imgclf("sweep", *QUICK, *diverge, "--out", "s")
    assert done.code == 5
    assert done.err.startswith("imgclf: error: s: every run diverged - ")
    assert Path("s/sweep.csv").read_text().count("diverged") == 2


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (2, "does not say what to search", ()),
        (2, "there is no preset 'prob' - the presets are probe, sweep_cifar10", ("--preset", "prob")),
        (2, "--config: does not go with --resume", ("--resume", "x", "-c", "probe")),
        (2, "--out: does not go with --resume", ("--resume", "x", "--out", "y")),
        (4, "no such directory", ("--resume", "x")),
        (2, "-s sweep.params.train.epochs: train.epochs: must be at least 1", ("-s", "sweep.params.train.epochs=[0]")),
        (2, "halving decides on the epochs", ("-s", "sweep.params.train.epochs=[2, 3]", "-s", "sweep.method=halving")),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(refused, code, words, arguments):
    refused(code, words, "sweep", *arguments)


def test_the_test_split_is_never_opened(imgclf, pictures, on_pictures):
    (pictures / "test" / "cat" / "0.png").write_bytes(b"broken")
    keys = ("-s", "data.val_fraction=0.3", "-s", "sweep.params.regularization.l2=[0.1, 0.01]", "--jobs", "1")
    assert imgclf("sweep", *on_pictures[:-1], *keys).code == 0


def test_the_presets_are_the_ready_configs_that_search():
    assert {name for name, path in ready_configs().items() if "\nsweep:\n" in path.read_text()} == {
        "probe", "sweep_cifar10",
    }  # fmt: skip
