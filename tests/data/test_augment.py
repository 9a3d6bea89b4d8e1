"""What an augmented image is follows from the seed, the step and its row, and from nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.data.augment import AugmentedReader, augmented, shifted
from imgclf.data.batches import Reader, epoch_sampler
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess, fit_preprocess
from imgclf.errors import UsageError
from imgclf.speed.threads import workers
from imgclf.training.epochs import Finished, Step, first_snapshot, train
from imgclf.training.plan import make_plan, make_sampler

RNG = np.random.default_rng(0)
pytestmark = pytest.mark.bits


def reader(N=50, height=6, width=5, channels=3):
    images = RNG.integers(0, 256, (N, height, width, channels), dtype=np.uint8)
    data = Dataset.of(images, np.arange(N) % 2, ("a", "b"))
    return Reader(Preprocess(data.example_shape, 1.0, None, None, "float64"), data)


def images_of(read, rows):
    return read(rows).X.reshape(len(rows), *read.read.dataset.example_shape)


def possible(image, flip, shift):
    """Return every image that one may become, by (mirrored, down, right): the slow way, pixel by pixel."""
    height, width, _ = image.shape
    found = {}
    for mirrored in (False, True) if flip else (False,):
        for down in range(-shift, shift + 1):
            for right in range(-shift, shift + 1):
                made = np.empty_like(image)
                for i in range(height):
                    for j in range(width):
                        from_i, from_j = min(max(i - down, 0), height - 1), min(max(j - right, 0), width - 1)
                        made[i, j] = image[from_i, width - 1 - from_j if mirrored else from_j]
                found[mirrored, down, right] = made
    return found


def which(read, rows):
    """Return (mirrored, down, right) of each image, found by comparing it with all that it may become."""
    found = []
    for row, image in zip(rows, images_of(read, rows), strict=True):
        choices = possible(read.read.dataset.images[row], read.flip, read.shift)
        (one,) = [change for change, made in choices.items() if (made == image).all()]
        found.append(one)
    return found


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("flip", "shift"), [(0.5, 0), (0.0, 2), (0.5, 1), (1.0, 2)])
def test_an_image_is_mirrored_and_moved_and_its_border_repeated(channels, flip, shift):
    read = AugmentedReader(reader(channels=channels), 3, 7, flip, shift)
    changes = which(read, np.arange(50))
    assert len(set(changes)) > 1
    if flip in (0, 1):
        assert {mirrored for mirrored, _, _ in changes} == {bool(flip)}


def test_the_order_and_the_company_of_the_rows_change_nothing():
    read, rows = AugmentedReader(reader(), 3, 7, 0.5, 2), RNG.permutation(50)
    whole = read(np.arange(50)).X
    assert read(rows).X.tobytes() == whole[rows].tobytes()
    for row in (0, 17, 49):
        for dtype in (np.uint32, np.int64):
            assert read(np.array([row], dtype)).X.tobytes() == whole[row : row + 1].tobytes()
    assert read(np.arange(50)).y.tolist() == read.read(np.arange(50)).y.tolist()


def test_seed_step_and_row_each_matter_and_the_same_ones_give_the_same_bytes():
    read, rows = reader(), np.arange(50)
    made = {
        (seed, step): tuple(which(AugmentedReader(read, seed, step, 0.5, 1), rows))
        for seed in (0, 1, 10**30)
        for step in range(3)
    }
    assert len(set(made.values())) == 9
    assert all(len(set(changes)) > 10 for changes in made.values())
    again = tuple(which(AugmentedReader(read, 1, 2, 0.5, 1), rows))
    assert again == made[1, 2]


def test_the_images_of_the_data_set_stay_as_they_are():
    read = reader()
    before = read.dataset.images.tobytes()
    AugmentedReader(read, 0, 0, 1.0, 2)(np.arange(50))
    assert read.dataset.images.tobytes() == before


def test_every_change_is_as_likely_as_it_should_be():
    images = np.zeros((40_000, 7, 7, 1), np.uint8)
    images[:, 3, 3] = 255  # where it goes is the shift
    images[:, 3, 4] = 128  # on which side it is says whether it is mirrored
    data = Dataset.of(images, np.zeros(40_000, int), ("a", "b"))
    read = AugmentedReader(Reader(Preprocess((7, 7, 1), 1.0, None, None, "float32"), data), 5, 0, 0.3, 2)
    X = images_of(read, np.arange(40_000))[..., 0]
    at = X.reshape(40_000, -1).argmax(axis=1)
    down, right = at // 7 - 3, at % 7 - 3
    mirrored = X[np.arange(40_000), down + 3, right + 2] == 128
    for side in (False, True):
        share = (0.7, 0.3)[side] / 25
        for i in range(-2, 3):
            for j in range(-2, 3):
                count = ((mirrored == side) & (down == i) & (right == j)).sum()
                assert count == pytest.approx(40_000 * share, abs=5 * np.sqrt(40_000 * share * (1 - share)))


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_shift_of_nothing_is_the_same_image(most):
    pixels = RNG.integers(0, 256, (9, 6, 5), dtype=np.uint8)
    nothing = np.zeros(9, int)
    np.testing.assert_array_equal(shifted(pixels, nothing, nothing, most), pixels)


def test_a_shift_is_down_and_to_the_right():
    pixels = np.zeros((2, 7, 6), np.uint8)
    pixels[:, 3, 2] = 1
    moved = shifted(pixels, np.array([2, -1]), np.array([1, 0]), 2)
    assert np.argwhere(moved).tolist() == [[0, 5, 3], [1, 2, 2]]


def test_without_changes_the_batches_are_the_very_same():
    read = reader()
    sample = epoch_sampler(50, 8, 0, read)
    assert augmented(sample, read, 0, flip=0.0, shift=0) is sample


def test_rows_are_those_without_augmentation():
    read = reader()
    sample = epoch_sampler(50, 8, 0, read)
    changed = augmented(sample, read, 0, flip=0.5, shift=0)
    assert [changed(step).rows.tolist() for step in range(9)] == [sample(step).rows.tolist() for step in range(9)]


SMALL = ("data.source=synthetic", "data.options={train: 700, classes: 3, size: 6}", "train.epochs=3")
ON = ("augment={flip: 0.5, shift: 1}", "train.batch_size=300")


def plan_of(*overrides):
    return make_plan(resolve(overrides=[*SMALL, *overrides]).config)


def end(plan, threads=1, snapshot=None):
    with workers(threads) as sum_blocks:
        *_, last = train(plan, sum_blocks, snapshot or first_snapshot(plan))
    assert isinstance(last, Finished)
    return last.model.weights.tobytes(), last.metrics()


def mirrored(dataset):
    return replace(dataset, images=np.ascontiguousarray(dataset.images[:, :, ::-1]))


def test_flip_1_is_training_on_mirrored_images():
    plan = plan_of("augment.flip=1", "train.kernel=plain", "preprocess.center=channel")
    usual = plan_of("train.kernel=plain", "preprocess.center=channel")
    sample = make_sampler(usual.config, mirrored(usual.train), usual.preprocess, usual.batch_size)
    on_mirrored = replace(usual, sample=sample)
    assert end(plan) == end(on_mirrored)
    assert end(plan)[0] != end(usual)[0]


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads):
    assert end(plan_of(*ON), threads) == end(plan_of(*ON))


def test_a_run_resumes_in_the_middle_of_an_epoch():
    plan, steps = plan_of(*ON), []
    with workers(1) as sum_blocks:
        steps += [one.snapshot for one in train(plan, sum_blocks, first_snapshot(plan)) if isinstance(one, Step)]
    middle = steps[3]
    assert 0 < middle.tally.examples < len(plan.train)
    assert end(plan_of(*ON), snapshot=middle) == end(plan)


def test_evaluation_and_the_mean_image_are_of_the_images_as_they_are():
    plans = [plan_of(*changes, "model.init_scale=1") for changes in (ON, ())]
    fitted = fit_preprocess(plans[0].train, scale=255, center="pixel", std="none", dtype="float32")
    assert {plan.preprocess.mean.tobytes() for plan in plans} == {fitted.mean.tobytes()}
    still, usual = (end(replace(plan, step_size=lambda step: 0.0)) for plan in plans)
    assert still == usual


def test_features_are_refused(tmp_path):
    np.savez(tmp_path / "f.npz", X=RNG.random((30, 4)), y=np.arange(30) % 3)
    data = ["data.source=npz", f"data.path='{tmp_path / 'f.npz'}'"]
    make_plan(resolve(overrides=[*data, "augment={flip: 0, shift: 0}"]).config)
    for change in ("flip", "shift"):
        with pytest.raises(UsageError, match="augment: feature vectors cannot be mirrored or shifted"):
            make_plan(resolve(overrides=[*data, f"augment.{change}=1"]).config)


def test_a_shift_out_of_view_is_refused():
    plan_of("augment.shift=5")
    with pytest.raises(UsageError, match=r"an image of 6 x 6 pixels, shifted by 6, may be out of view - at most 5"):
        plan_of("augment.shift=6")
