"""Gradients with the mistakes that learners often make."""

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.self_test.mutants import MUTANTS
from imgclf.gradcheck.student.check import Candidates
from imgclf.gradcheck.student.ours import with_bias


def known_mistakes(loss: str) -> Candidates:
    """Return what gives dW (D, C) with each known mistake planted into our own gradient, by a sentence on it."""
    right = Implementation.of_loss(loss)

    def candidates(W: FloatArray, X: FloatArray, y: IntArray, reg: float) -> dict[str, FloatArray]:
        ours = right.gradient_at(X, y, with_bias(W), 2 * reg)[:-1]
        planted = {
            mutant.name: mutant.plant(right).gradient_at(X, y, with_bias(W), 2 * reg)[:-1]
            for mutant in MUTANTS
            if loss in mutant.losses
        }
        return {
            f"your gradient is what ours becomes with a known mistake: {name}": dW
            for name, dW in planted.items()
            if dW.shape == ours.shape and dW.tobytes() != ours.tobytes()
        }

    return candidates
