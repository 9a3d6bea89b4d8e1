"""Lesson: the penalty on the weights."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.gradients import evaluate_loss
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import Material
from imgclf.lessons.text import percent
from imgclf.losses import LOSSES
from imgclf.model import scores, split
from imgclf.training.evaluation import PROBABILITIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PENALTIES = (0.0001, 0.01, 1.0)  # l2
EPOCHS = 10
SHOWN = 10  # classes


def study(material: Material) -> Findings:
    """Train with three penalties: weights, accuracy, and how sure the model is."""
    train, val, held_out = material.train, material.val, material.held_out
    probabilities = PROBABILITIES.get(LOSSES[material.plan.config.model.loss])
    trained, rows = [], []
    runs: list[dict[str, Any]] = []
    for l2 in PENALTIES:
        objective = replace(material.objective, l2=l2)
        *_, (_, state) = material.train_for(EPOCHS, objective)
        weights = state.weights
        W, _ = split(weights)
        X, _ = val
        sure = float(probabilities(scores(X, weights)).max(axis=1).mean()) if probabilities else None
        one: dict[str, Any] = {
            "l2": l2,
            "weights_length": float(np.linalg.norm(W)),
            "train_data_loss": evaluate_loss(material.data_loss, train, weights)[0],
            "train_accuracy": material.accuracy(train, weights),
            f"{held_out}_accuracy": material.accuracy(val, weights),
            "mean_largest_probability": sure,
        }
        trained.append(weights)
        runs.append(one)
        rows.append((f"{l2:g}", f"{one['weights_length']:.3g}", f"{one['train_data_loss']:.4g}",
                     percent(one["train_accuracy"]), percent(one[f"{held_out}_accuracy"]),
                     "-" if sure is None else percent(sure)))  # fmt: skip
    lengths = [one["weights_length"] for one in runs]
    accuracies = [one[f"{held_out}_accuracy"] for one in runs]
    best = int(np.argmax(accuracies))
    diffuse = (f"its mean largest probability goes from {percent(runs[0]['mean_largest_probability'])} to "
               f"{percent(runs[-1]['mean_largest_probability'])}" if probabilities else
               "how sure it is, this loss does not say: its scores are no probabilities")  # fmt: skip
    return Findings(
        shown=[
            f"{EPOCHS} epochs on {len(train):,} examples, with three l2 in data loss + l2/2 * sum(W**2):",
            Rows(("l2", "|W|", "data loss", "train", held_out, "how sure"), rows),
            f"How sure: the largest probability of an image, on average over {held_out}.",
        ],
        picture=partial(_picture, material, np.stack(trained)),
        question="Which weights would you show to somebody who asks what a class looks like, which would you use?",
        answer=f"From l2 = {PENALTIES[0]:g} to {PENALTIES[-1]:g}, |W| goes from {lengths[0]:.3g} to {lengths[-1]:.3g}: "
        f"the penalty prefers many small weights to few large ones, and so templates become smooth. The scores go "
        f"with the weights, so the model becomes diffuse: {diffuse}. On {held_out}, l2 = {PENALTIES[best]:g} is right "
        f"most often here, in {percent(accuracies[best])}; a difference of a percent or two can be chance.",
        numbers={"runs": runs},
    )


def _picture(material: Material, weights: FloatArray) -> "Figure":
    plan = material.plan
    if not plan.preprocess.is_image:
        sizes = {f"l2 = {l2:g}": np.sort(np.abs(W[:-1]), axis=None)[::-1]
                 for l2, W in zip(PENALTIES, weights, strict=True)}  # fmt: skip
        lines = {name: (np.arange(1, len(size) + 1), size) for name, size in sizes.items()}
        return Panels("Weights under three penalties", "", [Panel("|W|", "weight, the largest first", lines)])()
    from imgclf.report.image_table import ImageTable, image_tables
    from imgclf.report.style import DPI, MARGIN, class_labels, styled
    from imgclf.report.templates import template_images

    with styled():
        shape, names = plan.train.example_shape, plan.train.class_names[:SHOWN]
        images = np.stack(
            [template_images(one[:, :SHOWN], shape)[0] for one in weights]
        )  # (penalties, classes, H, W, 3)
        columns = [(label,) for label in class_labels(names, 0.75, 7.0)]
        table = ImageTable(images, [(f"l2 = {l2:g}",) for l2 in PENALTIES], columns, ("",))
        title, advice = "The weights of each class under three penalties", "Each row has a scale of its own."
        return image_tables([table], title, advice, MARGIN, longest=DPI * 0.75, size=7.0)[0]


LESSON = Lesson(
    "three penalties: templates, accuracy, |W|, how sure the model is",
    "The same training with l2 of 0.0001, 0.01 and 1. What happens to the templates, to the accuracy, and to how sure "
    "the model is?",
    study,
)
