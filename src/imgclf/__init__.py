"""Train, check and explain linear image classifiers.

To learn how they work, read in this order. The first eight modules are all of the mathematics:

    arrays        the names of shapes; batches of examples
    model         the scores: X @ W + b
    losses        how wrong the scores are, and which way they should move
    gradients     the gradient of the objective: by calculus and by finite differences
    optimizers    from a gradient to the direction of a step
    schedules     the step size
    trainer       the loop: gradient descent
    metrics       precision, recall, F1, confidence interval

    data          from files to batches of pixels
    training      from a config to a trained model
    speed         the same gradient, faster: blocks, threads, MPI ranks
    run           the files a run leaves; checkpoints, resume, verify
    gradcheck     the analytic gradient against finite differences and exact values
    report, cli   pictures; commands
    export        a model for other programs

    config, files, machine, numerics    what these build on
"""

__version__ = "0.1.0"
