"""A learner's function, asked in this process: fast, and open to a debugger."""

import numpy as np
import pytest

from imgclf.gradcheck.student.child import WrongAnswerError, checked
from imgclf.gradcheck.student.process import Answer, StudentFailure


def asking(function):
    def ask(W, X, y, reg):
        given = W.copy(), X.copy(), y.copy()
        try:
            with np.errstate(all="ignore"):
                loss, dW, dtype = checked(function(*given, reg), W.shape)
        except WrongAnswerError as wrong:
            raise StudentFailure(f"it {wrong}", alive=True) from wrong
        except Exception as error:
            raise StudentFailure(f"it raises {error!r}", alive=True) from error
        changed = [
            name for name, one, other in zip("WXy", given, (W, X, y), strict=True) if one.tobytes() != other.tobytes()
        ]
        return Answer(loss, dW, dtype, 1e-4, tuple(changed))

    return ask


def make_case(N=23, D=7, C=5, pixels=255.0, seed=0, dead=True):
    """Pixels as they come, one of them 0 in every image, and labels of every class."""
    rng = np.random.default_rng(seed)
    X = pixels * rng.random((N, D))
    X[:, D // 2] *= not dead
    return X, rng.permutation(np.arange(N) % C)


@pytest.fixture(name="asking")
def asking_fixture():
    return asking


@pytest.fixture(name="make_case")
def case_fixture():
    return make_case
