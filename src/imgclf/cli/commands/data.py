"""`imgclf data`: download, inspect and pack data sets."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.commands import download
from imgclf.cli.console import Console, fold, noun_of, table
from imgclf.cli.data_path import config_for_data
from imgclf.cli.options import PATH, config_options, json_option, progress_option, read_config, show_help
from imgclf.cli.parsing import Group
from imgclf.data.sources import recognized
from imgclf.errors import plural

if TYPE_CHECKING:
    from imgclf.config import Config
    from imgclf.data.dataset import Dataset

FOUND = 1
NAMED = 3  # examples of a finding that are printed
UNCHANGED = ("data.val_fraction=0", "data.test_fraction=0")  # the splits of a data set as they are


@click.group("data", cls=Group, invoke_without_command=True, short_help="Download, inspect and pack data sets.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Download, inspect and pack data sets."""
    show_help(ctx)


command.add_command(download.command)


@command.command(
    "info", short_help="Show splits, classes, sizes and fingerprints.", epilog=f"PATH is one of: {recognized()}."
)
@click.argument("path", type=PATH, required=False)
@config_options
@json_option
@click.pass_context
def info(
    ctx: click.Context, path: Path | None, files: tuple[Path, ...], overrides: tuple[str, ...], as_json: bool
) -> None:
    """Show the number of images per class and split, image size and fingerprints.

    Describes the configured data set with its training splits, or PATH unchanged unless -s says otherwise.
    """
    from imgclf.data.dataset import described
    from imgclf.training.data_remarks import remarks
    from imgclf.training.features import size_of_features
    from imgclf.training.loading import load_all_splits, tree_of, where

    console = Console(ctx, as_json=as_json)
    config = _config_of(console, path, files, (*(UNCHANGED if path else ()), *overrides), "")
    splits = load_all_splits(config)
    tree = tree_of(config)
    content = summarize(str(path or where(config)), config.data.source, splits)
    content["tree"] = None if tree is None else tree.summary()
    first = next(iter(splits.values()))
    shapes = {split: described(dataset.example_shape) for split, dataset in splits.items()}
    source = "" if content["data"] == config.data.source else f" ({config.data.source})"
    size = shapes[next(iter(shapes))]
    if len({*shapes.values()}) > 1:
        size = ", ".join(f"{split} {shape}" for split, shape in shapes.items())
    classes = plural(len(content["classes"]), "class", "classes")
    console.result(f"{content['data']}{source}: {size}, {classes}", "")
    console.result(*_counts(content), "")
    if config.features is not None:
        content["features"] = {"name": config.features.name, "size": size_of_features(config.features, first)}
        console.result("features: {name}, {size:,} numbers an image".format(**content["features"]), "")
    if tree is not None:
        rows = [
            [one["read_as"] or "passed over", one["place"], one["holds"], one["why"] or ""] for one in content["tree"]
        ]
        console.result(*table(["read as", "folder", "contents", "why"], rows, left=4), "")
    for split, seen in content["splits"].items():
        console.result(f"{split:<6} sha256 {seen['fingerprint']}")
    console.warn(*remarks(config, splits))
    console.object(content)


def _config_of(
    console: Console, path: Path | None, files: tuple[Path, ...], overrides: tuple[str, ...], *after: str
) -> "Config":
    """Return the config, of the data at PATH if there is one; then say what its images need, and the lines after."""
    if path is None:
        return read_config(files, overrides)
    config, needed = config_for_data(console, path, files, overrides)
    if needed:
        console.say(*fold("", needed), *after)
    return config


def _counts(content: dict[str, Any]) -> list[str]:
    """Return the table of classes and splits; a dash where a split lacks a class."""
    splits = content["splits"].values()
    rows = [
        [name, *(f"{seen['classes'][name]:,}" if name in seen["classes"] else "-" for seen in splits)]
        for name in content["classes"]
    ]
    return table(["class", *content["splits"]], [*rows, ["all", *(f"{seen['n']:,}" for seen in splits)]])


@command.command(
    "check", short_help="Find duplicates, wrong labels and odd images.", epilog=f"PATH is one of: {recognized()}."
)
@click.argument("path", type=PATH, required=False)
@config_options
@click.option("--strict", is_flag=True, help="Exit with code 1 if something makes a result wrong or doubtful.")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    path: Path | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    strict: bool,
    as_json: bool,
) -> None:
    """Look for what makes a result wrong or doubtful, in all splits of the configured data set, or of PATH.

    Equal and nearly equal images, within a split and across, and those with two different labels; unreadable and odd
    files; sizes, colors, images that are stored turned; images and pixels of one value; rare classes, and all that
    `imgclf train` warns of. The distance of two images is the root of their mean squared difference, in levels of 255.
    """
    from imgclf.machine.cores import available_cores
    from imgclf.speed.threads import workers
    from imgclf.training.data_check import check_data_set
    from imgclf.training.loading import where

    console = Console(ctx, as_json=as_json)
    config = _config_of(console, path, files, (*(UNCHANGED if path else ()), *overrides))
    with workers(available_cores()):
        splits, findings, pairs = check_data_set(config)
    data = str(path or where(config))
    counts = ", ".join(f"{split} {len(dataset):,}" for split, dataset in splits.items())
    console.say(f"{data}: {counts or 'not readable'}", "")
    for finding in findings:
        console.result(*fold("! " if finding.serious else "  ", finding.sentence))
        console.say(*(line for example in finding.examples[:NAMED] for line in fold("      ", example)))
    serious = [finding.kind for finding in findings if finding.serious]
    console.result("!: makes a result wrong or doubtful" if serious else "nothing that makes a result doubtful")
    console.object(
        {
            "data": data,
            "splits": {split: len(dataset) for split, dataset in splits.items()},
            "findings": [asdict(finding) for finding in findings],
            "duplicates": [{"distance": pair.distance, "images": [one, other]} for pair, one, other in pairs],
        }
    )
    if strict and serious:
        ctx.exit(FOUND)


@command.command("pack", short_help="Convert images to arrays on disk, for data larger than memory.")
@click.argument("path", type=PATH, required=False)
@config_options
@click.option(
    "--out",
    type=PATH,
    metavar="DIR",
    required=True,
    help="Output directory: absent, empty, or an unfinished pack.",
)
@progress_option("Progress bar, lines (plain), or none; auto: a bar if stderr is a terminal.")
@json_option
@click.pass_context
def pack(
    ctx: click.Context,
    path: Path | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    out: Path,
    progress: str,
    as_json: bool,
) -> None:
    """Convert the images of PATH, or of the config, to arrays in DIR, to train with data.source=pack.

    \b
    imgclf data pack images --out packed -s preprocess.image_size=64
    imgclf train packed

    PATH may also be a Parquet file, or a folder of them as from Hugging Face; that needs pip install 'imgclf[parquet]'.

    All splits are packed completely. Training maps the arrays, so memory does not grow with the number of images. If
    packing is interrupted, even by kill -9, the same command resumes it.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.cli.progress import PackProgress, follow
    from imgclf.data.sources._parquet import is_parquet
    from imgclf.training.data_remarks import remarks
    from imgclf.training.packing import pack as write

    console = Console(ctx, as_json=as_json, progress=progress)
    parquet = path if path is not None and is_parquet(path) else None
    config = _config_of(console, None if parquet else path, files, overrides)
    if not parquet:
        console.warn(*remarks(config, {}))
    follow(write(config, out, parquet, console.warn), PackProgress(console, progress), out)
    _describe_pack(console, out, config.preprocess.resize)


def _describe_pack(console: Console, out: Path, resize: str) -> None:
    from imgclf.data.dataset import described
    from imgclf.data.packs.pack import open_pack
    from imgclf.data.split_names import SPLITS

    splits = open_pack(out, SPLITS)
    for split, dataset in splits.items():
        size, classes = described(dataset.example_shape), plural(len(dataset.class_names), "class", "classes")
        console.result(f"{split:<6} {plural(len(dataset), noun_of(dataset.example_shape))}; {size}, {classes}")
    console.result(f"pack   {out}")
    also = "" if resize == "squash" else f" -s preprocess.resize={resize}"  # for the images that it will be given
    console.say(f"next   imgclf train {shlex.quote(str(out))}{also}")
    content = {
        split: {"n": len(found), "example_shape": list(found.example_shape), "classes": list(found.class_names)}
        for split, found in splits.items()
    }
    console.object({"pack": str(out), "splits": content})


def summarize(data: str, source: str, splits: "dict[str, Dataset]") -> dict[str, Any]:
    """Return the JSON object."""
    names = dict.fromkeys(name for found in splits.values() for name in found.class_names)  # those of train first
    files = dict.fromkeys(file for found in splits.values() for file in found.files)
    shape = next(iter(splits.values())).example_shape
    return {
        "data": data,
        "source": source,
        "example_shape": list(shape),
        "color": None if len(shape) == 1 else "gray" if shape[2] == 1 else "rgb",
        "classes": list(names),
        "splits": {
            split: {
                "n": len(found),
                "example_shape": list(found.example_shape),
                "classes": dict(zip(found.class_names, found.class_counts().tolist(), strict=True)),
                "fingerprint": found.fingerprint,
            }
            for split, found in splits.items()
        },
        "files": [file._asdict() for file in files],
    }
