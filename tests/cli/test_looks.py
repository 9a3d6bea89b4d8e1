"""Looks at the test split are counted in the run directory, and said."""

import json
from pathlib import Path

import pytest

from imgclf.run.looks import last_result

LOOKS = "run/test_looks.json"


@pytest.fixture
def trained(imgclf, pictures, on_pictures):
    assert imgclf("train", *on_pictures, "-s", "data.val_fraction=0.3", "--out", "run").code == 0


def seen(imgclf, *arguments):
    done = imgclf(*arguments)
    assert done.code == 0, done.err
    return [line for line in done.out.splitlines() if "no longer a test" in line]


def test_only_looks_at_test_count(imgclf, trained):
    for arguments in (("eval", "run", "--split", "val"), ("eval", "run", "--data", "pictures/test"),
                      ("compare", "run", "run"), ("report", "run")):  # fmt: skip
        seen(imgclf, *arguments)
    assert not Path(LOOKS).exists()
    assert seen(imgclf, "eval", "run") == []
    assert "test split seen 2 times" in seen(imgclf, "eval", "run", "--split", "test")[0]
    assert "test split seen 3 times" in seen(imgclf, "compare", "run", "run", "--split", "test")[0]
    assert json.loads(Path(LOOKS).read_text())["test_looks"] == 3
    assert imgclf("eval", "run", "--json").json["split"] == "test"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"test_looks": -3}', '{"test_looks": "many"}', '{"test_looks": 1e9}']
)
def test_a_damaged_count_begins_anew(imgclf, trained, content):
    Path(LOOKS).write_text(content)
    assert seen(imgclf, "eval", "run") == []
    assert json.loads(Path(LOOKS).read_text())["test_looks"] == 1


def test_the_last_result_is_noted_with_its_model(imgclf, trained):
    assert last_result(Path("run")) is None
    result = imgclf("eval", "run", "--json").json
    assert seen(imgclf, "compare", "run", "run", "--split", "test")
    assert last_result(Path("run")) == (round(result["accuracy"] * result["n"]), result["n"], 2)
    assert imgclf("train", "--resume", "run", "-s", "train.epochs=5", "--no-plots").code == 0
    assert last_result(Path("run")) is None
    noted = json.loads(Path(LOOKS).read_text())
    assert seen(imgclf, "eval", "run") == [
        "seen       test split seen 3 times: what you choose by it is no longer a test"
    ]
    for damage in ({"n": -1}, {"n": True}, {"correct": result["n"] + 1}, {"model": 3}):
        Path(LOOKS).write_text(json.dumps(noted | {"last": noted["last"] | damage}))
        assert last_result(Path("run")) is None


def test_a_count_that_cannot_be_written_is_no_error(imgclf, trained):
    Path(LOOKS).mkdir()
    assert seen(imgclf, "eval", "run") == []
