"""What a run looks like while it runs: one line an epoch, under a bar where there is a terminal."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from imgclf.cli.console import Console, echo, number
from imgclf.run import Epoch, Step

if TYPE_CHECKING:
    from imgclf.checkpoint import Checkpoint
    from imgclf.compose import Plan
    from imgclf.data.packer import Packed
    from imgclf.downloads.fetch import Advance

HEADER = "epoch    step  step size  train loss  accuracy    val loss  accuracy    update   images/s"


class Progress:
    """Shows events; modes are auto, bar, plain and none."""

    def __init__(self, console: Console, plan: "Plan", mode: str, since: "Checkpoint | None" = None) -> None:
        self._console = console
        self._lines = mode != "none"
        done = since.snapshot.state.step if since else 0
        wants_bar = mode == "bar" or (mode == "auto" and sys.stderr.isatty())
        self._bar: Any = None
        if wants_bar and not console.quiet:
            from tqdm import tqdm

            self._bar = tqdm(total=plan.steps, initial=done, unit="step", leave=False, dynamic_ncols=True)
        if self._lines:
            self._write("\n" + HEADER)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if kind is None and self._lines:
            self._console.say()

    def __call__(self, event: Step | Epoch) -> None:
        """Show one event."""
        if isinstance(event, Epoch):
            if self._lines:
                self._write(epoch_line(event))
        elif self._bar is not None:
            self._bar.update()
            self._bar.set_postfix_str(f"loss {event.loss:.4g}", refresh=False)

    def _write(self, line: str) -> None:
        if self._bar is None:
            self._console.say(line)
        else:
            with self._bar.external_write_mode():
                echo(line, err=self._console.as_json)


class PackProgress:
    """Shows how a pack grows: a bar for each split, or a line; modes as for training."""

    def __init__(self, console: Console, mode: str) -> None:
        self._console = console
        self._bars = (mode == "bar" or (mode == "auto" and sys.stderr.isatty())) and not console.quiet
        self._lines = mode == "plain"
        self._bar: Any = None
        self._split = ""

    def __enter__(self) -> "PackProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, event: "Packed") -> None:
        """Show one advance."""
        if self._lines:
            self._console.say(f"{event.split:<6} {event.done:,} of {event.n:,} images")
        if self._bars:
            if event.split != self._split:
                self._open_bar(event)
            self._bar.n = event.done  # a pack that is continued does not begin at 0
            self._bar.refresh()

    def _open_bar(self, event: "Packed") -> None:
        from tqdm import tqdm

        if self._bar is not None:
            self._bar.close()
        self._split = event.split
        self._bar = tqdm(total=event.n, desc=event.split, unit="image", leave=False, dynamic_ncols=True)


class DownloadProgress:
    """Shows how files arrive: a bar for each, or a line where one begins; modes as for training."""

    def __init__(self, console: Console, mode: str) -> None:
        self._console = console
        self._bars = (mode == "bar" or (mode == "auto" and sys.stderr.isatty())) and not console.quiet
        self._lines = mode == "plain"
        self._bar: Any = None
        self._name = ""

    def __enter__(self) -> "DownloadProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, event: "Advance") -> None:
        """Show one advance."""
        if not event.loaded:
            return
        if event.file.name != self._name:
            self._name = event.file.name
            self._begin(event)
        if self._bars:
            self._bar.n = event.done  # may go back: a server may begin anew
            self._bar.refresh()

    def _begin(self, event: "Advance") -> None:
        if self._lines:
            self._console.say(f"{event.file.name}  from byte {event.done:,} of {event.file.size:,}")
        if self._bars:
            from tqdm import tqdm

            if self._bar is not None:
                self._bar.close()
            size = event.file.size
            self._bar = tqdm(
                total=size, initial=event.done, desc=self._name, unit="B", unit_scale=True, leave=False,
                dynamic_ncols=True,
            )  # fmt: skip


def epoch_line(event: Epoch) -> str:
    """Write an epoch under the header; a star marks the best one under early stopping."""
    row = event.row
    cells = [
        f"{row['epoch']:>5}",
        f"{row['step']:>7}",
        f"{row['step_size']:>9.3g}",
        f"{number(row['train/loss'] or 0):>10}",
        _percent(row["train/accuracy"]),
        f"{number(row['val/loss']):>10}" if row["val/loss"] is not None else f"{'-':>10}",
        _percent(row["val/accuracy"]),
        f"{row['update_ratio']:>8.1e}" if row["update_ratio"] is not None else f"{'-':>8}",
        f"{event.images_per_second:>9,.0f}",
    ]
    return "  ".join(cells) + (" *" if event.improved else "")


def _percent(share: float | None) -> str:
    return f"{'-':>8}" if share is None else f"{100 * share:>6.1f} %"
