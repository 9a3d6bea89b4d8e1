"""Print tables, and keep them in RESULTS.md by kind of machine."""
# ruff: noqa: T201 - a script talks

import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

from threadpoolctl import threadpool_info

from imgclf.cli.console import table
from imgclf.errors import plural
from imgclf.machine.cores import available_cores
from imgclf.run.environment import processor

RESULTS = Path(__file__).with_name("RESULTS.md")
INTRODUCTION = """\
# Results

`make bench CIFAR10=DIR` writes this file; [README.md](README.md) says how it measures. Each part is of one kind of
machine: a processor, its cores and its widest instructions. The command replaces the parts of the kind that it runs
on, and leaves the others.

On your machine, expect other seconds in every table. These figures may differ as well, since they compare programs that
use a processor in different ways:

- what imgclf takes over PyTorch, scikit-learn and the floor: the width of the instructions and the BLAS decide;
- all that has to do with threads and ranks: cores, and how they share caches and memory;
- a start with an empty cache: a compiler runs;
- everything, if others are at work on the machine meanwhile.

On the same images, objectives stay the same to four digits; memory and the mistakes that a check sees hardly change.
"""


class Ratio(NamedTuple):
    """What takes how many times as long as something else, by kernel; for `whose` kernels it should be at most this."""

    what: str
    values: Mapping[str, float]
    most: float | None = None
    whose: Sequence[str] = ("compiled",)


def ratio_table(kernels: Sequence[str], ratios: Sequence[Ratio]) -> str:
    """Show the ratios beside their targets."""
    rows = []
    for what, values, most, whose in ratios:
        judged = [values[kernel] for kernel in whose if kernel in values]
        target = ["-", "-"]
        if most is not None and judged:
            target = [f"{whose[0] if len(whose) == 1 else 'each'} <= {most:g}", "yes" if max(judged) <= most else "no"]
        rows.append([what, *(f"{values[name]:.2f}" if name in values else "-" for name in kernels), *target])
    return fenced(*table(["time of imgclf, by kernel", *kernels, "target", "met"], rows))


def here(two_cores: float, two_cores_wide: float, sixteen_cores: float | None) -> float | None:
    """Return the target for this machine: two cores without and with AVX-512, 16 cores; else there is none."""
    if available_cores() == 2:
        return two_cores_wide if _instructions() == "AVX-512" else two_cores
    return sixteen_cores if available_cores() == 16 else None


def say(text: str) -> str:
    """Print a section as soon as it is there."""
    print(text.rstrip(), end="\n\n", flush=True)
    return text.rstrip()


def progress(text: str) -> None:
    """Report progress on stderr: the tables come late."""
    print(f"... {text}", file=sys.stderr, flush=True)


def write_part(text: str) -> None:
    """Write a part of RESULTS.md in place of the one with the same title; parts of a machine stay together."""
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    _, *parts = f"\n{old}".split("\n# ")[1:] or [""]
    by_title = {part.partition("\n")[0]: part.rstrip() for part in [*parts, text.removeprefix("# ")]}
    ordered = (f"# {by_title[title]}\n" for title in sorted(by_title, key=lambda title: title.partition(":")[0]))
    RESULTS.write_text("\n".join([INTRODUCTION, *ordered]), encoding="utf-8")


def heading(what: str, threads: str, packages: Sequence[str], *lines: str) -> str:
    """Begin a part: the kind of machine, what was measured there, when, and with which libraries."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    blas = {
        f"{library['internal_api']} {library['version']} for {library.get('architecture')}"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    }
    used = f"{versions}; BLAS of NumPy and SciPy: {', '.join(sorted(blas))}"
    about = [
        f"Measured: {datetime.now(UTC):%Y-%m-%d}, {threads}.",
        f"Versions: Python {platform.python_version()}, {used}.",
    ]
    return f"# {kind()}: {what}\n\n" + "  \n".join([*about, *lines])


def kind() -> str:
    """Name the kind of this machine: processor, cores, widest instructions."""
    about = _cpuinfo()
    model = (
        f"{processor()} (family {about['cpu family']}, model {about['model']})"
        if "cpu family" in about
        else processor()
    )
    return ", ".join(filter(None, [model, plural(available_cores(), "core"), _instructions()]))


def _instructions() -> str:
    """Name the widest of the instructions that matter here; "" where Linux does not say."""
    flags = _cpuinfo().get("flags", "").split()
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2" if flags else ""


def _cpuinfo() -> dict[str, str]:
    """Return what Linux says of the first processor."""
    file = Path("/proc/cpuinfo")
    first = file.read_text(encoding="utf-8").partition("\n\n")[0] if file.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def picture(name: str) -> Path:
    """Return where a picture of this kind of machine is kept."""
    words = "".join(letter if letter.isalnum() else " " for letter in kind()).lower().split()
    return RESULTS.with_name(f"{name}-{'-'.join(words)}.png")


def again(source: str) -> str:
    """Return the command that makes the results once more."""
    return f"To reproduce: `make bench{' CIFAR10=DIR' if source == 'cifar10' else ''}`; it writes this file."


def fenced(*lines: str) -> str:
    """Keep a table's columns in Markdown."""
    return "\n".join(["```text", *lines, "```", "", ""])


def paragraph(text: str) -> str:
    """Break words into lines."""
    return fill(text, 100, break_long_words=False, break_on_hyphens=False) + "\n\n"
