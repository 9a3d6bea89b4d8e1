"""Lesson: moved, mirrored and inverted images."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imgclf.arrays import Batch, ByteArray
from imgclf.lessons.lesson import Findings, Lesson, Rows
from imgclf.lessons.material import Material
from imgclf.lessons.text import percent
from imgclf.model import scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Change: TypeAlias = Callable[[ByteArray], ByteArray]  # of images (n, H, W, channels)

EPOCHS = 10


def move(images: ByteArray, down: int, right: int) -> ByteArray:
    """Move images; pixels at the border are repeated where others moved away."""
    (_, height, width, _), by = images.shape, max(abs(down), abs(right))
    padded = np.pad(images, ((0, 0), (by, by), (by, by), (0, 0)), mode="edge")
    return padded[:, by - down :][:, :height, by - right :][:, :, :width]


def mirror(images: ByteArray) -> ByteArray:
    """Exchange left and right."""
    return images[:, :, ::-1]


def invert(images: ByteArray) -> ByteArray:
    """Make black white, and white black."""
    return 255 - images


CHANGES: dict[str, Change] = {
    "none": lambda images: images,
    "1 down": partial(move, down=1, right=0),
    "2 down": partial(move, down=2, right=0),
    "3 down": partial(move, down=3, right=0),
    "4 down": partial(move, down=4, right=0),
    "2 right": partial(move, down=0, right=2),
    "mirrored": mirror,
    "inverted": invert,
}


def study(material: Material) -> Findings:
    """Train on images as they are, and classify changed ones."""
    material.require_images("shift")
    *_, (_, state) = material.train_for(EPOCHS)
    dataset = material.val_images
    images, y, names = dataset.pixels(slice(None)), dataset.y, dataset.class_names
    answers = {}
    for change, make in CHANGES.items():
        X, _ = Batch.of(material.plan.preprocess.apply(np.ascontiguousarray(make(images))), y)
        answers[change] = scores(X, state.weights).argmax(axis=1)
    accuracies = {change: float((answer == y).mean()) for change, answer in answers.items()}

    plain = accuracies["none"]
    wrong = np.sum([answer != y for answer in answers.values()], axis=0)
    shown = int(np.where(answers["none"] == y, wrong, -1).argmax())  # right as it is, and wrong most often
    called = {change: names[int(answer[shown])] for change, answer in answers.items()}
    return Findings(
        shown=[
            f"Trained for {EPOCHS} epochs on images as they are; then {len(y):,} {material.held_out} images, changed:",
            Rows(("change", "accuracy", "less by", f"one image, {names[int(y[shown])]}"),
                 [(change, percent(share), f"{100 * (plain - share):.1f}", called[change])
                  for change, share in accuracies.items()]),
        ],
        picture=partial(_picture, images[shown], called, accuracies),
        question="A person knows the moved image at once. Why does this model not, and which kind of model would?",
        answer=f"Each weight belongs to one place. Moved by a pixel, every value meets the weight of its neighbor: by "
        f"four pixels, accuracy goes from {percent(plain)} to {percent(accuracies['4 down'])}, and inverted to "
        f"{percent(accuracies['inverted'])}, as bright and dark change sides. A convolutional network looks for the "
        f"same small patterns at every place. A linear model can at least train on moved images: "
        f"the keys augment.shift and augment.flip of a config.",
        numbers={"images": len(y), "accuracy": accuracies, "example": int(shown), "called": called},
    )  # fmt: skip


def _picture(image: ByteArray, called: dict[str, str], accuracies: dict[str, float]) -> "Figure":
    from imgclf.report.image_table import ImageTable, image_tables
    from imgclf.report.style import DPI, MARGIN, class_labels, styled

    with styled():
        changed = np.stack([make(image[None])[0] for make in CHANGES.values()])  # (changes, H, W, channels)
        shape, side = (*changed.shape[:3], 3), 0.85
        labels = dict(zip(called, (class_labels([name], side, 7.0)[0] for name in called.values()), strict=True))
        columns = [(change, labels[change], f"{share:.1%}") for change, share in accuracies.items()]
        table = ImageTable(np.broadcast_to(changed, shape)[None], [("",)], columns, ("change", "called", "accuracy"))
        title, advice = (
            "One image, changed",
            "Below each change what the image is called then, and the accuracy on all.",
        )
        return image_tables([table], title, advice, MARGIN, longest=DPI * side, size=7.0)[0]


LESSON = Lesson(
    "moved, mirrored and inverted images; why convolution",
    "A model is trained on images as they are. What is its accuracy if they are moved down by one to four pixels, "
    "mirrored, or inverted?",
    study,
)
