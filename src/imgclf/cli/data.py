"""`imgclf data`: look at the images before they are learned from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, picture_size, table
from imgclf.cli.options import PATH, config_options, json_option, read_config, show_help

if TYPE_CHECKING:
    from imgclf.data.dataset import Dataset


@click.group("data", invoke_without_command=True, short_help="Look at data sets.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look at data sets."""
    show_help(ctx)


@command.command("info", short_help="Show splits, classes, sizes and fingerprints.")
@click.argument("path", type=PATH, required=False)
@config_options
@json_option
@click.pass_context
def info(
    ctx: click.Context, path: Path | None, files: tuple[Path, ...], overrides: tuple[str, ...], as_json: bool
) -> None:
    """Show how many images each class has in each split.

    Of the data that the config names, split as for training; or of PATH, as it is: a folder of images, of CIFAR or
    IDX files, a .tar.gz of CIFAR, or an .npz.
    """
    from imgclf.data.sources import recognise
    from imgclf.loading import load_all_splits, where

    console = Console(ctx, as_json=as_json)
    if path is not None:
        text = str(path.resolve()).replace("'", "''")
        overrides = (*overrides, f"data.source={recognise(path)}", f"data.path='{text}'", "data.val_fraction=0")
    config = read_config(files, overrides)
    splits = load_all_splits(config)
    content = summarise(str(path or where(config)), config.data.source, splits)
    names = list(content["splits"])
    rows = [
        [name, *(f"{content['splits'][split]['classes'][name]:,}" for split in names)] for name in content["classes"]
    ]
    rows.append(["all", *(f"{content['splits'][split]['n']:,}" for split in names)])
    first = next(iter(splits.values()))
    console.result(f"{content['data']} ({config.data.source}): {picture_size(first.example_shape)}, "
                   f"{len(first.class_names)} classes\n")  # fmt: skip
    console.result(table(["class", *names], rows) + "\n")
    for split in names:
        console.result(f"{split:<6} sha256 {content['splits'][split]['fingerprint']}")
    console.object(content)


def summarise(data: str, source: str, splits: "dict[str, Dataset]") -> dict[str, Any]:
    """Return what `--json` prints."""
    import numpy as np

    first = next(iter(splits.values()))
    names = first.class_names
    counts = {split: np.bincount(found.y, minlength=len(names)).tolist() for split, found in splits.items()}
    shape = first.example_shape
    return {
        "data": data,
        "source": source,
        "example_shape": list(shape),
        "color": None if len(shape) == 1 else "gray" if shape[2] == 1 else "rgb",
        "classes": list(names),
        "splits": {
            split: {
                "n": len(found),
                "classes": dict(zip(names, counts[split], strict=True)),
                "fingerprint": found.fingerprint(),
            }
            for split, found in splits.items()
        },
    }
