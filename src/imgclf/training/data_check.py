"""Check a data set: duplicates, wrong labels, unreadable and odd images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.config import Config
from imgclf.data.dataset import Dataset
from imgclf.data.duplicates import MOST, Pair, equal_groups, near_pairs
from imgclf.data.sources._image_headers import all_headers
from imgclf.errors import DataError, plural
from imgclf.machine.cores import available_cores
from imgclf.numerics.indices import slices
from imgclf.training.data_remarks import how_read, of_examples, passed_over
from imgclf.training.loading import arguments, list_source, load_all_splits, tree_of, where

SHOWN = 100  # examples of a finding
IMBALANCED = 10  # times as many images in the largest class as in the smallest


@dataclass(frozen=True)
class Finding:
    """Something about the data that one should know.

    kind      a stable name
    serious   whether it makes a result wrong or doubtful; the others are for information
    examples  at most 100 of what it is about, each one or more images
    """

    kind: str
    sentence: str
    serious: bool
    examples: Sequence[str] = ()


@dataclass(frozen=True)
class _Images:
    """The examples of splits, all of one shape, one after the other."""

    splits: Mapping[str, Dataset]

    @cached_property
    def starts(self) -> IntArray:
        return np.cumsum([0, *map(len, self.splits.values())])

    @cached_property
    def labels(self) -> list[str]:
        return [dataset.class_names[c] for dataset in self.splits.values() for c in dataset.y.tolist()]

    def split_of(self, row: int) -> str:
        return [*self.splits][int(np.searchsorted(self.starts, row, side="right")) - 1]

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Gather examples of any splits, in the order of the rows."""
        found = np.empty((len(rows), *self.first.example_shape), self.first.images.dtype)
        for start, dataset in zip(self.starts, self.splits.values(), strict=False):
            ours = (rows >= start) & (rows < start + len(dataset))
            found[ours] = dataset.pixels(rows[ours] - start)
        return found

    @property
    def first(self) -> Dataset:
        return next(iter(self.splits.values()))

    def names(self, rows: Iterable[int]) -> dict[int, str]:
        """Name images, each by its split, its file or its row, and its class; all at once, as files are listed anew."""
        wanted, found = np.array(sorted(set(rows)), np.int64), dict[int, str]()
        for start, (split, dataset) in zip(self.starts, self.splits.items(), strict=False):
            ours = wanted[(wanted >= start) & (wanted < start + len(dataset))]
            for row, called in zip(ours.tolist(), dataset.names_of(ours - start), strict=True):
                found[row] = f"{split} {called} ({self.labels[row]})"
        return found


def check_data_set(config: Config) -> tuple[dict[str, Dataset], list[Finding], list[tuple[Pair, str, str]]]:
    """Return the splits, what was found, and all pairs of equal and nearly equal images with their names."""
    findings = [*_of_files(config)]
    try:
        splits = load_all_splits(config)
    except DataError as error:
        (line,) = error.lines()
        sentence = f"{line}; the images themselves are checked when this is mended"
        return {}, [*findings, Finding("unreadable", sentence, serious=True)], []
    named = []
    for images in _alike(splits):
        pairs = _pairs(images)
        names = images.names(row for pair in pairs for row in pair[:2])
        findings += _of_pairs(images, pairs, names)
        findings += _of_values(images)
        named += [(pair, names[pair.first], names[pair.second]) for pair in pairs]
    findings += _of_classes(splits)
    findings += _of_warnings(config, splits)
    return splits, findings, named


def _alike(splits: Mapping[str, Dataset]) -> list[_Images]:
    """Return the splits whose examples can be compared: those of each shape."""
    shapes = dict.fromkeys(dataset.example_shape for dataset in splits.values())
    return [_Images({name: one for name, one in splits.items() if one.example_shape == shape}) for shape in shapes]


def _of_files(config: Config) -> Iterator[Finding]:
    """Look at the names and headers of image files."""
    tree = tree_of(config)
    odd = [str(one) for one in tree.passed_over if not one.expected] if tree else []
    if odd:
        yield Finding(
            "passed over", f"{plural(len(odd), 'file or folder', 'files or folders')} not read", True, odd[:SHOWN]
        )
    listings = (list_source(config, ("train", "val", "test")) or {}).values()
    files = [file for listing in listings for file in listing.files()]
    headers = all_headers(files, len(files), available_cores())
    if sizes := Counter(f"{one.shape[1]} x {one.shape[0]}" for one in headers):
        commonest = ", ".join(f"{n:,} of {size}" for size, n in sizes.most_common(3))
        more = f", and {len(sizes) - 3} more sizes" if len(sizes) > 3 else ""
        yield Finding("sizes", f"images of {plural(len(sizes), 'size')}: {commonest}{more}", serious=False)
    colors = Counter("gray" if one.shape[2] == 1 else "color" for one in headers)
    if len(colors) > 1:
        gray = plural(colors["gray"], "gray image")
        yield Finding("colors", f"{gray} and {colors['color']:,} in color", serious=False)
    if turned := sum(one.turned for one in headers):
        were = f"{plural(turned, 'image is', 'images are')} stored turned or mirrored"
        yield Finding("turned", f"{were}, as EXIF says; imgclf turns them, other programs may not", serious=False)


def _pairs(images: _Images) -> list[Pair]:
    """Return the pairs of equal and of nearly equal images; of more than two equal ones, each with the first."""
    n, at_once = int(images.starts[-1]), images.first.at_once
    groups = equal_groups(images.read, n, at_once)
    pairs = [Pair(rows[0], other, 0.0) for rows in groups for other in rows[1:]]
    if images.first.images.ndim == 4:
        once = np.ones(n, bool)
        once[[pair.second for pair in pairs]] = False
        pairs += near_pairs(images.read, np.flatnonzero(once), at_once)
    return sorted(pairs)


def _of_pairs(images: _Images, pairs: Sequence[Pair], names: Mapping[int, str]) -> Iterator[Finding]:
    unit, most = images.first.unit, "at least " if len(pairs) >= MOST else ""
    for how, those in (
        ("equal", [pair for pair in pairs if not pair.distance]),
        ("nearly equal", [pair for pair in pairs if pair.distance]),
    ):
        across = [pair for pair in those if images.split_of(pair.first) != images.split_of(pair.second)]
        within = [pair for pair in those if images.split_of(pair.first) == images.split_of(pair.second)]
        wrong = [pair for pair in those if images.labels[pair.first] != images.labels[pair.second]]
        for found, place, serious in (
            (across, "across splits: what is tested was trained on", True),
            (within, "within a split", False),
            (wrong, "have two different labels", True),
        ):
            if found:
                many = plural(len(found), f"pair of {how} {unit}s", f"pairs of {how} {unit}s")
                kind = f"{how} {place.partition(':')[0]}"
                yield Finding(kind, f"{most}{many} {place}", serious, _examples(found, names))


def _examples(pairs: Sequence[Pair], names: Mapping[int, str]) -> list[str]:
    return [f"{names[one]} and {names[other]}, distance {distance:.2g}" for one, other, distance in pairs[:SHOWN]]


def _of_values(images: _Images) -> Iterator[Finding]:
    """Look for images of one value, and for values that are the same in all images."""
    same, flat, first = None, [], images.read(np.arange(1))[0]
    for part in slices(int(images.starts[-1]), images.first.at_once):
        some = images.read(np.arange(part.start, part.stop))
        same = (some == first).all(axis=0) & (True if same is None else same)
        colors = some.reshape(len(some), -1, some.shape[3] if some.ndim == 4 else 1)
        flat += (part.start + np.flatnonzero((colors == colors[:, :1]).all(axis=(1, 2)))).tolist()
    if flat:
        unit = images.first.unit
        sentence = f"{plural(len(flat), f'{unit} has', f'{unit}s have')} one value or color everywhere"
        yield Finding("one value", sentence, True, [*images.names(flat[:SHOWN]).values()])
    if same is not None and same.any():
        few = plural(int(same.sum()), "value is", "values are")
        sentence = f"{few} the same in all {images.first.unit}s, of {same.size:,}: nothing can be learned from them"
        yield Finding("constant values", sentence, serious=False)


def _of_classes(splits: Mapping[str, Dataset]) -> Iterator[Finding]:
    for split, dataset in splits.items():
        counts = dataset.class_counts()
        most, least = int(counts.argmax()), int(counts.argmin())
        if counts[least] and counts[most] >= IMBALANCED * counts[least]:  # of those without images, a warning tells
            names = dataset.class_names
            sentence = f"{split}: {counts[most]:,} of {names[most]}, {counts[least]:,} of {names[least]}"
            yield Finding("imbalance", f"{sentence}: try train.class_weight: balanced", serious=True)
    if len(names := next(iter(splits.values())).class_names) < 2:
        yield Finding("one class", f"only one class, {names[0]!r}: a classifier needs at least two", serious=True)


def _of_warnings(config: Config, splits: Mapping[str, Dataset]) -> Iterator[Finding]:
    """Repeat what `train` and `data info` warn of; what image folders pass over is a finding of their files."""
    tree, here = tree_of(config), f"{where(config)}: "
    skipped = passed_over(config.data.source, arguments(config)[0], config.data.options)
    known = tree.about_passed_over() if tree else []
    for kind, serious, lines in (
        ("passed over", False, [line for line in skipped if line not in known]),
        ("read as", False, how_read(splits)),
        ("doubtful", True, of_examples(config, splits)),
    ):
        for line in lines:
            yield Finding(kind, line.removeprefix(here), serious)
