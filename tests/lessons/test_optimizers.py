"""Every optimizer is shown at the best step size of its own grid."""

import numpy as np

from imgclf.lessons.optimizers import study
from imgclf.optimizers import OPTIMIZERS

TINY = "data.options={train: 80, val: 40, classes: 3, size: 4, noise: 30}"


def test_each_is_at_the_best_of_its_own_grid(material):
    seen = study(material(TINY)).numbers
    assert set(seen["optimizers"]) == set(OPTIMIZERS)
    for one in seen["optimizers"].values():
        assert one["loss"] == min(one["losses"]) == one["losses"][one["grid"].index(one["best"])]
        assert one["loss"] < seen["start"]
        assert one["on_border"] == (one["best"] in (one["grid"][0], one["grid"][-1]))


def test_the_order_that_it_says_is_that_of_the_losses(material):
    found = study(material(TINY))
    losses = {name: one["loss"] for name, one in found.numbers["optimizers"].items()}
    order = sorted(losses, key=losses.get)
    assert f"the order is {', '.join(order[:-1])} and {order[-1]}." in found.answer


def test_a_best_step_size_on_the_border_is_said(material):
    found = study(material(TINY))
    borders = [name for name, one in found.numbers["optimizers"].items() if one["on_border"]]
    assert (str(found.shown[-1]).startswith("No best")) == (not borders)
    assert all(name in str(found.shown[-1]) for name in borders)


def test_a_run_that_diverges_is_never_the_best(material):
    seen = study(material(TINY, "preprocess.scale=1e-6", "model.loss=svm_squared")).numbers["optimizers"]
    finite = {name: np.isfinite(one["losses"]) for name, one in seen.items()}
    assert not all(each.all() for each in finite.values())
    assert all(np.isfinite(one["loss"]) for name, one in seen.items() if finite[name].any())
