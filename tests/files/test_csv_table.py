"""CSV files are read whole or refused with the number of the row."""

import codecs
import tracemalloc

import numpy as np
import pytest

from imgclf.errors import DataError
from imgclf.files import csv_table
from imgclf.files.csv_table import cells_all_over, is_header, most_rows, numbers, open_table, texts

BYTE, FLOAT = np.dtype(np.uint8), np.dtype(np.float32)


@pytest.fixture(name="table")
def table_fixture(tmp_path):
    """Write a CSV file, and find out its form."""

    def write(content):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_table(path)

    return write


def cells(table):
    return [row for _, row in texts(table)]


def values(table, columns=None, dtype=FLOAT, of_text=()):
    found = list(numbers(table, columns or range(table.width), of_text, dtype))
    return np.concatenate([some.values for some in found]).tolist()


WHOLE = [["1", "cat"], ["2", "a dog"]]


@pytest.mark.parametrize(
    "content",
    [
        "n,name\n1,cat\n2,a dog\n",
        "n,name\n1,cat\n2,a dog",
        "n;name\r\n1;cat\r\n2;a dog\r\n",
        "n\tname\r1\tcat\r2\ta dog\r",
        'n,name\n"1",cat\n2,"a dog"\n',
        '"n";"name"\n1;cat\n2;"a dog"\n',
        "n, name\n\n 1 , cat\n\n2,a dog\n\n \n",
        codecs.BOM_UTF8 + b"n,name\n1,cat\n2,a dog\n",
        "n,name\n1,cat\n2,a dog\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "n,name\r\n1,cat\r\n2,a dog\r\n".encode("utf-16-be"),
    ],
)
def test_a_table_is_the_same_however_it_is_written(table, content):
    found = table(content)
    assert found.header == ("n", "name")
    assert cells(found) == WHOLE
    assert values(found, [0]) == [[1], [2]]
    assert [text for some in numbers(found, [0], [1], BYTE) for text in some.texts[0]] == ["cat", "a dog"]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_ends(table):
    found = table('name,note\na.png,"one, two\n""three"""\nb.png,x\n')
    assert list(texts(found)) == [(2, ["a.png", 'one, two\n"three"']), (4, ["b.png", "x"])]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("id,breed", True),
        ("label,0,1,2,3,4", True),
        ("0,1,2,3,4", True),
        ("0,0.1,0.2,18,18.1,0.3", False),
        ("-3,12,45,7,0", False),
        ("1,0,0.35,0.75,a", False),
        ("3,12,45,7", False),
        ("5,0,0,0,12", False),
        ("5.1,3.5,1.4,0.2,setosa", False),
        ("a.png,cat", False),
        ("a.png,3", False),
        ("label,1x1,1x2,2x1,2x2", True),
    ],
)
def test_a_first_row_is_a_header_unless_it_holds_data(row, expected):
    assert is_header(row.split(",")) is expected


@pytest.mark.parametrize(
    ("first", "others", "is_data"),
    [
        ("9,0,0.1,0.2,18", "3,0,0,7,18", False),
        ("cat,0,0.1,18,18.1,0.2", "dog,1,2,3,4,5", False),
        ("9,0,0.1,0.2,18", "3,0,0.5,7,18", True),  # the others are no whole numbers
        ("9,0,0.2,0.1,18", "3,0,0,7,18", True),
        ("0.1,0,18,3", "3,0,0,7", True),
        ("9,0,0,0,18", "3,0,0,7,18", True),
    ],
)
def test_names_that_pandas_made_of_a_row_are_passed_over(table, first, others, is_data):
    found = table(f"{first}\n{others}\n{others}\n")
    assert found.header is None
    assert cells(found) == [first.split(",")] * is_data + [others.split(",")] * 2


@pytest.mark.parametrize("written", [",|\n", ";|\r\n", "\t|\r"])
def test_cells_all_over_the_file_are_those_of_its_rows(table, written):
    delimiter, end = written.split("|")
    rows = [[str(n), str(n % 7), f"{n * n}", "é"] for n in range(5000)]
    found = table(end.join(delimiter.join(row) for row in rows) + end)
    seen = cells_all_over(found, (0, 3, 1))
    assert all([a, b, c] == [rows[int(a)][0], "é", rows[int(a)][1]] for a, b, c in seen)
    numbers = sorted({int(a) for a, _, _ in seen})
    assert numbers[0] == 0
    assert max(b - a for a, b in zip([*numbers, 5000][:-1], [*numbers, 5000][1:], strict=True)) < 100
    for content in ("1,2\n", "1,2\n3,4", "1,2\n3,4\n5,6\n"):
        assert {tuple(row) for row in cells_all_over(table(content), (0, 1))} == {
            tuple(line.split(",")) for line in content.split()
        }


@pytest.mark.parametrize("at_once", [1, 7, 64, 1 << 18])
def test_the_size_of_chunks_changes_nothing(table, monkeypatch, at_once):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (50, 9))
    content = "label,ä,c,d,e,f,g,h,i\r\n" + "".join(",".join(map(str, row)) + "\r\n" for row in rows)
    monkeypatch.setattr(csv_table, "_AT_ONCE", at_once)
    found = table(content)
    assert values(found, dtype=BYTE) == rows.tolist()
    assert [number for some in numbers(found, [0], [], BYTE) for number in some.rows] == list(range(2, 52))
    assert cells(found) == [[str(x) for x in row] for row in rows]
    assert 50 <= most_rows(found, 9) <= 52 or at_once <= 64  # a line may end between two chunks
    for column in range(9):
        assert [text for some in numbers(found, [1], [column], BYTE) for text in some.texts[0]] == [
            str(x) for x in rows[:, column]
        ]


def test_whole_numbers_may_have_a_decimal_point(table):
    assert values(table("a,b\n7.0,255\n0,1e1\n"), dtype=BYTE) == [[7, 255], [0, 10]]


@pytest.mark.parametrize("bad", ["300", "-3", "2.5", "x", "", "nan", "1_0", "0x1", "٣"])
def test_what_is_not_a_byte_is_named_by_row_and_column(table, bad):
    found = table(f"label,p0,p1\n5,0,0\n\n6,1,{bad}\n7,2,2\n")
    with pytest.raises(DataError, match=r"data\.csv: row 4, column 'p1': .* is not a whole number within 0\.\.255"):
        values(found, dtype=BYTE)


def test_an_error_stays_short_whatever_is_in_the_cell(table):
    found = table("größe\u0a00\u0a00,b\n1,2\n" + "\u0a00" * 400 + ",3\n")
    with pytest.raises(DataError) as caught:
        values(found)
    assert len(caught.value.problem) < 120


@pytest.mark.parametrize(("dtype", "large"), [(FLOAT, "1e39"), (FLOAT, "-1e999"), (np.dtype("float64"), "1e309")])
def test_a_number_beyond_the_type_is_too_large_and_not_called_infinite(table, dtype, large):
    with pytest.raises(DataError, match=rf"row 3, column 'b': '{large}' is too large for {dtype} - correct it, or div"):
        values(table(f"a,b\n1,3e38\n2,{large}\n"), dtype=dtype)


@pytest.mark.parametrize("content", [
    'a,b,name\n1,2,x\n3,"4\n5",y\n', 'a,b,name\n1,2,x\n3,4,"y\nz"\n', 'a;b;name\n1;2;x\n3;4;"y ""z""\n, 2"\n',
    'a,b,name\n1,2,x\n3,4,"y\n',
])  # fmt: skip
def test_a_quoted_cell_with_a_line_break_among_numbers_is_named_by_its_row(table, content):
    found = table(content)
    with pytest.raises(DataError, match=r"row 3: a quoted cell has a line break in it, .* - write a row of num"):
        list(numbers(found, [0, 1], [2], FLOAT))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(("names", "written", "lines"), [
    (("a", "b\nc"), 'a|"b\nc"', 2), (("a\n\nb", "c"), '"a\n\nb"|c', 3), (("a", "b,;\t,;\tb"), 'a|"b,;\t,;\tb"', 1),
    (('a "x"\n,,;;\t\t.', "c"), '\n\n"a ""x""\n,,;;\t\t."|"c"\n', 5), (('size 5"', "b"), 'size 5"|b', 1),
])  # fmt: skip
def test_a_header_may_hold_delimiters_and_line_breaks(table, monkeypatch, delimiter, names, written, lines):
    found = table(f"{written}\n1|2\n\n3|4\n".replace("|", delimiter))
    assert (found.delimiter, found.header) == (delimiter, names)
    assert list(texts(found)) == [(lines + 1, ["1", "2"]), (lines + 3, ["3", "4"])]
    for at_once in (1, 1 << 18):
        monkeypatch.setattr(csv_table, "_AT_ONCE", at_once)
        assert values(found) == [[1, 2], [3, 4]]


def test_a_quote_inside_a_cell_opens_nothing(table):
    found = table('a,size\n1,5"\n2,"5"" or 6"""\n')
    assert [some.texts for some in numbers(found, [0], [1], FLOAT)] == [[['5"', '5" or 6"']]]


def test_a_decimal_comma_is_called_one(table):
    with pytest.raises(
        DataError, match=r"row 3, column 'b': '0,5' is not a finite number - write decimal points, 0\.5"
    ):
        values(table("a;b\n1;2\n3;0,5\n"))


@pytest.mark.parametrize("bad", ["x", "", "nan", "-inf", "1_0", "1,5"])
def test_what_is_not_a_finite_number_is_named_by_row_and_column(table, bad):
    found = table(f"label;p0\n5;0.5\n6;{bad}\n")
    with pytest.raises(DataError, match=r"data\.csv: row 3, column 'p0': .* is not a finite number"):
        values(found)


@pytest.mark.parametrize("read", [cells, values])
def test_a_ragged_row_is_named_with_its_cells(table, read):
    rows = "1,2,3\n" * 200
    with pytest.raises(DataError, match=r"data\.csv: row 202 has 2 cells, the first 3 - correct or remove the row"):
        read(table(f"a,b,c\n{rows}1,2\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\n \n", "an empty file"),
        (b'"', "an empty file"),
        (b'""\n', "an empty file"),
        (b"a,b\n", "a header without rows"),
        (b"a,b\n1,\xff\n", "not text in utf-8"),
        (b"a,b\n1,\0\n", "NUL bytes"),
        ("a,b\n1,2\n".encode("utf-16-le"), "NUL bytes"),
        (b'a,b\n"' + b"x" * 200_000 + b"\n", "row 2 cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(table, content, words):
    with pytest.raises(DataError, match=rf"data\.csv: .*{words}"):
        cells(table(content))


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(table, monkeypatch):
    monkeypatch.setattr(csv_table, "_LONGEST_LINE", 1 << 20)
    tracemalloc.start()
    with pytest.raises(DataError, match="a line of more than 1,048,576 characters"):
        table(b"1," * (20 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (40 << 20) + (8 << 20)  # the 40 MB are the test's own bytes


def test_a_row_may_have_many_columns_and_other_delimiters_in_quotes(table):
    wide = table(f"label,{','.join(f'pixel{n}' for n in range(49152))}\n1{',255' * 49152}\n")
    assert sum(map(sum, values(wide, dtype=BYTE))) == 1 + 255 * 49152
    assert table('"a;b;c;d",e\n1,2\n').header == ("a;b;c;d", "e")


def test_rows_are_never_underestimated(table):
    sparse, blank = "a,b,c\n" + ",1,\n" * 9, "a,b\n" + "\n" * 1000 + "1,2\n"
    for content in ("a,b\n1,2\n3,4", "1,2\r3,4\r\r5,6\r", "5\n" * 7, sparse, blank):
        found = table(content)
        assert len(cells(found)) <= most_rows(found, 1) <= len(content) // found.width + 1
