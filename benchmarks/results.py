"""Print the tables of the benchmarks and write them to RESULTS.md."""
# ruff: noqa: T201 - a script talks

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from textwrap import fill

from imgclf.run.environment import processor

RESULTS = Path(__file__).with_name("RESULTS.md")


def say(text: str) -> str:
    """Print a section as soon as it is there."""
    print(text.rstrip(), end="\n\n", flush=True)
    return text.rstrip()


def progress(text: str) -> None:
    """Report progress on stderr: the tables come late."""
    print(f"... {text}", file=sys.stderr, flush=True)


def write_part(text: str) -> None:
    """Write a part of RESULTS.md in place of the one with the same title."""
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    parts = {part.partition("\n")[0]: part for part in f"\n{old}".split("\n# ")[1:]}
    parts[text.removeprefix("# ").partition("\n")[0]] = text.removeprefix("# ")
    RESULTS.write_text("\n".join(f"# {part.rstrip()}\n" for part in parts.values()), encoding="utf-8")


def machine(threads: str, *packages: str) -> str:
    """Name the processor, how much of it was used, and the versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Machine: {processor()}, {threads}; Python {platform.python_version()}, {versions}."


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def again(source: str) -> str:
    """Return the command that makes the results once more."""
    return f"To reproduce: `make bench{' CIFAR10=DIR' if source == 'cifar10' else ''}`; it writes this file."


def fenced(*lines: str) -> str:
    """Keep a table's columns in Markdown."""
    return "\n".join(["```text", *lines, "```", "", ""])


def paragraph(text: str) -> str:
    """Break words into lines."""
    return fill(text, 100, break_long_words=False, break_on_hyphens=False) + "\n\n"
