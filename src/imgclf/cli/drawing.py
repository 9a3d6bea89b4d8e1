"""Draw the pictures of a command, and report errors of drawing.

Whatever drawing raises costs nothing but the pictures: results are printed before.
"""

import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.cli.console import Console
from imgclf.cli.signals import Stop, asked
from imgclf.errors import DivergedError, ImgclfError, StoppedError, StorageError

if TYPE_CHECKING:
    from imgclf.report.shown_run import ShownRun
    from imgclf.training.plan import Plan


@contextmanager
def drawing(console: Console, where: Path, state: str, remedy: str = "") -> Iterator[None]:
    """Turn any error of importing matplotlib, drawing or writing into one line; results are printed before.

    state    what is saved already, and what is missing
    remedy   how to draw again
    """
    _quiet(console)
    try:
        yield
    except BaseException as error:
        if stop := error if isinstance(error, Stop) else asked():
            raise stop.error(where, state) from None
        if isinstance(error, ImgclfError):
            raise type(error)(where, f"{state} ({error.where}: {error.problem})", error.remedy) from error
        if isinstance(error, Exception):
            what = "not enough memory" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
            reason = " ".join(what.split())[:120]
            raise StorageError(where, f"{state} ({reason})", remedy) from error
        raise


def _quiet(console: Console) -> None:
    if console.quiet:
        logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # it reports on its caches to stderr


def draw_pictures(console: Console, run: "ShownRun", names: Sequence[str]) -> None:
    """Draw pictures of a finished run."""
    state = "the run is finished and saved; only its pictures are missing"
    remedy = f"`imgclf train --resume {shlex.quote(str(run.directory))}` draws them"
    with drawing(console, run.directory, state, remedy):
        from imgclf.report.pictures import draw_run

        draw_run(run, names)


@contextmanager
def drawn_if_stopped(console: Console, plan: "Plan", directory: Path, *, draw: bool) -> Iterator[None]:
    """Draw the pictures of a run that is interrupted or diverges, as far as its data need not be evaluated."""
    try:
        yield
    except (DivergedError, StoppedError) as error:
        if draw:
            _draw_stopped(console, plan, directory, "diverged" if isinstance(error, DivergedError) else "interrupted")
        raise


def _draw_stopped(console: Console, plan: "Plan", directory: Path, status: str) -> None:
    """Draw what there is to draw; an error of drawing only warns, as the one that ended the run is told."""
    _quiet(console)
    try:
        from imgclf.report.pictures import WITHOUT_WEIGHTS, draw_run, pictures_of
        from imgclf.report.shown_run import ShownRun
        from imgclf.run.learning import read_path
        from imgclf.run.model_file import load_model
        from imgclf.run.run_dir import acquire

        with acquire(directory):  # it may be resumed at once
            path, is_saved = read_path(directory), status == "interrupted"
            model = (
                load_model(directory / "model.npz")
                if is_saved
                else plan.model(path.weights[-1] if path else plan.weights)
            )
            run = ShownRun(directory, plan.config, model, status, None, lambda: (plan.train, plan.val))
            draw_run(run, pictures_of(run) if is_saved or path else WITHOUT_WEIGHTS)
    except Exception as problem:  # noqa: BLE001 - of any kind
        console.warn(f"{directory}: its pictures are missing ({' '.join(str(problem).split())[:120]})")
