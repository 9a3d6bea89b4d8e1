"""Features of a run: computed once, on any number of threads, kept in the cache, and resumed where they stopped."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from imgclf.cli.signals import Stop
from imgclf.config import resolve
from imgclf.data.features.fitted import Features, FeaturesOnDemand, FeatureVectors
from imgclf.data.packs import writer
from imgclf.errors import UsageError
from imgclf.files.npy import in_place, mapped_file
from imgclf.machine.progress import listening
from imgclf.training.features import AT_ONCE, featured, fit_features
from imgclf.training.loading import load_training_data
from imgclf.training.plan import continue_from, make_plan

pytestmark = pytest.mark.bits

PATCHES = "features={name: patches, number: 4, patch: 3, pool: 2, scales: 2}"


OVERRIDES = ["data.source=synthetic", "data.options={train: 400, classes: 4, size: 12}", PATCHES]


def config(*overrides):
    return resolve(overrides=[*OVERRIDES, *overrides]).config


@pytest.fixture(name="computed")
def computed_fixture(monkeypatch):
    """The number of images of which features were computed, call by call."""
    calls = []

    def count(self, images, real=Features.__call__):
        calls.append(len(images))
        return real(self, images)

    monkeypatch.setattr(Features, "__call__", count)
    return calls


def files(kept):
    return {path.relative_to(kept): path.read_bytes() for path in sorted(kept.rglob("*")) if path.is_file()}


def test_any_number_of_threads_leaves_the_same_bytes(kept, tmp_path, monkeypatch):
    train, _ = load_training_data(config())
    features = fit_features(config(), train)
    made = {}
    for threads in (1, 2, 3):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(threads)))
        featured(features, train, threads)
        made[threads] = files(tmp_path / str(threads))
    assert made[1] == made[2] == made[3]
    assert len(made[1]) == 3
    monkeypatch.setenv("IMGCLF_CACHE", "0")
    in_memory = featured(features, train, 2)
    assert mapped_file(in_memory.images) is None
    assert in_memory.images.tobytes() == features(train.pixels(slice(None))).tobytes()


def test_the_second_start_maps_what_the_first_one_computed(kept, computed):
    first = make_plan(config())
    assert sum(computed) == 400
    second = make_plan(config())
    assert sum(computed) == 400
    assert len(list(kept.iterdir())) == 2  # train and val
    assert mapped_file(second.train.images).is_relative_to(kept)
    assert second.train.pixels(slice(None)).tobytes() == first.train.pixels(slice(None)).tobytes()


@pytest.mark.parametrize("change", ["features.pool=1", "seed=1", "data.options={train: 400, classes: 4, size: 13}"])
def test_other_features_and_other_images_are_other_entries(kept, computed, change):
    make_plan(config())
    make_plan(config(change))
    assert sum(computed) == 800


def test_what_was_stopped_goes_on_where_it_was_and_leaves_the_same_bytes(kept, computed, monkeypatch, tmp_path):
    monkeypatch.setattr(writer, "_BYTES_AT_RISK", 1)
    train, _ = load_training_data(config())
    features = fit_features(config(), train)
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "straight"))
        featured(features, train, 2)
    computed.clear()

    def stop_at_the_end(self, images, real=Features.__call__):
        if images.tobytes() == train.pixels(slice(10 * AT_ONCE, 11 * AT_ONCE)).tobytes():
            raise Stop
        return real(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(Features, "__call__", stop_at_the_end)
        with pytest.raises(Stop):
            featured(features, train, 2)
    begun = list(kept.iterdir())
    assert [path.suffix for path in begun] == [".begun"]
    computed.clear()
    featured(features, train, 1)
    assert sum(computed) == len(train) - 10 * AT_ONCE
    assert files(kept) == files(tmp_path / "straight" / "imgclf")


KILLED = """
import os, signal, sys
from imgclf.config import resolve
from imgclf.data.features.fitted import Features
from imgclf.data.packs import writer
from imgclf.training.plan import make_plan

writer._BYTES_AT_RISK, real, calls = 1, Features.__call__, []

def kill_at_the_eighth(self, images):
    calls.append(len(images))
    if len(calls) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, images)

Features.__call__ = kill_at_the_eighth
make_plan(resolve(overrides=sys.argv[1:]).config, threads=1)
"""


def test_a_process_that_is_killed_leaves_what_the_next_one_goes_on_with(kept, computed, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "straight"))
        make_plan(config())
    computed.clear()
    killed = subprocess.run([sys.executable, "-c", KILLED, *OVERRIDES], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.suffix for path in kept.iterdir()] == [".begun"]
    make_plan(config())
    assert sum(computed) < 400 - 4 * AT_ONCE
    assert files(kept) == files(tmp_path / "straight" / "imgclf")


def test_an_entry_of_something_else_and_a_damaged_one_are_made_again(kept, computed):
    plan = make_plan(config())
    expected = plan.train.pixels(slice(None)).tobytes()
    for entry in kept.iterdir():
        (entry / "imgclf-pack.json").write_text("{}")
    again = make_plan(config())
    assert again.train.pixels(slice(None)).tobytes() == expected
    assert sum(computed) == 800
    assert len(list(kept.iterdir())) == 2


def test_what_was_begun_and_damaged_is_begun_again(kept, computed):
    plan = make_plan(config())
    expected = plan.train.pixels(slice(None)).tobytes()
    for entry in list(kept.iterdir()):
        begun = kept / f"{entry.name}.begun"
        begun.mkdir()
        entry.rename(begun / entry.name)
        (begun / entry.name / "imgclf-pack.json").write_text("{")
    assert make_plan(config()).train.pixels(slice(None)).tobytes() == expected
    assert sum(computed) == 800
    assert [path.suffix for path in kept.iterdir()] == ["", ""]


def test_two_processes_compute_the_same_features_once(kept, computed, monkeypatch):
    """Threads, here: the lock is of the open file, so it keeps them apart, too."""
    train, _ = load_training_data(config())
    features = fit_features(config(), train)
    begun, waiting = Event(), Event()

    def slow(self, images, real=Features.__call__):
        begun.set()
        assert waiting.wait(60)
        return real(self, images)

    def see(progress):
        if progress.what.startswith("waiting"):
            waiting.set()

    monkeypatch.setattr(Features, "__call__", slow)
    with ThreadPoolExecutor(1) as pool, listening(see):
        first = pool.submit(featured, features, train, 1)
        assert begun.wait(60)
        second = featured(features, train, 1)
        assert second.images.tobytes() == first.result().images.tobytes()
    assert sum(computed) == len(train)
    assert len(list(kept.iterdir())) == 1


def test_a_cache_without_room_or_permission_means_computing_into_memory(kept, computed):
    kept.parent.mkdir()
    kept.write_text("a file in its place")
    plan = make_plan(config())
    assert mapped_file(plan.train.images) is None
    assert sum(computed) == 400


def test_features_are_learned_from_train_only():
    train, val = load_training_data(config())
    plan = make_plan(config(), load=lambda _: (train, val))
    turned = replace(val, images=255 - val.images, rows=val.rows[::-1])
    other = make_plan(config(), load=lambda _: (train, turned))
    assert other.features.fingerprint == plan.features.fingerprint
    assert other.val.pixels(slice(None)).tobytes() != plan.val.pixels(slice(None)).tobytes()


def test_the_images_identify_a_run_on_features():
    plain, plan = make_plan(config("features=null")), make_plan(config())
    assert plan.train.fingerprint == plain.train.fingerprint
    assert plan.val.fingerprint == plain.val.fingerprint
    assert plan.preprocess.std is not None
    assert plan.train.names_of(np.arange(5)) == plain.train.names_of(np.arange(5))


def test_a_plan_that_continues_from_a_model_has_its_features():
    plan = make_plan(config())
    other = make_plan(config("seed=1"), load=lambda _: load_training_data(config()))
    on = continue_from(other, plan.model(plan.weights))
    assert isinstance(on.train, FeatureVectors)
    assert on.train.pixels(slice(None)).tobytes() == plan.train.pixels(slice(None)).tobytes()
    assert other.train.images.tobytes() != plan.train.images.tobytes()


def test_a_draft_computes_only_what_is_looked_at_and_that_is_the_same(kept, computed):
    draft = make_plan(config(), draft=True)
    assert 0 < sum(computed) < 400
    assert not kept.exists()
    assert not in_place(draft.train.images)  # so a kernel asks for rows, and does not read what stands in their place
    plan = make_plan(config())
    rows = np.array([7, 3])
    out = np.empty((2, plan.features.size), np.float16)
    for one in (draft.train, draft.val):
        made = plan.train if one is draft.train else plan.val
        assert (one.example_shape, one.images.dtype) == (made.example_shape, made.images.dtype)
        assert one.fingerprint == made.fingerprint
        for some, same in ((one, made), (one.subset(rows), made.subset(rows))):
            assert some.pixels(rows[:1] // 7, out[:1]).tobytes() == same.pixels(rows[:1] // 7).tobytes()
            assert some.pixels(slice(2)).tobytes() == same.pixels(slice(2)).tobytes()
    on = continue_from(draft, plan.model(plan.weights))
    assert on.preprocess is plan.preprocess
    assert on.train.pixels(rows).tobytes() == plan.train.pixels(rows).tobytes()
    assert isinstance(draft.train, FeaturesOnDemand)
    assert mapped_file(on.train.images) is not None  # as it is in the cache by now


def test_feature_vectors_have_no_features(tmp_path):
    np.savez(tmp_path / "data.npz", X=np.eye(9, 4), y=np.arange(9) % 3)
    chosen = ["data.source=npz", f"data.path='{tmp_path / 'data.npz'}'", "features.name=hog"]
    with pytest.raises(UsageError, match="the data holds feature vectors, not images"):
        make_plan(resolve(overrides=chosen).config)


def test_features_can_not_be_mirrored_at_random():
    with pytest.raises(UsageError, match="feature vectors cannot be mirrored or shifted"):
        make_plan(config("augment.flip=0.5"))
