import json
import math
import re

import pytest

from imgclf.report.page.rendering import FIRST, FOLDER, LAST, json_for_html, scripts

TEXTS = ["</script>", "<!--", "]]>", "&amp;", "\u2028\u2029", "\ud800", "'\"\\", "\x00\n", "\N{GRINNING FACE}"]


@pytest.mark.parametrize("text", TEXTS)
def test_json_ends_no_element_and_reads_as_it_was(text):
    found = json_for_html({text: [text]})
    assert not re.search("[<>&\u2028\u2029]", found)
    found.encode()
    assert json.loads(found) == {text: [text]}


def test_numbers_that_json_does_not_have_are_null():
    assert json.loads(json_for_html({"a": [math.nan, (math.inf, 1.5)], "b": -math.inf})) == {
        "a": [None, [None, 1.5]],
        "b": None,
    }


def test_scripts_are_all_there_and_those_that_others_need_come_first():
    names = {path.stem for path in (FOLDER / "js").glob("*.js")}
    places = {name: scripts().index((FOLDER / "js" / f"{name}.js").read_text(encoding="utf-8")) for name in names}
    order = sorted(names, key=places.get)
    first = [name for name in FIRST if name in names]
    assert order[: len(first)] == first
    assert order[-len(LAST) :] == list(LAST)


def test_no_script_ends_itself_or_asks_for_anything():
    for text in (scripts(), (FOLDER / "style.css").read_text(encoding="utf-8")):
        assert not re.search(r"</script|</style|<!--|\r|https?://(?!www\.w3\.org/)|@import|url\((?!#|data:)", text)
