"""Lessons: experiments that teach, on the learner's own data.

Each is a file made of the public parts of imgclf, to be read like the textbook: the experiment, its numbers, its
picture; and, at the end, what to predict before it.
"""

from imgclf.lessons import batches, gradient, loops, optimizers, penalty, shift, step, step_size, strategies, surface
from imgclf.lessons.lesson import Lesson

LESSONS: dict[str, Lesson] = {
    "step": step.LESSON,
    "gradient": gradient.LESSON,
    "strategies": strategies.LESSON,
    "batches": batches.LESSON,
    "step-size": step_size.LESSON,
    "optimizers": optimizers.LESSON,
    "penalty": penalty.LESSON,
    "loops": loops.LESSON,
    "shift": shift.LESSON,
    "surface": surface.LESSON,
}
