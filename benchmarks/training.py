"""Measure training by every kernel, beside PyTorch and scikit-learn.

The environment variable CIFAR10 names the data (cifar-10-batches-py, cifar-10-batches-bin or their .tar.gz); without it
50,000 images of its shape are generated. Prints its tables, and writes them into RESULTS.md beside this file, unless
only some are asked for.
"""

import argparse
import os
import sys
from importlib.util import find_spec

from images import Images, training_images
from results import Ratio, again, heading, progress, ratio_table, say, write_part

from imgclf.errors import ImgclfError, plural
from imgclf.machine.cores import available_cores

PARTS = ("epochs", "optimum", "process", "starts", "growth", "classes")
PACKAGES = ("imgclf", "numpy", *(["numba"] if find_spec("numba") else []), "torch", "scikit-learn")


def main() -> None:
    """Measure, print and write."""
    asked = arguments()
    progress("reading the images")
    images = training_images()
    sections = measure(images, asked)
    if asked == list(PARTS):
        write_part("\n\n".join([about(images), *sections]))


def arguments() -> list[str]:
    """Return which parts to run."""
    parser = argparse.ArgumentParser(description="Measure training beside PyTorch and scikit-learn.")
    parser.add_argument("--only", metavar="PARTS", help=f"some of {','.join(PARTS)}; then RESULTS.md is left alone")
    only = parser.parse_args().only
    chosen = list(PARTS) if only is None else only.split(",")
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"--only: {unknown[0]!r} is not one of {', '.join(PARTS)}")
    return [part for part in PARTS if part in chosen]


def measure(images: Images, asked: list[str]) -> list[str]:
    """Measure one thing after the other and print it; return what was said, the ratios first, if any."""
    # Only now: what imports these must be the large process, not the small one that starts the measured ones.
    from classes import measure_classes
    from epochs import measure_epochs
    from growth import measure_growth
    from optimum import measure_optimum
    from ours import kernels
    from processes import measure_processes, measure_starts

    sections: list[str] = []
    ratios: list[Ratio] = []

    def add(text: str, found: list[Ratio]) -> None:
        sections.append(say(text))
        ratios.extend(found)

    optimum = None
    say(about(images))
    if "epochs" in asked:
        add(*measure_epochs(images))
    if "optimum" in asked:
        text, optimum = measure_optimum(images)
        add(text, [])
    if "process" in asked:
        add(*measure_processes(images, optimum))
    if "starts" in asked:
        add(*measure_starts())
    if "growth" in asked:
        add(measure_growth(images), [])
    if "classes" in asked:
        add(*measure_classes())
    return [say(f"## Ratios\n\n{ratio_table(kernels(), ratios)}"), *sections] if ratios else sections


def about(images: Images) -> str:
    """Say what was measured, on what, and how to repeat it."""
    real = "CIFAR10" in os.environ
    what = "CIFAR-10" if real else "generated images of CIFAR-10's shape"
    return heading(
        "training beside PyTorch and scikit-learn",
        plural(available_cores(), "core"),
        PACKAGES,
        f"Data: {what}, {len(images):,} of 32 x 32 color pixels in {images.classes} classes.",
        again("cifar10" if real else "synthetic"),
    )


if __name__ == "__main__":
    try:
        main()
    except ImgclfError as error:
        sys.exit(str(error))
