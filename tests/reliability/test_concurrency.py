"""Several processes at once on one run: one trains, others read, and none sees half a file."""

from functools import partial

import pytest

from children import at_once
from imgclf.errors import RunInUseError, UsageError
from imgclf.files.writing import write_whole
from imgclf.run import run_dir
from imgclf.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from imgclf.run.model_file import load_model, model_bytes
from imgclf.training.epochs import first_snapshot

pytestmark = pytest.mark.slow

QUICK, LONG = 200, 10_000  # saves
PAIRS = pytest.mark.parametrize("pairs", [10, pytest.param(50, marks=pytest.mark.long)])


def reported(function):
    """Return the exit code that the command line would end with."""
    try:
        function()
    except (UsageError, RunInUseError) as error:
        return error.exit_code
    return 0


@PAIRS
def test_of_two_that_begin_at_once_one_trains_as_if_it_were_alone(runs, tell, pairs):
    plan = runs.plan()
    runs.begin(plan, runs.at / "alone")
    expected = runs.left(runs.at / "alone")
    for number in range(pairs):
        directory = runs.at / f"pair-{number}"
        begin = partial(reported, partial(runs.begin, plan, directory))
        assert sorted(at_once(begin, begin)) == [0, 2]
        assert runs.left(directory) == expected
    tell("pairs that begin one run at once, or go on with it", pairs, 0)


@PAIRS
def test_of_two_that_go_on_at_once_none_harms_the_other(runs, tell, pairs):
    plan = runs.plan()
    runs.begin(plan, runs.at / "alone")
    expected = runs.left(runs.at / "alone")
    for number in range(pairs):
        directory = runs.at / f"pair-{number}"
        runs.begin(plan, directory, 5)  # an epoch
        resume = partial(reported, partial(runs.resume, plan, directory))
        codes = at_once(resume, resume)
        assert 0 in codes
        assert set(codes) <= {0, 7}  # 0 twice: the first was finished when the second began
        assert runs.left(directory) == expected
    tell("pairs that begin one run at once, or go on with it", pairs, 0)


@pytest.mark.parametrize("number", [30, pytest.param(100, marks=pytest.mark.long)])
def test_many_that_begin_at_once_get_as_many_directories(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)

    def create(who):
        run_dir.create("cats", None, {"config.yaml": b"", "who": str(who).encode()})[1].close()

    assert at_once(*(partial(create, who) for who in range(number))) == [0] * number
    made = list((tmp_path / "runs").iterdir())
    assert {path.name for path in made} == {"cats", *(f"cats-{count}" for count in range(2, number + 1))}
    assert sorted(int((path / "who").read_text()) for path in made) == list(range(number))


def test_who_reads_while_another_saves_sees_whole_files(runs):
    read_and_save(runs, QUICK)


@pytest.mark.long
def test_who_reads_while_another_saves_ten_thousand_times_sees_whole_files(runs, tell):
    read_and_save(runs, LONG)
    tell("saves while two others read", LONG, 0)


def read_and_save(runs, saves):
    """Save a model and a checkpoint again and again, and read both until that is over."""
    plan, directory = runs.plan(), runs.at / "run"
    directory.mkdir()
    snapshot = first_snapshot(plan)

    def save(step):
        state = snapshot.state._replace(step=step, weights=snapshot.state.weights + step)
        write_whole(directory / "model.npz", model_bytes(plan.model(state.weights)))
        save_checkpoint(directory, Checkpoint(snapshot.__class__(state), {}, {}))
        run_dir.write_status(directory, "running" if step < saves else "finished")

    def save_all():
        for step in range(1, saves + 1):
            save(step)

    def read():
        seen, reads = 0, 0
        while run_dir.read_status(directory) != "finished":
            model = load_model(directory / "model.npz").weights
            checkpoint, _ = load_checkpoint(directory)
            step = checkpoint.snapshot.state.step
            whole = (model == model[0, 0]).all() and (checkpoint.snapshot.state.weights == step).all()
            if not (whole and model[0, 0] >= seen and step >= seen):
                return 1
            seen, reads = model[0, 0] - 1, reads + 1
        return 0 if reads > saves // 50 else 2

    save(0)
    assert at_once(save_all, read, read) == [0, 0, 0]


def test_a_writer_that_does_not_rename_is_caught(runs, all_write, monkeypatch):
    """The alarm rings."""
    all_write(runs.write_naively)
    monkeypatch.setitem(globals(), "write_whole", runs.write_naively)
    with pytest.raises(AssertionError):
        read_and_save(runs, QUICK)
