"""Softmax classifier: loss and gradient.

W (D, C) weights, X (N, D) images, y (N,) classes from 0 to C - 1, reg the strength of the penalty.
"""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    """The mean over the images of -log(exp(s_y) / sum over j of exp(s_j)),
    plus reg * sum(W * W). With loops over images and classes."""
    loss = 0.0
    dW = np.zeros(W.shape)
    # Your code.
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    """The mean over the images of -log(exp(s_y) / sum over j of exp(s_j)),
    plus reg * sum(W * W). Without loops."""
    loss = 0.0
    dW = np.zeros(W.shape)
    # Your code.
    return loss, dW
