"""All that the page says, and the arrays it holds, within a budget of bytes."""

import shlex
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.config import dump
from imgclf.data.class_names import as_text
from imgclf.data.dataset import Dataset
from imgclf.data.splits import stratified
from imgclf.errors import plural
from imgclf.gradients import analytic_gradient
from imgclf.metrics import wilson_interval
from imgclf.model import split
from imgclf.numerics.random_streams import PAGE
from imgclf.report.page.baselines import baselines
from imgclf.report.page.hill import Hill, hill, path_losses, share_inside, sides
from imgclf.report.page.packing import Packed, blob, pack
from imgclf.report.page.page_run import PageRun
from imgclf.report.page.rendering import render
from imgclf.report.page.samples import LOOKED_THROUGH, Sample, mistakes, predictions, with_mistakes
from imgclf.run.learning import LearningPath, read_path, read_steps
from imgclf.run.run_dir import read_json, read_status, read_table

BUDGET = 3_000_000  # characters of a page
SENTENCES = 4_000  # of it for what is said of what was left out
MOST_ROWS = 1_000  # of the table of epochs
MOST_CELLS = 200**2  # of a confusion matrix
MOST_CLASSES = 2_000  # with a row each
FRAMES = 12  # templates on the way
# Images of the sample, of training, and of wrong cells: the most, and their share of what the weights leave.
SAMPLE, TRAIN, MISTAKES = (600, 0.42), (400, 0.28), (100, 0.08)
QUANTILE = 0.995  # of |W|: a few huge weights must not turn all others to gray
_PROBED = 32  # images that tell how many fit


def page(run: PageRun, findings: Sequence[Any] = ()) -> str:
    """Return the page of a run; `findings` are what is said of it."""
    about = describe(run, findings)
    found, means = baselines(run)
    about["baselines"] = [one._asdict() for one in found]
    room = Room(BUDGET - SENTENCES - len(render(about | {"arrays": []}, "")))
    _add_arrays(run, about, room, means)
    about["arrays"], text = blob(room.arrays)
    return render(about, text)


class Room:
    """Arrays of a page, as long as they fit, and what had to be left out."""

    def __init__(self, characters: int) -> None:
        self.left = characters
        self.arrays: dict[str, Packed] = {}
        self.left_out: list[str] = []

    def add(self, arrays: dict[str, NDArray[Any]], otherwise: str = "") -> bool:
        """Add arrays if all of them fit; else note what is missing."""
        packed = {name: pack(array) for name, array in arrays.items()}
        needed = sum(one.characters for one in packed.values())
        if needed > self.left:
            self.left_out += [otherwise] if otherwise else []
            return False
        self.arrays |= packed
        self.left -= needed
        return True


def describe(run: PageRun, findings: Sequence[Any]) -> dict[str, Any]:
    """Return what the page says in words and numbers."""
    model, config, seen = run.model, run.config, run.seen
    preprocess, classes = model.preprocess, len(model.class_names)
    environment = read_json(run.directory / "environment.json")
    command = environment.get("command")
    metrics, steps = read_table(run.directory / "metrics.csv"), read_steps(run.directory)
    has_rows = classes <= MOST_CLASSES
    return {
        "run": run.directory.name,
        "title": f"{run.directory.name}: {model.loss}",
        "command": shlex.join(map(str, command)) if isinstance(command, list) else "",
        "created": str(environment.get("started", "")),
        "version": str(environment.get("imgclf", "")),
        "status": read_status(run.directory),
        "loss": model.loss,
        "l2": model.l2,
        "l1": model.l1,
        "objective": {"formula": "", "translations": []},
        "classes": list(model.class_names),
        "image": (
            dict(zip(("height", "width", "channels"), preprocess.example_shape, strict=True))
            if preprocess.is_image
            else None
        ),
        "preprocess": {
            "scale": preprocess.scale,
            "center": config.preprocess.center,
            "std": config.preprocess.std,
            "color": preprocess.color if preprocess.is_image else None,
            "size": config.preprocess.image_size,
            "resize": preprocess.resize,
            "norm": preprocess.norm,
        },
        "n": {"train": len(run.train), "val": len(run.val) if run.val else 0},
        "result": {
            "split": run.split,
            "accuracy": seen.accuracy,
            "interval": list(wilson_interval(seen.correct, seen.n)),
            "n": seen.n,
            "objective": seen.objective,
        },
        "verdict": findings[0].sentence if findings else "",
        "findings": [one._asdict() for one in findings],
        "epochs": _thinned(metrics),
        "steps": {"step": [], "loss": []}
        if steps is None
        else dict(zip(("step", "loss"), _lists(*steps), strict=True)),
        "steps_per_epoch": int(metrics["step"][0] or 1) if metrics.get("step") else None,
        "kept_epoch": run.kept_epoch,
        "guess": {"loss": run.loss_of_guessing, "accuracy": 1 / classes},
        "optimizer": config.optimizer.model_dump(),
        "schedule": config.schedule.model_dump(),
        "batch_size": config.train.batch_size,
        "class_weights": None if model.class_weights is None else model.class_weights.tolist(),
        "confusion": seen.confusion.tolist() if classes**2 <= MOST_CELLS and seen.confusion is not None else None,
        "per_class": [one._asdict() for one in seen.per_class()] if has_rows else [],
        "config": dump(config),
        "environment": {key: environment[key] for key in environment if key not in ("data_files", "data_classes")},
        "frames": None,
        "hill": None,
    }


def _thinned(table: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return every row of a table, or every 2nd, 3rd..., and the last one."""
    rows = len(next(iter(table.values()), []))
    stride = -(-rows // MOST_ROWS) or 1
    return {name: column[:-1:stride] + column[-1:] for name, column in table.items()}


def _add_arrays(run: PageRun, about: dict[str, Any], room: Room, means: FloatArray | None) -> None:
    """Add arrays in the order of their importance, and say in `about` what they are."""
    W, b = split(run.model.weights)
    fitted = {"mean": run.model.preprocess.mean, "std": run.model.preprocess.std}
    weights = {"W": W, "b": b} | {key: one.astype(np.float64) for key, one in fitted.items() if one is not None}
    size = f"{plural(W.size, 'weight')} take more bytes than a page may have"
    room.add(weights, f"The live parts: {size}.")
    shown, train = _add_examples(run, about, room)
    if path := read_path(run.directory):
        _add_hill(run, about, room, path, train)
    else:
        room.left_out.append("The hill and the templates on the way: the run has no path.npz.")
    if means is not None and (images := _mean_images(run, means)) is not None:
        room.add({"means": images}, "The mean image of each class: it did not fit.")
    if path and run.model.preprocess.is_image:
        _add_frames(run, about, room, path)
    about["left_out"] = room.left_out


def _add_examples(run: PageRun, about: dict[str, Any], room: Room) -> tuple[Sample, IntArray]:
    """Add the images; return the rows of those that are shown, and of the training images."""
    seed = run.config.seed
    probe = run.shown.pixels(stratified(run.shown, _PROBED, seed, PAGE))
    each = pack(_stored(probe)).characters / len(probe)
    n, n_train, n_wrong = (min(most, int(share * room.left / each)) for most, share in (SAMPLE, TRAIN, MISTAKES))
    counted = stratified(run.shown, n, seed, PAGE)
    wrong = mistakes(run.model, run.shown, stratified(run.shown, LOOKED_THROUGH, seed, PAGE), n_wrong)
    shown = with_mistakes(counted, wrong)
    what = "images" if run.model.preprocess.is_image else "feature vectors"
    if not len(shown.rows) or not room.add(
        {**_examples("val", run.shown, shown.rows), "val/counted": shown.counted.astype(np.uint8)}
    ):
        room.left_out.append(f"All {what}: they are too large for a page.")
    train = counted
    if run.val:
        train = stratified(run.train, n_train, seed, PAGE)
        room.add(_examples("train", run.train, train), f"The training {what}: they did not fit.")
    about["embedded"] = {
        "val": len(counted),
        "val_total": len(run.shown),
        "cells": len(shown.rows) - len(counted),
        "train": len(train),
    }
    about["sample"] = _judge(run, counted)
    about["val_names"] = _names(run.shown, shown.rows)
    return shown, train


def _judge(run: PageRun, rows: IntArray) -> dict[str, Any] | None:
    """Return the model's accuracy on those rows of the split that is shown."""
    if not len(rows):
        return None
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
    if dataset.paths is None:
        return None
    wanted = set(dataset.rows[rows].tolist())
    found = {i: path for i, path in enumerate(islice(dataset.paths(), max(wanted) + 1)) if i in wanted}
    return ["/".join(as_text(found[i]).split("/")[-2:]) for i in dataset.rows[rows].tolist()]


def _add_hill(run: PageRun, about: dict[str, Any], room: Room, path: LearningPath, rows: IntArray) -> None:
    """Add the plane through start and end: its grid and path, and what lets the page compute any point of it."""
    if not len(rows):
        return
    pixels = _stored(run.train.pixels(rows))  # as the page has them
    X, y = run.model.preprocess.apply(pixels).astype(np.float64), run.train.y_of(rows)
    end = run.model.weights.astype(np.float64)
    gradient = analytic_gradient(run.objective, Batch.of(X, y), end).grad
    plane = hill(run.objective, X, y, path.weights, end, gradient)
    if plane is None:
        room.left_out.append("The hill: the weights at the end are those at the start.")
        return
    arrays = {"hill/scores": plane.scores.astype(np.float32)}
    if run.model.l1:
        arrays["hill/axes"] = plane.axes[:, :-1].astype(np.float32)
    if room.add(arrays, "The hill: its scores did not fit."):
        about["hill"] = _describe_hill(run, plane, path, X, y)


def _describe_hill(run: PageRun, plane: Hill, path: LearningPath, X: FloatArray, y: IntArray) -> dict[str, Any]:
    a, b = plane.at(path.weights)
    end_a, end_b = (float(one[0]) for one in plane.at(run.model.weights[None]))
    across, up = sides(plane, np.append(a, end_a), np.append(b, end_b))
    return {
        "a": across.tolist(),
        "b": up.tolist(),
        "loss": plane.grid(across, up).tolist(),
        "path": {
            "steps": path.steps.tolist(),
            "a": a.tolist(),
            "b": b.tolist(),
            "loss": path_losses(run.objective, X, y, path.weights),
            "loss_on_plane": plane.loss(a, b).tolist(),
        },
        "inside": share_inside(plane, path.weights),
        "start": [0.0, 0.0],
        "end": [end_a, end_b],
        "n": len(y),
        "products": plane.products.tolist(),
    }


def _mean_images(run: PageRun, means: FloatArray) -> NDArray[np.uint8] | None:
    """Return the mean image of each class as bytes; black for a class without images; None if not known."""
    preprocess = run.model.preprocess
    if not preprocess.is_image or preprocess.norm:
        return None
    values = means if preprocess.std is None else means * preprocess.std
    values = values if preprocess.mean is None else values + preprocess.mean
    pixels = np.nan_to_num(values * preprocess.scale)
    return np.rint(pixels).clip(0, 255).astype(np.uint8).reshape(-1, *preprocess.example_shape)


def _add_frames(run: PageRun, about: dict[str, Any], room: Room, path: LearningPath) -> None:
    """Add the templates at some steps of the path, as 255 levels from -scale to scale: (K, C, H, W, channels)."""
    kept = np.arange(len(path.steps))
    while len(kept) > 2:
        if len(kept) <= FRAMES:
            W = path.weights[kept, :-1].astype(np.float64)  # (K, D, C)
            scale = np.quantile(np.abs(W), QUANTILE, axis=(1, 2))
            levels = np.rint(127 * np.clip(W / np.where(scale > 0, scale, 1)[:, None, None], -1, 1)).astype(np.int8)
            if room.add({"frames": levels.transpose(0, 2, 1)}):
                about["frames"] = {"steps": path.steps[kept].tolist(), "scale": scale.tolist()}
                return
        kept = np.append(kept[:-1:2], kept[-1])
    room.left_out.append("The templates on the way: they did not fit.")


def _lists(*arrays: NDArray[Any]) -> Iterable[list[Any]]:
    return (array.tolist() for array in arrays)
