"""A score is taken apart to the last digit: the sums, in float64 and as printed."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgclf.data.preprocess import Preprocess
from imgclf.errors import DataError
from imgclf.report.evidence import INK_ALONE, MEAN_IMAGE, Evidence, Explanation, explain
from imgclf.report.evidence_text import decimal_text, formulas, printed, rounded_parts
from imgclf.training.classifier import Model
from imgclf.training.evaluation import score_images

ROUNDING = Fraction(1, 2**53)
SHAPES = [(4, 3, 1), (3, 2, 3), (12,)]
NAMES = ("a", "b", "c")
KINDS = [
    {"center": center, "std": std, "scale": scale, "norm": norm, "dtype": dtype}
    for center, std, scale, norm in [
        ("pixel", "none", 255.0, None),
        ("pixel", "pixel", 255.0, None),
        ("channel", "channel", 1.0, None),
        ("none", "none", 16.0, None),
        ("none", "pixel", 255.0, None),
        ("none", "none", 255.0, "l2"),
        ("pixel", "pixel", 255.0, "l2"),
    ]
    for dtype in ("float32", "float64")
]


def make_model(shape, *, center="pixel", std="none", scale=255.0, norm=None, dtype="float32", classes=3, seed=0):
    """Return a model with the statistics of each pixel, of each channel, or none."""
    rng = np.random.default_rng(seed)
    size = math.prod(shape)

    def statistics(how, low, high):
        if how == "none":
            return None
        channels = shape[2] if how == "channel" and len(shape) == 3 else size
        return np.resize(rng.uniform(low, high, channels), size).astype(dtype)

    preprocess = Preprocess(shape, scale, statistics(center, 0.1, 0.7), statistics(std, 0.1, 2), dtype, norm=norm)
    weights = rng.normal(size=(size + 1, classes)).astype(dtype)
    return Model(weights, preprocess, NAMES[:classes], "softmax", 0, 0)


def make_example(shape, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape, dtype=np.uint8) if len(shape) == 3 else rng.normal(size=shape)


def exact_score(model, example, columns):
    """The score by the formula, in fractions: sum_d w_d * (v_d - mean_d) / std_d + b, of c or of c less another."""
    p = model.preprocess
    values = [Fraction(float(value)) for value in example.reshape(-1)]
    length = Fraction(math.sqrt(sum(float(value) ** 2 for value in values))) if p.norm else Fraction(p.scale)
    mean = np.zeros(p.size) if p.mean is None else p.mean
    std = np.ones(p.size) if p.std is None else p.std
    x = [(v / length - Fraction(float(m))) / Fraction(float(s)) for v, m, s in zip(values, mean, std, strict=True)]
    signs = [1, -1]
    total, size = Fraction(0), Fraction(0)
    for c, sign in zip(columns, signs, strict=False):
        w = [Fraction(float(value)) for value in model.weights[:, c]]
        total += sign * (sum(a * b for a, b in zip(w, x, strict=False)) + w[-1])
        size += abs(w[-1]) + sum(abs(a) * (abs(v / length) + abs(Fraction(float(m)))) / Fraction(float(s))
                                 for a, v, m, s in zip(w, values, mean, std, strict=False))  # fmt: skip
    return total, size


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_each_decomposition_adds_up_to_the_score_of_the_formula(shape, kind):
    model, example = make_model(shape, **kind), make_example(shape)
    seen = explain(model, "x", example, ["b", "a"])
    assert list(seen.parts) == ([INK_ALONE] if kind["center"] == "none" else [INK_ALONE, MEAN_IMAGE])
    predicted = score_images(model, example[np.newaxis])[0]
    for some in seen.parts.values():
        for one, columns in zip(some, [(1, 0), (1,), (0,)], strict=True):
            true, size = exact_score(model, example, columns)
            allowed = (model.preprocess.size + 1) * ROUNDING * size
            total = Fraction(one.supporting + one.opposing + one.bias)
            assert abs(total - true) <= allowed
            assert abs(Fraction(one.score) - true) <= allowed
            assert abs(total - Fraction(one.score)) <= 4 * ROUNDING * size
        assert some[1].score == pytest.approx(float(predicted[1]), rel=1e-4, abs=1e-4)
        assert some[2].score == pytest.approx(float(predicted[0]), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_totals_are_the_sums_of_the_terms_rounded_once(shape):
    for some in explain(make_model(shape), "x", make_example(shape), ["a", "c"]).parts.values():
        for one in some:
            assert one.supporting == math.fsum(term for term in one.terms if term > 0)
            assert one.opposing == math.fsum(term for term in one.terms if term < 0)
            assert one.score == math.fsum([*one.terms, one.bias])


def test_without_std_the_two_differ_by_the_mean_image():
    """What ink alone counts as ink of the mean image stands in the bias instead."""
    model, example = make_model((4, 3, 1)), make_example((4, 3, 1))
    ink, mean = (some[1] for some in explain(model, "x", example, ["a", "b"]).parts.values())
    w = model.weights[:-1, 0].astype(float)
    np.testing.assert_allclose(ink.terms - mean.terms, w * model.preprocess.mean)
    assert mean.bias == float(model.weights[-1, 0])
    assert ink.bias == pytest.approx(mean.bias - float(w @ model.preprocess.mean))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_the_biases_are_the_scores_of_a_black_image_and_of_the_mean_image(kind):
    model = make_model((3, 2, 3), **kind)
    black = explain(model, "black", np.zeros((3, 2, 3), np.uint8), ["a", "b"]).parts[INK_ALONE][1]
    assert black.bias == pytest.approx(float(score_images(model, np.zeros((1, 3, 2, 3), np.uint8))[0, 0]), abs=1e-4)
    assert not black.terms.any()
    assert black.score == black.bias


def test_a_weight_changes_its_own_pixel_and_no_other():
    model, example = make_model((4, 3, 1)), make_example((4, 3, 1))
    weights = model.weights.copy()
    weights[7, 1] += 1
    changed = Model(weights, model.preprocess, model.class_names, "softmax", 0, 0)
    before, after = (explain(one, "x", example, ["b", "a"]) for one in (model, changed))
    for name in (INK_ALONE, MEAN_IMAGE):
        for place, expected in enumerate([[7], [7], []]):  # the difference, the class, the second class
            terms = before.parts[name][place].terms, after.parts[name][place].terms
            assert np.flatnonzero(terms[0] != terms[1]).tolist() == expected


def test_the_order_of_the_classes_is_the_sign_of_the_difference():
    model, example = make_model((12,)), make_example((12,))
    one, other = (explain(model, "x", example, names).parts for names in (["a", "b"], ["b", "a"]))
    for name in one:
        np.testing.assert_array_equal(one[name][0].terms, -other[name][0].terms)
        assert one[name][0].score == -other[name][0].score


def test_the_only_class_is_explained_by_itself():
    model = make_model((4, 3, 1), classes=1)
    assert [len(some) for some in explain(model, "x", make_example((4, 3, 1)), ["a"]).parts.values()] == [1, 1]


def test_the_strongest_terms_come_first_and_zero_is_none_of_them():
    one = Evidence(np.array([0.0, 3, -1, 5, 0, -9, 5]), 0.0)
    assert one.strongest(2) == ([3, 6], [5, 2])
    assert one.strongest(10) == ([3, 6, 1], [5, 2])


@pytest.mark.parametrize("huge", [1e308, 1.7e308])
def test_evidence_too_large_for_numbers_is_an_error_of_this_example(huge):
    model = make_model((12,), scale=1.0, dtype="float64")
    model.weights[:-1] = huge
    with pytest.raises(DataError, match="example x: its evidence is too large"):
        explain(model, "x", make_example((12,)) * 10, ["a", "b"])


# As printed: exactly, in decimals.


def explanation_of(*evidence):
    """Return an explanation with this evidence in both decompositions, in the second one with another bias."""
    moved = [Evidence(np.append(one.terms, one.bias), 0.0) for one in evidence]
    return Explanation("x", np.zeros(1), ("a", "b"), (0, 1), {INK_ALONE: evidence, MEAN_IMAGE: moved})


NUMBERS = st.floats(-1e12, 1e12, allow_subnormal=False) | st.floats(-1, 1, allow_subnormal=False)


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.lists(NUMBERS, min_size=1, max_size=6), NUMBERS, NUMBERS)
def test_printed_numbers_add_up_exactly_and_the_difference_is_that_of_the_scores(a, b, bias_a, bias_b):
    first, second = Evidence(np.array(a), bias_a), Evidence(np.array(b), bias_b)
    both = Evidence(np.array([*a, *(-x for x in b)]), bias_a - bias_b)
    seen = explanation_of(both, first, second)
    units = set()
    for name, some in printed(seen).items():
        assert some[0].score == some[1].score - some[2].score
        for one, exact in zip(some, seen.parts[name], strict=True):
            assert one.supporting + one.opposing + one.bias == one.score
            units |= {number.as_tuple().exponent for number in one}
            unit = Decimal(1).scaleb(one.score.as_tuple().exponent)
            for number, true in zip(one, [exact.supporting, exact.opposing, exact.bias, exact.score], strict=True):
                assert abs(number - Decimal(true)) <= 3 * unit
    assert len(units) == 1


def test_the_words_are_those_of_the_sum():
    one = Evidence(np.array([9.1849, -8.5762]), 0.1151)
    zero = Evidence(np.array([0.0]), 0.0)
    (words, *_) = printed(explanation_of(one, one, zero))[INK_ALONE]
    assert " ".join(words.phrases()) == "for 9.18, against \N{MINUS SIGN}8.58, bias 0.12 = 0.72"


@pytest.mark.parametrize(("difference", "shown"), [
    (0.5, "0.50"), (0.0321, "0.032"), (0.00321, "0.0032"), (0.0, "0.00"), (1e-9, "0.000000"), (12.345, "12.34"),
])  # fmt: skip
def test_a_close_decision_has_more_decimals(difference, shown):
    one, other = Evidence(np.array([5.0, difference]), 0.0), Evidence(np.array([5.0]), 0.0)
    assert (
        decimal_text(printed(explanation_of(Evidence(np.array([difference]), 0.0), one, other))[INK_ALONE][0].score)
        == shown
    )


def test_rounding_is_shared_out_among_the_parts_that_it_changed_most():
    assert rounded_parts([1.004, 1.003, 1.001], Decimal("3.01"), -2) == [
        Decimal("1.01"),
        Decimal("1.00"),
        Decimal("1.00"),
    ]
    assert rounded_parts([1.006, 0.0, -1.0], Decimal("0.00"), -2) == [Decimal("1.00"), Decimal(0), Decimal("-1.00")]


@pytest.mark.parametrize(("kind", "ink", "mean"), [
    ({}, "weight * pixel / 255", "weight * (pixel / 255 - mean)"),
    ({"std": "pixel", "scale": 1.0}, "weight / std * pixel", "weight * (pixel - mean) / std"),
    ({"norm": "l2"}, "weight * pixel / length", "weight * (pixel / length - mean)"),
])  # fmt: skip
def test_the_rule_is_that_of_the_preprocessing(kind, ink, mean):
    found = formulas(make_model((3, 2, 3), **kind).preprocess)
    for name, rule in (
        (INK_ALONE, f"By ink alone: each pixel adds {ink}; the bias is the score of a black image"),
        (MEAN_IMAGE, f"Against the mean image: each pixel adds {mean}; the bias is the score of the mean image"),
    ):
        ascii_only = str.maketrans("\N{MULTIPLICATION SIGN}\N{MINUS SIGN}", "*-")
        assert ": ".join(found[name]).translate(ascii_only) == rule
