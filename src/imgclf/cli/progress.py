"""Progress of training, packing, downloads and predictions: lines, or a progress bar."""

import sys
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from imgclf.cli.console import Console, echo, format_loss, format_percent
from imgclf.cli.signals import Stop
from imgclf.training.epochs import Epoch, Step

if TYPE_CHECKING:
    from imgclf.data.download.fetch import Advance
    from imgclf.data.packs.writer import Packed
    from imgclf.run.checkpoint import Checkpoint
    from imgclf.training.plan import Plan

Event = TypeVar("Event")

HEADER = "epoch    step step size train loss accuracy  val loss accuracy  update images/s"


def follow(events: Generator[Event, None, None], show: Callable[[Event], None], out: Path) -> None:
    """Show the events of work in a directory that the same command resumes after a signal."""
    try:
        with closing(events):
            for event in events:
                show(event)
    except Stop as stop:
        raise stop.error(out, "run the same command again to resume") from None


class _Bar:
    """A progress bar, if it was requested or stderr is a terminal; never with --quiet."""

    def __init__(self, console: Console, mode: str) -> None:
        self._console, self._mode = console, mode
        self._is_wanted = (mode == "bar" or (mode == "auto" and sys.stderr.isatty())) and not console.quiet
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _open(self, **settings: Any) -> None:
        """Show a bar in place of the one before."""
        from tqdm import tqdm

        if self._bar is not None:
            self._bar.close()
        self._bar = tqdm(leave=False, dynamic_ncols=True, **settings)


class Progress(_Bar):
    """Show training events; modes are auto, bar, plain and none."""

    def __init__(self, console: Console, plan: "Plan", mode: str, since: "Checkpoint | None" = None) -> None:
        super().__init__(console, mode)
        if self._is_wanted:
            self._open(total=plan.steps, initial=since.snapshot.state.step if since else 0, unit="step")
        self._write("", HEADER)

    def __call__(self, event: Step | Epoch) -> None:
        """Show one event."""
        if isinstance(event, Epoch):
            self._write(epoch_line(event))
        elif self._bar is not None:
            self._bar.update()
            self._bar.set_postfix_str(f"loss {event.loss:.4g}", refresh=False)

    def _write(self, *lines: str) -> None:
        if self._bar is not None:
            with self._bar.external_write_mode():
                echo(*lines, err=self._console.as_json)
        elif self._mode != "none":
            self._console.say(*lines)


class _Bars(_Bar):
    """Show one bar after another, for work that may be resumed; modes as for training."""

    _name = ""

    def _advance(self, name: str, done: int, total: int | None, unit: str) -> None:
        """Show that `done` of `total` are complete."""
        if self._is_wanted:
            if name != self._name:
                self._open(desc=name, initial=done, total=total, unit=unit, unit_scale=unit == "B")
            self._bar.n = done  # resumed work does not begin at 0, and restarted work goes back
            self._bar.refresh()
        self._name = name

    def _line(self, text: str) -> None:
        """Print a line, in plain mode only."""
        if self._mode == "plain":
            self._console.say(text)


class PackProgress(_Bars):
    """Show the progress of packing, split by split."""

    def __call__(self, event: "Packed") -> None:
        """Show one event."""
        self._line(f"{event.split:<6} {event.done:,} of {event.n:,} images")
        self._advance(event.split, event.done, event.n, "image")


class PredictProgress(_Bars):
    """Show how many images are predicted; `count` is called for a bar only."""

    def __init__(self, console: Console, mode: str, count: Callable[[], int | None]) -> None:
        super().__init__(console, mode)
        self._total = count() if self._is_wanted else 0

    def __call__(self, done: int) -> None:
        """Show that some are complete."""
        self._advance("predict", done, self._total, "image")


class DownloadProgress(_Bars):
    """Show the progress of downloads, file by file; `files` has the last event of each."""

    def __init__(self, console: Console, mode: str) -> None:
        super().__init__(console, mode)
        self.files: dict[str, Advance] = {}

    def __call__(self, event: "Advance") -> None:
        """Show one event."""
        name, size = event.file.name, event.file.size
        if event.loaded:
            if name not in self.files:
                self._line(f"{name}  from byte {event.done:,} of {size:,}")
            self._advance(name, event.done, size, "B")
        self.files[name] = event


def epoch_line(event: Epoch) -> str:
    """Format an epoch as a row of the table; a star marks the best epoch under early stopping."""
    row = event.row
    cells = [
        f"{row['epoch']:>5}",
        f"{row['step']:>7}",
        f"{row['step_size']:>9.3g}",
        f"{format_loss(row['train/loss'] or 0):>10}",
        f"{format_percent(row['train/accuracy']):>8}",
        f"{'-' if row['val/loss'] is None else format_loss(row['val/loss']):>9}",
        f"{format_percent(row['val/accuracy']):>8}",
        f"{'-' if row['update_ratio'] is None else format(row['update_ratio'], '.1e'):>7}",
        f"{event.images_per_second:>8,.0f}",
    ]
    return " ".join(cells) + ("*" if event.improved else "")
