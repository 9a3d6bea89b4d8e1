"""A sweep ends in the same bytes, however many processes it has and however often it is killed."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from children import in_child
from imgclf.config import dump, resolve
from imgclf.errors import DataError, ImgclfError, RunError, RunInUseError, StorageError, UsageError
from imgclf.metrics import wilson_interval
from imgclf.run.run_dir import acquire
from imgclf.run.session import train_run
from imgclf.run.targets import NewRun
from imgclf.sweep.results import read_result
from imgclf.sweep.search import Search, run_trial, rungs
from imgclf.sweep.trials import trials

KINDS = {
    "random": ("sweep.runs=2", "sweep.seeds=2", "train.epochs=3",
               "sweep.params.schedule.step_size={log_uniform: [0.01, 1.0e+3]}"),
    "halving": ("sweep.method=halving", "sweep.params.schedule.step_size=[0.001, 0.01, 0.1, 1.0e+10]",
                "model.loss=svm_squared"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_processes_leaves_the_same_bytes(sweep, tmp_path, kind):
    for jobs in (1, 2, 3):
        sweep.run(tmp_path / f"{jobs}", sweep.config(*KINDS[kind]), jobs)
    first = sweep.left(tmp_path / "1")
    assert sweep.left(tmp_path / "2") == sweep.left(tmp_path / "3") == first
    sweep.run(tmp_path / "1")
    assert sweep.left(tmp_path / "1") == first
    assert len(first["sweep.csv"].splitlines()) == 1 + len(trials(sweep.config(*KINDS[kind])))
    assert (b"diverged" in first["sweep.csv"]) == (kind == "halving")


def test_a_run_of_a_sweep_is_the_run_that_train_makes(sweep, tmp_path):
    (result, *_) = sweep.run(tmp_path / "sweep", sweep.config(*KINDS["random"]))
    train_run(result.trial.config, tmp_path / "alone", threads=1)
    alone, own = sweep.left(tmp_path / "alone"), sweep.left(tmp_path / "sweep")
    assert alone == {name: own[f"001/{name}"] for name in alone}
    assert resolve([tmp_path / "sweep" / "001" / "config.yaml"]).config.sweep is None


def test_a_sweep_stopped_in_any_run_is_resumed_to_the_same_bytes(sweep, tmp_path):
    """As if Ctrl-C came after some runs, and after some epochs of one."""
    config = sweep.config(*KINDS["random"])
    sweep.run(tmp_path / "whole", config)
    sweep.run(tmp_path / "stopped", config)
    found = trials(config)
    for number, epochs in ((3, None), (2, 1), (1, 2)):  # the last is not there, two are begun
        directory = tmp_path / "stopped" / found[number].name
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
        if epochs is not None:
            run_trial(found[number].config.model_dump(), directory, epochs)
            assert json.loads((directory / "status.json").read_text()) == {"status": "interrupted"}
    (tmp_path / "stopped" / "sweep.csv").unlink()
    sweep.run(tmp_path / "stopped")
    assert sweep.left(tmp_path / "stopped") == sweep.left(tmp_path / "whole")


def test_halving_stops_the_worse_ones_and_the_rest_go_on_from_their_bytes(sweep, tmp_path):
    easy = sweep.config(
        "sweep.method=halving", "train.epochs=8", "sweep.params.regularization.l2=[10, 5, 3, 1, 0.3, 0.1]",
        "data.options={train: 200, val: 200, test: 0, classes: 3, size: 3, noise: 60}",
    )  # fmt: skip
    halved = sweep.run(tmp_path / "halved", easy)
    full = sweep.run(
        tmp_path / "full", easy.model_copy(update={"sweep": easy.sweep.model_copy(update={"method": "grid"})})
    )
    assert sorted(result.epochs for result in halved) == [1, 1, 1, 1, 8, 8]  # 6 begin, 2 go on
    best = sweep.ranked(full)[0].number
    assert halved[best].status == "finished"
    name = halved[best].trial.name
    for file in ("metrics.csv", "model.npz"):
        halved_run, full_run = (tmp_path / sweep_name / name / file for sweep_name in ("halved", "full"))
        assert halved_run.read_bytes() == full_run.read_bytes()
    assert sum(result.epochs for result in halved) <= 0.5 * sum(result.epochs for result in full)


@pytest.mark.long
def test_the_winner_of_the_full_grid_is_in_the_last_rung_for_nine_of_ten_seeds(sweep, tmp_path, tell):
    """On the embedded images; a run of halving is, to the byte, that of the grid, as far as it goes."""
    kept = 0
    for seed in range(100, 110):
        settings = resolve((), (
            f"seed={seed}", "train.epochs=8", "sweep.method=grid", "sweep.params.train.batch_size=[128, 512]",
            "sweep.params.schedule.step_size=[0.01, 0.03, 0.1, 0.3]",
            "sweep.params.regularization.l2=[1.0e-4, 1.0e-3, 1.0e-2]",
        ))  # fmt: skip
        full = sweep.run(tmp_path / f"{seed}", settings.config)
        halving = settings.config.sweep.model_copy(update={"method": "halving"})
        config = settings.config.model_copy(update={"sweep": halving})
        search = Search(tmp_path / f"{seed}", config, trials(config))
        (epochs, left), _ = rungs(search)
        early = [read_result(result.trial, search.path(result.trial), epochs) for result in full]
        kept += sweep.ranked(full)[0].number in {one.number for one in sweep.ranked(early)[:left]}
        assert len(full) * epochs + left * (8 - epochs) <= len(full) * 8 / 2
    tell("full grids whose winner is not in halving's last rung", 10, 10 - kept)
    assert kept >= 9


@pytest.mark.parametrize(
    ("epochs", "candidates", "expected"),
    [
        (8, 24, [(1, 10), (None, 10)]),  # 24 * 1 + 10 * 7 = 94 of 96
        (5, 24, [(1, 9), (None, 9)]),  # 24 * 1 + 9 * 4 = 60 of 60
        (20, 3, [(2, 1), (None, 1)]),  # 3 * 2 + 1 * 18 = 24 of 30
        (100, 50, [(12, 21), (None, 21)]),  # 50 * 12 + 21 * 88 = 2,448 of 2,500
        (2, 24, [(1, 1), (None, 1)]),  # one goes on, though half of the epochs are gone
        (1, 24, [(None, 24)]),
    ],
)
def test_the_rungs_of_halving_by_hand(sweep, epochs, candidates, expected):
    config = sweep.config(
        f"train.epochs={epochs}", "sweep.method=halving",
        f"sweep.params.train.batch_size=[{', '.join(map(str, range(1, candidates + 1)))}]",
    )  # fmt: skip
    assert rungs(Search(Path(), config, trials(config))) == expected


def test_a_sweep_has_one_owner_and_its_own_data(sweep, tmp_path):
    config = sweep.config("sweep.params.model.loss=[softmax, svm]", "train.epochs=1")
    sweep.run(tmp_path / "s", config)
    with acquire(tmp_path / "s"), pytest.raises(RunInUseError):
        sweep.run(tmp_path / "s")
    with pytest.raises(UsageError, match="not an empty folder"):
        sweep.run(tmp_path / "s", config)
    with pytest.raises(RunError, match="not the directory of a sweep"):
        sweep.run(tmp_path / "s" / "001")
    (tmp_path / "s" / "config.yaml").write_text(dump(config).replace("noise: 60", "noise: 61"))
    with pytest.raises(DataError, match="the images have changed"):
        sweep.run(tmp_path / "s")


def test_a_run_directory_of_other_values_is_not_taken_for_a_trial(sweep, tmp_path):
    sweep.run(tmp_path / "s", sweep.config("sweep.params.model.loss=[softmax, svm]", "train.epochs=1"))
    path = tmp_path / "s" / "002" / "config.yaml"
    path.write_text(path.read_text().replace("loss: svm", "loss: softmax"))
    with pytest.raises(RunError, match="its config is not that of this run of the sweep"):
        sweep.run(tmp_path / "s")


def test_without_validation_images_there_is_no_sweep(sweep, tmp_path):
    options = "data.options={train: 60, val: 0, test: 0, classes: 3, size: 3}"
    with pytest.raises(UsageError, match="needs validation images"):
        sweep.run(tmp_path / "s", sweep.config("sweep.params.model.loss=[svm]", options, "data.val_fraction=0"))
    assert not (tmp_path / "s").exists()


def test_the_folds_of_a_candidate_are_judged_on_all_images_together(sweep, tmp_path):
    options = "data.options={train: 60, val: 0, test: 0, classes: 3, size: 3, noise: 60}"
    config = sweep.config("sweep.params.model.loss=[softmax]", "sweep.folds=3", "train.epochs=1", options)
    results = sweep.run(tmp_path / "s", config)
    (candidate,) = sweep.ranked(results)
    assert [result.n for result in results] == [20, 20, 20]
    assert candidate.n == 60
    assert candidate.correct == sum(round(20 * result.accuracy) for result in results)
    with pytest.raises(UsageError, match="has a validation split of its own"):
        sweep.run(tmp_path / "t", sweep.config("sweep.params.model.loss=[softmax]", "sweep.folds=3"))


def test_more_seeds_on_the_same_images_do_not_narrow_the_interval(sweep, tmp_path):
    results = sweep.run(tmp_path / "s", sweep.config("sweep.params.model.loss=[softmax]", "sweep.seeds=3"))
    (candidate,) = sweep.ranked(results)
    assert candidate.n == 40
    assert candidate.accuracy == pytest.approx(sum(result.accuracy for result in results) / 3)
    assert candidate.interval == wilson_interval(sum(round(40 * result.accuracy) for result in results) / 3, 40)


@pytest.mark.slow
def test_a_killed_process_is_told_and_the_sweep_goes_on_later(sweep, tmp_path, monkeypatch):
    config = sweep.config(*KINDS["random"])
    sweep.run(tmp_path / "whole", config)
    prepare = NewRun.prepare

    def killed(self, *arguments):
        if self.out.name == "003":
            os.kill(os.getpid(), signal.SIGKILL)
        return prepare(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(NewRun, "prepare", killed)
        with pytest.raises(StorageError, match="one of its processes was killed"):
            sweep.run(tmp_path / "s", config)
    sweep.run(tmp_path / "s")
    assert sweep.left(tmp_path / "s") == sweep.left(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_times(sweep, tmp_path, kind, kills):
    config = sweep.config(*KINDS[kind])
    began = time.monotonic()
    sweep.run(tmp_path / "whole", config)
    seconds, expected = time.monotonic() - began, sweep.left(tmp_path / "whole")
    draw, killed, number = random.Random(kind), 0, 0
    while killed < kills:
        directory = tmp_path / f"{(number := number + 1)}"
        while (
            ended := in_child(shortly, draw.uniform(0.05, 1.1) * seconds, directory, config, sweep)
        ) == -signal.SIGALRM:
            killed += 1
        assert ended == 0
        assert sweep.left(directory) == expected


def shortly(seconds, directory, config, sweep):
    """Sweep until an alarm ends this process, where it is; its workers end by themselves."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        while True:
            try:
                sweep.run(directory, None if (directory / "config.yaml").exists() else config)
            except RunInUseError:  # a worker of the one before is about to notice
                continue
            return 0
    except (ImgclfError, ValueError):
        return 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
