"""The precision of a function is told by its answers."""

import numpy as np
import pytest

from imgclf.gradcheck.student.precision import decimals_of, is_single, magnitude, precision_of

LONGDOUBLE = str(np.dtype(np.longdouble))


@pytest.mark.parametrize(("dtypes", "noise", "is_float32", "name", "unit", "is_blurred"), [
    ({"float64"}, 1e-16, False, "float64", 1, False),
    ({LONGDOUBLE}, 1e-16, False, "longdouble" if LONGDOUBLE != "float64" else "float64", 1, False),
    ({LONGDOUBLE, "float64"}, 1e-16, False, "float64", 1, False),
    ({"float32"}, 1e-16, False, "float32", 2**29, False),
    ({"float64"}, 1e-16, True, "float32", 2**29, False),
    ({"float64"}, 1e-8, False, "float32", 2**29, False),
    ({"float64"}, 1e-3, False, "float32", 2**29, True),
    ({"float16", "float32"}, 1e-8, False, "float16", 2**42, True),
    ({"int64"}, 1e-16, False, "int64", 2**29, True),
])  # fmt: skip
def test_the_coarsest_that_shows_counts(dtypes, noise, is_float32, name, unit, is_blurred):
    found = precision_of(dtypes, noise, 1.0, is_float32=is_float32)
    assert (found.name, found.unit, found.is_blurred) == (name, unit, is_blurred)
    assert found.is_coarse == (unit > 1)


def test_a_number_with_the_digits_of_float32_is_told_from_others():
    assert is_single(float(np.float32(0.1)))
    for value in (0.1, 0.0, 1e300):
        assert not is_single(value)


def test_a_value_is_as_large_as_what_it_is_summed_up_from():
    assert magnitude(-2.0, np.array([[1.0, -3.0], [1.0, 3.0]]), np.array([[1.0, -1.0], [0.0, 2.0]])) == 2 + 6


@pytest.mark.parametrize(("values", "decimals"), [
    ([1.25, 12.3457], 4), ([3.0, 2.0], 0), ([1.234567, 0.5], 6), ([1.2345678, 0.5], None), ([0.0, 0.5], None),
    ([123456.5, 0.5], None), ([float(np.float32(0.1)), 0.5], None), ([np.pi, np.e], None),
])  # fmt: skip
def test_decimals_that_a_loss_is_rounded_to_are_counted(values, decimals):
    assert decimals_of(values) == decimals
