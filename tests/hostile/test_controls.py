"""The alarms ring: a reader written without suspicion is found out, by the mutations that all readers get."""

import re

import pytest

from hostile.examine import examine
from hostile.mutations import KINDS, mutate
from hostile.naive import NAIVE

pytestmark = pytest.mark.slow

ALARMS = {
    "unpickles": r"does pickle\.find_class",
    "loads objects": r"asks for more memory|reserves \d+ MB|pickle\.find_class|warns",
    "builds any YAML": r"does os\.mkdir .*leaves \['.*canary'\]",
    "believes the size": r"asks for more memory than there is|reserves \d+ MB",
    "has all the time": "a gzip name of 50 MB: is read",
    "unpacks": r"does open .*'w'",
    "has no checksum": "reads something else, and does not notice",
    "warns": "warns: unexpected",
    "raises anything": "raises UnicodeDecodeError",
    "says too much": r"says [0-9,]+ characters",
    "says nothing of the file": "does not name the file",
}


def test_every_alarm_has_a_reader_that_sets_it_off():
    assert set(ALARMS) == set(NAIVE)


SLOWLY = {"builds any YAML", "has all the time", "says too much"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in SLOWLY)) for name in NAIVE])
def test_a_naive_reader_is_found_out(tmp_path, name):
    outcome = examine(name, tmp_path, count=20_000, seconds=3600, most=1)
    assert any(re.search(ALARMS[name], finding) for finding in outcome.findings), outcome


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mutation_changes_something_and_stands_an_empty_file(kind):
    import random

    raw = bytes(range(200))
    made = {mutate(raw, kind, random.Random(seed), (b"word",)) for seed in range(50)}
    assert len(made - {raw}) > 10
    assert made == {mutate(raw, kind, random.Random(seed), (b"word",)) for seed in range(50)}
    assert isinstance(mutate(b"", kind, random.Random(0), ()), bytes)
