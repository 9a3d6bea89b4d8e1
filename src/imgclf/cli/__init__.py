"""The command line; the only place that prints."""

import os
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from imgclf import __version__
from imgclf.cli.console import echo, open_streams, stop_talking
from imgclf.cli.mpi import rank_and_size, refuse_many
from imgclf.cli.options import show_help
from imgclf.cli.parsing import Group
from imgclf.cli.signals import Stop, asked, leave_at_once, listen
from imgclf.errors import ImgclfError, StorageError

COMMANDS = (
    "train",
    "eval",
    "predict",
    "gradcheck",
    "verify",
    "sanity",
    "lesson",
    "sweep",
    "report",
    "compare",
    "export",
    "grade",
    "data",
    "config",
    "completion",
)
BUG = 70


class LazyGroup(Group):
    """Import a command only when it is called, so that help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a first session."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return `command` of the module with that name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"imgclf.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end quietly if the reader of its output is gone (`| head`), before click exits with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            stop_talking(sys.stdout)
            return 0


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="imgclf", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of any error.")
@click.option("-v", "--verbose", is_flag=True, help="Print more, including timings.")
@click.option("-q", "--quiet", is_flag=True, help="Print only results and errors.")
@click.pass_context
def cli(ctx: click.Context, debug: bool, verbose: bool, quiet: bool) -> None:
    """Train linear image classifiers, check their gradients, and see what they learned.

    A first run, on images that ship with imgclf:  imgclf train
    """
    if verbose and quiet:
        raise click.UsageError("-v and -q exclude each other")
    ctx.ensure_object(dict).update(debug=debug, verbose=verbose, quiet=quiet)
    show_help(ctx)
    if ctx.invoked_subcommand not in (None, "train", "sweep"):
        refuse_many(ctx.invoked_subcommand)


def main() -> NoReturn:
    """Run the command line; every error is printed as one line, with its exit code."""
    open_streams()
    # Apple's BLAS reads this when NumPy is loaded and cannot be limited later, as `speed.threads.workers` does others.
    os.environ["VECLIB_MAXIMUM_THREADS"] = "1"
    try:
        code = _run()
        leave_at_once()
    except Stop as stop:  # a signal that arrived at the very end
        code = stop.exit_code
    sys.exit(code)


def _run() -> int:
    settings: dict[str, bool] = {}
    try:
        listen()
        code = cli.main(prog_name="imgclf", standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except (click.exceptions.Exit, SystemExit) as stop:
        code = stop.exit_code if isinstance(stop, click.exceptions.Exit) else stop.code
    except BaseException as error:  # noqa: BLE001 - every error becomes one line
        # Outside `mpi.on_every_rank`, an error happens on all ranks alike: only the first prints it.
        first = rank_and_size()[0] == 0
        code = report(error, debug=settings.get("debug", False)) if first else explain(error)[1]
    return code if isinstance(code, int) else 0


def report(error: BaseException, prefix: str = "", *, debug: bool = False) -> int:
    """Print an error as one line (a config error may be several) and return its exit code."""
    trace = "".join(traceback.format_exception(error)).rstrip().split("\n") if debug else ()
    lines, code = explain(error)
    with suppress(OSError):  # stderr may be gone; the exit code is not
        echo(*trace, *(f"imgclf: error: {prefix}{line}" for line in lines), err=True)
    return code


def explain(error: BaseException) -> tuple[list[str], int]:
    """Return the lines of an error message, and the exit code."""
    if isinstance(error, ImgclfError):
        return error.lines(), error.exit_code
    error = asked() or error
    if isinstance(error, Stop):
        return explain(error.error("imgclf", "nothing was changed"))
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "imgclf"
        message = " ".join(error.format_message().split()).rstrip(".")
        return [f"{path}: {message} - see `{path} --help`"], 2
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map" in str(error)):
        return ["imgclf: not enough memory - use smaller images, or map them: see `imgclf data pack --help`"], 6
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return ["imgclf: the system allows no more threads - lower --threads, or see `ulimit -u` and `ulimit -v`"], 6
    if isinstance(error, OSError):
        return explain(StorageError.of(error.filename or "imgclf", error))
    return [f"imgclf: a bug in imgclf: {type(error).__name__}: {error} - run it with --debug and report it"], BUG
