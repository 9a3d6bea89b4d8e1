"""The losses by PyTorch are those of the book."""

import numpy as np
import pytest

from imgclf.losses import LOSSES

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(0)
SCORES = {
    "usual": RNG.normal(size=(200, 7)),
    "huge": 1e4 * RNG.normal(size=(200, 7)),
    "equal": np.zeros((50, 7)),
    "at the kinks": RNG.integers(-2, 3, (300, 7)).astype(float),  # whole numbers: margins of exactly 0, and ties
    "two classes": RNG.normal(size=(50, 2)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", SCORES)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_that_of_numpy(loss, case, dtype):
    import torch

    from imgclf.speed.pytorch.losses import TORCH_LOSSES

    s = SCORES[case].astype(dtype)
    y, kept = RNG.integers(0, s.shape[1], len(s)), s.copy()
    seen = [one.numpy() for one in TORCH_LOSSES[LOSSES[loss]](torch.from_numpy(s), torch.from_numpy(y))]
    assert s.tobytes() == kept.tobytes(), "the scores were changed"
    for found, expected in zip(seen, LOSSES[loss](s, y), strict=True):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        tolerance = 20 * np.finfo(dtype).eps * max(1, np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_every_loss_is_there():
    from imgclf.speed.pytorch.losses import TORCH_LOSSES

    assert list(TORCH_LOSSES) == list(LOSSES.values())
