"""All that the page says, and the arrays it holds, within a budget of bytes."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.config import dump
from imgclf.data.splits import stratified
from imgclf.metrics import wilson_interval
from imgclf.model import split
from imgclf.numerics.random_streams import PAGE
from imgclf.report.page.packing import Packed, blob, pack
from imgclf.report.page.page_run import PageRun
from imgclf.report.page.rendering import render
from imgclf.report.page.samples import LOOKED_THROUGH, mistakes, with_mistakes
from imgclf.run.run_dir import read_json, read_status, read_table

BUDGET = 3_000_000  # bytes of a page


def page(run: PageRun, findings: Sequence[Any] = ()) -> str:
    """Return the page of a run."""
    about = describe(run, findings)
    arrays = model_arrays(run) | examples(run, about)
    about["arrays"], text = blob(arrays)
    return render(about, text)


def describe(run: PageRun, findings: Sequence[Any]) -> dict[str, Any]:
    """Return all that the page says in words and numbers."""
    model, config, seen = run.model, run.config, run.seen
    environment = read_json(run.directory / "environment.json")
    preprocess = model.preprocess
    metrics = read_table(run.directory / "metrics.csv")
    return {
        "run": run.directory.name,
        "title": f"{run.directory.name}: {model.loss}",
        "command": shlex.join(map(str, environment.get("command", []))),
        "created": environment.get("started", ""),
        "version": environment.get("imgclf", ""),
        "status": read_status(run.directory),
        "loss": model.loss,
        "l2": model.l2,
        "l1": model.l1,
        "objective": {"formula": "", "translations": []},
        "classes": list(model.class_names),
        "image": dict(zip(("height", "width", "channels"), preprocess.example_shape, strict=True))
        if preprocess.is_image else None,
        "preprocess": {
            "scale": preprocess.scale, "center": config.preprocess.center, "std": config.preprocess.std,
            "color": preprocess.color if preprocess.is_image else None, "resize": preprocess.resize,
            "size": config.preprocess.image_size, "norm": preprocess.norm,
        },
        "n": {"train": len(run.train), "val": len(run.val) if run.val else 0},
        "result": {
            "split": run.split, "accuracy": seen.accuracy, "n": seen.n, "objective": seen.objective,
            "interval": list(wilson_interval(seen.correct, seen.n)),
        },
        "baselines": [],
        "verdict": findings[0].sentence if findings else "",
        "findings": [one._asdict() for one in findings],
        "epochs": metrics,
        "steps": {"step": [], "loss": []},
        "steps_per_epoch": int(metrics["step"][0] or 1) if metrics["step"] else None,
        "kept_epoch": run.kept_epoch,
        "guess": {"loss": run.loss_of_guessing, "accuracy": 1 / len(model.class_names)},
        "optimizer": config.optimizer.model_dump(),
        "schedule": config.schedule.model_dump(),
        "batch_size": config.train.batch_size,
        "class_weights": None if model.class_weights is None else model.class_weights.tolist(),
        "confusion": None if seen.confusion is None else seen.confusion.tolist(),
        "per_class": [one._asdict() for one in seen.per_class()],
        "frames": None,
        "hill": None,
        "left_out": [],
        "config": dump(config),
        "environment": {key: value for key, value in environment.items() if key != "data_files"},
    }  # fmt: skip


def model_arrays(run: PageRun) -> dict[str, Packed]:
    """Return the arrays of the model."""
    W, b = split(run.model.weights)
    preprocess = run.model.preprocess
    arrays = {"W": W, "b": b, "mean": preprocess.mean, "std": preprocess.std}
    return {
        name: pack(np.ascontiguousarray(array, np.float64 if name in ("mean", "std") else None))
        for name, array in arrays.items() if array is not None
    }  # fmt: skip


def examples(run: PageRun, about: dict[str, Any]) -> dict[str, Packed]:
    """Return the arrays of the images, and say in `about` how many there are."""
    seed, D = run.config.seed, run.model.preprocess.size
    most = max(1, min(1000, 1_800_000 // D))
    counted = stratified(run.shown, most * 6 // 10, seed, PAGE)
    among = stratified(run.shown, LOOKED_THROUGH, seed, PAGE)
    wrong = mistakes(run.model, run.shown, among, most // 10)
    shown = with_mistakes(counted, wrong)
    packed = of_rows("val", run.shown, shown.rows) | {"val/counted": pack(shown.counted.astype(np.uint8))}
    about["embedded"] = {"val": len(counted), "val_total": len(run.shown), "cells": len(shown.rows) - len(counted)}
    train = counted
    if run.val:
        train = stratified(run.train, most * 4 // 10, seed, PAGE)
        packed |= of_rows("train", run.train, train)
    about["embedded"]["train"] = len(train)
    return packed


def of_rows(name: str, dataset: Any, rows: NDArray[Any]) -> dict[str, Packed]:
    """Return the images of a split at these rows, with their labels and row indices."""
    pixels = dataset.pixels(rows)
    arrays = {"pixels": pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32),
              "y": dataset.y_of(rows).astype(np.int32), "index": rows.astype(np.int32)}  # fmt: skip
    return {f"{name}/{key}": pack(array) for key, array in arrays.items()}
