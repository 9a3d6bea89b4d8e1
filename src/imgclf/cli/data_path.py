"""Find the config for a PATH: data, or a config."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgclf.cli.console import Console
from imgclf.cli.data_hints import hint_for_data
from imgclf.cli.parsing import hint_for_word
from imgclf.errors import DataError, UsageError

if TYPE_CHECKING:
    from imgclf.config import Config


def config_for_data(
    console: Console, path: Path, files: tuple[Path, ...], overrides: tuple[str, ...]
) -> "tuple[Config, str]":
    """Return the config for the data at a path, and a line that says what its images need; "" if nothing.

    Where its source is found out, a warning names what else lies there.
    The source and the path are set after the files and before -s; what its images need, such as one size, only where
    neither sets it.
    """
    from imgclf.config import resolve
    from imgclf.data.sources import recognize
    from imgclf.data.sources._beside import warnings as beside
    from imgclf.training.loading import what_images_need

    given = [f"data.path={path.resolve()}"]  # an absolute path needs no quotes
    if not any(text.partition("=")[0].strip() == "data.source" for text in overrides):
        options = resolve(files, (*given, *overrides)).config.data.options
        source = recognize(path, options)
        given.append(f"data.source={source}")
        console.warn(*beside(source, path))
    config = resolve(files, (*given, *overrides)).config
    needed = what_images_need(config)
    if needed.settings:
        config = resolve(files, (*given, *overrides), needed.settings).config
    return config, _say(needed.why, config) if needed.why else ""


def _say(why: str, config: "Config") -> str:
    chosen, words = config.preprocess, []
    if chosen.image_size is not None:
        words.append(f"resized to {chosen.image_size} x {chosen.image_size} ({chosen.resize})")
    if chosen.color is not None:
        words.append(f"converted to {'RGB' if chosen.color == 'rgb' else chosen.color}")
    return f"{why}: {', '.join(words)}" if words else ""


def config_for(
    ctx: click.Context, console: Console, path: Path | None, files: tuple[Path, ...], overrides: tuple[str, ...]
) -> "tuple[Config, str]":
    """Return the config of `train PATH|CONFIG`, and a line that says what the word was taken for.

    A path on the disk wins over a ready config of that name.
    """
    from imgclf.config import resolve
    from imgclf.config.ready import ready_config, ready_configs

    if path is None:
        return resolve(files, overrides).config, ""
    if hint := hint_for_word(ctx, str(path)):
        raise UsageError(ctx.command_path, f"unexpected argument '{path}'", hint)
    if path.suffix.lower() in (".yaml", ".yml") and path.exists():
        return resolve((path, *files), overrides).config, ""
    if path.exists():
        config, needed = config_for_data(console, path, files, overrides)
        return config, f"{path} is read as {config.data.source}{f'; its {needed}' if needed else ''}"
    ready = ready_config(path)
    if ready is not None:
        return resolve((ready, *files), overrides).config, f"{path} is a config that ships with imgclf: {ready}"
    if hint := hint_for_data(ctx, str(path)):
        raise UsageError(ctx.command_path, f"no data and no config is called {shlex.quote(str(path))}", hint)
    names = ", ".join(ready_configs())
    raise DataError(path, "no such file or folder", f"check the path, or name a ready config: {names}")
