"""Write the pictures of a gradient check."""

from pathlib import Path

import numpy as np

from imgclf.files.writing import write_whole
from imgclf.gradcheck.check import CheckedLoss
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.step_sizes import error_curves
from imgclf.report.error_map import error_map
from imgclf.report.step_curve import step_curve
from imgclf.report.style import png_bytes
from imgclf.training.plan import Plan


def draw_check(checked: CheckedLoss, plan: Plan, directory: Path) -> list[str]:
    """Draw the pictures of one loss into a directory; return their names."""
    loss, wide = checked.loss, checked.cases["wide"]
    floor = 2 * float(wide.truth.bound.max())
    flat = wide.facts.curve.third == 0 and wide.facts.curve.curvature(2) == 0
    figure = step_curve(error_curves(wide), f"{loss}: error of the gradient by step size", floor, flat=flat)
    pictures = {f"steps-{loss}.png": figure}
    if plan.preprocess.is_image:
        code = Implementation.of(plan, loss)
        ratios = [
            case.expected(0, 0).ratio(code.gradient_at(case.X, case.y, case.weights)) for case in checked.cases.values()
        ]
        title = f"{loss}: error of the gradient of the data loss, largest over {len(ratios)} choices of W"
        shape, names = plan.train.example_shape, plan.train.class_names
        pictures[f"errors-{loss}.png"] = error_map(np.max(ratios, axis=0), shape, names, title)
    for name, one in pictures.items():
        write_whole(directory / name, png_bytes(one))
    return list(pictures)
