"""Progress of training, packing and downloads: lines and live line."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from imgclf.cli.console import Console, fold, format_loss, format_percent, room
from imgclf.cli.signals import Stop
from imgclf.machine.progress import Progress, report
from imgclf.training.epochs import Epoch, Step

if TYPE_CHECKING:
    from imgclf.data.download.fetch import Advance
    from imgclf.data.packs.writer import Packed
    from imgclf.training.plan import Plan

Event = TypeVar("Event")

UPDATE = "update: |change of W| / |W| in the last step of the epoch"
STAR = "*: the best epoch so far; its weights are kept"
HEADER = ["epoch", "   step", "step size", "train loss", "accuracy", " val loss", "accuracy", " update", "images/s"]
IMPORTANCE = (0, 6, 5, 3, 4, 1, 2, 7, 8)  # of its columns: the last are left out first


def follow(events: Generator[Event, None, None], show: Callable[[Event], None], out: Path) -> None:
    """Show the events of work in a directory that the same command resumes after a signal."""
    try:
        with closing(events):
            for event in events:
                show(event)
    except Stop as stop:
        raise stop.error(out, "run the same command again to resume") from None


class TrainProgress:
    """Show training events: a row an epoch, and each step on the live line; nothing in mode none."""

    def __init__(self, console: Console, plan: "Plan", mode: str) -> None:
        self._console, self._plan, self._mode = console, plan, mode
        self._total = plan.config.train.epochs * len(plan.train)
        self._shown = fitting(room())
        explained = [UPDATE] if len(self._shown) == len(HEADER) else []
        explained += [STAR] if plan.config.early_stopping else []
        self._write("", *(line for text in explained for line in fold("", text)), _row(HEADER, self._shown))

    def __call__(self, event: Step | Epoch) -> None:
        """Show one event."""
        if isinstance(event, Epoch):
            self._write(epoch_line(event, self._shown))
            return
        snapshot = event.snapshot
        done = snapshot.epochs * len(self._plan.train) + snapshot.tally.examples
        report(Progress("training", done, self._total, self._plan.train.unit, partial(self._notes, event)))

    @staticmethod
    def _notes(step: Step) -> list[str]:
        """Return the means over the epoch so far, as they will be in its row."""
        tally = step.snapshot.tally
        loss = tally.loss / tally.examples if tally.examples else step.loss
        accuracy = [f"accuracy {format_percent(tally.correct / tally.examples)}"] if tally.examples else []
        return [f"loss {format_loss(loss)}", *accuracy]

    def _write(self, *lines: str) -> None:
        if self._mode != "none":
            self._console.say(*lines)


class PackProgress:
    """Print a line for each part of a pack that is written, in plain mode only."""

    def __init__(self, console: Console, mode: str) -> None:
        self._console, self._mode = console, mode

    def __call__(self, event: "Packed") -> None:
        """Show one event."""
        if self._mode == "plain":
            self._console.say(f"{event.split:<6} {event.done:,} of {event.n:,} images")


class DownloadProgress:
    """Show the progress of downloads, file by file; `files` has the last event of each."""

    def __init__(self, console: Console, mode: str) -> None:
        self._console, self._mode = console, mode
        self.files: dict[str, Advance] = {}

    def __call__(self, event: "Advance") -> None:
        """Show one event."""
        name, size = event.file.name, event.file.size
        if event.loaded:
            if self._mode == "plain" and name not in self.files:
                self._console.say(f"{name}  from byte {event.done:,} of {size:,}")
            report(Progress(name, event.done, size, "B"))
        self.files[name] = event


def fitting(columns: int) -> list[int]:
    """Return which columns of the table of epochs fit a terminal, with a star behind them."""
    shown: list[int] = []
    for column in IMPORTANCE:
        if len(_row(HEADER, [*shown, column])) < columns:
            shown.append(column)
    return sorted(shown)


def _row(cells: Sequence[str], shown: Sequence[int]) -> str:
    return " ".join(cells[column] for column in shown)


def epoch_line(event: Epoch, shown: Sequence[int] = range(len(HEADER))) -> str:
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
    return _row(cells, shown) + ("*" if event.improved else "")
