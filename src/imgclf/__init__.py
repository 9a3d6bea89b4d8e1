"""Linear image classifiers, trained, checked and looked into.

To learn how it works, read in this order; the first five are all of the mathematics:

    losses        how wrong the scores are, and which way they should move
    gradients     the slope of the objective: by calculus, and by trying
    optimizers    which way to step
    schedules     how long a step is
    trainer       the loop

    arrays, model, metrics    names for arrays; scores = X @ W + b; what counts as good
    data, formats, batches    from files to batches of pixels
    folding, parallel, ranks  what makes it fast: fewer passes over them, threads, machines
    compose, run, evaluate    from a config to a run, and what it leaves behind
    checkpoint, record        from where a run can go on
    gradcheck                 calculus held against trying
"""

__version__ = "0.1.0"
