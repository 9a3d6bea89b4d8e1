"""Common mistakes in gradients, to be planted.

A mutant is a name, a transformation of the code, and the losses where it makes sense. A mutant that changes nothing on
this data has a reason; the self-test verifies that it changes no bit.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.data.batches import Reader
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.self_test.planting import (
    GradientParts,
    Memory,
    Plant,
    backward,
    coordinate,
    data,
    descent,
    dscores,
    examples,
    gradient,
    gradient_fn,
    in_kernel,
    in_reading,
    in_sums,
    loss_of,
    losses,
    penalty,
    remembering,
    right_class,
    value,
    weighting,
)
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradients import BatchGradient, Objective
from imgclf.losses import LOSSES, LossFn, softmax, svm
from imgclf.numerics.indices import slices
from imgclf.numerics.sums import BLOCK, Summation, Sums, serial_sum
from imgclf.trainer import TrainState
from imgclf.training.class_weights import weighted

SOFTMAX, OVR = ("softmax",), ("logistic_ovr",)
HINGES = tuple(name for name, facts in LOSS_FACTS.items() if facts.margins)
SUMS_OF_HINGES = tuple(name for name in HINGES if not LOSS_FACTS[name].right_class_mirrors)
USUAL_BATCH = 64


@dataclass(frozen=True)
class Mutant:
    """A mistake: its name, how to plant it, and in which losses."""

    name: str
    plant: Plant
    losses: Collection[str] = tuple(LOSSES)
    equivalent: str = ""  # why it changes nothing here


def _with(array: FloatArray, index: Any, value: Any) -> FloatArray:
    out = array.copy()
    out[index] = value
    return out


def _last_of_each_class(d: FloatArray, s: FloatArray, y: IntArray) -> FloatArray:
    rows = np.arange(len(y))
    last = np.array([n == np.flatnonzero(y == y[n])[-1] for n in rows])
    return _with(d, (rows[~last], y[~last]), 0)


def _onehot(s: FloatArray, y: IntArray) -> FloatArray:
    return np.asarray(np.arange(s.shape[1]) == y[:, None], s.dtype)


def _raised(s: FloatArray, y: IntArray, by: float) -> FloatArray:
    """Return scores with all margins smaller by `by`."""
    return s + by * _onehot(s, y)


def _margin_less(by: float) -> Plant:
    """Use a smaller margin in the derivative than in the value."""
    return lambda code: replace(
        code, loss_fn=lambda s, y: (code.loss_fn(s, y)[0], code.loss_fn(_raised(s, y, by), y)[1])
    )


def _second_worst(d: FloatArray, s: FloatArray, y: IntArray) -> FloatArray:
    margins = np.where(_onehot(s, y) == 1, -np.inf, s - s[np.arange(len(y)), y][:, None] + 1)
    second = margins.argsort(axis=1)[:, -2]
    hit = (margins[np.arange(len(y)), second] > 0)[:, None]
    return np.asarray(hit * (np.arange(s.shape[1]) == second[:, None]) - hit * _onehot(s, y))


def _ties_count(d: FloatArray, s: FloatArray, y: IntArray) -> FloatArray:
    hit = np.where(_onehot(s, y) == 1, 0, s - s[np.arange(len(y)), y][:, None] + 1 >= 0)
    return np.asarray(hit - hit.sum(axis=1, keepdims=True) * _onehot(s, y), s.dtype)


def _softmax_with(normalize: Callable[[FloatArray], FloatArray]) -> Plant:
    """Use other probabilities in softmax, value and derivative."""

    def wrong(s: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        p = normalize(s)
        return -np.log(p[np.arange(len(y)), y]), p - _onehot(s, y)

    return loss_of(wrong)


def _shares(s: FloatArray, axis: int = 1) -> FloatArray:
    return np.asarray(np.exp(s) / np.exp(s).sum(axis=axis, keepdims=True))


def _stale(code: Implementation) -> Implementation:
    """Use the scores of the previous weights."""
    before: dict[tuple[int, ...], FloatArray] = {}

    def wrong(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        old = before.get(weights.shape, weights).astype(weights.dtype)
        before[weights.shape] = weights.copy()
        stale = code.gradient(replace(objective, l2=0.0, l1=0.0), batch, old).grad
        right = code.gradient(objective, batch, weights)
        return right._replace(grad=stale + objective.penalty_gradient(weights))

    return replace(code, gradient=wrong)


def _cached(memory: Memory, seen: BatchGradient) -> BatchGradient:
    """Return the first result again for all weights of the same shape."""
    first: BatchGradient = memory.setdefault(seen.grad.shape, seen)
    return first._replace(grad=first.grad.copy())


def _wavers(memory: Memory, seen: BatchGradient) -> BatchGradient:
    """Change the last bit at every other call."""
    memory["odd"] = not memory.get("odd")
    return seen._replace(grad=np.nextafter(seen.grad, np.inf)) if memory["odd"] else seen


def _reuses_its_buffer(memory: Memory, seen: BatchGradient) -> BatchGradient:
    buffer = memory.setdefault((seen.grad.shape, seen.grad.dtype), seen.grad)
    buffer[:] = seen.grad
    return seen._replace(grad=buffer)


def _momentum(memory: Memory, seen: BatchGradient) -> BatchGradient:
    memory[seen.grad.shape] = 0.9 * memory.get(seen.grad.shape, 0) + seen.grad
    return seen._replace(grad=memory[seen.grad.shape].astype(seen.grad.dtype))


def _spoils_weights(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    seen = code.gradient(objective, batch, weights)
    weights += seen.grad
    return seen


def _spoils_images(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    X, _ = batch
    seen = code.gradient(objective, batch, weights)
    X -= X.mean(axis=0)
    return seen


def _blocks_averaged(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    """Take the mean of the blocks' means, though the last block is shorter."""
    blocks = [replace(batch, rows=batch.rows[rows]) for rows in slices(len(batch), BLOCK)]
    grads = [code.gradient(objective, block, weights).grad for block in blocks]
    right = code.gradient(objective, batch, weights)
    return right if len(grads) == 1 else right._replace(grad=np.mean(grads, axis=0))


def _first_block(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
    first = code.gradient(objective, replace(batch, rows=batch.rows[:BLOCK]), weights)
    return code.gradient(objective, batch, weights)._replace(grad=first.grad)


def _cached_value(code: Implementation) -> Implementation:
    """Return the last value again for the same array, whose numbers may have changed."""
    last: list[tuple[FloatArray, Objective, tuple[float, int]]] = []

    def wrong(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, int]:
        if not (last and last[0][0] is weights and last[0][1] == objective):
            last[:] = [(weights, objective, code.value(objective, batch, weights))]
        return last[0][2]

    return replace(code, value=wrong)


def _coarse(g: GradientParts) -> FloatArray:
    return g.data.astype(np.float16).astype(np.float32) if g.data.dtype == np.float32 else g.data


def _parts(of_value: LossFn, of_gradient: LossFn) -> LossFn:
    """Take the losses of one function, and the derivatives of another."""
    return lambda s, y: (of_value(s, y)[0], of_gradient(s, y)[1])


def _weight_of_the_predicted_class(f: LossFn, w: FloatArray) -> LossFn:
    def wrong(s: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        losses, dscores = f(s, y)
        predicted = w[s.argmax(axis=1)].astype(s.dtype)
        return predicted * losses, predicted[:, None] * dscores

    return wrong


def _weight_of_each_score(f: LossFn, w: FloatArray) -> LossFn:
    return _parts(weighted(f, w), lambda s, y: (f(s, y)[0], w.astype(s.dtype) * f(s, y)[1]))


def _mean_weight_1(f: LossFn, w: FloatArray) -> LossFn:
    """Divide by the sum of the weights of a batch, not by N, as PyTorch does."""

    def wrong(s: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        losses, dscores = weighted(f, w)(s, y)
        mean = w[y].mean().astype(s.dtype)
        return losses / mean, dscores / mean

    return wrong


def _swapped_penalties(g: GradientParts) -> FloatArray:
    swapped = replace(g.objective, l2=g.objective.l1, l1=g.objective.l2)
    return swapped.penalty_gradient(g.weights)


def _swapped(g: GradientParts) -> FloatArray:
    middle = len(g.data) // 2
    return _with(g.data, [middle, middle - 1], g.data[[middle - 1, middle]])


def _reshaped(g: GradientParts) -> FloatArray:
    return np.vstack([g.data[:-1].T.reshape(g.data[:-1].shape), g.data[-1:]])


def _last_pixel(g: GradientParts) -> FloatArray:
    bright = np.flatnonzero(g.data[:-1].any(axis=1))
    return _with(g.data, bright[-1:], 0)


def _mirrored(X: FloatArray) -> FloatArray:
    return np.where(np.arange(len(X))[:, None] % 2, X, X[:, ::-1])


def _decays_again(before: TrainState, after: TrainState, code: Implementation, objective: Objective) -> FloatArray:
    return after.weights - code.step_size(before.step) * objective.l2 * before.weights


def _forgets(code: Implementation) -> Implementation:
    """Step along the gradient, without memory."""
    return replace(code, optimizer=code.optimizer._replace(direction=lambda grad, memory: (grad, memory)))


def _without_last(add: Summation) -> Summation:
    return lambda term, n: add(term, max(1, n - 1))


def _first_twice(add: Summation) -> Summation:
    return lambda term, n: add(lambda i: term(max(0, i - 1)), n + 1)


def _in_one_array(add: Summation) -> Summation:
    """Let every block overwrite the gradient of the previous block."""

    def wrong(term: Callable[[int], Sums], n: int) -> Sums:
        shared: list[FloatArray] = []

        def written(i: int) -> Sums:
            *numbers, grad = term(i)
            shared[:] = shared or [grad]
            shared[0][:] = grad
            return (*numbers, shared[0])

        return add(written, n)

    return wrong


def _stored(read: Reader, **changes: Any) -> Reader:
    """Fold with another preprocessing than that of the images."""
    return replace(read, preprocess=replace(read.preprocess, **changes))


def _mean_of_another_pixel(read: Reader) -> Reader:
    mean = read.preprocess.mean
    return read if mean is None else _stored(read, mean=np.roll(mean, 1))


MUTANTS: list[Mutant] = [
    # The mean over the images
    Mutant("not divided by N", data(lambda g: g.data * g.N)),
    Mutant("divided by N - 1", data(lambda g: g.data * g.N / max(0.5, g.N - 1))),
    Mutant("divided by the usual batch size, not by N", data(lambda g: g.data * (g.N / USUAL_BATCH))),
    Mutant("divided by N * C", data(lambda g: g.data / g.C)),
    Mutant("b not divided by N", data(lambda g: _with(g.data, -1, g.data[-1] * g.N))),
    Mutant("the mean of the blocks' means", gradient_fn(_blocks_averaged)),
    Mutant("only the first block", gradient_fn(_first_block)),
    Mutant("summed in float32", data(lambda g: g.data.astype(np.float32).astype(g.data.dtype))),
    Mutant("too large by a millionth", data(lambda g: g.data * (1 + 1e-6))),
    Mutant(
        "too large by a ten-millionth, for large images", data(lambda g: g.data * (1 + 1e-7 * (g.X.shape[1] > 100)))
    ),
    Mutant("no gradient of a single image", data(lambda g: g.data * (g.N > 1))),
    Mutant("summed in float16 in training", data(_coarse)),
    # The penalty
    Mutant("the penalty missing", penalty(lambda g: 0)),
    Mutant("half the penalty", penalty(lambda g: g.penalty / 2)),
    Mutant("twice the penalty", penalty(lambda g: g.penalty * 2)),
    Mutant("the penalty with the wrong sign", penalty(lambda g: -g.penalty)),
    Mutant("the penalty divided by N", penalty(lambda g: g.penalty / (g.N + (g.N == 1)))),
    Mutant("l1 and l2 swapped", penalty(_swapped_penalties)),
    Mutant("the bias penalized", penalty(lambda g: _with(g.penalty, -1, g.objective.l2 * g.weights[-1]))),
    Mutant("l1 by w / |w|", penalty(lambda g: g.penalty + 0 * (g.weights / np.abs(g.weights)))),
    Mutant("the loss without penalty", value(lambda loss, objective, w: loss - objective.penalty(w))),
    Mutant(
        "the bias penalized in the loss", value(lambda loss, objective, w: loss + objective.l2 * float(w[-1] @ w[-1]))
    ),
    # Classes and margins
    Mutant("the right class not subtracted", right_class(lambda d: d + 1), SOFTMAX),
    Mutant("the right class missing", right_class(lambda d: 0)),
    Mutant("the right class with the wrong sign", right_class(lambda d: -d)),
    Mutant("labels off by one", data(lambda g: g.backward(g.X, g.dscores_for((g.y + 1) % g.C)))),
    Mutant("labels counted from 1", data(lambda g: g.backward(g.X, g.dscores_for(np.maximum(g.y, 1) - 1)))),
    Mutant("the gradient of the last class 0", data(lambda g: _with(g.data, (slice(None), -1), 0))),
    Mutant("two classes swapped", data(lambda g: g.data[:, [1, 0, *range(2, g.C)]])),
    Mutant("the classes in reverse order", data(lambda g: g.data[:, ::-1])),
    Mutant("the right class counts as a rival", right_class(lambda d: d - 1), HINGES),
    Mutant("the right class with one violation only", right_class(lambda d: np.maximum(d, -1)), ("svm",)),
    Mutant("half the margin in the gradient", _margin_less(0.5), HINGES),
    Mutant("no margin in the gradient: a perceptron", _margin_less(1.0), HINGES),
    Mutant("ties count as violations", dscores(_ties_count), ("svm",), "no margin is exactly 0"),
    Mutant("all rivals, not the worst", dscores(lambda d, s, y: svm(s, y)[1]), ("svm_cs",)),
    Mutant("the second worst rival", dscores(_second_worst), ("svm_cs",)),
    Mutant("the factor 2 missing", dscores(lambda d, s, y: d / 2), ("svm_squared",)),
    Mutant("violations counted, not measured", dscores(lambda d, s, y: svm(s, y)[1]), ("svm_squared",)),
    Mutant("the other classes with the wrong sign", dscores(lambda d, s, y: d * (2 * _onehot(s, y) - 1)), OVR),
    Mutant("divided by C", dscores(lambda d, s, y: d / s.shape[1]), OVR),
    Mutant("labels that overflow", examples(lambda X, y: (X, ((y * np.asarray(32, y.dtype)) // 32).astype(y.dtype)))),
    # Softmax
    Mutant(
        "shifted by the batch's largest score of a class", _softmax_with(lambda s: _shares(s - s.max(axis=0))), SOFTMAX
    ),
    Mutant("normalized over the batch", dscores(lambda d, s, y: _shares(s - s.max(), axis=0) - _onehot(s, y)), SOFTMAX),
    Mutant("not shifted: exp overflows", _softmax_with(_shares), SOFTMAX),
    Mutant("shifted by the largest score of all", _softmax_with(lambda s: _shares(s - s.max())), SOFTMAX),
    Mutant(
        "probabilities clipped",
        dscores(lambda d, s, y: (d + _onehot(s, y)).clip(1e-7, 1 - 1e-7) - _onehot(s, y)),
        SOFTMAX,
    ),
    Mutant("label smoothing left in", dscores(lambda d, s, y: d + 0.1 * (_onehot(s, y) - 1 / s.shape[1])), SOFTMAX),
    Mutant("a temperature in the gradient only", dscores(lambda d, s, y: softmax(s / 2, y)[1]), SOFTMAX),
    Mutant("all classes equally likely", dscores(lambda d, s, y: 1 / s.shape[1] - _onehot(s, y)), SOFTMAX),
    Mutant("the loss in bits", losses(lambda loss, s, y: loss / np.log(2)), SOFTMAX),
    # Data and shape
    Mutant("reshaped, not transposed", data(_reshaped)),
    Mutant("the last image dropped", data(lambda g: g.backward(g.X, _with(g.dscores, -1, 0)))),
    Mutant("the last image replaced by the first", data(lambda g: g.backward(_with(g.X, -1, g.X[0]), g.dscores))),
    Mutant("an image counted twice", data(lambda g: g.backward(g.X, _with(g.dscores, 0, 2 * g.dscores[0])))),
    Mutant("dW[:, y] += loses images of one class", dscores(_last_of_each_class)),
    Mutant("two pixels swapped", data(_swapped)),
    Mutant("the last bright pixel without gradient", data(_last_pixel)),
    Mutant("pixels not centered in the backward pass", backward(lambda X: X + 0.3)),
    Mutant("pixels standardized in the backward pass", backward(lambda X: X / (0.5 + X.std(axis=0)))),
    Mutant("pixels in another order in the backward pass", backward(lambda X: X[:, ::-1])),
    Mutant("other images mirrored in the backward pass", backward(_mirrored)),
    Mutant("preprocessed twice", examples(lambda X, y: (X / 255, y))),
    # State and side effects
    Mutant("scores of the previous weights", _stale),
    Mutant("momentum instead of the gradient", remembering(_momentum)),
    Mutant("the first result cached", remembering(_cached)),
    Mutant("another last bit at every other call", remembering(_wavers)),
    Mutant("gradient clipped", data(lambda g: g.data / max(1.0, 10 * float(np.linalg.norm(g.data))))),
    Mutant("weights changed in place", gradient_fn(_spoils_weights)),
    Mutant("images changed in place", gradient_fn(_spoils_images)),
    Mutant("the result array reused", remembering(_reuses_its_buffer)),
    # Single parameters and signs
    Mutant("the gradient of b missing", data(lambda g: _with(g.data, -1, 0))),
    Mutant("b summed over the classes", data(lambda g: _with(g.data, -1, np.resize(g.dscores.sum(axis=1), g.C) / g.N))),
    Mutant("one parameter 1 % wrong", coordinate(1.01)),
    Mutant("one parameter wrong by a hundred-thousandth", coordinate(1 + 1e-5)),
    Mutant("one parameter wrong by a millionth", coordinate(1 + 1e-6)),
    Mutant("one parameter not a number", coordinate(np.nan)),
    Mutant("all zeros", gradient(lambda g: 0 * g.data)),
    Mutant("the wrong sign", gradient(lambda g: -g.data - g.penalty)),
    # The loss
    Mutant("the right class counted in the loss", losses(lambda loss, s, y: loss + 1), SUMS_OF_HINGES),
    Mutant("the loss twice as large", value(lambda loss, objective, w: loss * 2)),
    Mutant("the loss cached for the same array", _cached_value),
    Mutant("the loss capped at 100,000", losses(lambda loss, s, y: np.minimum(loss, 1e5)), SUMS_OF_HINGES),
    Mutant("twice the margin, in loss and gradient", loss_of(lambda s, y: svm(_raised(s, y, -1.0), y)), ("svm",)),
    # Class weights
    Mutant("the class weight missing in the gradient", weighting(lambda f, w: _parts(weighted(f, w), f))),
    Mutant("the class weight missing in the loss", weighting(lambda f, w: _parts(f, weighted(f, w)))),
    Mutant(
        "the class weight applied twice in the gradient",
        weighting(lambda f, w: _parts(weighted(f, w), weighted(f, w**2))),
    ),
    Mutant("the weight of the next class", weighting(lambda f, w: weighted(f, np.roll(w, -1)))),
    Mutant("the weight of the class with the highest score", weighting(_weight_of_the_predicted_class)),
    Mutant("class weights of each score, not of each image", weighting(_weight_of_each_score)),
    Mutant("divided by the sum of the class weights", weighting(_mean_weight_1)),
    # The kernel that trains
    Mutant(
        "one class with the wrong sign in training",
        in_kernel(data(lambda g: _with(g.data, (slice(None), 0), -g.data[:, 0]))),
    ),
    Mutant("pixels not centered in training", in_kernel(backward(lambda X: X + 0.3))),
    # Its blocks, their sum, and folding
    Mutant("the last block missing", in_sums(_without_last)),
    Mutant("the first block counted twice", in_sums(_first_twice)),
    Mutant("all blocks summed in one array", in_sums(_in_one_array)),
    Mutant("a block missing on threads", in_sums(lambda add: add if add is serial_sum else _without_last(add))),
    Mutant(
        "blocks that read the next rows", in_reading(lambda read: lambda rows: read((rows + 1) % len(read.dataset)))
    ),
    Mutant("folded without the mean image", in_reading(lambda read: _stored(read, mean=None))),
    Mutant("folded with another scale", in_reading(lambda read: _stored(read, scale=256.0))),
    Mutant("folded with the mean of another pixel", in_reading(_mean_of_another_pixel)),
    # The step
    Mutant("a step with the wrong sign", descent(lambda before, after, *_: 2 * before.weights - after.weights)),
    Mutant("the penalty applied again in the step", descent(_decays_again)),
    Mutant("the optimizer's memory lost", _forgets),
    Mutant(
        "the schedule one step late",
        lambda code: replace(code, step_size=lambda step: code.step_size(max(0, step - 1))),
    ),
]
