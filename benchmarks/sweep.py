"""Measure `imgclf sweep`: two jobs beside one, and the preset `probe` beside scikit-learn's LogisticRegressionCV.

`python benchmarks/sweep.py jobs` sweeps by the preset `sweep_cifar10` with one job and with two, in turn.
`python benchmarks/sweep.py probe` trains on HOG features of 10,000 images, and tests on those of 40,000 others. The
variable CIFAR10 names the data; without it the images are generated. Needs scikit-learn (requirements.txt).
"""
# ruff: noqa: T201 - a script talks

import json
import os
import sys
import time
import warnings
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from child import run
from images import data, training_images
from results import progress

from imgclf.arrays import ByteArray, FloatArray

ROUNDS = 3
TRAIN = 10_000  # images; the rest of 50,000 is for the test
CELL, ORIENTATIONS = 4, 9  # pixels, and bins from 0 to 180 degrees
IMGCLF = [sys.executable, "-m", "imgclf", "-q"]


def measure_jobs(folder: Path) -> None:
    """Print the seconds by the clock of a sweep with one job and with two, and their ratio."""
    sweep = [*IMGCLF, "sweep", "--preset", "sweep_cifar10", *(word for one in data(50_000) for word in ("-s", one))]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for number in range(ROUNDS):
        for jobs in seconds:
            progress(f"round {number + 1} of {ROUNDS}, jobs: {jobs}")
            out = folder / f"{jobs}-{number}"
            seconds[jobs].append(run([*sweep, "--jobs", f"{jobs}", "--out", str(out)]).seconds)
            same = (out / "sweep.csv").read_bytes() == (folder / "1-0" / "sweep.csv").read_bytes()
            print(f"jobs {jobs}: {seconds[jobs][-1]:.1f} s, {'the same' if same else 'ANOTHER'} sweep.csv")
    print(f"two jobs take {median(seconds[2]) / median(seconds[1]):.2f} of the time of one")


def measure_probe(folder: Path) -> None:
    """Print test accuracy and processor time of both, on the same features."""
    images = training_images()
    features = np.concatenate([hog(images.pixels[i : i + 1000]) for i in range(0, len(images), 1000)])
    file = folder / "features.npz"
    np.savez(file, x_train=features[:TRAIN], y_train=images.y[:TRAIN], x_test=features[TRAIN:], y_test=images.y[TRAIN:])
    print(f"{features.shape[1]:,} features, {TRAIN:,} images to train on, {len(images) - TRAIN:,} to test")
    seconds, accuracies = [], []
    for seed in range(ROUNDS):
        swept, trained = folder / f"{seed}", folder / f"{seed}-all"
        settings = ["-s", f"data.path={json.dumps(str(file))}", "-s", f"seed={seed}", "--jobs", "1"]
        sweep = run([*IMGCLF, "sweep", "--preset", "probe", *settings, "--json", "--out", str(swept)])
        best = json.loads(sweep.stdout)["best"]["values"]
        chosen = [word for key, value in best.items() for word in ("-s", f"{key}={value}")]
        on_all = ["-c", str(swept / "config.yaml"), *chosen, "-s", "data.val_fraction=0"]
        train = run([*IMGCLF, "train", *on_all, "--threads", "1", "--no-plots", "--out", str(trained)])
        seconds.append(sweep.processor + train.processor)
        accuracies.append(json.loads(run([*IMGCLF, "eval", str(trained), "--json"]).stdout)["accuracy"])
        print(f"imgclf, seed {seed}: test {accuracies[-1]:.2%}, {seconds[-1]:.1f} s, {best}")
    other = json.loads(run([sys.executable, __file__, "reference", str(file)]).stdout)
    print(f"LogisticRegressionCV: test {other['accuracy']:.2%}, {other['seconds']:.1f} s, C {other['C']:.2g}")
    points = 100 * (sum(accuracies) / ROUNDS - other["accuracy"])
    print(f"imgclf: {points:+.2f} points, in {median(seconds) / other['seconds']:.3f} of the time")


def fit_reference(file: Path) -> None:
    """Fit LogisticRegressionCV as it is by default, and print what came of it; only the fit is timed.

    Its defaults are ten penalties, five folds, L-BFGS of at most 100 iterations, and a last fit on all.
    """
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.preprocessing import StandardScaler

    warnings.simplefilter("ignore")  # 100 iterations are too few for small penalties
    arrays = np.load(file)
    scaler = StandardScaler().fit(arrays["x_train"])
    X = scaler.transform(arrays["x_train"])
    began = time.process_time()
    model = LogisticRegressionCV().fit(X, arrays["y_train"])
    seconds = time.process_time() - began
    accuracy = float(model.score(scaler.transform(arrays["x_test"]), arrays["y_test"]))
    print(json.dumps({"accuracy": accuracy, "seconds": seconds, "C": float(np.max(model.C_))}))


def hog(pixels: ByteArray) -> FloatArray:
    """Return histograms of oriented gradients (Dalal and Triggs 2005): (N, 1764) for images (N, 32, 32, 3).

    In each cell of 4 x 4 pixels the lengths of the gradients are summed by direction; each block of 2 x 2 cells is
    divided by its norm, cut at 0.2, and divided again.
    """
    down, right = np.gradient(pixels.astype(np.float32).mean(axis=3), axis=(1, 2))  # (N, 32, 32)
    length, angle = np.hypot(down, right), np.arctan2(down, right) % np.pi
    bins = np.minimum((angle * (ORIENTATIONS / np.pi)).astype(int), ORIENTATIONS - 1)
    n, size = len(pixels), pixels.shape[1] // CELL
    by_direction = [np.where(bins == k, length, 0) for k in range(ORIENTATIONS)]
    cells = np.stack(
        [one.reshape(n, size, CELL, size, CELL).sum(axis=(2, 4)) for one in by_direction], axis=3
    )  # (N, 8, 8, 9)
    corners = [(slice(i, size - 1 + i), slice(j, size - 1 + j)) for i in (0, 1) for j in (0, 1)]
    blocks = np.concatenate([cells[:, rows, columns] for rows, columns in corners], axis=3)  # (N, 7, 7, 36)
    return unit(np.minimum(unit(blocks), 0.2)).reshape(n, -1).astype(np.float32)


def unit(blocks: FloatArray) -> FloatArray:
    """Divide each block by its norm."""
    norms: FloatArray = np.sqrt(np.square(blocks).sum(axis=-1, keepdims=True) + 1e-3)  # none is 0
    return blocks / norms


def main(arguments: list[str]) -> None:
    """Measure what is named: jobs, probe or, if nothing is, both."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the processes that are started here
    if arguments[:1] == ["reference"]:
        fit_reference(Path(arguments[1]))
        return
    for name, measure in {"jobs": measure_jobs, "probe": measure_probe}.items():
        if name in arguments or not arguments:
            with TemporaryDirectory() as folder:
                measure(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
