"""An interruption leaves nothing behind in the process that the other tests share."""

import itertools
import sys

from interruption import interrupt


def handles_an_error():
    try:
        try:
            raise ValueError
        except ValueError:
            raise TypeError from None
    except TypeError:
        pass


def test_no_exception_is_still_being_handled_afterwards():
    for number in itertools.count(1):
        reached = interrupt(number, handles_an_error, within="test_interruption.py")
        assert sys.exc_info() == (None, None, None), number
        if not reached:
            break
    assert number > 10
