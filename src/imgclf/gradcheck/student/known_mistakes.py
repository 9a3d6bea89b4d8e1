"""Gradients with known mistakes, to recognize them."""

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.self_test.mutants import MUTANTS, Mutant
from imgclf.gradcheck.self_test.planting import dscores
from imgclf.gradcheck.student.check import Candidates
from imgclf.gradcheck.student.ours import with_bias

OF_LEARNERS = [
    Mutant(
        "every rival counts as a violation, as with >= 0 instead of > 0 after np.maximum",
        dscores(lambda d, s, y: 1 - s.shape[1] * _onehot(s, y)),
        ("svm",),
    ),
    Mutant(
        "every class counts as a violation, as with >= 0 instead of > 0 after np.maximum",
        dscores(lambda d, s, y: 1 - (s.shape[1] + 1) * _onehot(s, y)),
        ("svm",),
    ),
    Mutant(
        "1 is subtracted in all rows, as by p[:, y] -= 1: it is p[np.arange(N), y] -= 1",
        dscores(lambda d, s, y: d + _onehot(s, y) - np.isin(np.arange(s.shape[1]), y)),
        ("softmax",),
    ),
]


def known_mistakes(loss: str) -> Candidates:
    """Return a function that plants each known mistake into our dW (D, C); its keys are sentences of advice."""
    right = Implementation.of_loss(loss)

    def candidates(W: FloatArray, X: FloatArray, y: IntArray, reg: float) -> dict[str, FloatArray]:
        ours = right.gradient_at(X, y, with_bias(W), 2 * reg)[:-1]
        planted = {
            mutant.name: mutant.plant(right).gradient_at(X, y, with_bias(W), 2 * reg)[:-1]
            for mutant in [*MUTANTS, *OF_LEARNERS]
            if loss in mutant.losses
        }
        return {
            f"your gradient equals ours with a known mistake: {name}": dW
            for name, dW in planted.items()
            if dW.shape == ours.shape and dW.tobytes() != ours.tobytes()
        }

    return candidates


def _onehot(s: FloatArray, y: IntArray) -> FloatArray:
    return np.asarray(np.eye(s.shape[1])[y])
