"""Check a learner's own loss and gradient, without trusting them.

Read in this order: `child` and `process` (the function runs in its own process), `noise`, `precision` and
`differences` (is dW the gradient of the returned loss?), `ours` (imgclf's loss and gradient, with bounds), `points` and
`conversation` (arguments and results), `penalty` (its convention), `findings` (their verdicts), `other_data` and
`elsewhere` (is it right for other images?), `explain` (advice for known mistakes), `check` (all of them), `hints` (how
much a learner is told).
"""
