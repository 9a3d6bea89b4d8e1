"""Contents of the page: text and arrays within a budget of bytes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.data.class_names import as_text
from imgclf.data.dataset import Dataset
from imgclf.data.splits import stratified
from imgclf.errors import plural
from imgclf.metrics import wilson_interval
from imgclf.model import split
from imgclf.numerics.random_streams import PAGE
from imgclf.report.page.description import describe
from imgclf.report.page.hill import Hill, hill, path_losses, share_inside, sides
from imgclf.report.page.packing import Packed, blob, pack
from imgclf.report.page.rendering import json_for_html, render
from imgclf.report.page.samples import LOOKED_THROUGH, mistakes, predictions
from imgclf.report.shown_run import ShownRun
from imgclf.run.learning import LearningPath
from imgclf.speed.threads import workers

BUDGET = 3_000_000  # characters of a page
SIZE_OF_HTML = 200_000  # of it for the template, its style and its scripts
FRAMES = 12  # templates on the way
# Images of the sample, of training, and of wrong cells: the most, and their share of what the weights leave.
SAMPLE, TRAIN, MISTAKES = (600, 0.42), (400, 0.28), (100, 0.08)
QUANTILE = 0.995  # of |W|: a few huge weights must not turn all others to gray
MOST_BYTES = 1 << 26  # of images in which those of wrong cells are looked for
MOST_SCORES = 20_000  # of the training images: each point of the hill needs all of them
_AT_LEAST = 100  # training images, however many classes there are
_PROBED = 32  # images that tell how many fit


def page(run: ShownRun) -> bytes:
    """Return the page of a run. The same run gives the same bytes."""
    with workers(1):  # so that no last bit depends on the number of threads
        about = describe(run)
        budget = BUDGET
        while True:
            room = Room(about, budget - SIZE_OF_HTML)
            _fill(room, run)
            index, text = blob(room.arrays)
            html = render(room.about | {"arrays": index, "left_out": room.left_out}, text)
            if len(html) <= BUDGET or not room.arrays:
                return html
            budget -= len(html) - BUDGET


class Room:
    """What the page says and holds, as long as it fits, and what had to be left out."""

    def __init__(self, about: dict[str, Any], size: int) -> None:
        self.about = dict(about)
        self.left = size - len(json_for_html(about))
        self.arrays: dict[str, Packed] = {}
        self.left_out: list[str] = []

    def add(self, arrays: dict[str, NDArray[Any]], otherwise: str = "", **said: Any) -> bool:
        """Add arrays and what is said of them if all of it fits; else note what is missing."""
        packed = {name: pack(array) for name, array in arrays.items()}
        needed = sum(one.characters for one in packed.values()) + len(json_for_html(said))
        if needed > self.left:
            self.left_out += [otherwise] if otherwise else []
            return False
        self.arrays |= packed
        self.about |= said
        self.left -= needed
        return True


def _fill(room: Room, run: ShownRun) -> None:
    """Add everything in the order of its importance."""
    preprocess, (W, b) = run.model.preprocess, split(run.model.weights)
    fitted = {"mean": preprocess.mean, "std": preprocess.std}
    weights = {"W": W, "b": b} | {key: one.astype(np.float64) for key, one in fitted.items() if one is not None}
    room.add(weights, f"What is live: {plural(W.size, 'weight')} take more bytes than a page may have.")
    train = _add_examples(room, run)
    if run.path:
        _add_hill(room, run, run.path, train)
    else:
        also = " and the templates on the way" if preprocess.is_image else ""
        room.left_out.append(f"The hill{also}: the run has no path.npz.")
    if preprocess.is_image:
        _add_means(room, run)
    if preprocess.is_image and run.path:
        _add_frames(room, run.path, run.kept_place)


def _add_examples(room: Room, run: ShownRun) -> IntArray:
    """Add the images; return the rows of the training images."""
    shown, seed, none = run.shown, run.config.seed, np.zeros(0, np.int64)
    what = "images" if run.model.preprocess.is_image else "feature vectors"
    n, n_train, n_wrong = _how_many(room, run)
    if n < 1:
        room.left_out.append(f"All {what}: they did not fit.")
        return none
    counted = stratified(shown, n, seed, PAGE)
    looked_through = min(LOOKED_THROUGH, max(1, MOST_BYTES // max(1, shown.images[:1].nbytes)))
    wrong = mistakes(run.model, shown, stratified(shown, looked_through, seed, PAGE), n_wrong)
    rows = np.union1d(counted, wrong)
    number = {"val": len(counted), "val_total": len(shown), "cells": len(rows) - len(counted), "train": len(counted)}
    said: dict[str, Any] = {"sample": _judge(run, counted), "val_names": _names(shown, rows), "embedded": number}
    arrays = _examples("val", shown, rows) | {"val/counted": np.isin(rows, counted).astype(np.uint8)}
    if not room.add(arrays, f"All {what}: they did not fit.", **said):
        return none
    if not run.val:
        return counted
    train = stratified(run.train, n_train, seed, PAGE)
    if not len(train) or not room.add(_examples("train", run.train, train)):
        room.left_out.append(f"The training {what}: they did not fit.")
        train = none
    room.about["embedded"] = number | {"train": len(train)}
    return train


def _how_many(room: Room, run: ShownRun) -> tuple[int, int, int]:
    """Return how many images of the sample, of training and of wrong cells there is room for."""
    probe = run.shown.pixels(stratified(run.shown, _PROBED, run.config.seed, PAGE))
    each = pack(_stored(probe)).characters / len(probe)
    n, n_train, n_wrong = (min(most, int(share * room.left / each)) for most, share in (SAMPLE, TRAIN, MISTAKES))
    n_train = min(n_train, max(MOST_SCORES // len(run.model.class_names), _AT_LEAST))
    return (n, n_train, n_wrong) if run.val else (min(SAMPLE[0], n + n_train), 0, n_wrong)  # one sample for both


def _judge(run: ShownRun, rows: IntArray) -> dict[str, Any]:
    """Return the model's accuracy on those rows of the split that is shown."""
    right = int((predictions(run.model, run.shown, rows)[0] == run.shown.y_of(rows)).sum())
    return {"n": len(rows), "accuracy": right / len(rows), "interval": list(wilson_interval(right, len(rows)))}


def _examples(name: str, dataset: Dataset, rows: IntArray) -> dict[str, NDArray[Any]]:
    """Return the examples of a split at some rows, with their labels and row indices."""
    arrays = {
        "pixels": _stored(dataset.pixels(rows)),
        "y": dataset.y_of(rows).astype(np.int32),
        "index": rows.astype(np.int32),
    }
    return {f"{name}/{key}": array for key, array in arrays.items()}


def _stored(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)


def _names(dataset: Dataset, rows: IntArray) -> list[str] | None:
    """Return the file names of images, with the folder they are in; None if they have no files of their own."""
    paths = dataset.paths_of(rows)
    return None if paths is None else ["/".join(as_text(path).split("/")[-2:]) for path in paths]


def _add_hill(room: Room, run: ShownRun, path: LearningPath, rows: IntArray) -> None:
    """Add the plane through start and end: its grid and path, and what lets the page compute any point of it."""
    if not len(rows):
        room.left_out.append("The hill: it needs training examples.")
        return
    pixels = _stored(run.train.pixels(rows))  # as the page has them
    X, y = run.model.preprocess.apply(pixels).astype(np.float64), run.train.y_of(rows)
    plane = hill(run.model.objective, X, y, path.weights)
    if plane is None:
        same = (path.weights[0] == path.weights[-1]).all()
        why = "the weights at the end are those at the start" if same else "the way to the end spans no plane"
        room.left_out.append(f"The hill: {why}.")
        return
    description = _describe_hill(run, plane, path, X, y)
    if not np.isfinite(description["loss"]).all():
        room.left_out.append("The hill: its losses are no finite numbers.")
        return
    arrays = {"hill/scores": plane.scores.astype(np.float32)}
    if run.model.l1:
        arrays["hill/axes"] = plane.axes[:, :-1].astype(np.float32)
    room.add(arrays, "The hill: its scores did not fit.", hill=description)


def _describe_hill(
    run: ShownRun, plane: Hill, path: LearningPath, X: NDArray[np.float64], y: IntArray
) -> dict[str, Any]:
    a, b = plane.at(path.weights)
    across, up = sides(plane, a, b)
    losses = path_losses(run.model.objective, X, y, path.weights)
    kept = run.kept_place
    return {
        "a": across.tolist(),
        "b": up.tolist(),
        "loss": plane.grid(across, up).tolist(),
        "path": {
            "steps": path.steps.tolist(),
            "a": a.tolist(),
            "b": b.tolist(),
            "loss": losses,
            "loss_on_plane": plane.loss(a, b).tolist(),
        },
        "inside": share_inside(plane, path.weights),
        "start": [0.0, 0.0],
        "end": [float(a[-1]), float(b[-1])],
        "kept": None if kept is None else [float(a[kept]), float(b[kept])],
        "kept_loss": None if kept is None else losses[kept],
        "n": len(y),
        "products": plane.products.tolist(),
    }


def _add_means(room: Room, run: ShownRun) -> None:
    """Add the mean image of each class, black for a class without images: (C, H, W, channels)."""
    problem = "The mean image of each class: it did not fit."
    if run.model.preprocess.size * len(run.model.class_names) > BUDGET:
        room.left_out.append(problem)
        return
    black = np.zeros(run.model.preprocess.example_shape, np.uint8)
    room.add({"means": np.stack([black if mean is None else mean for mean in run.class_means])}, problem)


def _add_frames(room: Room, path: LearningPath, kept: int | None) -> None:
    """Add the templates at some steps of the path, as 255 levels from -scale to scale: (K, C, H, W, channels).

    kept   the place in the path of the weights that early stopping kept; None: the last ones
    """
    last, stride = len(path.steps) - 1, 1
    always = [last] if kept is None else [kept, last]
    while True:
        places = np.union1d(np.arange(0, last, stride), always).astype(int)
        if len(places) <= FRAMES:
            W = path.weights[places, :-1].astype(np.float64)  # (K, D, C)
            scale = np.quantile(np.abs(W), QUANTILE, axis=(1, 2))
            levels = np.rint(127 * np.clip(W / np.where(scale > 0, scale, 1)[:, None, None], -1, 1)).astype(np.int8)
            frame = None if kept is None else int(np.searchsorted(places, kept))
            said = {"steps": path.steps[places].tolist(), "scale": scale.tolist(), "kept": frame}
            if room.add({"frames": levels.transpose(0, 2, 1)}, frames=said):
                return
        if stride >= last:
            break
        stride *= 2
    room.left_out.append("The templates on the way: they did not fit.")
