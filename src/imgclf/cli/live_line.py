"""Live line on the terminal: progress, speed and time left."""

import sys
import threading
import time
from collections.abc import Callable, Sequence

from tqdm import tqdm

from imgclf.errors import printable
from imgclf.machine.memory import format_bytes
from imgclf.machine.progress import Progress
from imgclf.machine.terminal import display_width

PATIENCE = 1.0  # seconds of work before a line appears
BETWEEN_LINES = 10.0  # seconds between plain lines
COLUMNS = 80  # where the stream has no width
BAR_COLUMNS = 10  # columns
_GAP = "  "


class LiveLine:
    """Show progress on one line of stderr, where it is overwritten, and cleared before anything else is printed."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._bars: dict[str, _Bar] = {}
        self._lock = threading.RLock()  # threads report, too

    def __call__(self, seen: Progress) -> None:
        """Show progress of one kind of work; another that has begun before may go on after it."""
        with self._lock:
            bar = self._bars.get(seen.what)
            if bar is None:
                bar = self._bars[seen.what] = _Bar(seen, self._patience, self.clear)
            bar.last = seen
            bar.update(seen.done - bar.n)
            if seen.done == seen.total:
                bar.close()
                del self._bars[seen.what]

    def clear(self) -> None:
        """Remove the line until there is more to show."""
        with self._lock:
            for bar in self._bars.values():
                bar.hide()

    def close(self) -> None:
        """Remove the line for good."""
        with self._lock:
            for bar in self._bars.values():
                bar.close()
            self._bars.clear()


class _Bar(tqdm):  # type: ignore[type-arg]
    """The line of one kind of work: tqdm has the clock and the speed, this class the words."""

    monitor_interval = 0  # no thread that draws on its own

    def __init__(self, seen: Progress, patience: float, clear_line: Callable[[], None]) -> None:
        self._clear_line = clear_line  # of other work
        self.is_shown = False
        self.last = seen
        super().__init__(
            desc=seen.what, total=seen.total, initial=seen.done, unit=seen.unit, file=sys.stderr, position=0,
            leave=False, dynamic_ncols=True, delay=patience, miniters=1,
        )  # fmt: skip

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        if msg is None and not self.is_shown:
            self._clear_line()
            self.is_shown = True
        self.sp(str(self) if msg is None else msg)  # tqdm's own fails where a terminal does not tell its size

    def hide(self) -> None:
        """Clear it, if it is shown; a signal may stop that, so only a line that is cleared counts as not shown."""
        if self.is_shown:
            self.sp("")
            self.fp.write("\r")
            self.fp.flush()
            self.is_shown = False

    def close(self) -> None:
        self.hide()
        super().close()

    def __str__(self) -> str:
        seen = self.format_dict
        columns = seen["ncols"] or 0  # 0 or less where a terminal does not tell
        speed = seen["rate"] or ((self.n - self.initial) / seen["elapsed"] if seen["elapsed"] else 0.0)
        return live_text(self.last, self.last.notes(), speed, columns if columns > 0 else COLUMNS)


def live_text(seen: Progress, notes: Sequence[str], speed: float, columns: int) -> str:
    """Return the text of a line, the most important first; what does not fit `columns` is left out."""
    parts = [printable(seen.what)]
    share = 0.0
    if seen.total:
        share = min(seen.done / seen.total, 1.0)
        parts.append(f"{int(100 * share):>3} %")
        parts += [f"{_duration((seen.total - seen.done) / speed)} left"] if speed else []
    parts += notes
    parts += [f"{_rate(speed, seen.unit)}"] if speed else []
    parts.append(_count(seen))
    text, *others = parts
    room = columns - 1  # a terminal may wrap a line that is full
    for part in others:
        if display_width(text) + len(_GAP) + len(part) <= room:
            text += _GAP + part
    if seen.total and len(text) + len(_GAP) + BAR_COLUMNS + 2 <= room:
        bar = f"[{'#' * int(share * BAR_COLUMNS):<{BAR_COLUMNS}}]"
        text = text.replace(parts[0], f"{parts[0]}{_GAP}{bar}", 1)
    return text[:room]


def plain_text(seen: Progress) -> str:
    """Return progress as a line of its own."""
    return _GAP.join([printable(seen.what), _count(seen), *seen.notes()])


class PlainLines:
    """Print progress as a line of its own every ten seconds, where a line cannot be overwritten."""

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._due = clock() + BETWEEN_LINES
        self._lock = threading.Lock()

    def __call__(self, seen: Progress) -> None:
        """Print a line if it is due."""
        with self._lock:
            if self._clock() >= self._due:
                self._due = self._clock() + BETWEEN_LINES
                self._say(plain_text(seen))


def _count(seen: Progress) -> str:
    if seen.unit == "B":
        return format_bytes(seen.done) + (f" of {format_bytes(seen.total)}" if seen.total else "")
    of = f" of {seen.total:,}" if seen.total else ""
    return f"{seen.done:,}{of} {seen.unit}{'' if (seen.total or seen.done) == 1 else 's'}"


def _rate(speed: float, unit: str) -> str:
    if unit == "B":
        return f"{speed / 1e6:.1f} MB/s"
    return f"{speed:,.0f} {unit}s/s" if speed >= 10 else f"{speed:.1f} {unit}s/s"


def _duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
