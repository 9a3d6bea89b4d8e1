"""Check and find the data that a run was trained on.

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


def fingerprints(train: Dataset, val: Dataset | None) -> dict[str, str]:
    """Return the SHA-256 of each split that training reads; empty where there is no validation split."""
    return {"data_fingerprint": train.fingerprint(), "val_fingerprint": val.fingerprint() if val else ""}


def describe_data(train: Dataset, val: Dataset | None) -> dict[str, Any]:
    """Return what environment.json says of the data: the fingerprints, and enough to say later what has changed."""
    return {
        **fingerprints(train, val),
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
    """Refuse other data than a run was trained on, and say what has changed.

    sealed   the fingerprints that a checkpoint holds; without one, those of environment.json count

    A validation split is taken from the training images by number: of a folder that has changed since, it has
    images that were trained on. Raises DataError; RunError where the run does not say what it was trained on.
    """
    then = read_json(run / "environment.json") | dict(sealed or {})
    if "data_fingerprint" not in then:
        problem = "does not say which images the run was trained on"
        raise RunError(run / "environment.json", problem, "restore it, or train again")
    now = fingerprints(train, val)
    if any(then.get(key, fingerprint) != fingerprint for key, fingerprint in now.items()):
        raise DataError(where, _what_changed(then, describe_data(train, val)), remedy)


def images_then(run: Path) -> int | None:
    """Return how many images a run trained and validated on; None where it does not say."""
    images = read_json(run / "environment.json").get("data_images")
    return _total(images) if _are_counts(images) else None


def find_data(config: Config, run: Path, remedy: str) -> Config:
    """Return the config of a run with the path where its data is now.

    Where nothing is at the path that was trained on, the run may have moved together with its data. What is found
    is only a place to look at: `check_data` says whether it is the data.
    """
    path = config.data.path
    if path is None or os.path.exists(path):  # noqa: PTH110 - never raises
        return config
    for place in _moved(path, run):
        if os.path.exists(place):  # noqa: PTH110
            return with_data_path(config, place)
    raise DataError(path, _why_not(path), remedy)


def with_data_path(config: Config, path: str | None) -> Config:
    """Return the same config with its data elsewhere."""
    return config.model_copy(update={"data": config.data.model_copy(update={"path": path})})


def _moved(path: str, run: Path) -> Iterator[str]:
    """Yield where data may be: as far from the run, or from the current folder, as it was; beside the run."""
    environment, beside = read_json(run / "environment.json"), run.resolve().parent
    for was, here in ((environment.get("folder"), beside), (environment.get("cwd"), Path.cwd())):
        if isinstance(was, str) and Path(was).is_absolute() and "\0" not in was:
            yield os.path.normpath(here / os.path.relpath(path, was))
    yield str(beside / Path(path).name)


def _why_not(path: str) -> str:
    try:
        os.stat(path)  # noqa: PTH116 - as above
    except FileNotFoundError:
        return "no such file or folder"
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()
    return "it has just come back"


def _what_changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name the first thing that is not as it was; environment.json need not be well-formed."""
    classes, images = then.get("data_classes"), then.get("data_images")
    if isinstance(classes, list) and classes != now["data_classes"]:
        return f"other classes than the run began with: {_changed_names(classes, now['data_classes'])}"
    problem = "other images than the run began with"
    if not _are_counts(images):
        return problem
    if images == now["data_images"]:
        return f"{problem}: as many, but other pixels, labels or another order"
    if _total(images) != _total(now["data_images"]):
        return f"{problem}: {_total(images):,} images then, {_total(now['data_images']):,} now"
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
