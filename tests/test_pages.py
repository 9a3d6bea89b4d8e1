"""What a page may show of what a command printed, and what it may not."""

import pytest

from pages import missing

PRINTED = """\
weights   7,850 parameters
loss      2.3026 = ln 10
epoch     update images/s
    1    3.3e-02  237,418
    2    1.7e-02  399,893
error     6e-10, in 1.2 s
"""


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        "...\n",
        "weights   7,850 parameters\n...\nerror 6e-10, in 1.2 s\n",
        "...\nloss      2.3026 = ln 10\n...\n",
        "...\nloss 2.3026\n= ln 10\n...\n",  # wrapped otherwise
        "...\nloss      2.3031 = ln 10\n...\n",  # rounded otherwise
        "...\n    2    1.8e-02  1,000\n...\n",  # at another speed
        "...\nerror     1e-10, in 840 ms\n",
    ],
)
def test_a_page_may_leave_lines_out_where_it_says_so(shown):
    assert missing(shown, PRINTED) is None


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "weights   7,850 parameters\n",
        "loss      2.3026 = ln 10\n...\n",  # not at the beginning
        "...\nloss      2.3026 = ln 10\n",  # not at the end
        "weights   7,850 parameters\nepoch     update images/s\n...\n",
        "...\nepoch     update images/s\n...\nloss      2.3026 = ln 10\n...\n",  # in another order
        "...\nloss      2.3026 = ln 10\n...\nloss      2.3026 = ln 10\n...\n",
        "...\nloss      2.4026 = ln 10\n...\n",
        "...\nloss      -2.3026 = ln 10\n...\n",
        "...\ncost      2.3026 = ln 10\n...\n",
        "...\nerror     6e-13, in 1.2 s\n",
        PRINTED + "verdict: pass\n",
    ],
)
def test_what_was_not_printed_in_its_place_is_found(shown):
    assert missing(shown, PRINTED) is not None


def test_only_words_count_where_numbers_depend_on_the_machine():
    assert missing("local 40 1.9\n", "local 25 2.1\n", timed=True) is None
    assert missing("local 40 1.9\n", "random 25 2.1\n", timed=True) is not None
