"""Draw the README's picture of CIFAR-10: templates of softmax classifiers with three penalties.

    python docs/pictures/penalties.py cifar-10-batches-py docs/pictures/cifar10-penalties.png

Trains configs/cifar10_softmax.yaml three times, with a tenth of the training images for validation: half a minute on
two cores. `imgclf data download cifar10` downloads the images.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from imgclf.config import resolve
from imgclf.report.image_table import ImageTable, image_tables
from imgclf.report.line_plot import format_number
from imgclf.report.style import DPI, MARGIN, png_bytes, styled
from imgclf.report.templates import color_key, template_images
from imgclf.run.session import train_run

CONFIG = Path(__file__).parents[2] / "configs" / "cifar10_softmax.yaml"
PENALTIES = ("0.002", "0.02", "0.2")
TITLE = "The weights of each class, under three penalties"
ADVICE = "Each row is a run with a scale of its own, the weight of its brightest color; mid-gray is 0."


def strip(data: str) -> bytes:
    """Train with each penalty, and draw the templates of a run in a row, as a PNG file."""
    images, rows = [], []
    for l2 in PENALTIES:
        overrides = (f"data.path={data}", "data.val_fraction=0.1", f"regularization.l2={l2}")
        with tempfile.TemporaryDirectory() as folder:
            finished = train_run(resolve([CONFIG], overrides).config, Path(folder) / "run").finished
        assert finished.val is not None
        shown, scale = template_images(finished.model.weights, finished.model.preprocess.example_shape)
        images.append(shown)
        rows.append((f"l2 = {l2}", f"val {finished.val.accuracy:.1%}", f"±{format_number(scale, 2)}"))
    table = ImageTable(np.stack(images), rows, [(name,) for name in finished.model.class_names])
    with styled():
        figure, top = image_tables([table], TITLE, ADVICE, 0.6 + MARGIN, longest=0.68 * DPI, size=7.0)
        color_key(figure, None, 3, top + 0.25)
    return png_bytes(figure)


if __name__ == "__main__":
    source, target = sys.argv[1:]
    Path(target).write_bytes(strip(source))
