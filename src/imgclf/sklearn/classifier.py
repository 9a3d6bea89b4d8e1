"""LinearImageClassifier: fit, predict and score like any estimator of scikit-learn."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_X_y
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from imgclf.arrays import FloatArray
from imgclf.config import Config
from imgclf.config.resolve import with_values
from imgclf.data.class_names import check_names, composed, natural_key
from imgclf.data.dataset import Dataset, InputFormat
from imgclf.data.sources._arrays import given_examples
from imgclf.errors import UsageError
from imgclf.losses import LOSSES
from imgclf.optimizers import OptimizerState
from imgclf.run.opening import config_of_run
from imgclf.run.run_dir import read_metrics, read_rows
from imgclf.run.saving import save_run
from imgclf.run.trained import TrainedClassifier
from imgclf.sklearn.parameters import config_of, parameters_of
from imgclf.speed.threads import workers
from imgclf.trainer import TrainState
from imgclf.training.epochs import Epoch, Finished, Row, first_snapshot, train
from imgclf.training.evaluation import PROBABILITIES
from imgclf.training.loading import training_splits
from imgclf.training.plan import Plan, continue_from, make_plan
from imgclf.training.state import Snapshot

# What `partial_fit` does without: there is no end that a schedule could reach, and the data comes in pieces.
ENDLESS: dict[str, Any] = {
    "schedule.name": "constant",
    "schedule.warmup_epochs": 0.0,
    "early_stopping": None,
    "data.val_fraction": 0.0,
    "data.folds": 1,
    "data.fold": 1,
    "data.limit": None,
}
# What a model has fitted already, so that it is not done again.
FITTED: dict[str, Any] = {
    "features": None,
    "preprocess.center": "none",
    "preprocess.std": "none",
    "preprocess.scale": 1.0,
}


def _has_probabilities(estimator: "LinearImageClassifier") -> bool:
    return LOSSES.get(estimator.loss) in PROBABILITIES


class LinearImageClassifier(ClassifierMixin, BaseEstimator):  # in this order, so that its tags are a classifier's
    """Linear image classifier: `imgclf train` as an estimator of scikit-learn.

    The same data, settings and seed give the same weights, to the byte: `imgclf train DATA.npz -s data.val_fraction=0`.

    `X` is an array of images, (N, H, W), (N, H, W, 1) or (N, H, W, 3), whose values are whole numbers of 0..255; or of
    feature vectors, (N, D). Images are preprocessed as pictures are, divided by 255 (by their largest value if that is
    below 64) and centered; feature vectors are standardized. The examples so preprocessed are called x below.

    Parameters
    ----------
    loss : {"softmax", "svm", "svm_squared", "svm_cs", "logistic_ovr"}, default="softmax"
        Cross-entropy; the hinges of Weston and Watkins, its square, and of Crammer and Singer; each class against the
        rest.
    l2 : float, default=1e-4
        The penalty `l2/2 * sum(W**2)` is added to the mean loss; SGDClassifier calls l2 `alpha`.
    l1 : float, default=0
        The penalty `l1 * sum(|W|)` is added, too.
    optimizer : {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"}, default="momentum"
        Which way to step.
    schedule : {"constant", "step", "exponential", "cosine", "linear"}, default="cosine"
        How the step size changes during `fit`; in `partial_fit` it is constant.
    step_size : float, default=0.1
        How far to step. Tune it first.
    epochs : int, default=20
        How often `fit` sees every example.
    batch_size : int or "all", default=256
        Examples a step.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes by their labels, as {label: weight}; labels that are not named have 1.
    kernel : {"plain", "blocks", "compiled", "torch"}, default="blocks"
        How the gradient is computed: by the book's lines; the same in blocks; by compiled loops, with imgclf[fast]; by
        PyTorch, with imgclf[torch].
    dtype : {"float32", "float64"}, default="float32"
        Precision of the weights and of x.
    random_state : int, RandomState instance or None, default=0
        Seed of the order of the examples. An int is the `seed` of a config; otherwise one is drawn.
    n_jobs : int or None, default=None
        Number of threads, -1 for all cores; None is 1, unless in a `joblib.parallel_config` context. The weights do
        not depend on it.
    settings : dict or None, default=None
        Other keys of a config, as after -s, such as {"optimizer.momentum": 0.95, "features.name": "hog"}.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        The labels, sorted.
    coef_ : ndarray of shape (C, D)
        The weights of each class: its score is `coef_ @ x + intercept_`. Also for two classes there is a row for each.
    intercept_ : ndarray of shape (C,)
        The biases.
    n_features_in_ : int
        Numbers of an example: D, or H * W * channels.
    feature_names_in_ : ndarray of shape (D,)
        Names of the features, if X was a data frame. A run keeps them: `imgclf predict` finds them in a CSV file.
    n_iter_ : int
        Epochs so far.
    loss_curve_ : list of float
        The mean loss of each epoch, with the penalty, on the examples as they were trained on.
    preprocess_ : imgclf.data.preprocess.Preprocess
        `preprocess_.apply(X)` is x.
    """

    def __init__(
        self,
        *,
        loss: str = "softmax",
        l2: float = 1e-4,
        l1: float = 0.0,
        optimizer: str = "momentum",
        schedule: str = "cosine",
        step_size: float = 0.1,
        epochs: int = 20,
        batch_size: int | str = 256,
        class_weight: Mapping[Any, float] | str | None = None,
        kernel: str = "blocks",
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.loss = loss
        self.l2 = l2
        self.l1 = l1
        self.optimizer = optimizer
        self.schedule = schedule
        self.step_size = step_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.kernel = kernel
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.settings = settings

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train from the beginning on examples X and labels y (N,).

        Raises ValueError for arrays that are no examples and labels, ConfigError for a wrong parameter, and
        DivergedError if the loss is no longer a finite number.
        """
        X, y = self._checked_pair(X, y, reset=True)
        self._begin(np.unique(y))
        train_set, config, threads = self._dataset(X, y), self._config(), self._threads()
        with workers(threads) as sum_blocks:
            plan = make_plan(config, sum_blocks, _loading(train_set), threads=threads)
        self._of_run: dict[str, Any] | None = plan.config.model_dump()  # a dict, as its sections cannot be pickled
        self._train(plan, first_snapshot(plan))
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Train one epoch more, on these examples, with steps of a constant size.

        classes   all labels that will occur, at the first call; else those of y

        The first call also fits the preprocessing, and begins with weights of 0; one after `fit` goes on from there.
        """
        is_first = not hasattr(self, "_trained")
        if is_first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        X, y = self._checked_pair(X, y, reset=is_first)
        if is_first:
            self._begin(np.unique(np.asarray(classes)))
        elif classes is not None and not np.array_equal(self.classes_, np.unique(np.asarray(classes))):
            raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit: {self.classes_!r}")
        if unknown := sorted(set(y.tolist()) - set(self.classes_.tolist())):
            raise ValueError(f"y holds {unknown[0]!r}, which is none of the classes {self.classes_!r}")
        if isinstance(self.class_weight, str):
            reason = "it is computed from all labels, of which these are a part: pass the weights as a dict"
            raise ValueError(f"class_weight {self.class_weight!r} is not supported for partial_fit: {reason}")
        done, train_set = self.n_iter_, self._dataset(X, y)
        config = with_values(self._config(), ENDLESS | {"train.epochs": done + 1})
        if is_first:
            with workers(self._threads()) as sum_blocks:
                plan = make_plan(config, sum_blocks, _loading(train_set))
        else:
            model = self._trained.model
            again = with_values(config, FITTED | {"train.dtype": model.preprocess.dtype})
            plan = continue_from(make_plan(again, load=_loading(train_set)), model)
        begun = plan.optimizer.init(plan.weights)
        memory = self._memory if self._memory.keys() == begun.keys() else begun
        if is_first:
            self._of_run = plan.config.model_dump()
        self._train(
            plan, Snapshot(TrainState(done * plan.steps_per_epoch, plan.weights, memory), epochs=done), until=Epoch
        )
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label of the class with the highest score of each example, (N,)."""
        best = self._scores(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Return the scores, (N, C); of two classes the difference, (N,), above 0 where the second one is higher."""
        scores = self._scores(X)
        return np.asarray(scores[:, 1] - scores[:, 0]) if scores.shape[1] == 2 else scores

    @available_if(_has_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, (N, C); only for the loss softmax."""
        examples = self._checked(X)
        return self._trained.probabilities(examples)[:, self._columns]

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of `predict_proba`, (N, C)."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    @classmethod
    def from_run(cls, run: str | os.PathLike[str]) -> Self:
        """Return the fitted estimator of a run directory or model.npz, with its settings and its preprocessing.

        Labels are the class names; if all of these are whole numbers, so are the labels. Raises RunError.
        """
        trained = TrainedClassifier.of_run(Path(run))
        path, model = Path(run), trained.model
        of_names = dict(zip(model.class_names, _labels(model.class_names), strict=True))
        config: Config | None = None
        parameters: dict[str, Any] = {"loss": model.loss, "l2": model.l2, "l1": model.l1}
        if (path / "config.yaml").exists():
            config = config_of_run(path)
            parameters = parameters_of(config)
            if isinstance(config.train.class_weight, dict):
                weights = config.train.class_weight.items()
                parameters["class_weight"] = {of_names[composed(name)]: weight for name, weight in weights}
        found = cls(**parameters)
        found.classes_ = np.unique(np.array([*of_names.values()]))
        place = {label: number for number, label in enumerate(of_names.values())}
        found._columns = np.array([place[label] for label in found.classes_.tolist()])
        found.n_features_in_ = model.input.size
        if model.input_format.columns:
            found.feature_names_in_ = np.array(model.input_format.columns, object)
        found._memory = {}
        found._of_run = None if config is None else config.model_dump()
        has_results = all((path / name).exists() for name in ("metrics.csv", "metrics.json"))
        found._keep(trained, *((read_rows(path), read_metrics(path)) if has_results else ([], None)))
        return found

    def to_run(self, out: str | os.PathLike[str]) -> Path:
        """Write the fitted estimator as a run directory, absent or empty before, and return its path.

        The directory has the model, config and table of a run, and no checkpoint: `imgclf predict` and `imgclf eval
        --data` take it. Raises UsageError if the directory is not empty, and DataError if a label is no class name.
        """
        check_is_fitted(self)
        check_names(self._trained.model.class_names, "classes_")
        if self._of_run is None:
            raise UsageError(self._trained.where, "does not say how the model was trained", "copy the file")
        epochs = max(self._of_run["train"]["epochs"], self.n_iter_)
        config = with_values(Config.model_validate(self._of_run), {"train.epochs": epochs, "data.path": None})
        return save_run(Path(out), config, self._trained.model, self._rows, self._metrics)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _checked_pair(self, X: Any, y: Any, *, reset: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return examples and labels; raises ValueError in the words of scikit-learn."""
        if _dimensions(X) > 2:
            X, y = check_X_y(X, y, dtype="numeric", allow_nd=True, estimator=self)
            self._count_features(X, reset=reset)
        else:
            X, y = validate_data(self, X, y, reset=reset, dtype="numeric")
        check_classification_targets(y)
        return X, y

    def _checked(self, X: Any) -> NDArray[Any]:
        """Return examples to predict; raises ValueError in the words of scikit-learn."""
        check_is_fitted(self)
        if _dimensions(X) > 2:
            X = check_array(X, dtype="numeric", allow_nd=True, estimator=self, input_name="X")
            self._count_features(X, reset=False)
            return np.asarray(X)
        return np.asarray(validate_data(self, X, reset=False, dtype="numeric"))

    def _count_features(self, images: NDArray[Any], *, reset: bool) -> None:
        n = int(np.prod(images.shape[1:]))
        if reset:
            self.n_features_in_ = n
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif n != self.n_features_in_:
            name = type(self).__name__
            raise ValueError(f"X has {n} features, but {name} is expecting {self.n_features_in_} features as input")

    def _begin(self, classes: NDArray[Any]) -> None:
        """Forget what was learned; `classes` (C,) are sorted."""
        if len(classes) < 2:
            raise ValueError(
                f"a classifier needs at least two classes; y holds only one class, {classes.tolist()[0]!r}"
            )
        self.classes_ = classes
        # Texts are in natural order in a model, as those of files are.
        names, order = self._names(), [*range(len(classes))]
        if classes.dtype.kind in "OU":
            order.sort(key=lambda one: natural_key(names[one]))
        self._columns = np.argsort(order)
        self.n_iter_ = 0
        self._rows: list[Row] = []
        self._memory: OptimizerState = {}

    def _names(self) -> list[str]:
        """Return the name of each of `classes_`."""
        return [composed(str(label)) for label in self.classes_.tolist()]

    def _dataset(self, X: NDArray[Any], y: NDArray[Any]) -> Dataset:
        names, order = self._names(), np.argsort(self._columns)
        labels = self._columns[np.searchsorted(self.classes_, y)]
        found = given_examples(X, "X")
        class_names = tuple(names[one] for one in order)
        columns = tuple(map(composed, getattr(self, "feature_names_in_", ())))
        told = InputFormat(columns if len(set(columns)) == len(columns) else (), found.floats)
        return Dataset.of(found.X, labels, class_names, input_format=told)

    def _config(self) -> Config:
        parameters = self.get_params(deep=False)
        if isinstance(self.class_weight, Mapping):
            named = dict(zip(self.classes_.tolist(), self._names(), strict=True))
            weights = self.class_weight.items()
            parameters["class_weight"] = {named.get(label, str(label)): weight for label, weight in weights}
        return config_of(parameters)

    def _threads(self) -> int:
        return int(effective_n_jobs(self.n_jobs))

    def _train(self, plan: Plan, snapshot: Snapshot, until: type = Finished) -> None:
        """Train until an event, the end or that of an epoch, and keep what was learned."""
        threads, rows = plan.threads(self._threads()), []
        with workers(threads) as sum_blocks, closing(train(plan, sum_blocks, snapshot)) as events:
            for event in events:
                if isinstance(event, Epoch):
                    rows.append(event.row)
                    state, metrics = event.snapshot.state, None
                    model = plan.model(state.weights)
                elif isinstance(event, Finished):
                    model, metrics = event.model, event.metrics()
                if isinstance(event, until):
                    break
        # Under early stopping, what the optimizer remembers is of later weights.
        self._memory = state.memory if model.weights is state.weights else {}
        self._keep(TrainedClassifier("X", model), self._rows + rows, metrics)

    def _keep(self, trained: TrainedClassifier, rows: list[Row], metrics: Mapping[str, Any] | None) -> None:
        self._trained, self._rows, self._metrics = trained, rows, metrics
        weights = trained.model.weights
        self.coef_, self.intercept_ = weights[:-1].T[self._columns], weights[-1][self._columns]
        self.preprocess_ = trained.model.preprocess
        self.loss_curve_ = [row["train/loss"] for row in rows]
        self.n_iter_ = len(rows)

    def _scores(self, X: Any) -> FloatArray:
        """Return the scores of examples, (N, C), in the order of `classes_`."""
        examples = self._checked(X)
        return self._trained.scores(examples)[:, self._columns]


def _dimensions(X: Any) -> int:
    return int(X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim)


def _loading(train_set: Dataset) -> Any:
    """Return what loads the data of a plan: it is there."""
    return lambda config: training_splits(config, {"train": train_set})


def _labels(names: Sequence[str]) -> list[Any]:
    """Return names as whole numbers, if all of them are."""
    numbers = [int(name) for name in names if name.removeprefix("-").isdecimal()]
    return numbers if [*map(str, numbers)] == [*names] else [*names]
