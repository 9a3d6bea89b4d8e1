"""Lessons on small data."""

import pytest

from imgclf.config import resolve
from imgclf.lessons.material import Material
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

SMALL = ("data.source=synthetic", "data.options={train: 300, val: 200, classes: 4, size: 6, noise: 60}")


@pytest.fixture(autouse=True)
def _one_thread():
    with workers(1):
        yield


@pytest.fixture
def material():
    """Return the material of a config: synthetic images of 6 x 6 pixels, in four classes."""

    def make(*overrides, data=SMALL):
        return Material(make_plan(resolve((), [*data, *overrides]).config))

    return make
