"""`imgclf config`: write, show and check configs."""

import os
import shlex
from pathlib import Path

import click

from imgclf.cli.console import Console, echo, fold, write
from imgclf.cli.options import PATH, config_options, show_help
from imgclf.cli.parsing import Group
from imgclf.errors import UsageError


@click.group("config", cls=Group, invoke_without_command=True, short_help="Write, show and check configs.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Write, show and check configs."""
    show_help(ctx)


@command.command("init", short_help="Write a commented config to start from.")
@click.argument("file", type=PATH, required=False)
@click.option("--from", "name", metavar="NAME", help="Copy this config that ships with imgclf, e.g. cifar10_softmax.")
@click.pass_context
def init(ctx: click.Context, file: Path | None, name: str | None) -> None:
    """Write a config to FILE (default: imgclf.yaml; - prints it): every key, its default and a comment.

    With --from, it is a copy of one that ships with imgclf (default: NAME.yaml).
    """
    from imgclf.config import copy_of, template

    file = file or Path(f"{(name or 'imgclf').removesuffix('.yaml')}.yaml")
    text = copy_of(name, file.parent) if name else template()
    if str(file) == "-":
        write(text)
        return
    from imgclf.files.writing import write_whole

    if os.path.lexists(file):
        raise UsageError(file, "the file already exists", "name another file, or move it away")
    write_whole(file, text.encode())
    command = "sweep" if name and "\nsweep:" in text else "train"
    Console(ctx, as_json=False).say(f"wrote {file}; next: imgclf {command} -c {shlex.quote(str(file))}")


@command.command("show", short_help="Show the resolved config and where each value comes from.")
@config_options
def show(files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """Show the resolved config of -c and -s, where each value comes from, and the objective in others' terms."""
    from imgclf.config import resolve
    from imgclf.config import show as show_resolved
    from imgclf.report.objective import formula, translations

    resolved = resolve(files, overrides)
    write(show_resolved(resolved))
    # Comments, so that what is printed stays a config.
    objective = fold("  ", f"{formula(resolved.config)}, over N training images")
    elsewhere = [line for name, number in translations(resolved.config) for line in fold(f"  {name:<22} ", number)]
    echo("", *("#" + line[1:] for line in [*objective, *elsewhere]))


@command.command("check", short_help="Check configs; show every mistake where it is.")
@click.argument("paths", type=PATH, nargs=-1, metavar="[FILE]...")
@config_options
@click.pass_context
def check(ctx: click.Context, paths: tuple[Path, ...], files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    """Check config FILEs, and show every mistake with its line and a caret."""
    from imgclf.config import ConfigError, resolve

    chosen = (*paths, *files)
    try:
        resolve(chosen, overrides)
    except ConfigError as error:
        for problem in error.problems:
            line, *source = problem.explain()
            echo(f"imgclf: error: {line}", *source, err=True)
        ctx.exit(error.exit_code)
    names = ", ".join(str(file) for file in chosen) or "the defaults"
    Console(ctx, as_json=False).say(f"{names}: no mistakes found")


@command.command("schema", short_help="Print a JSON Schema, for editors that complete YAML.")
def schema() -> None:
    """Print the JSON Schema of a config, for editors that complete and check YAML."""
    import json

    from imgclf.config import json_schema

    write(json.dumps(json_schema(), indent=2) + "\n")
