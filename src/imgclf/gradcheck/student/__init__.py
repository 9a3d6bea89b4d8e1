"""Check a learner's own loss and gradient, without trusting them.

Read in this order: `child` and `process` (the function runs in a process of its own), `noise`, `precision` and
`differences` (is dW the gradient of the returned loss?), `ours` (our answer, and how far a right one may be from it),
`points` and `conversation` (questions and answers), `findings` (their verdicts), `other_data` and `elsewhere` (is it
right for other images too?), `explain` (known mistakes in words), `check` (all of it together).
"""
