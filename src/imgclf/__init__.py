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
    sklearn       the classifier as an estimator of scikit-learn

    config, files, machine, numerics    what these build on
"""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgclf.run.trained import TrainedClassifier

__version__ = "0.1.0"


def load(run: str | PathLike[str]) -> "TrainedClassifier":
    """Load a trained classifier from a run directory or a model.npz: its `predict(images)` returns class names.

    Raises RunError if there is none, or if it is damaged.
    """
    from pathlib import Path

    from imgclf.run.trained import TrainedClassifier

    return TrainedClassifier.of_run(Path(run))
