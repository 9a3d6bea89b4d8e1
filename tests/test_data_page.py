"""The tables of docs/data.md are true: what they show is made, and read as they say."""

import re
from pathlib import Path

import pytest

from imgclf.data.sources import folder
from imgclf.errors import DataError

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
LAYOUTS = re.findall(r"^\| (`.*?) \| (.*?) \| ?(.*?) ?\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("files", "read_as", "passed_over"), LAYOUTS)
def test_a_folder_is_read_as_the_page_says(tmp_path, files, read_as, passed_over):
    for name in re.findall("`(.*?)`", files):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if read_as.startswith("refused: "):
        with pytest.raises(DataError, match=read_as.removeprefix("refused: ")):
            folder.list_splits(tmp_path, ["train"])
        return
    tree = folder.tree(tmp_path)
    found = folder.list_splits(tmp_path, ["train", "val", "test"])
    assert "; ".join(f"{split}: {', '.join(listing.class_names)}" for split, listing in found.items()) == read_as
    places = {one.place for one in tree.passed_over if not one.expected}
    assert places == set(re.findall("`(.*?)`", passed_over))


def test_the_page_shows_many_layouts():
    assert len(LAYOUTS) >= 12
