"""One law for everything that reads files of strangers: read, or refused in one line; and nothing else happens."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile.examine import TABLE, examine
from hostile.mutations import KINDS
from hostile.readers import READERS
from hostile.watch import UNNOTICED
from imgclf.machine.cores import available_cores

pytestmark = pytest.mark.slow


@pytest.fixture
def quickly(tmp_path):
    """Examine a reader with a few files, the same on any machine; tests each have readers of their own."""
    return lambda name: examine(name, tmp_path / "files", count=60, seconds=3600)


@pytest.fixture(scope="module")
def at_length(tmp_path_factory):
    """Examine all readers at once, as many at a time as there are cores; the results of each in its turn."""
    folder = tmp_path_factory.mktemp("hostile")
    with ThreadPoolExecutor(available_cores()) as pool:
        begun = {
            name: pool.submit(examine, name, folder / name.replace(" ", "-"), count=50_000, seconds=24 * 3600.0)
            for name in READERS
        }
        yield lambda name: begun[name].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("form", ["quickly", pytest.param("at_length", marks=pytest.mark.long)])
def test_a_changed_file_is_read_or_refused_in_one_line_and_nothing_else_happens(request, tell, form, name):
    outcome = request.getfixturevalue(form)(name)
    if form == "at_length":
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
