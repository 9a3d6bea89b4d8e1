"""Whitened random patches as features (Coates and Ng 2011).

How much an image looks like some patches of the training images, and where. No label is used, and nothing is optimized
(see also Thiry and others 2021). Learned are

    whitening   W and mu, after which the numbers of a patch are uncorrelated and vary equally (PCA): z = p @ W - mu
    filters     F, a few hundred patches z of unit length, drawn at random, and their mirror images

and each image becomes, in five steps,

    cosines     R = z @ F of each of its patches z, of unit length, and each filter
    threshold   max(R - a, 0) and max(-R - a, 0): what is like the filter, and what is like its negative
    pool        the mean of both over overlapping parts of the image, each fading into the next
    mirror      the sum of what it is for the image and for its mirror image
    root        the square root, so that a filter seen everywhere does not drown one seen once

**Mirroring is free.** Train on all images and on their mirror images, and the best weights, unique with l2 > 0, are
mirror-symmetric: so one may as well train once on f(x) + f(mirror x), with half the weights. And as each filter has
its mirror image among the filters, f(mirror x) holds the numbers of f(x) at other places: the sum takes no product.
"""

from typing import Annotated, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgclf.arrays import ByteArray, FloatArray, IntArray
from imgclf.data.dataset import Dataset
from imgclf.data.features.kind import Kind, Learned, Shape
from imgclf.data.features.mosaic import mosaic
from imgclf.data.features.pooling import windows
from imgclf.errors import UsageError
from imgclf.numerics.indices import slices
from imgclf.numerics.random_streams import FEATURES, shuffled, stream, uniform

Number: TypeAlias = Annotated[int, "Patches that serve as filters.", {"ge": 1, "le": 100_000}]
Side: TypeAlias = Annotated[int, "Pixels a side of a patch.", {"ge": 2, "le": 64}]
Stride: TypeAlias = Annotated[int, "Pixels from one patch of an image to the next.", {"ge": 1, "le": 64}]
Pool: TypeAlias = Annotated[int, "Parts a side of the image.", {"ge": 1, "le": 64}]
Mirror: TypeAlias = Annotated[bool, "Whether an image and its mirror image are the same."]
Scales: TypeAlias = Annotated[
    int, "More than 1: also on images of half the size, with one part a side less, and so on.", {"ge": 1, "le": 8}
]

THRESHOLD = 0.2  # a: in photographs, a fifth of the cosines are beyond it, on one side or the other
FLAT = 10.0  # added to the variance of a patch, in squares of gray levels: noise in the sky is not an edge
NOISE = 0.1  # added to the variance of each direction before whitening divides by its root
KEPT = 64  # directions of the largest variance; the others are noise
FROM_IMAGES, OF_IMAGE = 10_000, 10  # patches that whitening is learned from


def patches(
    number: Number = 200, patch: Side = 6, stride: Stride = 2, pool: Pool = 4, mirror: Mirror = True, scales: Scales = 1
) -> Kind:
    """Cosines with whitened random patches (Coates and Ng 2011)."""
    parts = [max(1, pool - scale) for scale in range(scales)]  # a side, at each scale

    def size(shape: Shape) -> int:
        for scale in range(scales):
            height, width = (side >> scale for side in shape[:2])
            if (min(height, width) - patch) // stride + 1 < parts[scale]:
                at, key = (f" at scale {scale + 1}", "scales") if scale else ("", "patch")
                problem = f"images of {width} x {height} pixels{at} have too few patches of {patch} x {patch}"
                raise UsageError(f"features.{key}", f"{problem} for {parts[scale]} parts a side", "set it to less")
        return sum(2 * number * side**2 for side in parts)

    def shapes(shape: Shape) -> dict[str, Shape]:
        D = patch * patch * shape[2]
        d = min(KEPT, D)
        of_scale = {"whitening": (D, d), "shift": (d,), "filters": (d, number * (1 + mirror))}
        return {f"{name}{scale}": one for scale in range(scales) for name, one in of_scale.items()}

    def learn(images: Dataset, seed: int) -> Learned:
        learned: dict[str, FloatArray] = {}
        for scale in range(scales):
            drawn = draw(images, number, patch, scale, seed)
            W, mu, E = whitening(drawn.reshape(len(drawn), -1), mirrored(patch, drawn.shape[-1]))
            z = unit(standardized(drawn[:number].reshape(number, -1)) @ W - mu)
            # E[mirrored]^T @ E turns whitened patches into those of their mirror images.
            turned = z @ (E[mirrored(patch, drawn.shape[-1])].T @ E) if mirror else z[:0]
            filters = np.concatenate([z, turned]).T
            # The mean of a patch is taken off by the weights: (p - mean p) @ W = p @ (W - the mean of its rows).
            arrays = {"whitening": W - W.mean(axis=0), "shift": mu, "filters": filters}
            learned |= {f"{name}{scale}": array.astype(np.float32) for name, array in arrays.items()}
        return learned

    def compute(images: ByteArray, learned: Learned) -> FloatArray:
        return np.stack([_of_image(image.astype(np.float32), learned) for image in images])

    def _of_image(image: FloatArray, learned: Learned) -> FloatArray:
        found = []
        for scale in range(scales):
            W, mu, F = (learned[f"{name}{scale}"] for name in ("whitening", "shift", "filters"))
            R, shape = cosines(image, patch, stride, W, mu, F)
            for sign in (1, -1):
                pooled = pooled_above(R, sign, *(windows(length, parts[scale]) for length in shape))
                both = pooled[..., :number] + pooled[:, ::-1, number:] if mirror else pooled
                found.append(np.sqrt(both).ravel())
            image = halved(image)
        return np.concatenate(found)

    return Kind(size, compute, learn, shapes, mosaic(number, patch, pool))


def draw(images: Dataset, number: int, patch: int, scale: int, seed: int) -> FloatArray:
    """Return random patches of images halved `scale` times, (n, patch, patch, channels), neighbors of two images."""
    height, width, channels = images.example_shape
    height, width = height >> scale, width >> scale
    rows = np.sort(shuffled(len(images), seed, FEATURES, scale)[:FROM_IMAGES])
    n = len(rows)
    if n * OF_IMAGE < number:
        problem = f"{n:,} training images give {n * OF_IMAGE:,} patches, {number:,} are wanted"
        raise UsageError("features.number", problem, f"set it to at most {n * OF_IMAGE}")
    at = uniform(stream(seed, FEATURES, scale, 1), (2, OF_IMAGE, n))
    top, left = ((u * (side - patch + 1)).astype(int) for u, side in zip(at, (height, width), strict=True))
    drawn = np.empty((OF_IMAGE, n, patch, patch, channels), np.float32)
    for part in slices(n, images.at_once):
        some = images.pixels(rows[part]).astype(np.float32)
        for _ in range(scale):
            some = halved(some)
        seen = sliding_window_view(some, (patch, patch), axis=(1, 2))  # (n, y, x, channels, patch, patch)
        found = seen[np.arange(len(some)), top[:, part], left[:, part]]
        drawn[:, part] = np.moveaxis(found, 2, -1)
    order = shuffled(n, seed, FEATURES, scale, 2)
    return drawn[:, order].reshape(-1, patch, patch, channels)


def whitening(patches: FloatArray, mirror: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return W (D, d), mu (d) and the directions E (D, d) of d <= 64: for standardized p, z = p @ W - mu.

    Mean and covariance are those of the patches and of their mirror images, so that mirroring z only changes signs.
    """
    p = standardized(patches)
    mean = p.mean(axis=0, dtype=np.float64)
    mean = (mean + mean[mirror]) / 2
    p -= mean.astype(p.dtype)
    covariance = (p.T @ p).astype(np.float64) / len(p)
    covariance = (covariance + covariance[np.ix_(mirror, mirror)]) / 2
    variance, E = np.linalg.eigh(covariance)  # ascending
    variance, E = variance[::-1][:KEPT], E[:, ::-1][:, :KEPT]
    W = E / np.sqrt(variance + NOISE)
    return W, mean @ W, E


def mirrored(patch: int, channels: int) -> IntArray:
    """Return where the numbers of a patch are in its mirror image."""
    return np.arange(patch * patch * channels).reshape(patch, patch, channels)[:, ::-1].ravel()


def standardized(patches: FloatArray) -> FloatArray:
    """Take off the mean of each patch (n, D), and divide by its deviation: light and contrast do not matter."""
    centered = patches - patches.mean(axis=1, keepdims=True)
    return np.asarray(centered / np.sqrt(np.square(centered).mean(axis=1, keepdims=True) + FLAT))


def unit(z: FloatArray) -> FloatArray:
    """Divide each row by its length."""
    return np.asarray(z / np.sqrt(np.einsum("ij,ij->i", z, z) + 1e-6)[:, None])


def cosines(
    image: FloatArray, patch: int, stride: int, W: FloatArray, mu: FloatArray, F: FloatArray
) -> tuple[FloatArray, tuple[int, int]]:
    """Return the cosine of each patch of an image and each filter, (rows * columns, K), and (rows, columns).

    By one product for an image: rounding depends on the shape of a product, and so on nothing but this image.
    """
    seen = sliding_window_view(image, (patch, patch), axis=(0, 1))[::stride, ::stride]
    rows, columns = seen.shape[:2]
    p = np.moveaxis(seen, 2, -1).reshape(rows * columns, -1)
    variance = np.einsum("ij,ij->i", p, p) / p.shape[1] - np.square(p.mean(axis=1))
    z = (p @ W) / np.sqrt(np.maximum(variance, 0) + FLAT)[:, None] - mu
    return unit(z) @ F, (rows, columns)


def pooled_above(R: FloatArray, sign: int, down: FloatArray, across: FloatArray) -> FloatArray:
    """Return the mean of max(sign * R - a, 0) over each part of an image: (g, g, K).

    The shares of a part add up to 1, so that the mean of max(R, a) is by a too large: one pass instead of two.
    """
    a = np.float32(THRESHOLD)
    rows, columns = down.shape[1], across.shape[1]
    beyond = np.maximum(R, a) if sign > 0 else np.minimum(R, -a)
    by_row = (down @ beyond.reshape(rows, -1)).reshape(len(down), columns, -1)
    return np.maximum(sign * (across @ by_row) - a, 0)


def halved(images: FloatArray) -> FloatArray:
    """Return the mean of each 2 x 2 pixels, (..., H // 2, W // 2, channels)."""
    *more, height, width, channels = images.shape
    whole = images[..., : height // 2 * 2, : width // 2 * 2, :]
    return np.asarray(whole.reshape(*more, height // 2, 2, width // 2, 2, channels).mean(axis=(-4, -2)))
