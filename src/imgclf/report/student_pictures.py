"""Write the pictures of the check of a learner's function."""

from pathlib import Path

from imgclf.files.writing import write_whole
from imgclf.gradcheck.student.check import StudentReport
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.report.error_map import error_map
from imgclf.report.step_curve import step_curve
from imgclf.report.style import png_bytes
from imgclf.training.plan import Plan


def draw_student(report: StudentReport, name: str, against: str | None, plan: Plan, directory: Path) -> list[str]:
    """Draw the errors of function `name` by weight and, where they were measured, by step size; return file names."""
    pictures = {}
    if report.ratios is not None and plan.preprocess.is_image:
        title = f"{name}: error of dW, beside {against or f'the slopes of its loss, at {report.checked:,} weights'}"
        pictures[f"errors-{name}.png"] = error_map(
            report.ratios, plan.train.example_shape, plan.train.class_names, title
        )
    if report.curves:
        curve = LOSS_FACTS[against].curve if against else None
        flat = curve is not None and curve.third == 0 and curve.curvature(2) == 0
        pictures[f"steps-{name}.png"] = step_curve(report.curves, f"{name}: error of dW by step size", flat=flat)
    for file, figure in pictures.items():
        write_whole(directory / file, png_bytes(figure))
    return list(pictures)
