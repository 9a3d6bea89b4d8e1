"""Make skimage_hog.npz, the numbers of another implementation: pip install scikit-image, then run this file."""

from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).with_name("skimage_hog.npz")
SETTINGS = {  # of scikit-image: cell, block, orientations, norm
    "article": (4, 2, 9, "L2-Hys"),
    "small cells": (3, 1, 8, "L2"),
    "large blocks": (2, 3, 4, "L1"),
}


def images():
    """Two images of odd sizes: noise in color, and in gray of few levels, so that many gradients are equal."""
    rng = np.random.default_rng(0)
    return {
        "color": rng.integers(0, 256, (17, 14, 3), dtype=np.uint8),
        "gray": rng.integers(0, 3, (12, 15, 1), dtype=np.uint8) * 100,
    }


if __name__ == "__main__":
    import skimage
    from skimage.feature import hog

    found = {"version": np.array(skimage.__version__)}
    for image, pixels in images().items():
        for setting, (cell, block, orientations, norm) in SETTINGS.items():
            found[f"{image}, {setting}"] = hog(
                pixels, orientations, (cell, cell), (block, block), norm, channel_axis=-1
            ).astype(np.float32)
    np.savez_compressed(REFERENCE, **found)
