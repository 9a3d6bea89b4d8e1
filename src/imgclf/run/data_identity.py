"""Find a run's data, and check that it has not changed.

A path says where data is; its fingerprint says what it is.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from imgclf.config import Config
from imgclf.data.class_names import first_few
from imgclf.data.dataset import Dataset
from imgclf.errors import DataError, RunError
from imgclf.run.run_dir import read_json


def data_fingerprints(train: Dataset, val: Dataset | None) -> dict[str, str]:
    """Return the SHA-256 of train and val; empty if there is no validation split."""
    return {"data_fingerprint": train.fingerprint, "val_fingerprint": val.fingerprint if val else ""}


def describe_data(train: Dataset, val: Dataset | None) -> dict[str, Any]:
    """Return the data's part of environment.json: fingerprints, and enough to name later what has changed."""
    return {
        **data_fingerprints(train, val),
        "data_images": {"train": len(train), "val": len(val) if val else 0},
        "data_classes": list(train.class_names),
    }


def check_data(
    train: Dataset,
    val: Dataset | None,
    run: Path,
    where: str,
    remedy: str,
    sealed: Mapping[str, str] | None = None,
) -> None:
    """Raise DataError, naming the change, if the data is not that of a run.

    sealed   the fingerprints in a checkpoint, which count more than those in environment.json

    A validation split consists of row indices: drawn from a folder that has changed, it would contain images that were
    trained on. Raises RunError if the run has no fingerprints.
    """
    then = read_json(run / "environment.json") | dict(sealed or {})
    if "data_fingerprint" not in then:
        problem = "does not say which images the run was trained on"
        raise RunError(run / "environment.json", problem, "restore it, or train again")
    now = data_fingerprints(train, val)
    if any(then.get(key, fingerprint) != fingerprint for key, fingerprint in now.items()):
        raise DataError(where, _what_changed(then, describe_data(train, val), f"{train.unit}s"), remedy)


def images_then(run: Path) -> int | None:
    """Return the number of training and validation images of a run; None if it is not recorded."""
    images = read_json(run / "environment.json").get("data_images")
    return _total(images) if _are_counts(images) else None


def find_data(config: Config, run: Path, remedy: str) -> Config:
    """Return the config of a run with the current path of its data.

    If the original path is gone, the run may have moved together with its data. The path found is only a guess:
    `check_data` must confirm that the data is the same.
    """
    path = config.data.path
    if path is None or _exists(path):
        return config
    for candidate in _moved(path, run):
        if _exists(candidate) and not _exists(f"{candidate}/status.json"):  # a run may have the name of its data
            return with_data_path(config, candidate)
    raise DataError(path, _why_not(path), remedy)


def with_data_path(config: Config, path: str | None) -> Config:
    """Return the same config with another data path."""
    return config.model_copy(update={"data": config.data.model_copy(update={"path": path})})


def _moved(path: str, run: Path) -> Iterator[str]:
    """Yield possible paths of the data: relative to the run or the current folder as before, and beside the run."""
    environment, beside = read_json(run / "environment.json"), run.resolve().parent
    for was, here in ((environment.get("folder"), beside), (environment.get("cwd"), Path.cwd())):
        if isinstance(was, str) and Path(was).is_absolute() and "\0" not in was:
            yield os.path.normpath(here / os.path.relpath(path, was))
    yield str(beside / Path(path).name)


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - never raises


def _why_not(path: str) -> str:
    try:
        os.stat(path)  # noqa: PTH116 - as above
    except FileNotFoundError:
        return "no such file or folder"
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()
    return "it has just reappeared"


def _what_changed(then: Mapping[str, Any], now: Mapping[str, Any], noun: str) -> str:
    """Name the first difference; environment.json need not be well-formed. `noun` is what the examples are called."""
    classes, images = then.get("data_classes"), then.get("data_images")
    if isinstance(classes, list) and classes != now["data_classes"]:
        return f"the classes have changed since the run began: {_changed_names(classes, now['data_classes'])}"
    problem = f"the {noun} have changed since the run began"
    if not _are_counts(images):
        return problem
    if images == now["data_images"]:
        return f"{problem}: the same number, but other {'pixels' if noun == 'images' else 'values'}, labels or order"
    if _total(images) != _total(now["data_images"]):
        return f"{problem}: {_total(images):,} {noun} then, {_total(now['data_images']):,} now"
    was, is_now = (f"{one['train']:,} training and {one['val']:,} validation" for one in (images, now["data_images"]))
    return f"{problem}: {was} then, {is_now} now"


def _are_counts(images: object) -> TypeGuard[Mapping[str, int]]:
    return isinstance(images, dict) and all(isinstance(images.get(split), int) for split in ("train", "val"))


def _total(images: Mapping[str, int]) -> int:
    return images["train"] + images["val"]


def _changed_names(before: list[Any], after: list[str]) -> str:
    old, new = (dict.fromkeys(str(name)[:40] for name in names) for names in (before, after))
    changes = [f"{name!r} is new" for name in new if name not in old]
    changes += [f"{name!r} is missing" for name in old if name not in new]
    return first_few(changes, 4) or "in another order"
