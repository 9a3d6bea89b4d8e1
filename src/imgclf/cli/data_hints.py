"""Suggest what to type for data that is named out of place."""

import os
import shlex
from itertools import count
from pathlib import Path

import click


def hint_for_data(ctx: click.Context, word: str) -> str | None:
    """Say how a command reads what a word names: a path, a ready config, a data set or a source; None for other words.

    Only `train` finds out what the data at a path needs: other commands read the config that it prints.
    """
    from imgclf.config.ready import nearest_config, ready_config
    from imgclf.data.download.catalog import DOWNLOADS, OFFICIAL, official_name
    from imgclf.data.sources import SOURCES

    path = _expanded(word)
    if path.exists():
        return _meant(commands_for_path(ctx, path))
    if ready_config(path):
        return _meant([_with_config(ctx, path.stem)])
    if name := official_name(path.name):
        known, place = OFFICIAL[name], OFFICIAL[name].path(DOWNLOADS)
        download = [] if place.exists() else [f"imgclf data download {name}"]
        use = [_with_config(ctx, known.config)] if known.config else commands_for_path(ctx, place)
        return _meant([*download, *use])
    if word in SOURCES:
        place_of = SOURCES[word].path
        return f"name the data itself: {place_of}" if place_of else _meant([f"-s data.source={word}"])
    near = nearest_config(path.stem)
    return _meant([_with_config(ctx, near)]) if near else None


def hint_for_path(ctx: click.Context, word: str) -> str:
    """Say how a command reads the data that an option of other programs names."""
    return hint_for_data(ctx, word) or _meant(commands_for_path(ctx, _expanded(word)))


def commands_for_path(ctx: click.Context, path: Path) -> list[str]:
    """Return the commands that use the data at a path: but for `train`, with -c, --preset and -s as they were given."""
    name = str(path) if not str(path).startswith("-") else f"./{path}"
    if ctx.command.name == "train":
        return [shlex.join(["imgclf", "train", name])]
    given: list[str] = []
    for file in ctx.params.get("files") or ():
        given += ["-c", _called(file)]
    if preset := ctx.params.get("preset"):
        given[:0] = ["-c", preset]
    for override in ctx.params.get("overrides") or ():
        given += ["-s", override] if "=" in override[:-1] else []  # not -s data.path photos
    stem = path.resolve().name.partition(".")[0] or "data"
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.yaml" for number in count(1))
    config = next(name for name in names if not os.path.lexists(name))
    printing = shlex.join(["imgclf", "train", name, *given, "--print-config"])
    return [f"{printing} > {shlex.quote(config)}", _with_config(ctx, config)]


def _with_config(ctx: click.Context, config: str) -> str:
    """Return the command with a config; its arguments are kept."""
    arguments = [ctx.params.get(one.name or "") for one in ctx.command.params if isinstance(one, click.Argument)]
    kept = [] if ctx.command.name == "train" else [str(value) for value in arguments if value]
    option = [] if ctx.command.name == "train" else ["-c"]
    return shlex.join([*ctx.command_path.split(), *kept, *option, config])


def _called(file: Path) -> str:
    from imgclf.config.ready import FOLDER

    return file.stem if file.parent == FOLDER else str(file)


def _expanded(word: str) -> Path:
    path = Path(word)
    return path if path.exists() else Path(os.path.expanduser(word))  # noqa: PTH111 - never raises


def _meant(commands: list[str]) -> str:
    if len(commands) == 1:
        return f"did you mean {commands[0]}?"
    return f"did you mean {', then '.join(f'`{command}`' for command in commands)}?"
