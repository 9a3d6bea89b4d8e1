"""The objective of a run, and its numbers in other libraries' terms."""

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.config import Config
from imgclf.training.class_weights import loss_at_zero

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

# By the loss: what its value is where all scores are 0, as a formula of C, and why. Another loss needs no line here.
_AT_ZERO = {
    "softmax": ("ln {C}", "{classes}, equally likely"),
    "svm": ("C - 1", "{others} wrong classes, each short of the margin by 1"),
    "svm_squared": ("C - 1", "{others} wrong classes, each short of the margin by 1, squared"),
    "svm_cs": ("the margin", "the worst wrong class scores as high as the right one"),
    "logistic_ovr": ("{C} ln 2", "{classes}, for each a yes or no, equally likely"),
}
# By the loss: where the same loss is found, up to the factor that is named.
_LOSS_ELSEWHERE = {
    "softmax": "LogisticRegression in scikit-learn, CrossEntropyLoss in PyTorch",
    "svm": "C * MultiMarginLoss(p=1) in PyTorch for C classes; scikit-learn has none",
    "svm_squared": "C * MultiMarginLoss(p=2) in PyTorch for C classes; scikit-learn has none",
    "svm_cs": 'LinearSVC in scikit-learn, with multi_class="crammer_singer"; -s 4 in LIBLINEAR',
    "logistic_ovr": 'SGDClassifier in scikit-learn, with loss="log_loss"; -s 0 in LIBLINEAR: '
    "each class against the rest, added up; C * BCEWithLogitsLoss in PyTorch",
}


def formula(config: Config) -> str:
    """Return the objective with this config's numbers: L(W, b) = mean loss + 0.0001/2 * sum(W**2)."""
    l2, l1 = config.regularization.l2, config.regularization.l1
    terms = ["mean of weight[y] * loss" if config.train.class_weight else "mean loss"]
    terms += [f"{l2:g}/2 * sum(W**2)"] if l2 else []
    terms += [f"{l1:g} * sum(|W|)"] if l1 else []
    return f"L(W, b) = {' + '.join(terms)}"


def describe_start(loss: str, support: IntArray, class_weights: FloatArray | None = None) -> str:
    """Return the loss at W = 0 and where it comes from: `2.3026 = ln 10: ten classes, equally likely`.

    support (C,): the training images of each class
    """
    plain = loss_at_zero(loss, support)
    value = loss_at_zero(loss, support, class_weights)
    if loss not in _AT_ZERO:
        return f"{value:.5g}"
    name, reason = (text.format(**_counts(len(support))) for text in _AT_ZERO[loss])
    if not plain or np.isclose(value, plain, rtol=1e-6):
        return f"{value:.5g} = {name}: {reason}"
    return f"{value:.5g} = {value / plain:.4g} * ({name}): {reason}; {value / plain:.4g} is the mean class weight"


def _counts(classes: int) -> dict[str, object]:
    return {"C": classes, "classes": f"{_word(classes)} class{'es' * (classes != 1)}", "others": _word(classes - 1)}


def _word(n: int) -> str:
    return _WORDS[n] if n < len(_WORDS) else f"{n:,}"


def translations(config: Config, n: int | None = None) -> list[tuple[str, str]]:
    """Return what others call this penalty, each with its name and its number.

    n   the number of training images; None: not known, and written as N

    With the mean loss and l2/2 * sum(W**2), up to a constant factor,

    - scikit-learn's SGDClassifier: mean loss + alpha * (r * sum(|W|) + (1 - r)/2 * sum(W**2)) with r = l1_ratio (User
      Guide, Stochastic Gradient Descent, mathematical formulation), so alpha = l2 + l1;
    - LogisticRegression, LinearSVC and LIBLINEAR: C * sum of losses + sum(W**2)/2 (User Guide, Logistic regression and
      Support Vector Machines; Fan et al. 2008), so C = 1 / (N * l2);
    - PyTorch adds weight_decay * W to the gradient, as l2 does here, in all but AdamW, which takes it off W apart from
      the gradient (Loshchilov and Hutter 2019);
    - the notes of CS231n: reg * sum(W**2), so reg = l2/2.
    """
    l2, l1 = config.regularization.l2, config.regularization.l1
    said = [("b", "free: only W has a penalty; LinearSVC and LIBLINEAR with -B 1 give b one, too")]
    if loss := _LOSS_ELSEWHERE.get(config.model.loss):
        said.append(("this loss", loss))
    said += [
        ("scikit-learn's alpha", _alpha(l2, l1)),
        ("scikit-learn's C", _inverse(l2, l1, n)),
        ("LIBLINEAR's C", _liblinear(l2, l1, n)),
        ("PyTorch's weight_decay", _weight_decay(l2, l1)),
        ("the course's reg", f"{l2 / 2:g}, where the penalty is reg * sum(W * W)" + ", and no l1" * bool(l1)),
    ]
    if config.train.class_weight:
        text = "as in scikit-learn; PyTorch's weight divides by their sum, not by N"
        said.append(("class weights", text))
    return said


def _alpha(l2: float, l1: float) -> str:
    if not l2 and not l1:
        return "none: SGDClassifier(penalty=None)"
    kind = f'penalty="elasticnet", l1_ratio={l1 / (l1 + l2):g}' if l1 and l2 else f'penalty="{"l1" if l1 else "l2"}"'
    return f"{l2 + l1:g}, in SGDClassifier({kind})"


def _inverse(l2: float, l1: float, n: int | None) -> str:
    if not l2 and not l1:
        return "infinite: LogisticRegression(C=numpy.inf)"
    both = "(l2 + l1)" if l1 and l2 else "l1" if l1 else "l2"
    where = "LogisticRegression, LinearSVC"
    if l1:
        where = f'LogisticRegression(solver="saga", l1_ratio={l1 / (l1 + l2):g})'
    return f"{_one_over(l2 + l1, n)} = 1 / (N * {both}), in {where}"


def _liblinear(l2: float, l1: float, n: int | None) -> str:
    if bool(l2) == bool(l1):
        return "none: it has no such penalty"
    return f"{_one_over(l2 + l1, n)}, after -c"


def _one_over(penalty: float, n: int | None) -> str:
    return f"{1 / penalty:,.6g} / N" if n is None else f"{1 / (n * penalty):.5g}"


def _weight_decay(l2: float, l1: float) -> str:
    beside = f"; add {l1:g} * W.abs().sum() to the loss" if l1 else ""
    return f"{l2:g} for W alone, in SGD, RMSprop and Adam; AdamW's decay is no part of the gradient{beside}"
