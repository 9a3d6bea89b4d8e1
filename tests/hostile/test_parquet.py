"""The law of readers for Parquet files: read, or refused in one line, and no child process is left.

They have no row in the table of readers: to start the child takes longer than all the others take for a hundred files.
"""

import json
import os
import random
import signal
import subprocess
from collections import Counter

import numpy as np
import pytest

from hostile.good_files import encoded
from hostile.mutations import KINDS, mutate
from hostile.watch import LONGEST_LINE
from imgclf.data.sources import _parquet
from imgclf.errors import DataError
from imgclf.files import parquet_child
from imgclf.files.form import Form

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.slow

WORDS = [b"PAR1", b"PARE", b"huggingface", b'{"info"', b"ARROW:schema", b"\xff\xff\xff\x7f", b"\x80" * 9, b"\0" * 64]


def good_files(folder):
    """Return the bytes of a file of images and of one of features."""
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    images = pa.table({"image": [{"bytes": encoded("PNG"), "path": "a.png"}] * 6, "label": [0, 1] * 3})
    images = images.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    lists = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(24, dtype=np.float32)), 4)
    for table, options in (
        (images, {"compression": "none"}),
        (images, {"compression": "snappy", "use_dictionary": False}),
        (pa.table({"x": lists, "y": list("abcabc")}), {"compression": "none", "row_group_size": 2}),
    ):
        pq.write_table(table, folder / "x.parquet", **options)
        yield (folder / "x.parquet").read_bytes()


class Forked:
    """The child process, with the same code, as a copy of this one: importing pyarrow takes longer than a file."""

    def __init__(self, command, **_):
        self.returncode, self.pid = None, os.fork()
        if self.pid == 0:
            try:
                parquet_child.main(*map(int, command[-3:]))
            finally:
                os._exit(1)

    def kill(self):
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout=None):
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


@pytest.mark.parametrize(
    ("process", "count"), [(subprocess.Popen, 20), pytest.param(Forked, 50_000, marks=pytest.mark.long)]
)
def test_a_changed_file_is_read_or_refused_in_one_line_and_no_process_is_left(tmp_path, monkeypatch, process, count):
    def start(*command, **options):
        started.append(process(*command, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    good, outcomes = list(good_files(tmp_path)), Counter()
    for number in range(count):
        chance, started = random.Random(f"parquet {number}"), []
        raw = good[number // len(KINDS) % len(good)]
        if number >= len(good):  # at first as they are
            raw = mutate(raw, list(KINDS)[number % len(KINDS)], chance, WORDS)
        (tmp_path / "x.parquet").write_bytes(raw)
        try:
            contents, _ = _parquet.contents(tmp_path / "x.parquet", Form(), {})
            for content in contents.values():
                assert sum(map(len, content.examples(0))) == sum(map(len, content.labels())) == content.n
            outcomes["read"] += 1
        except DataError as error:
            (line,) = error.lines()
            assert line.isprintable(), number
            assert len(line.replace(str(tmp_path), "")) <= LONGEST_LINE, line
            assert "x.parquet" in line, line
            outcomes["refused"] += 1
        assert all(child.returncode is not None for child in started), number
    assert min(outcomes["read"], outcomes["refused"]) > 0.05 * count
