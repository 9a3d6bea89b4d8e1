"""Every number of the page is Python's."""

import json
from base64 import b64decode

import numpy as np
import pytest

from browser.page import SMALL, about_and_arrays, read, write_page
from imgclf.arrays import Batch
from imgclf.gradients import evaluate_loss
from imgclf.optimizers import OPTIMIZERS
from imgclf.report.confusion import write_confusion_csv
from imgclf.training.evaluation import score_images

SPLITS = ("val", "train")
SCORES = """
const D = data.W.length / data.b.length, split = data[arguments[0]];
return Array.from(split.y, (_, i) => {
  const x = core.preprocess(split.pixels.subarray(i * D, (i + 1) * D), data);
  return Array.from(core.scores(x, data.W, data.b));
});
"""
BYTES = """
const {buffer, byteOffset, byteLength} = data[arguments[0]].pixels;
return btoa(Array.from(new Uint8Array(buffer, byteOffset, byteLength), (byte) => String.fromCharCode(byte)).join(""));
"""
SETTINGS = {
    "softmax": (),
    "svm": ("model.loss=svm", "preprocess.std=pixel"),
    "squared": ("model.loss=svm_squared", "preprocess.center=channel", "schedule.step_size=0.01"),
    "crammer singer": ("model.loss=svm_cs", "preprocess.norm=l2", "train.class_weight=balanced"),
    "one versus rest, l1": ("model.loss=logistic_ovr", "regularization.l1=0.001", "model.init_scale=0.01"),
    "float64": ("train.dtype=float64", "preprocess.center=none"),
    "no val": ("data.val_fraction=0",),
    "two classes, color": ("data.source=synthetic", "data.options={classes: 2, size: 9, channels: 3, train: 200}"),
}


@pytest.fixture(params=SETTINGS, scope="module")
def opened(request, browser, run_directory, tmp_path_factory):
    """A run and its page, open in the browser."""
    run = read(run_directory(*SMALL, *SETTINGS[request.param]))
    path = write_page(run, tmp_path_factory.mktemp("page") / "report.html")
    browser.open(path)
    return run, path


def stored(run, split, index):
    """The dataset of a split of the page, and the scores of some of its examples by the run's own model."""
    dataset = run.shown if split == "val" else run.train
    return dataset, score_images(run.model, dataset.pixels(index))


def check_scores(browser, run):
    """The scores of all embedded images are those of the model on the images of these rows, and so are the classes."""
    for split in SPLITS:
        index, y = (np.array(browser.run(f"return Array.from(data.{split}.{key})")) for key in ("index", "y"))
        dataset, expected = stored(run, split, index)
        found = np.array(browser.run(SCORES, split))
        assert (y == dataset.y_of(index)).all()
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_scores_of_all_embedded_images_are_the_models(browser, opened):
    check_scores(browser, opened[0])


def test_pixels_are_those_of_the_split(browser, opened):
    run, _ = opened
    for split in SPLITS:
        index = np.array(browser.run(f"return Array.from(data.{split}.index)"))
        dataset, _ = stored(run, split, index)
        expected = dataset.pixels(index).ravel()
        found = np.frombuffer(b64decode(browser.run(BYTES, split)), expected.dtype)
        assert (found == expected).all()


def test_probabilities_are_those_of_softmax(browser, opened):
    run, _ = opened
    s = score_images(run.model, run.shown.pixels(np.arange(20))).astype(np.float64)
    exps = np.exp(s - s.max(axis=1, keepdims=True))
    found = browser.run("return arguments[0].map(s => Array.from(core.softmax(Float64Array.from(s))))", s.tolist())
    np.testing.assert_allclose(found, exps / exps.sum(axis=1, keepdims=True), atol=1e-12)


@pytest.mark.usefixtures("opened")
def test_the_parts_of_a_score_add_up_to_it(browser):
    found = browser.run("""
    const C = data.b.length, D = data.W.length / C, ink = core.byInk(data), pixels = data.val.pixels.subarray(0, D);
    const x = core.preprocess(pixels, data), s = core.scores(x, data.W, data.b);
    const { norm, scale } = data.about.preprocess, divisor = norm ? Math.hypot(...pixels) || 1 : scale;
    const values = Float64Array.from(pixels, v => v / divisor), parts = [];
    for (let c = 0; c < C; c++) {
      parts.push([s[c], core.evidence(x, data.W, data.b, c), core.evidence(values, ink.W, ink.b, c)]);
      parts.push([s[c] - s[0], core.difference(x, data.W, data.b, c, 0), core.difference(values, ink.W, ink.b, c, 0)]);
    }
    return parts.map(([score, ...ways]) => [score, ...ways.map(e => ({ ...e, terms: Array.from(e.terms) }))]);
    """)
    for score, *ways in found:
        for one in ways:
            size = np.abs(one["terms"]).sum() + abs(one["bias"])
            rounding = 2 * (len(one["terms"]) + 1) * np.finfo(float).eps * size
            assert abs(one["score"] - score) <= rounding
            assert abs(sum(one["terms"]) + one["bias"] - score) <= rounding
            assert one["for"] >= 0 >= one["against"]
            assert one["for"] + one["against"] + one["bias"] == one["score"]


def surface(browser, points):
    """The loss and its slopes at points (a, b) of the hill, (m, 3)."""
    script = (
        "return arguments[0].map(([a, b]) => { const s = core.surface(data.hill, a, b); return [s.loss, ...s.grad]; })"
    )
    return np.array(browser.run(script, [list(map(float, one)) for one in points]))


def test_the_hill_is_the_loss_at_its_weights(browser, opened):
    run, path = opened
    about, _ = about_and_arrays(path)
    hill, rows = about["hill"], np.array(browser.run("return Array.from(data.train.index)"))
    batch = Batch.of(run.model.preprocess.apply(run.train.pixels(rows)).astype(np.float64), run.train.y_of(rows))
    axes = axes_by_hand(run)
    places = [(i, j) for i in range(3, 31, 6) for j in range(1, 31, 6)]
    points = [hill["start"], hill["end"], *((hill["a"][j], hill["b"][i]) for i, j in places)]
    expected = [evaluate_loss(run.model.objective, batch, axes[0] + a * axes[1] + b * axes[2])[0] for a, b in points]
    np.testing.assert_allclose(surface(browser, points)[:, 0], expected, atol=1e-6)
    np.testing.assert_allclose([hill["loss"][i][j] for i, j in places], expected[2:], atol=1e-6)
    assert expected[1] == pytest.approx(evaluate_loss(run.model.objective, batch, run.model.weights)[0], abs=1e-6)


def axes_by_hand(run):
    """Start, first and second axis: the latter is the direction of the largest spread of what is left of the path."""
    with np.load(run.directory / "path.npz") as file:
        path = file["weights"].astype(np.float64)
    start, end = path[0], run.model.weights.astype(np.float64)
    first = (end - start) / np.linalg.norm(end - start)
    away = (path - start).reshape(len(path), -1)
    rest = away - np.outer(away @ first.ravel(), first.ravel())
    second = np.linalg.svd(rest, full_matrices=False)[2][0]
    strayed = rest @ second
    second *= np.sign(strayed[np.abs(strayed).argmax()])
    return start, first, second.reshape(start.shape)


def test_the_slopes_of_the_hill_are_between_its_differences_on_both_sides(browser, opened):
    _, path = opened
    hill, h = about_and_arrays(path)[0]["hill"], 1e-4
    points = np.array([(0.37 * hill["a"][k] + 0.1, 0.81 * hill["b"][k]) for k in (2, 9, 17, 28)])
    loss, *slopes = surface(browser, points).T
    for slope, step in zip(slopes, h * np.eye(2), strict=True):
        before, after = (surface(browser, points + sign * step)[:, 0] for sign in (-1, 1))
        tiny = 1e-14 * loss / h
        assert ((loss - before) / h - tiny <= slope).all()
        assert (slope <= (after - loss) / h + tiny).all()


def test_the_hill_is_convex_on_its_grid(opened):
    loss = np.array(about_and_arrays(opened[1])[0]["hill"]["loss"])
    diagonals = (loss[2:, 2:] + loss[:-2, :-2], loss[2:, :-2] + loss[:-2, 2:])
    least = min((sums - 2 * loss[1:-1, 1:-1]).min() for sums in diagonals)
    assert min(least, *(np.diff(loss, 2, axis=axis).min() for axis in (0, 1))) >= -1e-9 * np.abs(loss).max()


def test_path_and_end_are_inside_the_grid(opened):
    hill = about_and_arrays(opened[1])[0]["hill"]
    for axis, values in enumerate((hill["path"]["a"], hill["path"]["b"])):
        ends = hill["ab"[axis]]
        assert ends[0] < min(*values, hill["end"][axis])
        assert max(*values, hill["end"][axis]) < ends[-1]


BALL = """
const [name, options, start, size] = arguments, optimizer = core.OPTIMIZERS[name](options), state = optimizer.init(2);
let at = start;
const path = [];
for (let i = 0; i < 50; i++) {
  const direction = optimizer.direction(Float64Array.from(core.surface(data.hill, ...at).grad), state);
  at = at.map((w, k) => w - size * direction[k]);
  path.push(at);
}
return path;
"""
OTHER = {"momentum": {"momentum": 0.5}, "nesterov": {"momentum": 0.8}, "adagrad": {"epsilon": 1e-3},
         "rmsprop": {"decay": 0.7, "epsilon": 1e-4}, "adam": {"beta1": 0.6, "beta2": 0.9, "epsilon": 1e-5}}  # fmt: skip


@pytest.mark.parametrize("is_default", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_of_the_ball_are_those_of_the_optimizer(browser, opened, name, is_default):
    run, path = opened
    about, arrays = about_and_arrays(path)
    start, size = [about["hill"]["a"][4], about["hill"]["b"][25]], 0.05
    s, y = arrays["hill/scores"].astype(np.float64), np.array(browser.run("return Array.from(data.train.y)"))
    options = {} if is_default else OTHER.get(name, {})
    axes = np.array(axes_of(arrays, run))
    axes[:, -1] = 0  # b has no penalty

    def gradient(a, b):
        _, dscores = run.model.objective.loss_fn(s[0] + a * s[1] + b * s[2], y)
        penalty = run.model.objective.penalty_gradient(axes[0] + a * axes[1] + b * axes[2])
        return np.array([(dscores * s[k]).sum() / len(y) + (penalty * axes[k]).sum() for k in (1, 2)])

    optimizer = OPTIMIZERS[name](**options)
    at, state, expected = np.array(start), optimizer.init(np.zeros(2)), []
    for _ in range(50):
        direction, state = optimizer.direction(gradient(*at), state)
        at = at - size * direction
        expected.append(at)
    np.testing.assert_allclose(browser.run(BALL, name, options, start, size), expected, atol=1e-9)


def axes_of(arrays, run):
    """The axes as the page has them: in full with l1, else only their inner products count."""
    if "hill/axes" in arrays:
        return [np.vstack([one, np.zeros(one.shape[1])]) for one in arrays["hill/axes"].astype(np.float64)]
    return axes_by_hand(run)


def test_counts_are_those_of_the_confusion_matrix(opened):
    run, path = opened
    about, _ = about_and_arrays(path)
    lines = write_confusion_csv(run.seen.confusion, run.model.class_names).splitlines()[1:]
    assert [[int(cell) for cell in line.split(",")[1:]] for line in lines] == about["confusion"]
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert about["result"]["accuracy"] == (metrics["val"] or metrics["train"])["accuracy"]
    assert np.trace(about["confusion"]) / about["result"]["n"] == about["result"]["accuracy"]


def test_nothing_is_said_and_nothing_asked_for(browser, opened):
    browser.open(opened[1])
    assert browser.messages() == []
    assert browser.requests() == [opened[1].resolve().as_uri()]
