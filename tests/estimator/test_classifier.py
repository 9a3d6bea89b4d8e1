"""LinearImageClassifier is `imgclf train` in the habits of scikit-learn."""

import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import imgclf
from imgclf.config import ConfigError, dump, resolve
from imgclf.errors import DataError, DivergedError, UsageError
from imgclf.run.session import train_run
from imgclf.sklearn import LinearImageClassifier
from imgclf.sklearn.parameters import DEFAULT, config_of

N = 150
rng = np.random.default_rng(0)
LABELS = np.arange(N) % 11
WORDS = np.array([f"class {number}" for number in LABELS])  # in natural order, class 2 comes before class 10
GRAY = (rng.integers(0, 100, (N, 5, 6)) + 12 * LABELS[:, None, None]).astype(np.uint8)
COLOR = (rng.integers(0, 100, (N, 8, 8, 3)) + 12 * LABELS[:, None, None, None]).astype(np.uint8)
VECTORS = rng.standard_normal((N, 7)) + np.eye(11, 7)[LABELS]


def fitted(X=GRAY, y=LABELS, **parameters):
    return LinearImageClassifier(**{"epochs": 3, "batch_size": 32} | parameters).fit(X, y)


def trained(folder, X, y, *overrides):
    """Train as the command does, on a file; return the run directory."""
    np.savez(folder / "data.npz", X=X, y=y)
    settings = ["data.source=npz", f"data.path={folder / 'data.npz'}", "data.val_fraction=0"]
    settings += ["train.epochs=3", "train.batch_size=32"]
    return train_run(resolve([], [*settings, *overrides]).config, folder / "run").directory


def same_files(one, other, *names):
    for name in names or ("model.npz", "metrics.csv", "metrics.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize(
    ("X", "y", "parameters", "overrides"),
    [
        (GRAY, LABELS, {}, []),
        (COLOR, WORDS, {"n_jobs": 2, "random_state": 7}, ["seed=7"]),
        (GRAY[..., None].astype(float), WORDS, {"class_weight": {"class 3": 2}}, ["train.class_weight={class 3: 2}"]),
        (GRAY // 8, LABELS > 4, {"loss": "svm", "l1": np.float64(0.01)}, ["model.loss=svm", "regularization.l1=0.01"]),
        (VECTORS, LABELS, {"class_weight": "balanced"}, ["train.class_weight=balanced"]),
        (VECTORS.astype(np.float32), WORDS, {"dtype": "float64"}, ["train.dtype=float64"]),
        (
            rng.integers(0, 9, (N, 7)),
            LABELS,
            {"optimizer": "adam", "settings": {"optimizer.beta1": 0.5, "schedule.warmup_epochs": 1}},
            ["optimizer.name=adam", "optimizer.beta1=0.5", "schedule.warmup_epochs=1"],
        ),
        (
            COLOR,
            LABELS,
            {"settings": {"features.name": "hog", "preprocess.std": "pixel"}},
            ["features.name=hog", "preprocess.std=pixel"],
        ),
        (
            COLOR,
            LABELS,
            {"settings": {"augment.flip": 0.5, "preprocess.center": "channel"}},
            ["augment.flip=0.5", "preprocess.center=channel"],
        ),
        (
            GRAY,
            LABELS,
            {"settings": {"data.val_fraction": 0.2, "early_stopping.monitor": "val/loss"}},
            ["data.val_fraction=0.2", "early_stopping.monitor=val/loss"],
        ),
    ],
    ids=[
        "gray",
        "color",
        "one channel",
        "few levels",
        "vectors",
        "float64",
        "adam",
        "hog",
        "mirrored",
        "early stopping",
    ],
)
def test_the_same_data_seed_and_settings_give_the_bytes_of_the_command(tmp_path, X, y, parameters, overrides):
    stored = y.astype(int) if y.dtype == bool else y
    run, model = trained(tmp_path, X, stored, *overrides), fitted(X, y, **parameters)
    if y.dtype != bool:
        same_files(model.to_run(tmp_path / "written"), run)
    weights = imgclf.load(run).model.weights
    columns = [imgclf.load(run).classes.index(str(label)) for label in np.unique(stored)]
    assert model.coef_.tobytes() == np.ascontiguousarray(weights[:-1].T[columns]).tobytes()
    assert model.intercept_.tobytes() == weights[-1][columns].tobytes()


def test_an_epoch_more_is_a_call_of_partial_fit():
    three = fitted(schedule="constant")
    two = fitted(schedule="constant", epochs=2)
    pieces = LinearImageClassifier(batch_size=32)  # whatever its schedule: the step size is constant
    for _ in range(3):
        pieces.partial_fit(GRAY, LABELS, classes=range(11))
    kept = pickle.loads(pickle.dumps(two)).partial_fit(GRAY, LABELS)
    for other in (pieces, kept, two.partial_fit(GRAY, LABELS)):
        assert other.coef_.tobytes() == three.coef_.tobytes()
        assert other.loss_curve_ == three.loss_curve_
        assert other.n_iter_ == 3
    assert three.fit(GRAY, LABELS).n_iter_ == 3  # from the beginning


def test_partial_fit_takes_pieces_of_any_size_and_keeps_its_preprocessing():
    model = LinearImageClassifier(step_size=0.5)
    model.partial_fit(GRAY[LABELS < 3], LABELS[LABELS < 3], classes=LABELS)
    before = model.preprocess_
    for _ in range(10):
        for piece in np.split(np.arange(N), [7, 90]):
            model.partial_fit(GRAY[piece], LABELS[piece])
    assert model.preprocess_ is before
    assert model.score(GRAY, LABELS) > 0.4  # of 11 classes
    vectors = LinearImageClassifier().partial_fit(VECTORS, LABELS, LABELS).partial_fit(VECTORS[:1], LABELS[:1])
    assert vectors.preprocess_.std is not None


def test_partial_fit_refuses_what_it_cannot_know():
    with pytest.raises(ValueError, match="classes must be passed"):
        LinearImageClassifier().partial_fit(GRAY, LABELS)
    with pytest.raises(ValueError, match="10, which is none of the classes"):
        LinearImageClassifier().partial_fit(GRAY, LABELS, classes=range(10))
    with pytest.raises(ValueError, match="not the same as on last call"):
        LinearImageClassifier().partial_fit(GRAY, LABELS, LABELS).partial_fit(GRAY, LABELS, classes=range(12))
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        LinearImageClassifier(class_weight="balanced").partial_fit(GRAY, LABELS, LABELS)


@pytest.mark.parametrize(
    ("X", "y"), [(GRAY, LABELS), (COLOR, WORDS), (VECTORS, LABELS)], ids=["gray", "color", "vectors"]
)
def test_a_run_becomes_an_estimator_and_a_run_again(tmp_path, X, y):
    weight = {str(y[3]): 2.0}
    run = trained(tmp_path, X, y, f"train.class_weight={weight}", "optimizer.name=adam", "optimizer.beta1=0.5")
    model, loaded = LinearImageClassifier.from_run(run), imgclf.load(run)
    assert model.classes_.tolist() == np.unique(y).tolist()
    assert model.predict(X).astype(str).tolist() == loaded.predict(X).tolist()
    in_order = [loaded.classes.index(str(label)) for label in model.classes_]
    assert (model.decision_function(X) == loaded.scores(X)[:, in_order]).all()
    assert (model.predict_proba(X) == loaded.probabilities(X)[:, in_order]).all()
    assert model.n_iter_ == len(model.loss_curve_) == 3
    same_files(model.to_run(tmp_path / "again"), run)
    same_files(clone(model).fit(X, y).to_run(tmp_path / "fitted"), run)
    moved = model.partial_fit(X, y)
    assert moved.n_iter_ == 4
    assert (moved.coef_ != loaded.model.weights[:-1].T[in_order]).any()


def test_a_model_file_alone_is_an_estimator_too(tmp_path):
    run = trained(tmp_path, GRAY, LABELS, "model.loss=svm")
    model = LinearImageClassifier.from_run(run / "model.npz")
    assert (model.predict(GRAY) == LinearImageClassifier.from_run(run).predict(GRAY)).all()
    assert (model.loss, model.n_iter_, model.loss_curve_) == ("svm", 0, [])
    with pytest.raises(UsageError, match="does not say how the model was trained"):
        model.to_run(tmp_path / "written")


def test_a_written_run_can_be_used_by_the_commands(tmp_path, imgclf):
    model = fitted()
    np.savez(tmp_path / "test.npz", X=GRAY, y=LABELS)
    model.to_run(tmp_path / "written")
    done = imgclf("eval", tmp_path / "written", "--data", tmp_path / "test.npz")
    assert done.code == 0
    assert f"{100 * model.score(GRAY, LABELS):.1f} %" in done.out
    assert imgclf("predict", tmp_path / "written", tmp_path / "test.npz").code == 0
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        model.to_run(tmp_path / "written")
    with pytest.raises(DataError, match="is not a class name"):
        fitted(y=np.where(LABELS > 4, " ", "b")).to_run(tmp_path / "other")


def test_scores_are_those_of_the_weights_and_the_preprocessing():
    for X in (GRAY, VECTORS):
        model = fitted(X, dtype="float64")
        by_hand = model.preprocess_.apply(X) @ model.coef_.T + model.intercept_
        np.testing.assert_allclose(model.decision_function(X), by_hand, rtol=0, atol=1e-12)
        assert (model.predict(X) == by_hand.argmax(axis=1)).all()
        exps = np.exp(by_hand)
        expected = exps / exps.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-10)
    assert model.n_features_in_ == 7
    assert fitted(COLOR).n_features_in_ == 8 * 8 * 3


def test_of_two_classes_the_decision_is_the_difference():
    model = fitted(y=np.where(LABELS < 5, "no", "yes"), dtype="float64")
    assert model.coef_.shape == (2, 30)
    decision = model.decision_function(GRAY)
    assert decision.shape == (N,)
    assert (model.predict(GRAY) == np.where(decision > 0, "yes", "no")).all()
    np.testing.assert_allclose(model.predict_proba(GRAY)[:, 1], 1 / (1 + np.exp(-decision)), rtol=1e-12)


def test_probabilities_are_of_softmax_alone():
    assert hasattr(LinearImageClassifier(), "predict_proba")
    for loss in ("svm", "svm_squared", "svm_cs", "logistic_ovr"):
        assert not hasattr(fitted(loss=loss), "predict_proba")


def test_the_defaults_are_those_of_the_config():
    assert config_of(LinearImageClassifier().get_params()) == DEFAULT
    assert dump(DEFAULT).replace("source: npz", "source: fashion-mnist-mini").replace("path: X", "path: null").replace(
        "val_fraction: 0.0", "val_fraction: 0.1"
    ) == dump(resolve().config)
    documented = LinearImageClassifier.__doc__.partition("Attributes")[0]
    for name in inspect.signature(LinearImageClassifier).parameters:
        assert f"{name} : " in documented or f"{name}, l1 : " in documented or f"l2, {name} : " in documented


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"l2": -1, "loss": "svn"}, "loss: 'svn' is not one of .*did you mean 'svm'.*\nl2: must be at least 0, is -1"),
        ({"epochs": 1.5}, "epochs: expected a whole number"),
        ({"settings": {"augment.flop": 1}}, r"settings\['augment.flop'\]: unknown key; did you mean 'flip'"),
        ({"settings": {"train.epochs": 1}}, r"settings\['train.epochs'\]: has a parameter of its own: epochs"),
        ({"settings": {"data.path": "a"}}, r"settings\['data.path'\]: has no meaning for arrays in memory"),
        ({"class_weight": {3: -1}}, "class_weight: the weight of '3' must be a number above 0"),
    ],
)
def test_every_wrong_parameter_is_named(parameters, message):
    with pytest.raises(ConfigError, match=message):
        fitted(**parameters)


def test_other_mistakes_are_one_line():
    with pytest.raises(DivergedError, match="try a smaller"):
        fitted(step_size=1e20)
    with pytest.raises(UsageError, match="there is no class '99'"):
        fitted(class_weight={99: 1})
    with pytest.raises(ValueError, match="only one class, 3"):
        fitted(y=np.full(N, 3))
    with pytest.raises(ValueError, match="X has 24 features, but LinearImageClassifier is expecting 30"):
        fitted().predict(GRAY[:, 1:])
    with pytest.raises(DataError, match=r"of shape \(150, 30\).* give an array \(n, 5, 6, 1\)"):
        fitted().predict(GRAY.reshape(N, -1))
    with pytest.raises(DataError, match=r"give pixels of 0\.\.255; or feature vectors"):
        fitted(GRAY * 2.5)
    with pytest.raises(DataError, match="channels first"):
        fitted(COLOR.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("X", "remedy"),
    [(GRAY / 255, "(255 * X).round()"), (GRAY / 127.5 - 1, "(127.5 * (X + 1)).round()"), (GRAY + 0.1, "X.round()")],
)
def test_images_of_floats_are_refused_with_what_makes_them_pixels(X, remedy):
    with pytest.raises(DataError) as raised:
        fitted(X)
    assert f"give pixels of 0..255, {remedy}; or" in str(raised.value)
    assert fitted(eval(remedy, {"X": X})).coef_.tobytes() == fitted(GRAY).coef_.tobytes()


def test_a_seed_may_be_drawn_as_in_scikit_learn():
    drawn = [fitted(random_state=np.random.RandomState(seed)).coef_.tobytes() for seed in (5, 5, 6)]
    assert drawn[0] == drawn[1] != drawn[2]
    fitted(random_state=None)


def test_it_prints_nothing_and_shows_itself(capfd):
    model = fitted(n_jobs=2)
    model.partial_fit(GRAY, LABELS).predict(GRAY)
    page = model._repr_html_()
    assert capfd.readouterr() == ("", "")
    assert "LinearImageClassifier" in page
    assert "<span>Fitted</span>" in page
    assert "<span>Not fitted</span>" in LinearImageClassifier()._repr_html_()
    assert repr(LinearImageClassifier(l2=0.5)) == "LinearImageClassifier(l2=0.5)"


def test_without_scikit_learn_the_error_says_what_to_install():
    script = "import sys; sys.modules['sklearn'] = None; import imgclf.sklearn"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = "ImportError: imgclf.sklearn needs scikit-learn 1.6 or newer: pip install 'imgclf[sklearn]'"
    assert done.stderr.splitlines()[-1] == last
    extras = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'sklearn = ["scikit-learn>=1.6"]' in extras


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [{}, {"loss": "svm", "dtype": "float64"}], ids=str)
def test_scikit_learns_own_checks_pass(parameters):
    results = check_estimator(LinearImageClassifier(**parameters), on_skip=None, on_fail=None)
    by_status = {status: [one["check_name"] for one in results if one["status"] == status] for status in
                 ("passed", "failed", "skipped", "xfail")}  # fmt: skip
    assert by_status["failed"] == by_status["xfail"] == []
    assert len(by_status["passed"]) >= 50
    # The first needs an environment variable, the second pandas.
    assert set(by_status["skipped"]) <= {"check_array_api_input", "check_classifier_data_not_an_array"}


@pytest.mark.slow
def test_it_works_where_classifiers_do():
    digits = load_digits()
    images, vectors, y = digits.images, digits.data, digits.target
    grid = {"l2": np.logspace(-4, -1, 2), "batch_size": np.array([64, 128])}
    search = GridSearchCV(LinearImageClassifier(epochs=5), grid, cv=3, n_jobs=2).fit(images, y)
    assert search.best_score_ > 0.85
    assert search.best_params_["l2"] == pytest.approx(1e-4)
    again = clone(search.best_estimator_).fit(images, y)
    assert again.coef_.tobytes() == search.best_estimator_.coef_.tobytes()
    scaled = make_pipeline(StandardScaler(), LinearImageClassifier(epochs=5))
    for scoring in ("accuracy", "neg_log_loss", "roc_auc_ovr"):
        assert np.isfinite(cross_val_score(scaled, vectors, y, cv=3, scoring=scoring)).all()
