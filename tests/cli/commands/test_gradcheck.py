"""`imgclf gradcheck`: passes what is right, exits 1 for what is wrong or cannot be told, and says where."""

import json
import re

import numpy as np
import pytest

from imgclf.gradcheck import implementation
from imgclf.gradcheck.self_test import run
from imgclf.gradients import analytic_gradient
from imgclf.losses import LOSSES
from imgclf.speed import folding

CHECKS = {
    "value", "textbook", "exhaustive", "complex step", "invariances", "purity", "small_cases", "optimizer", "float32",
    "training",
}  # fmt: skip
POINTS = {"zero", "start", "steps", "wide"}
TINY = ("-s", "data.source=synthetic", "-s", "data.options={train: 200, size: 6}")  # where the images do not matter
DONE = {}


@pytest.fixture
def once(imgclf):
    """Run a command that only its words decide about, the first time that a test asks for it."""

    def run(*arguments):
        if arguments not in DONE:
            DONE[arguments] = imgclf(*arguments)
        return DONE[arguments]

    return run


@pytest.fixture
def wrong(monkeypatch):
    """Make the gradient under check wrong: change(grad) in place."""

    def plant(change):
        def planted(objective, batch, weights):
            seen = analytic_gradient(objective, batch, weights)
            change(seen.grad)
            return seen

        monkeypatch.setattr(implementation, "analytic_gradient", planted)

    return plant


def test_all_losses_pass_by_default_with_every_parameter(imgclf):
    done = imgclf("gradcheck", "--json")
    seen = done.json
    assert done.code == 0
    assert seen["verdict"] == "pass"
    assert seen["checked"] == seen["parameters"] == 7850
    exhaustive = [check for check in seen["checks"] if check["layer"] == "exhaustive"]
    assert len(exhaustive) == 5 * 2 * 4
    assert {(check["loss"], check["point"], check["l2"] > 0) for check in exhaustive} == {
        (loss, point, penalty) for loss in LOSSES for point in POINTS for penalty in (False, True)
    }
    assert {check["layer"] for check in seen["checks"]} == CHECKS
    for check in seen["checks"]:
        assert {"loss", "l2", "l1", "point", "layer", "verdict", "reason", "checked", "worst"} <= set(check)
        if check["worst"]:
            assert {"parameter", "analytic", "numerical", "error", "bound"} <= set(check["worst"])
            assert check["worst"]["error"] <= check["worst"]["bound"]
    worst = max(
        (check["worst"] for check in exhaustive), key=lambda one: one["error"] / one["bound"] if one["bound"] else 0
    )
    assert seen["worst"]["error"] / seen["worst"]["bound"] == worst["error"] / worst["bound"]


def test_same_seed_same_bytes_but_for_the_time(imgclf, once):
    one, other = (run("gradcheck", *TINY, "-s", "model.loss=svm", "--json") for run in (once, imgclf))
    assert one.json.pop("seconds") > 0
    texts = [json.dumps(done.json | {"seconds": 0}) for done in (one, other)]
    assert texts[0] == texts[1]
    third = imgclf("gradcheck", *TINY, "-s", "model.loss=svm", "-s", "seed=1", "--json")
    assert json.dumps(third.json | {"seconds": 0}) != texts[0]


@pytest.mark.parametrize("how", ["-s", "-c"])
def test_a_config_names_its_loss(once, tmp_path, how):
    (tmp_path / "svm.yaml").write_text("model: {loss: svm}\n")
    seen = once("gradcheck", *TINY, how, "model.loss=svm" if how == "-s" else "svm.yaml", "--json").json
    assert {check["loss"] for check in seen["checks"]} == {"svm"}


def test_a_config_names_its_penalty(imgclf, once):
    seen = imgclf("gradcheck", *TINY, "-s", "model.loss=svm", "-s", "regularization.l2=0.5", "--json").json
    assert {(check["l2"], check["l1"]) for check in seen["checks"]} == {(0, 0), (0.5, 0)}
    seen = once("gradcheck", *TINY, "-s", "model.loss=svm", "--json").json
    assert {(check["l2"], check["l1"]) for check in seen["checks"]} == {(0, 0), (1e-4, 3e-5)}


@pytest.mark.parametrize("loss", LOSSES)
def test_one_image_is_never_called_wrong(imgclf, loss):
    done = imgclf("gradcheck", *TINY, "--images", 1, "-s", f"model.loss={loss}")
    assert done.code == 1
    assert "verdict: inconclusive" in done.out
    assert "no image of" in done.out


def test_people_see_each_loss_each_check_and_what_it_costs(once):
    done = once("-v", "gradcheck", "-s", "model.loss=svm_cs")
    for words in (
        "7,850 parameters",
        "svm_cs",
        *(name.replace("_", " ") for name in CHECKS),
        "nearest bound",
        "row ",
        "has margin 0 with",
        "15,700 losses, about",
        "verdict: pass",
    ):
        assert words in done.out
    assert len([line for line in done.out.splitlines() if line.startswith("svm_cs ")]) == 1 + 10
    assert max(map(len, done.out.splitlines())) <= 80


def five(text):
    """The five weights: parameter -> by trying, by calculus, relative error."""
    rows = re.findall(r"^([Wb]\[[\d,]+\]) .*?  +(\S+)  +(\S+)  +(\S+)$", text, re.MULTILINE)
    return {name: tuple(map(float, numbers)) for name, *numbers in rows}


def test_a_beginner_sees_five_weights_found_in_two_ways_and_one_sentence(imgclf):
    done = imgclf("gradcheck", "-s", "model.loss=softmax")
    weights = five(done.out)
    assert len(weights) == 5
    for tried, known, error in weights.values():
        assert tried == pytest.approx(known, abs=1e-8)
        assert abs(known) > 1e-3
        assert 0 < error < 1e-6
    assert "The gradient of the softmax loss is right at all 7,850 parameters" in done.out
    assert "15,700 losses, about" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "nearest bound" not in done.out


@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_the_five_weights_begin_with_the_worst_one(imgclf, wrong, loss):
    def change(grad):
        if grad.shape == (785, 10):
            grad[123, 4] += 0.5

    wrong(change)
    done = imgclf("gradcheck", "-s", f"model.loss={loss}")
    name, (tried, known, error) = next(iter(five(done.out).items()))
    assert name == "W[123,4]"
    assert known - tried == pytest.approx(0.5, rel=1e-3)
    assert error > 0.5
    assert "verdict: fail" in done.out


def test_verbose_says_what_each_check_found_at_each_point(once):
    done = once("-v", "gradcheck", "-s", "model.loss=svm_cs")
    assert "svm_cs, random W, l2 0.0001, l1 3e-05, invariances: pass, 10 invariances hold" in done.err


def test_quiet_says_the_verdict_alone(imgclf):
    assert imgclf("-q", "gradcheck", *TINY, "-s", "model.loss=svm").out == "verdict: pass\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_single_wrong_parameter_is_exit_1_and_named(imgclf, wrong, as_json):
    def change(grad):
        if grad.shape == (785, 10):
            grad[-1, 3] *= 1 + 1e-6

    wrong(change)
    done = imgclf("gradcheck", "-s", "model.loss=softmax", *(["--json"] if as_json else []))
    assert done.code == 1
    if as_json:
        assert done.json["verdict"] == "fail"
        assert done.json["worst"]["parameter"] == "b[3]"
    else:
        assert "verdict: fail" in done.out
        assert "b[3] (bias; Dress)" in done.out


@pytest.mark.parametrize("of", ["config", "run"])
def test_a_mistake_in_the_gradient_that_trains_alone_is_exit_1(imgclf, monkeypatch, small, of):
    imgclf("train", *small, *TINY, "--out", "run")

    def planted(evaluate_gradient):
        right = folding.folded(evaluate_gradient)

        def wrong(objective, batch, weights):
            seen = right(objective, batch, weights)
            seen.grad[:, 3] *= -1
            return seen

        return wrong

    monkeypatch.setattr("imgclf.speed.kernels.folded", planted)
    done = imgclf("gradcheck", "--json", *((*TINY, "-s", "model.loss=softmax") if of == "config" else ("--run", "run")))
    assert done.code == 1
    assert {check["layer"] for check in done.json["checks"] if check["verdict"] == "fail"} == {"training"}
    assert done.json["worst"]["parameter"].endswith(("[3]", ",3]"))


def test_what_is_not_a_number_is_null_for_a_program(imgclf, wrong):
    def change(grad):
        grad[100 % len(grad), 1] = np.nan

    wrong(change)
    done = imgclf("gradcheck", *TINY, "-s", "model.loss=softmax", "--json")
    assert (done.code, done.json["verdict"]) == (1, "fail")
    assert done.json["worst"]["analytic"] is None


def test_a_penalty_that_drowns_the_data_is_inconclusive(imgclf):
    done = imgclf("gradcheck", *TINY, "-s", "model.loss=softmax", "-s", "regularization.l2=1e13")
    assert done.code == 1
    assert "verdict: inconclusive" in done.out


@pytest.mark.parametrize("step_size", ["1e10", "1e30"])
def test_training_that_diverges_is_checked_all_the_same(imgclf, step_size):
    done = imgclf("gradcheck", *TINY, "-s", "model.loss=svm_squared", "-s", f"schedule.step_size={step_size}")
    assert "verdict: fail" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.code in (0, 1)


def test_colors_are_named(imgclf, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (60, 4, 4, 3)).astype(np.uint8)
    np.savez(tmp_path / "color.npz", X=X, y=np.arange(60) % 3)
    done = imgclf("gradcheck", "-s", "data.source=npz", "-s", "data.path=color.npz", "-s", "model.loss=softmax")
    assert done.code == 0
    assert any(color in done.out for color in ("red;", "green;", "blue;"))


@pytest.mark.slow
def test_feature_vectors_have_no_rows(imgclf, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "features.npz", X=rng.standard_normal((60, 5)), y=np.arange(60) % 3)
    options = ["-s", "data.source=npz", "-s", "data.path=features.npz", "-s", "preprocess.scale=1"]
    done = imgclf("gradcheck", *options, "--plot", "look")
    assert done.code == 0
    assert "feature " in done.out
    assert {path.name for path in (tmp_path / "look").iterdir()} == {f"steps-{loss}.png" for loss in LOSSES}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_trained_run_is_checked_at_its_weights(imgclf, small, dtype):
    options = (*small, *TINY, "-s", "model.loss=svm", "-s", f"train.dtype={dtype}")
    assert imgclf("train", *options, "--out", "r").code == 0
    done = imgclf("gradcheck", "--run", "r", "--json")
    assert done.code == 0
    assert {check["loss"] for check in done.json["checks"]} == {"svm"}
    at = {check["point"]: check["worst"] for check in done.json["checks"] if check["layer"] == "exhaustive"}
    assert at["zero"] != at["start"]
    assert ("float32" in {check["layer"] for check in done.json["checks"]}) == (dtype == "float32")


def test_pictures_are_drawn_where_asked(imgclf, tmp_path):
    done = imgclf("gradcheck", *TINY, "-s", "model.loss=svm", "--plot", "look")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "look").iterdir()} == {"steps-svm.png", "errors-svm.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "look").iterdir())


def test_a_folder_that_holds_something_is_not_drawn_into(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("kept")
    refused(2, "mine", "gradcheck", "--plot", "mine")
    assert (tmp_path / "mine" / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("--run and -c", ("--run", "r", "-c", "a.yaml")),
        ("--loss", ("--against", "svm")),
        ("--loss", ("--hints", "none")),
        ("--loss", ("--penalty", "half")),
        ("--plot", ("--loss", "a.py:f", "--hints", "none", "--plot", "look")),
        ("--self-test", ("--loss", "a.py:f", "--self-test")),
        ("self-test has no pictures", ("--self-test", "--plot", "look")),
    ],
)
def test_options_that_exclude_each_other(refused, words, options):
    refused(2, words, "gradcheck", *options)


def test_a_run_that_is_none(refused, tmp_path):
    refused(4, "nowhere", "gradcheck", "--run", "nowhere")
    (tmp_path / "empty").mkdir()
    refused(4, "empty", "gradcheck", "--run", "empty")


def test_a_model_file_does_not_say_which_images(imgclf, refused, small):
    assert imgclf("train", *small, "--out", "r").code == 0
    refused(2, "give its run directory", "gradcheck", "--run", "r/model.npz")


def test_a_run_whose_data_has_changed(imgclf, refused, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", X=rng.standard_normal((60, 5)), y=np.arange(60) % 3)
    source = ("-s", "data.source=npz", "-s", "data.path=d.npz", "-s", "preprocess.scale=1", "-s", "train.epochs=1")
    assert imgclf("train", *source, "--out", "r", "--no-plots").code == 0
    np.savez(tmp_path / "d.npz", X=rng.standard_normal((60, 6)), y=np.arange(60) % 3)
    refused(3, "the examples have changed since the run began", "gradcheck", "--run", "r")


@pytest.mark.slow
def test_the_self_test_shows_what_sees_what(imgclf):
    done = imgclf("gradcheck", "--self-test", "-s", "model.loss=svm_cs")
    assert done.code == 0
    assert "second worst rival" in done.out
    assert "(100%)" in done.out
    assert "verdict: pass" in done.out
    seen = imgclf("gradcheck", "--self-test", "-s", "model.loss=svm", "--json").json
    assert seen["verdict"] == "pass"
    assert all(bool(trial["found_by"]) != trial["equivalent"] for trial in seen["trials"])
    assert seen["mutants"] >= 60


def test_a_broken_check_is_exit_1(imgclf, monkeypatch):
    monkeypatch.setattr(run, "ORDER", ("purity",))
    done = imgclf("gradcheck", "--self-test", *TINY, "-s", "model.loss=svm_cs")
    assert done.code == 1
    assert "gradient check broken: svm_cs: it does not find the second worst rival" in done.out


@pytest.mark.long
@pytest.mark.parametrize("settings", [("optimizer.name=sgd", "train.dtype=float64"), ("schedule.name=constant",)])
def test_the_self_test_does_not_depend_on_how_one_trains(imgclf, settings):
    done = imgclf(
        "gradcheck", "--self-test", "--images", 1, "-s", "model.loss=svm_cs", *(w for s in settings for w in ("-s", s))
    )
    assert done.code == 0, done
    assert "64 training images" in done.out
