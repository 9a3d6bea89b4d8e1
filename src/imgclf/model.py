"""The linear model: scores = X @ W + b."""

from imgclf.arrays import FloatArray


def split(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return views of W (D, C) and b (C,): the weights are one array (D+1, C) with b as its last row."""
    return weights[:-1], weights[-1]


def scores(X: FloatArray, weights: FloatArray) -> FloatArray:
    """Scores of all classes, s = X @ W + b: X (N, D), weights (D+1, C); returns (N, C).

    Column c of W is a template of class c: the score is high if the example is bright where the template is positive
    and dark where it is negative.
    """
    W, b = split(weights)
    return X @ W + b
