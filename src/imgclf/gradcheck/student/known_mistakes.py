"""What a learner's gradient would be with each of the mistakes that people make: to tell which one it is."""

from imgclf.arrays import FloatArray, IntArray
from imgclf.gradcheck.self_test.mutants import MUTANTS
from imgclf.gradcheck.student.check import Candidates
from imgclf.gradcheck.student.ours import with_bias
from imgclf.gradcheck.subject import Subject
from imgclf.gradients import analytic_gradient, evaluate_loss
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.schedules import SCHEDULES
from imgclf.trainer import descend


def known_mistakes(loss: str) -> Candidates:
    """Return what gives dW (D, C) with each known mistake planted into our own gradient, by a sentence on it."""
    step_size, optimizer = SCHEDULES["constant"](1.0), OPTIMIZERS["sgd"]()
    right = Subject(LOSSES[loss], evaluate_loss, analytic_gradient, optimizer, step_size, descend)

    def candidates(W: FloatArray, X: FloatArray, y: IntArray, reg: float) -> dict[str, FloatArray]:
        ours = right.slope(X, y, with_bias(W), 2 * reg)[:-1]
        planted = {
            mutant.name: mutant.plant(right).slope(X, y, with_bias(W), 2 * reg)[:-1]
            for mutant in MUTANTS
            if loss in mutant.losses
        }
        return {
            f"your gradient is what ours becomes with a known mistake: {name}": dW
            for name, dW in planted.items()
            if dW.shape == ours.shape and dW.tobytes() != ours.tobytes()
        }

    return candidates
