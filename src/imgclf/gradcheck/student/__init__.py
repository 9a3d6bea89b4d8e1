"""Check of a learner's own loss and gradient, without trusting it.

Read in this order: `process` (the function runs in a child process), `noise`, `precision` and `differences` (is dW the
slope of the returned value?), `ours` (our answer, and how far a right one may be from it), `other_data` and `elsewhere`
(is it right for other images too?), `explain` (known mistakes in words), `check` (all of it together).
"""
