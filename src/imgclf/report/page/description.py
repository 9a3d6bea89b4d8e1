"""Describe a run for its page, in words and numbers."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgclf.config import dump
from imgclf.data.preprocess import default_scale
from imgclf.metrics import wilson_interval
from imgclf.report.diagnosis import diagnose
from imgclf.report.objective import formula, translations
from imgclf.report.page.baselines import baselines
from imgclf.report.run_facts import read_facts
from imgclf.report.shown_run import ShownRun
from imgclf.run.learning import read_steps
from imgclf.run.run_dir import read_json, read_status
from imgclf.training.class_weights import loss_at_zero

MOST_ROWS = 1_000  # of the table of epochs
MOST_CELLS = 200**2  # of a confusion matrix
MOST_CLASSES = 2_000  # with a row each
# Of environment.json: where the machine keeps its files is nobody's business, and the rest is elsewhere in the page.
_NOT_SHOWN = ("command", "cwd", "folder", "data_files", "data_classes")


def describe(run: ShownRun) -> dict[str, Any]:
    """Return what the page says in words and numbers."""
    model, config, seen = run.model, run.config, run.seen
    preprocess, classes = model.preprocess, len(model.class_names)
    environment = read_json(run.directory / "environment.json")
    words = environment.get("command")
    train, val = (None, seen) if run.val else (seen, None)
    facts = read_facts(run.directory, model=model, train=train, val=val, fitted=(preprocess, run.train))
    findings = diagnose(replace(facts, directory=_without_machine(run.directory)))
    metrics, steps = run.metrics, read_steps(run.directory)
    has_rows = classes <= MOST_CLASSES
    return {
        "run": run.directory.name,
        "title": f"{run.directory.name}: {model.loss}",
        "command": shlex.join(["imgclf", *map(str, words[1:])]) if isinstance(words, list) else "",
        "created": str(environment.get("started", "")),
        "version": str(environment.get("imgclf", "")),
        "status": read_status(run.directory),
        "loss": model.loss,
        "l2": model.l2,
        "l1": model.l1,
        "objective": {"formula": formula(config), "translations": translations(config, len(run.train))},
        "classes": list(model.class_names),
        "image": _image(run),
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
        "baselines": [one._asdict() for one in baselines(run)],
        "verdict": findings[0].sentence,
        "findings": [one._asdict() for one in findings],
        "epochs": _thinned(metrics),
        "steps": {"step": steps[0].tolist(), "loss": steps[1].tolist()} if steps else {"step": [], "loss": []},
        "steps_per_epoch": int(metrics["step"][0] or 1) if metrics.get("step") else None,
        "kept_epoch": run.kept_epoch,
        "guess": {
            "loss": loss_at_zero(model.loss, run.train.class_counts(), model.class_weights),
            "accuracy": 1 / classes,
        },
        "optimizer": config.optimizer.model_dump(),
        "schedule": config.schedule.model_dump(),
        "batch_size": config.train.batch_size,
        "class_weights": None if model.class_weights is None else model.class_weights.tolist(),
        "confusion": seen.confusion.tolist() if classes**2 <= MOST_CELLS and seen.confusion is not None else None,
        "per_class": [one._asdict() for one in seen.per_class()] if has_rows else [],
        "config": dump(facts.config),  # with the path of the data that the user gave
        "environment": {key: environment[key] for key in environment if key not in _NOT_SHOWN},
        "embedded": {"val": 0, "val_total": len(run.shown), "cells": 0, "train": 0},
        "sample": None,
        "val_names": None,
        "frames": None,
        "hill": None,
    }


def _without_machine(directory: Path) -> Path:
    """Return a directory as one would type it here, without the folders of the machine."""
    here = Path.cwd()
    if not directory.is_absolute():
        return directory
    return directory.relative_to(here) if directory.is_relative_to(here) else Path(directory.name)


def _image(run: ShownRun) -> dict[str, float] | None:
    """Return the shape of an image, and which of its values is white; None for feature vectors."""
    if not run.model.preprocess.is_image:
        return None
    height, width, channels = run.model.preprocess.example_shape
    return {"height": height, "width": width, "channels": channels, "white": default_scale(run.train)}


def _thinned(table: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return every row of a table, or every 2nd, 3rd..., and the last one."""
    rows = len(next(iter(table.values()), []))
    stride = -(-rows // MOST_ROWS) or 1
    return {name: column[:-1:stride] + column[-1:] for name, column in table.items()}
