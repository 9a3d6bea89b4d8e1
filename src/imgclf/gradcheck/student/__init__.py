"""A learner's own loss and gradient, checked without trusting it.

Read in this order: `process` (the function runs in a child process), `noise` and `differences` (is dW the slope of
the returned value?), `reference` (ours, and how far a right answer may lie from it), `explain` (known mistakes in
words), `check` (all of it together).
"""
