"""`imgclf gradcheck`: passes what is right, exits 1 for what is wrong, and shows what both ways cost."""

import pytest

from imgclf.gradcheck import textbook
from imgclf.losses import LOSSES


def test_all_losses_pass_by_default(imgclf):
    done = imgclf("gradcheck", "--json")
    seen = done.json
    assert done.code == 0
    assert seen["verdict"] == "pass"
    assert seen["parameters"] == 7850
    assert seen["checked"] == 210
    assert {check["loss"] for check in seen["checks"]} == set(LOSSES)
    assert {(check["point"], check["layer"]) for check in seen["checks"]} == {
        (point, layer) for point in ("steps", "wide") for layer in ("data", "penalty")
    }
    for check in seen["checks"]:
        assert {"loss", "l2", "l1", "point", "layer", "verdict", "reason", "checked", "worst"} <= set(check)
        assert set(check["worst"]) == {"parameter", "analytic", "numerical", "error", "bound"}
        assert check["worst"]["error"] <= check["worst"]["bound"]
    assert seen["worst"]["parameter"][0] in "Wb"


def test_same_seed_same_report(imgclf):
    one, other = (imgclf("gradcheck", "-s", "model.loss=svm", "--json").json for _ in range(2))
    one.pop("seconds"), other.pop("seconds")
    assert one == other


@pytest.mark.parametrize("how", ["-s", "-c"])
def test_a_config_names_its_loss(imgclf, tmp_path, how):
    (tmp_path / "svm.yaml").write_text("model: {loss: svm}\n")
    seen = imgclf("gradcheck", how, "model.loss=svm" if how == "-s" else "svm.yaml", "--json").json
    assert {check["loss"] for check in seen["checks"]} == {"svm"}
    (tmp_path / "none.yaml").write_text("seed: 3\n")
    for others in (("-s", "seed=3"), ("-c", "none.yaml")):
        seen = imgclf("gradcheck", *others, "--images", 8, "--json").json
        assert {check["loss"] for check in seen["checks"]} == set(LOSSES)


def test_one_image_is_enough(imgclf):
    assert imgclf("gradcheck", "--images", 1, "-s", "model.loss=softmax").code == 0


def test_people_see_what_both_ways_cost(imgclf):
    done = imgclf("gradcheck", "-s", "model.loss=softmax")
    assert "7,850 parameters: by trying 15,700 evaluations of the loss" in done.out
    assert "verdict: pass" in done.out


@pytest.mark.parametrize("as_json", [True, False])
def test_a_mismatch_is_exit_1_and_named(imgclf, monkeypatch, as_json):
    right = textbook.analytic_gradient

    def wrong(objective, batch, weights):
        seen = right(objective, batch, weights)
        seen.grad[-1, 3] *= 1.01
        return seen

    monkeypatch.setattr(textbook, "analytic_gradient", wrong)
    done = imgclf("gradcheck", "-s", "model.loss=softmax", *(["--json"] if as_json else []))
    assert done.code == 1
    if as_json:
        assert done.json["verdict"] == "fail"
        assert done.json["worst"]["parameter"] == "b[3]"
    else:
        assert "verdict: fail" in done.out
        assert "b[3]" in done.out


def test_a_check_that_can_tell_nothing_is_exit_1(imgclf):
    done = imgclf("gradcheck", "-s", "model.loss=svm_squared", "-s", "schedule.step_size=1e30")
    assert done.code == 1
    assert "verdict: inconclusive" in done.out
