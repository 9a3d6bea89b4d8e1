"""One law for everything that reads files of strangers: read, or refused in one line; and nothing else happens."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile.examine import TABLE, examine
from hostile.mutations import KINDS
from hostile.readers import READERS
from hostile.watch import UNNOTICED
from imgclf.cores import available_cores

# Whichever comes first.
FORMS = {"quick": {"count": 2_000, "seconds": 5.0}, "long": {"count": 50_000, "seconds": 24 * 3600.0}}


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.long)])
def examined(request, tmp_path_factory):
    """All readers are examined at once, as many at a time as there are cores."""
    folder = tmp_path_factory.mktemp("hostile")
    with ThreadPoolExecutor(available_cores()) as pool:
        begun = {
            name: pool.submit(examine, name, folder / name.replace(" ", "-"), **FORMS[request.param])
            for name in READERS
        }
        yield request.param, begun
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", READERS)
def test_a_changed_file_is_read_or_refused_in_one_line_and_nothing_else_happens(examined, tell, name):
    form, begun = examined
    outcome = begun[name].result()
    if form == "long":
        TABLE[name] = outcome
    tried = outcome.read + outcome.refused
    tell(f"changed files, given to {len(READERS)} readers", tried, len(outcome.findings))
    if READERS[name].checked:
        tell("... of them models and checkpoints", tried, sum(UNNOTICED in one for one in outcome.findings))
    assert outcome.findings == []
    assert set(outcome.tried) == set(KINDS)
    # Else the mutations are too tame, or too wild, to say anything.
    assert outcome.read > 0.02 * sum(outcome.tried.values())
    assert outcome.refused > 0.02 * sum(outcome.tried.values())
