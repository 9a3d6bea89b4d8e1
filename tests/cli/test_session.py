"""A run can be trained from Python: the same directory as by the command, but for its pictures."""

import pytest

from imgclf.config import resolve
from imgclf.errors import DataError, DivergedError, UsageError
from imgclf.run.model_file import load_model
from imgclf.run.run_dir import read_status
from imgclf.run.session import train_run

SMALL = ("data.source=synthetic", "data.options={train: 300, classes: 3, size: 6}", "train.epochs=2")


def config(*overrides):
    return resolve(overrides=[*SMALL, *overrides]).config


def test_it_leaves_the_bytes_that_the_command_leaves(imgclf, tmp_path):
    done = train_run(config(), tmp_path / "by-python")
    sets = [word for setting in SMALL for word in ("-s", setting)]
    assert imgclf("train", *sets, "--no-plots", "--out", tmp_path / "by-command").code == 0
    assert done.directory == tmp_path / "by-python"
    for name in ("config.yaml", "metrics.csv", "metrics.json", "model.npz", "status.json"):
        assert (done.directory / name).read_bytes() == (tmp_path / "by-command" / name).read_bytes(), name
    assert load_model(done.directory / "model.npz").weights.tobytes() == done.finished.model.weights.tobytes()


def test_runs_without_a_place_get_one_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [train_run(config(f"seed={seed}")).directory.as_posix() for seed in (0, 1)]
    assert names == ["runs/synthetic-softmax", "runs/synthetic-softmax-2"]


def test_when_it_returns_the_directory_is_free(imgclf, tmp_path):
    done = train_run(config(), tmp_path / "run")
    assert imgclf("train", "--resume", done.directory, "-s", "train.epochs=3", "--no-plots").code == 0


def test_what_diverges_is_raised_and_told_in_the_directory(tmp_path):
    with pytest.raises(DivergedError):
        train_run(config("schedule={name: constant, step_size: 1e30}", "model.loss=svm_squared"), tmp_path / "run")
    assert read_status(tmp_path / "run") == "diverged"


@pytest.mark.parametrize(("wrong", "error"), [
    (lambda at: resolve(overrides=["data.source=pack", f"data.path={at / 'nowhere'}"]).config, DataError),
    (lambda at: config("early_stopping={monitor: val/loss, patience: 1}", "data.val_fraction=0"), UsageError),
])  # fmt: skip
def test_where_something_is_wrong_nothing_is_begun(tmp_path, wrong, error):
    with pytest.raises(error):
        train_run(wrong(tmp_path), tmp_path / "run")
    assert not (tmp_path / "run").exists()
