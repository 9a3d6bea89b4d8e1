"""Measure training beside PyTorch and scikit-learn: epochs, to the optimum, processes, memory, growth, many classes.

The environment variable CIFAR10 names the data (cifar-10-batches-py, cifar-10-batches-bin or their .tar.gz); without it
50,000 images of its shape are generated. Prints its tables, and writes them into RESULTS.md beside this file, unless
only some are asked for.
"""

import argparse
import os
import sys
from collections.abc import Iterator

from images import Images, training_images
from results import again, cores, machine, progress, say, write_part

from imgclf.errors import ImgclfError

PARTS = ("epochs", "optimum", "process", "growth", "classes")
PACKAGES = ("imgclf", "numpy", "torch", "scikit-learn")


def main() -> None:
    """Measure, print and write."""
    asked = arguments()
    progress("reading the images")
    sections = [say(part) for part in report(training_images(), asked)]
    if asked == list(PARTS):
        write_part("\n\n".join(sections))


def arguments() -> list[str]:
    """Return which parts to run."""
    parser = argparse.ArgumentParser(description="Measure training beside PyTorch and scikit-learn.")
    parser.add_argument("--only", metavar="PARTS", help=f"some of {','.join(PARTS)}; then RESULTS.md is left alone")
    only = parser.parse_args().only
    chosen = list(PARTS) if only is None else only.split(",")
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"--only: {unknown[0]!r} is not one of {', '.join(PARTS)}")
    return [part for part in PARTS if part in chosen]


def report(images: Images, asked: list[str]) -> Iterator[str]:
    """Measure one thing after the other, and describe each."""
    # Only now: what imports these must be the large process, not the small one that starts the measured ones.
    from classes import measure_classes
    from epochs import measure_epochs
    from growth import measure_growth
    from optimum import measure_optimum
    from processes import measure_processes

    optimum = None
    yield heading(images)
    if "epochs" in asked:
        yield measure_epochs(images)
    if "optimum" in asked:
        text, optimum = measure_optimum(images)
        yield text
    if "process" in asked:
        yield measure_processes(images, optimum)
    if "growth" in asked:
        yield measure_growth(images)
    if "classes" in asked:
        yield measure_classes()


def heading(images: Images) -> str:
    """Say what was measured, on what, and how to repeat it."""
    real = "CIFAR10" in os.environ
    what = "CIFAR-10" if real else "generated images of CIFAR-10's shape"
    return (
        "# Training: imgclf, PyTorch and scikit-learn\n\n"
        f"{machine(f'{cores()} cores', *PACKAGES)}  \n"
        f"Data: {what}, {len(images):,} of 32 x 32 color pixels in {images.classes} classes.  \n"
        f"{again('cifar10' if real else 'synthetic')}"
    )


if __name__ == "__main__":
    try:
        main()
    except ImgclfError as error:
        sys.exit(str(error))
