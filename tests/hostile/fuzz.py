"""Fuzzes the readers, guided by the code that a file reaches (libFuzzer, by way of atheris).

    python -m hostile.fuzz MINUTES [READER,READER...]

Every reader has that many minutes of a processor. A file that breaks the law is left in fuzz-findings/, to be copied
into `tests/hostile/kept/READER/`, where all later runs try it first.
"""

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostile.good_files import File

FINDINGS = Path("fuzz-findings")
GUIDES = ["imgclf", "yaml", "zipfile", "tarfile", "gzip", "csv", "json", "numpy.lib"]  # whose branches are followed


def main(minutes: str, names: str = "") -> int:
    """Fuzz one reader after the other, each in a process of its own; return how many broke the law."""
    from hostile.readers import READERS

    chosen = [name for name in names.split(",") if name] or list(READERS)
    broken = 0
    say(f"| fuzzed for {minutes} minutes | files | findings |\n|---|--:|--:|")
    for name in chosen:
        findings = (FINDINGS / name).resolve()
        findings.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "hostile.fuzz",
                "--reader",
                name,
                folder,
                findings,
                minutes,
            ]
            command.append(f"-artifact_prefix={findings}/found-")
            env = {**os.environ, "IMGCLF_CACHE": "0", "MALLOC_ARENA_MAX": "1"}
            done = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith(("BROKEN", "SUMMARY"))]
            sys.stderr.write(f"{name}: {'; '.join(said)[:600] or done.stderr[-600:]}\n")
        tried = re.search("^Done (.*) files$", done.stderr, re.MULTILINE)
        say(f"| {name} | {tried[1] if tried else ''} | {int(done.returncode != 0)} |")
        broken += done.returncode != 0
    return broken


def say(lines: str) -> None:
    sys.stdout.write(f"{lines}\n")
    sys.stdout.flush()


def fuzz(name: str, folder: str, findings: str, minutes: str, *options: str) -> None:
    """Fuzz one reader; leaves when the time is over, or at the first file that breaks the law."""
    import atheris

    with atheris.instrument_imports(include=GUIDES):
        from hostile.readers import READERS
        from hostile.watch import Watch

    reader = READERS[name]
    words = Path(folder, "words")
    words.write_text("".join(f"{quoted(word)}\n" for word in reader.words if len(word) < 60))
    corpus = Path(folder, "corpus")
    corpus.mkdir()
    for number, file in enumerate(reader.files):
        for part, raw in enumerate(file.parts):
            (corpus / f"{number}-{part}").write_bytes(bytes([number, part]) + raw)
    files = Path(folder, "files")
    files.mkdir()
    watch = Watch(reader, files)
    tried, end = itertools.count(), time.process_time() + 60 * float(minutes)

    def try_one(data: bytes) -> None:
        number = next(tried)
        if time.process_time() > end:
            os.write(2, f"Done {number:,} files\n".encode())
            os._exit(0)
        file, raw = unfolded(data, reader.files)
        now = Path(findings, f"{os.getpid()}-{Path(file.name).name}")
        now.write_bytes(raw)  # should this process not survive it
        if problem := watch.problem(file, raw)[0]:
            os.write(2, f"BROKEN {file.name}: {problem} (kept as {now})\n".encode())
            raise AssertionError(problem)
        now.unlink()

    # What libFuzzer itself limits is watched here: memory and time.
    limits = ["-rss_limit_mb=0", "-malloc_limit_mb=0", f"-timeout={24 * 3600}", "-max_len=20000"]
    limits += [f"-dict={words}"] * bool(reader.words)
    atheris.Setup([sys.argv[0], *limits, *options, str(corpus)], try_one)
    atheris.Fuzz()


def quoted(word: bytes) -> str:
    """Return a word as libFuzzer's dictionaries have it."""
    return '"' + "".join(rf"\x{byte:02x}" for byte in word) + '"'


def unfolded(data: bytes, files: "tuple[File, ...]") -> "tuple[File, bytes]":
    """Return which file is meant and what it holds: the first byte is its number, the second that of its part."""
    number, part = (*data[:2], 0, 0)[:2]
    file = files[number % len(files)]
    parts = list(file.parts)
    parts[part % len(parts)] = data[2:]
    return file, file.wrap(*parts)


if __name__ == "__main__":
    if sys.argv[1] == "--reader":
        fuzz(*sys.argv[2:])
    else:
        sys.exit(main(*sys.argv[1:]))
