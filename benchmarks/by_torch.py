"""The same gradient in PyTorch, checked by torch.autograd.gradcheck."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias
from unittest import mock

import numpy as np
import torch
from torch.autograd.gradcheck import _get_numerical_jacobian

from imgclf.arrays import FloatArray
from imgclf.gradcheck.case import Case

LossFn: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

EPS, ATOL, RTOL = (
    inspect.signature(torch.autograd.gradcheck).parameters[name].default for name in ("eps", "atol", "rtol")
)


def passes(case: Case, *, fast_mode: bool) -> bool:
    """Check PyTorch's own gradient of the mean cross-entropy."""
    return torch.autograd.gradcheck(_loss_of(case), _inputs(case), fast_mode=fast_mode, raise_exception=False)


def numerical_gradient(case: Case, l2: float) -> FloatArray:
    """Return the numerical gradient of slow mode, by its own function, (D+1, C)."""
    jacobians = _get_numerical_jacobian(_loss_of(case, l2), _inputs(case), eps=EPS)
    return np.vstack([jacobian.numpy().reshape(-1, case.weights.shape[1]) for (jacobian,) in jacobians])


def allowed(numerical: FloatArray) -> FloatArray:
    """Return the difference that slow mode allows between a gradient and the numerical one."""
    return ATOL + RTOL * np.abs(numerical)


def slow_mode_sees(analytic: FloatArray, numerical: FloatArray) -> bool:
    """Judge by slow mode's rule; it is that of torch.allclose, input by input, so it holds parameter by parameter."""
    return not bool((np.abs(analytic - numerical) <= allowed(numerical)).all())


def fast_mode_sees(case: Case, analytic: FloatArray, l2: float) -> bool:
    """Run fast mode on a loss with this gradient."""
    loss, grad = _loss_of(case, l2), torch.from_numpy(analytic)

    def planted(W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return _Planted.apply(W, b, loss, grad)

    # Where fast mode fails, it runs slow mode to explain; the verdict has been found by then.
    module = importlib.import_module("torch.autograd.gradcheck")
    with mock.patch.object(module, "_run_slow_mode_and_get_error", return_value=""):
        return not torch.autograd.gradcheck(planted, _inputs(case), fast_mode=True, raise_exception=False)


class _Planted(torch.autograd.Function):
    """A loss whose gradient (D+1, C) is given."""

    @staticmethod
    def forward(ctx: Any, W: torch.Tensor, b: torch.Tensor, loss: LossFn, grad: torch.Tensor) -> torch.Tensor:
        ctx.grad = grad
        return loss(W, b)

    @staticmethod
    def backward(ctx: Any, out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return out * ctx.grad[:-1], out * ctx.grad[-1], None, None


def _inputs(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    weights = torch.from_numpy(case.weights)
    return weights[:-1].clone().requires_grad_(), weights[-1].clone().requires_grad_()


def _loss_of(case: Case, l2: float = 0.0) -> LossFn:
    X, y = torch.from_numpy(case.X), torch.from_numpy(case.y.astype(np.int64))

    def loss(W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        data = torch.nn.functional.cross_entropy(X @ W + b, y)
        return data + l2 / 2 * (W**2).sum() if l2 else data

    return loss
