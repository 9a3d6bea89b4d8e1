"""Models to export, of every kind of input, and examples for them."""

from functools import cache
from pathlib import Path

import numpy as np

from imgclf.config import resolve
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import fit_preprocess
from imgclf.data.sources import fashion_mnist_mini
from imgclf.export.exported import Exported
from imgclf.report.run_facts import RunFacts, Split
from imgclf.training.classifier import Model

N = 256
NAMES = ("T-shirt/top", "été|*a*", "日本", "<b>`x`", "_e_", "f", "g", "h", "i", 'say "j"')
# What each is about, as keys of `preprocess`; the examples; and the type of the weights.
VARIANTS = {
    "gray": ({}, "gray", "float32"),
    "gray, as it is": ({"center": "none", "scale": 1.0}, "gray", "float32"),
    "gray, standardized": ({"std": "pixel"}, "gray", "float32"),
    "gray, unit length": ({"norm": "l2"}, "gray", "float32"),
    "gray, float64": ({"std": "channel"}, "gray", "float64"),
    "color": ({"center": "channel", "std": "channel"}, "color", "float32"),
    "color, unit length, float64": ({"norm": "l2", "std": "pixel"}, "color", "float64"),
    "vectors": ({"std": "pixel", "scale": 1.0}, "vectors", "float32"),
    "vectors, float64": ({"std": "pixel", "scale": 2.0}, "vectors", "float64"),
    "vectors, unit length": ({"norm": "l2", "center": "none"}, "vectors", "float32"),
}


@cache
def examples():
    """Fashion-MNIST's test images: as they are; in color; and as vectors of numbers of very different sizes."""
    images = fashion_mnist_mini.load(None, ("test",))["test"].pixels(slice(0, N))
    color = np.concatenate([images, np.roll(images, 3, axis=2), 255 - images], axis=3)
    vectors = images[:, ::4, ::4, 0].reshape(N, -1) * np.logspace(-3, 3, 49) + 7.0
    vectors[0] = 0  # which has no direction
    return {"gray": images, "color": color, "vectors": vectors.astype(np.float32)}


def make(variant="gray", loss="softmax"):
    """Make a model of a variant, with random weights, and its examples."""
    chosen, what, dtype = VARIANTS[variant]
    given, rng = examples()[what], np.random.default_rng(0)
    dataset = Dataset.of(given, np.arange(N) % len(NAMES), NAMES)
    chosen = {"scale": 255.0, "center": "pixel", "std": "none", **chosen}
    preprocess = fit_preprocess(dataset, dtype=dtype, **chosen)
    weights = rng.standard_normal((preprocess.size + 1, len(NAMES)))
    spread = preprocess.apply(given).std() * np.sqrt(preprocess.size)
    weights = np.asfortranarray(5 / spread * weights, dtype)  # scores of some size, in the order of a model file
    overrides = [f"preprocess.{key}={value}" for key, value in chosen.items()]
    config = resolve((), [*overrides, f"model.loss={loss}"]).config
    figures = {"train": Split(1.0, 0.9, 0.875, 2000), "val": Split(1.1, 1.0, 0.8, 100)}
    facts = RunFacts(Path("runs/a-run"), config, "finished", NAMES, **figures)
    return Exported(facts.directory, Model(weights, preprocess, NAMES, loss, 1e-4, 0.0), facts), given
