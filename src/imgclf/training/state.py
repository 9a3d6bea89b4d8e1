"""State of training between two steps."""

from dataclasses import dataclass

from imgclf.trainer import TrainState
from imgclf.training.early_stopping import Best


@dataclass(frozen=True)
class Tally:
    """What the steps of an epoch saw so far, summed over their examples."""

    loss: float = 0.0
    correct: int = 0
    examples: int = 0

    def plus(self, loss: float, correct: int, examples: int) -> "Tally":
        """Count one more batch; `loss` is its mean."""
        return Tally(self.loss + loss * examples, self.correct + correct, self.examples + examples)


@dataclass(frozen=True)
class Snapshot:
    """A run between two steps.

    state           step, weights and the optimizer's memory
    epochs          how many are complete
    tally           of the one that has begun
    best            of early stopping, or None
    previous_loss   that of the last batch, or None before the first
    """

    state: TrainState
    epochs: int = 0
    tally: Tally = Tally()
    best: Best | None = None
    previous_loss: float | None = None
