"""Progress of training: one line per epoch, or a progress bar."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imgclf.cli.console import Console, echo, format_loss, format_percent
from imgclf.training.epochs import Epoch, Step

if TYPE_CHECKING:
    from imgclf.data.download.fetch import Advance
    from imgclf.data.packs.writer import Packed
    from imgclf.run.checkpoint import Checkpoint
    from imgclf.training.plan import Plan

HEADER = "epoch    step  step size  train loss  accuracy    val loss  accuracy    update   images/s"


def wants_bar(console: Console, mode: str) -> bool:
    """Whether to show a bar: it was requested, or stderr is a terminal; never with --quiet."""
    return (mode == "bar" or (mode == "auto" and sys.stderr.isatty())) and not console.quiet


class Progress:
    """Show training events; modes are auto, bar, plain and none."""

    def __init__(self, console: Console, plan: "Plan", mode: str, since: "Checkpoint | None" = None) -> None:
        self._console = console
        self._lines = mode != "none"
        done = since.snapshot.state.step if since else 0
        self._bar: Any = None
        if wants_bar(console, mode):
            from tqdm import tqdm

            self._bar = tqdm(total=plan.steps, initial=done, unit="step", leave=False, dynamic_ncols=True)
        if self._lines:
            self._write("", HEADER)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if kind is None and self._lines:
            self._console.say("")

    def __call__(self, event: Step | Epoch) -> None:
        """Show one event."""
        if isinstance(event, Epoch):
            if self._lines:
                self._write(epoch_line(event))
        elif self._bar is not None:
            self._bar.update()
            self._bar.set_postfix_str(f"loss {event.loss:.4g}", refresh=False)

    def _write(self, *lines: str) -> None:
        if self._bar is None:
            self._console.say(*lines)
        else:
            with self._bar.external_write_mode():
                echo(*lines, err=self._console.as_json)


class Bars:
    """Show one bar after another, for work that may be resumed; modes as for training."""

    def __init__(self, console: Console, mode: str) -> None:
        self.visible = wants_bar(console, mode)
        self._lines = mode == "plain"
        self._console = console
        self._bar: Any = None
        self._name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, name: str, done: int, total: int, unit: str) -> None:
        """Show that `done` of `total` are complete."""
        if not self.visible:
            return
        if name != self._name:
            self._name = name
            self._open(name, done, total, unit)
        self._bar.n = done  # resumed work does not begin at 0, and restarted work goes back
        self._bar.refresh()

    def line(self, text: str) -> None:
        """Print a line, in plain mode only."""
        if self._lines:
            self._console.say(text)

    def _open(self, name: str, done: int, total: int, unit: str) -> None:
        from tqdm import tqdm

        if self._bar is not None:
            self._bar.close()
        settings: dict[str, Any] = {"unit_scale": True} if unit == "B" else {}
        self._bar = tqdm(total=total, initial=done, desc=name, unit=unit, leave=False, dynamic_ncols=True, **settings)


class PackProgress(Bars):
    """Show the progress of packing, split by split."""

    def __call__(self, event: "Packed") -> None:
        """Show one event."""
        self.line(f"{event.split:<6} {event.done:,} of {event.n:,} images")
        self.advance(event.split, event.done, event.n, "image")


class DownloadProgress(Bars):
    """Show the progress of downloads, file by file."""

    def __init__(self, console: Console, mode: str) -> None:
        super().__init__(console, mode)
        self._begun = ""

    def __call__(self, event: "Advance") -> None:
        """Show one event."""
        if not event.loaded:
            return
        name, size = event.file.name, event.file.size
        if name != self._begun:
            self._begun = name
            self.line(f"{name}  from byte {event.done:,} of {size:,}")
        self.advance(name, event.done, size, "B")


def epoch_line(event: Epoch) -> str:
    """Format an epoch as a row of the table; a star marks the best epoch under early stopping."""
    row = event.row
    cells = [
        f"{row['epoch']:>5}",
        f"{row['step']:>7}",
        f"{row['step_size']:>9.3g}",
        f"{format_loss(row['train/loss'] or 0):>10}",
        f"{format_percent(row['train/accuracy']):>8}",
        f"{format_loss(row['val/loss']):>10}" if row["val/loss"] is not None else f"{'-':>10}",
        f"{format_percent(row['val/accuracy']):>8}",
        f"{row['update_ratio']:>8.1e}" if row["update_ratio"] is not None else f"{'-':>8}",
        f"{event.images_per_second:>9,.0f}",
    ]
    return "  ".join(cells) + (" *" if event.improved else "")
