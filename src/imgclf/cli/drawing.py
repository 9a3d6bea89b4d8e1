"""Draw the pictures of a command, and report errors of drawing.

Whatever drawing raises costs nothing but the pictures: results are printed before.
"""

import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.cli.console import Console
from imgclf.cli.signals import Stop, asked
from imgclf.errors import ImgclfError, StorageError

if TYPE_CHECKING:
    from imgclf.report.pictures import FinishedRun


@contextmanager
def drawing(console: Console, where: Path, state: str, remedy: str = "") -> Iterator[None]:
    """Turn any error of importing matplotlib, drawing or writing into one line; results are printed before.

    state    what is saved already, and what is missing
    remedy   how to draw again
    """
    if console.quiet:
        logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # it reports on its caches to stderr
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


def draw_pictures(console: Console, run: "FinishedRun", names: Sequence[str]) -> None:
    """Draw pictures of a finished run."""
    state = "the run is finished and saved; only its pictures are missing"
    remedy = f"`imgclf train --resume {shlex.quote(str(run.directory))}` draws them"
    with drawing(console, run.directory, state, remedy):
        from imgclf.report.pictures import draw_run

        draw_run(run._replace(evaluate=cache(run.evaluate)), names)
