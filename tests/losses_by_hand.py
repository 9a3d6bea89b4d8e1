"""The formula of every loss, written by hand with loops: of one example, scores s (a list) and its class y."""

import math


def softmax(s, y):
    top = max(s)
    return math.log(math.fsum(math.exp(v - top) for v in s)) + top - s[y]


def svm(s, y):
    return math.fsum(max(0.0, s[j] - s[y] + 1) for j in range(len(s)) if j != y)


def svm_squared(s, y):
    return math.fsum(max(0.0, s[j] - s[y] + 1) ** 2 for j in range(len(s)) if j != y)


def svm_cs(s, y):
    return max(0.0, max(s[j] for j in range(len(s)) if j != y) - s[y] + 1)


def logistic_ovr(s, y):
    margins = [v if j == y else -v for j, v in enumerate(s)]
    return math.fsum(math.log1p(math.exp(-abs(m))) + max(0.0, -m) for m in margins)


BY_HAND = {f.__name__: f for f in (softmax, svm, svm_squared, svm_cs, logistic_ovr)}
