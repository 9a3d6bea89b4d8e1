import pytest

from imgclf.report.labels import distinct_labels, shorten, without_common_words


def within(width):
    return lambda text: len(text) <= width


TOMATO = ["Tomato___Bacterial_spot", "Tomato___Early_blight", "Tomato___Late_blight", "Tomato___healthy"]
FAMILIES = {
    "one beginning": TOMATO,
    "one end": ["red big apple", "green big apple", "blue big apple"],
    "two beginnings": ["Tomato_Early", "Tomato_Late", "Potato_Early", "Potato_Late"],
    "the same but for the middle": [f"the same {c} in the middle" for c in "abcdefghijkl"],
    "the same": ["one name twice", "one name twice", "another name"],
    "short": ["cat", "dog"],
    "empty": ["", "a"],
}


@pytest.mark.parametrize("width", [5, 7, 12, 40])
@pytest.mark.parametrize("names", FAMILIES.values(), ids=FAMILIES)
def test_labels_fit_and_can_be_told_apart(names, width):
    labels = distinct_labels(without_common_words(names), within(width))
    assert len(set(labels)) == len(names)
    assert all(len(label) <= width for label in labels)


def test_what_all_names_begin_with_is_dropped_by_whole_words():
    assert without_common_words(TOMATO) == ["Bacterial_spot", "Early_blight", "Late_blight", "healthy"]
    assert without_common_words(["Early_blight", "Earth_worm"]) == ["Early_blight", "Earth_worm"]
    assert without_common_words(["a_", "a_b"]) == ["a_", "a_b"]
    assert without_common_words(["only_one"]) == ["one"]


@pytest.mark.parametrize("width", range(2, 12))
def test_as_little_as_possible_is_cut_from_the_middle(width):
    line = "abcdefghijk"
    short = shorten(line, within(width))
    head, _, tail = short.partition("…")
    assert len(short) == min(width, len(line))
    assert line.startswith(head)
    assert line.endswith(tail)
