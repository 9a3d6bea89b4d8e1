"""Command-line options that several commands share."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imgclf.cli.console import write

if TYPE_CHECKING:
    from imgclf.config import Config

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object to stdout; everything else goes to stderr."
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), metavar="N",
    help="Number of threads (default: as many as make it faster). Results are bit-identical.",
)  # fmt: skip
set_option = click.option(
    "-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True,
    help="Set one config key, e.g. -s train.epochs=5; may be repeated, wins over files. "
    "`imgclf config init -` lists all keys.",
)  # fmt: skip


class ConfigFile(click.Path):
    """A config file; a ready config may be given by its name alone, if no file is called so."""

    name = "config"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path of the file."""
        path = super().convert(value, param, ctx)
        if not isinstance(path, Path) or os.path.lexists(path):
            return path
        from imgclf.config.ready import ready_config

        return ready_config(path) or path


config_option = click.option(
    "-c", "--config", "files", type=ConfigFile(), metavar="FILE", multiple=True,
    help="YAML config file, or the name of a ready one; may be repeated, later files win (default: none). "
    "`imgclf config init -` prints one with all keys.",
)  # fmt: skip


def config_options(command: F) -> F:
    """Add -c and -s."""
    return config_option(set_option(command))


def progress_option(text: str) -> Callable[[F], F]:
    """Add --progress; `text` explains the choices."""
    choices = click.Choice(["auto", "bar", "plain", "none"])
    return click.option("--progress", type=choices, default="auto", show_default=True, help=text)


def data_options(source: str, path: Path) -> str:
    """Return the -s options that name a data set for `train`, quoted for a shell."""
    text = str(path)
    if text.startswith(("'", '"', "~")) or text.lower() == "null":  # these mean something else in YAML or a shell
        text = f"./{text}"
    return f"-s data.source={source} -s {shlex.quote(f'data.path={text}')}"


def show_help(ctx: click.Context) -> None:
    """Print the help of a group that is called without a command."""
    if ctx.invoked_subcommand is None:
        write(ctx.get_help() + "\n")


def read_config(files: tuple[Path, ...], overrides: tuple[str, ...]) -> "Config":
    """Return the config of -c and -s, merged into the defaults."""
    from imgclf.config import resolve

    return resolve(files, overrides).config
