"""Early stopping: stop when the monitored value stops improving."""

from dataclasses import dataclass

from imgclf.arrays import FloatArray


@dataclass(frozen=True)
class Best:
    """The best epoch so far, and the number of epochs waited since then."""

    epoch: int
    score: float
    weights: FloatArray
    waited: int = 0

    @property
    def improved(self) -> bool:
        """Whether the newest epoch is the best."""
        return self.waited == 0


def watch(
    best: Best | None, epoch: int, value: float, weights: FloatArray, *, larger_is_better: bool, min_delta: float
) -> Best:
    """Return the best epoch after another one, which must be better by more than min_delta to replace it."""
    score = value if larger_is_better else -value
    if best is None or score > best.score + min_delta:
        return Best(epoch, score, weights)
    return Best(best.epoch, best.score, best.weights, best.waited + 1)
