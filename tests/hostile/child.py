"""Mutates the files of one reader, and prints what came of it as JSON: the process that `examine` starts.

    python -m hostile.child READER FOLDER FINDINGS SEED COUNT SECONDS MOST

The same seed makes the same files. It ends early when the seconds are over, or with so many findings; every kind of
mutation of every file has been tried by then as often as any other.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hostile.good_files import File
from hostile.mutations import KINDS, mutate
from hostile.naive import NAIVE
from hostile.readers import READERS, Reader
from hostile.watch import Watch, edges

KEPT = Path(__file__).parent / "kept"


def main(name: str, folder: str, findings: str, seed: str, count: str, seconds: str, most: str) -> None:
    """Try mutation after mutation."""
    reader = {**READERS, **NAIVE}[name]
    keep = Path(findings).resolve()
    watch = Watch(reader, Path(folder))
    found = [f"{which}: {problem}" for which, problem in try_first(watch, name)]
    tried, outcomes = Counter(), Counter()
    end = time.monotonic() + float(seconds)
    for number in range(int(count)):
        if time.monotonic() > end or len(found) >= int(most):
            break
        file, kind, raw = changed(reader, number, random.Random(f"{name} {seed} {number}"))
        (keep / "now").write_bytes(raw)  # should this process not survive it
        problem, read = watch.problem(file, raw)
        tried[kind] += 1
        outcomes["read" if read else "refused"] += 1
        if problem:
            kept = f"{number}-{Path(file.name).name}"
            (keep / kept).write_bytes(raw)
            found.append(f"{file.name}, {kind} {number}: {problem} (kept as {keep / kept})")
    measured = {"slowest": watch.slowest, "memory": watch.most}
    result = {"tried": tried, "read": outcomes["read"], "refused": outcomes["refused"], "findings": found, **measured}
    sys.stdout.write(f"{json.dumps(result)}\n")


def changed(reader: Reader, number: int, chance: random.Random) -> tuple[File, str, bytes]:
    """Return a file, a kind of mutation, and what one of the file's parts changed so makes of it."""
    file = reader.files[number // len(KINDS) % len(reader.files)]
    kind = list(KINDS)[number % len(KINDS)]
    parts = list(file.parts)
    part = chance.randrange(len(parts))
    parts[part] = mutate(parts[part], kind, chance, reader.words)
    return file, kind, file.wrap(*parts)


def try_first(watch: Watch, name: str) -> Iterator[tuple[str, str]]:
    """Try what every reader must stand, and what once was more than this one could: (which file, problem)."""
    for file in watch.reader.files:
        for number, raw in enumerate(edges(file)):
            if problem := watch.problem(file, raw, changed=False)[0]:
                yield f"{file.name}, edge {number}", problem
        for kept in sorted((KEPT / name).glob(f"*-{Path(file.name).name}")):
            if problem := watch.problem(file, kept.read_bytes(), changed=False)[0]:
                yield f"{name}/{kept.name}", problem
    for called, bomb in watch.reader.bombs.items():
        problem, read = watch.problem(watch.reader.files[0], bomb.make(), changed=False)
        if problem or read is bomb.refused:
            yield called, problem or ("is read" if read else "is refused")


if __name__ == "__main__":
    main(*sys.argv[1:])
