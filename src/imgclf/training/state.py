"""The state of training between two steps."""

from dataclasses import dataclass

from imgclf.trainer import TrainState
from imgclf.training.early_stopping import Best


@dataclass(frozen=True)
class Tally:
    """Loss and correct examples of an epoch so far, summed over its steps."""

    loss: float = 0.0
    correct: int = 0
    examples: int = 0

    def plus(self, loss: float, correct: int, examples: int) -> "Tally":
        """Add a batch; `loss` is its mean."""
        return Tally(self.loss + loss * examples, self.correct + correct, self.examples + examples)


@dataclass(frozen=True)
class Snapshot:
    """A run between two steps.

    state           step, weights and optimizer state
    epochs          the number of complete epochs
    tally           of the current epoch
    best            the best epoch under early stopping, else None
    previous_loss   of the last batch, or None before the first
    """

    state: TrainState
    epochs: int = 0
    tally: Tally = Tally()
    best: Best | None = None
    previous_loss: float | None = None

    @property
    def moment(self) -> tuple[int, int]:
        """Steps and epochs, which together identify a snapshot of a run."""
        return self.state.step, self.epochs
