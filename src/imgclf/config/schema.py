"""Keys of a config: types, ranges, defaults and descriptions."""

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

from imgclf.data.sources import SOURCES
from imgclf.storage import UNFINISHED

LONGEST_NAME = 200  # bytes; file systems take 255, and `-2` or `.png` may follow
LARGEST_IMAGE = 4096  # pixels a side; beyond it a typo is likelier than a picture


def _directory_name(name: str) -> str:
    """Refuse what would lead out of runs/ or could not be made there."""
    plain = name.strip() == name and name.isprintable() and not set(name) & set("/\\")
    reserved = name in ("", ".", "..") or name.startswith(UNFINISHED)
    if not plain or reserved or len(name.encode()) > LONGEST_NAME:
        rule = f"must be a plain directory name: no slashes, not . or .., at most {LONGEST_NAME} bytes"
        rule += f", not {UNFINISHED}..." * name.startswith(UNFINISHED)
        raise PydanticCustomError("directory_name", rule)
    return name


def _file_path(path: str) -> str:
    if not path or "\0" in path:
        raise PydanticCustomError("file_path", "must be a path: not empty, without NUL")
    return path


def _source_name(name: str) -> str:
    if name not in SOURCES:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(map(repr, SOURCES))})
    return name


def _count_or_all(value: object) -> object:
    """Check both at once: a union would report a mistake once for each of its members."""
    if type(value) is int and value < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    if type(value) is not int and value != "all":
        raise PydanticCustomError("expected", "expected a whole number or the word all")
    return value


def _finite(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse inf and nan at any depth: they would not survive being written and read."""
    waiting: list[Any] = [options]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, float) and not math.isfinite(value):
            raise PydanticCustomError("options", "every number must be finite")
    return options


Fraction: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
# float32 ends near 3e38; a number beyond these is a typo, and older NumPys would turn weights into float64.
LARGEST_NUMBER = 1e30
Positive: TypeAlias = Annotated[float, Field(gt=0, le=LARGEST_NUMBER)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0, le=LARGEST_NUMBER)]
Scale: TypeAlias = Annotated[float, Field(ge=1e-6, le=1e9)]
Epochs: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Factor: TypeAlias = Annotated[float, Field(gt=0, le=1)]
DirectoryName: TypeAlias = Annotated[str, AfterValidator(_directory_name)]
FilePath: TypeAlias = Annotated[str, AfterValidator(_file_path)]
SourceName: TypeAlias = Annotated[
    str, AfterValidator(_source_name), Field(json_schema_extra=lambda schema: schema.update(enum=list(SOURCES)))
]
CountOrAll: TypeAlias = Annotated[Count | Literal["all"], BeforeValidator(_count_or_all)]
Options: TypeAlias = Annotated[dict[str, Any], AfterValidator(_finite)]


class Section(BaseModel):
    """What all sections share: nothing is converted, nothing unknown is passed over, nothing changes later."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """Which images to learn from."""

    source: SourceName = Field(
        default="fashion-mnist-mini", description="The kind of data set; fashion-mnist-mini ships with imgclf."
    )
    path: FilePath | None = Field(default=None, description="Where the data is, relative to this file.")
    labels: Literal["fine", "coarse"] = Field(default="fine", description="cifar100: its 100 classes or its 20 groups.")
    options: Options = Field(default_factory=dict, description="The knobs of the synthetic source.")
    val_fraction: Fraction = Field(default=0.1, description="The share of the training images to validate on.")
    limit: Count | None = Field(default=None, description="Train on only this many images.")


class Preprocess(Section):
    """How pixels, or features, become the numbers that the classifier sees."""

    image_size: Annotated[int, Field(ge=1, le=LARGEST_IMAGE)] | None = Field(
        default=None, description="Resize to this many pixels a side."
    )
    color: Literal["rgb", "gray"] | None = Field(default=None, description="Convert the pictures; null: as they are.")
    scale: Scale | None = Field(
        default=None, description="Values are divided by this; null: 255 for images, 1 for feature vectors."
    )
    center: Literal["pixel", "channel", "none"] = Field(default="pixel", description="Which mean to subtract.")
    std: Literal["pixel", "channel", "none"] | None = Field(
        default=None,
        description="Which standard deviation to divide by; null: none for images, pixel for feature vectors.",
    )


class Model(Section):
    """The linear classifier: scores = X @ W + b."""

    loss: Literal["softmax", "svm", "svm_squared", "svm_cs", "logistic_ovr"] = Field(
        default="softmax", description="What is minimised: cross-entropy, or a hinge of margin 1."
    )
    init_scale: NotNegative = Field(default=0.0, description="The standard deviation of W at the start.")


class Regularization(Section):
    """The penalty on large weights; b is free."""

    l2: NotNegative = Field(default=1e-4, description="Adds l2/2 * sum(W**2).")
    l1: NotNegative = Field(default=0.0, description="Adds l1 * sum(|W|).")


class Sgd(Section):
    """Straight down the gradient."""

    name: Literal["sgd"] = "sgd"


class Momentum(Section):
    """A ball with friction."""

    name: Literal["momentum"] = "momentum"
    decay: Fraction = Field(default=0.9, description="How much of the velocity is kept at each step.")


class Nesterov(Section):
    """Momentum that looks ahead."""

    name: Literal["nesterov"] = "nesterov"
    decay: Fraction = Field(default=0.9, description="How much of the velocity is kept at each step.")


class Adagrad(Section):
    """Shorter steps where it was steep before."""

    name: Literal["adagrad"] = "adagrad"
    epsilon: Positive = Field(default=1e-8, description="Keeps the division from dividing by 0.")


class RmsProp(Section):
    """Adagrad that forgets."""

    name: Literal["rmsprop"] = "rmsprop"
    decay: Fraction = Field(default=0.9, description="How much of the mean square gradient is kept at each step.")
    epsilon: Positive = Field(default=1e-8, description="Keeps the division from dividing by 0.")


class Adam(Section):
    """Running means of the gradient and of its square."""

    name: Literal["adam"] = "adam"
    decay: Fraction = Field(default=0.9, description="How much of the mean gradient is kept at each step.")
    decay_square: Fraction = Field(
        default=0.999, description="How much of the mean square gradient is kept at each step."
    )
    epsilon: Positive = Field(default=1e-8, description="Keeps the division from dividing by 0.")


class StepSize(Section):
    """What all schedules share."""

    name: str
    step_size: Positive = Field(default=0.1, description="How far to go along the direction; the learning rate.")
    warmup_epochs: Epochs = Field(default=0.0, description="Grow to the step size over this many epochs.")


class Constant(StepSize):
    """The same step size for ever."""

    name: Literal["constant"] = "constant"


class Step(StepSize):
    """Stairs."""

    name: Literal["step"] = "step"
    every_epochs: Count = Field(default=10, description="The length of a stair, in epochs.")
    factor: Factor = Field(default=0.1, description="What the step size is multiplied by at each stair.")


class Exponential(StepSize):
    """A smooth decay."""

    name: Literal["exponential"] = "exponential"
    factor: Factor = Field(default=0.95, description="What the step size is multiplied by over an epoch.")


class Cosine(StepSize):
    """Half a cosine, to 0 at the last step."""

    name: Literal["cosine"] = "cosine"


class Linear(StepSize):
    """A straight line, to 0 at the last step."""

    name: Literal["linear"] = "linear"


class Train(Section):
    """The loop."""

    epochs: Count = Field(default=20, description="How often every training image is seen.")
    batch_size: CountOrAll = Field(default=256, description="Images a step; 1: online SGD; all: full-batch descent.")
    gradient: Literal["analytic", "numerical"] = Field(default="analytic", description="By calculus or by differences.")
    dtype: Literal["float32", "float64"] = Field(default="float32", description="The numbers to compute with.")


class EarlyStopping(Section):
    """Stop when nothing gets better, and keep the best epoch's weights."""

    monitor: Literal["val/accuracy", "val/loss", "train/accuracy", "train/loss"] = Field(
        default="val/accuracy", description="Which column of metrics.csv to watch."
    )
    patience: Count = Field(default=10, description="How many epochs without an improvement to wait.")
    min_delta: NotNegative = Field(default=0.0, description="What counts as an improvement: more than this.")


class Checkpoint(Section):
    """How often to write down where the run is."""

    every: Count = Field(default=1, description="So many units apart; also at the end, and when it is stopped.")
    unit: Literal["epoch", "step", "minute"] = Field(default="epoch", description="What is counted.")


Optimizer: TypeAlias = Sgd | Momentum | Nesterov | Adagrad | RmsProp | Adam
Schedule: TypeAlias = Constant | Step | Exponential | Cosine | Linear


class Config(Section):
    """What a training run is asked to do."""

    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Decides everything that is random.")
    name: DirectoryName | None = Field(default=None, description="Names the run directory; null: SOURCE-LOSS.")
    data: Data = Field(default_factory=Data)
    preprocess: Preprocess = Field(default_factory=Preprocess)
    model: Model = Field(default_factory=Model)
    regularization: Regularization = Field(default_factory=Regularization)
    optimizer: Annotated[Optimizer, Field(discriminator="name")] = Field(
        default_factory=Momentum, description="Which way to step."
    )
    schedule: Annotated[Schedule, Field(discriminator="name")] = Field(
        default_factory=Cosine, description="How far to step."
    )
    train: Train = Field(default_factory=Train)
    early_stopping: EarlyStopping | None = Field(
        default=None, description="Stop when nothing gets better; null: never."
    )
    checkpoint: Checkpoint = Field(default_factory=Checkpoint, description="From where `train --resume` goes on.")
