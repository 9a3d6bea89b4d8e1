"""The losses of `imgclf.losses`, by PyTorch.

Each takes scores (n, C) and y (n,) on a device, and returns losses (n,) and dscores (n, C) there. The formulas, their
sources and their derivations are those of the functions of the same names.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from imgclf import losses
from imgclf.losses import MARGIN, LossFn

Tensor: TypeAlias = Any
TorchLoss: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def softmax(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the softmax: -log p_y with p_j = exp(s_j) / sum_k exp(s_k)."""
    shifted = scores - scores.max(dim=1, keepdim=True).values
    exps = shifted.exp()
    sums = exps.sum(dim=1, keepdim=True)  # (n, 1)
    return sums[:, 0].log() - _right(shifted, y)[:, 0], exps / sums - _one_hot(scores, y)


def svm(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Multiclass hinge: sum_{j != y} max(0, s_j - s_y + 1)."""
    margins = _margins(scores, y)
    return margins.sum(dim=1), _against_right_class((margins > 0).to(scores.dtype), y)


def svm_squared(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Squared multiclass hinge: sum_{j != y} max(0, s_j - s_y + 1)**2."""
    margins = _margins(scores, y)
    return margins.square().sum(dim=1), _against_right_class(2 * margins, y)


def svm_cs(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Hinge of the worst rival alone: max(0, max_{j != y} s_j - s_y + 1)."""
    margins = _margins(scores, y)
    worst = margins.argmax(dim=1)  # of equal ones the first
    found = _right(margins, worst)  # (n, 1)
    return found[:, 0], _against_right_class(_one_hot(scores, worst) * (found > 0), y)


def logistic_ovr(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """One-vs-rest logistic regression: sum_j log(1 + exp(-z_j s_j)), z = +1 for y, else -1."""
    signs = 2 * _one_hot(scores, y) - 1
    zero = torch.zeros_like(scores)
    log_terms = torch.logaddexp(zero, -signs * scores)
    return log_terms.sum(dim=1), -signs * (-torch.logaddexp(zero, signs * scores)).exp()


TORCH_LOSSES: dict[LossFn, TorchLoss] = {
    losses.softmax: softmax,
    losses.svm: svm,
    losses.svm_squared: svm_squared,
    losses.svm_cs: svm_cs,
    losses.logistic_ovr: logistic_ovr,
}


def _right(scores: Tensor, y: Tensor) -> Tensor:
    """Return the score of the class of each example, (n, 1)."""
    return scores.gather(1, y[:, None])


def _one_hot(scores: Tensor, y: Tensor) -> Tensor:
    """Return 1 at the class of each example, else 0, (n, C)."""
    return torch.zeros_like(scores).scatter_(1, y[:, None], 1.0)


def _margins(scores: Tensor, y: Tensor) -> Tensor:
    """Return max(0, s_j - s_y + 1), but 0 for the right class, (n, C)."""
    margins = (scores - _right(scores, y) + MARGIN).clamp(min=0)
    return margins.scatter_(1, y[:, None], 0.0)


def _against_right_class(dscores: Tensor, y: Tensor) -> Tensor:
    """Set dloss/ds_y = -sum_{j != y} dloss/ds_j; it was 0."""
    return dscores.scatter_(1, y[:, None], -dscores.sum(dim=1, keepdim=True))
