"""The index of decisions is complete, and every decision says whether it still stands."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("0*.md"))
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_decision_has_its_number_a_status_and_a_row_of_the_index(path):
    heading, _, status = path.read_text(encoding="utf-8").splitlines()[:3]
    number, title = re.fullmatch(r"# (\d+)\. (.+)", heading).groups()
    assert path.name.startswith(f"{int(number):04d}-")
    standing, by = re.fullmatch(r"\*\*Status\.\*\* (?:(Accepted)|Superseded by \[(\d+)\]\(.+?\))\..*", status).groups()
    stands = "accepted" if standing else f"superseded by {by}"
    assert f"| {number} | [{title}]({path.name}) | {stands} |\n" in INDEX


def test_the_index_has_no_row_too_many():
    assert INDEX.count("](0") == len(RECORDS)
