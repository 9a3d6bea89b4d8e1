"""Keys of a config: types, ranges, defaults and descriptions."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from inspect import signature
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, create_model
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from imgclf.config.problems import describe, shorten
from imgclf.data.features import FEATURES
from imgclf.data.sources import SOURCES
from imgclf.files.writing import UNFINISHED
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.schedules import SCHEDULES

LONGEST_NAME = 200  # bytes; file systems take 255, and `-2` or `.png` may follow
LARGEST_IMAGE = 4096  # pixels a side; a larger number is probably a typo


def _directory_name(name: str) -> str:
    """Refuse a name that leads out of runs/ or is not valid for a directory."""
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


def _count_or_all(value: object) -> object:
    """Check both at once: pydantic reports a mistake once for each member of a union."""
    if type(value) is int and value < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    if type(value) is not int and value != "all":
        raise PydanticCustomError("expected", "expected a whole number or the word all")
    return value


def _word_or_weights(value: object) -> object:
    """Check both at once, as above: `balanced`, or a section of names and numbers above 0."""
    if not isinstance(value, dict) and value not in (None, "balanced"):
        raise PydanticCustomError("expected", "expected balanced, a section of class names and weights, or null")
    for name, weight in value.items() if isinstance(value, dict) else ():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not 0 < weight <= LARGEST_NUMBER:
            given = weight if is_number else describe(weight)
            rule = f"the weight of '{shorten(name)}' must be a number above 0, at most {LARGEST_NUMBER:g}"
            raise PydanticCustomError("class_weight", f"{rule}, is {given}")
    return value


def _finite(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse inf and nan at any depth: written and read again, they would be text."""
    try:
        json.dumps(options, allow_nan=False)
    except ValueError:
        raise PydanticCustomError("options", "every number must be finite") from None
    return options


def _values_or_range(value: object) -> object:
    """Check both at once, as above: values to try, in a list or behind `choice`, or the ends behind `log_uniform`."""
    (kind, values), *more = value.items() if isinstance(value, dict) and value else [("choice", value)]
    if more or kind not in RANGES or not isinstance(values, list):
        rule = "expected a list of values, {choice: [VALUE, ...]} or {log_uniform: [LOW, HIGH]}"
        raise PydanticCustomError("expected", rule)
    is_number = [isinstance(one, int | float) and not isinstance(one, bool) for one in values]
    if kind == "log_uniform" and not (len(values) == 2 and all(is_number) and 0 < values[0] < values[1] < math.inf):
        raise PydanticCustomError("range", "log_uniform takes two numbers above 0, the lower one first")
    if not values or any(isinstance(one, list | dict) for one in values):
        raise PydanticCustomError("range", "expected at least one value, each a number, a word, true, false or null")
    if any(number and not math.isfinite(one) for number, one in zip(is_number, values, strict=True)):
        raise PydanticCustomError("range", "every number must be finite")
    if len({repr(one) for one in values}) < len(values):
        raise PydanticCustomError("range", "a value is given twice")
    return value


@dataclass(frozen=True, eq=False)
class KeyOf:
    """A type: the keys of a table, including those added later."""

    table: Mapping[str, object]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"enum": list(self.table), "type": "string"}

    def _check(self, word: object) -> object:
        if not isinstance(word, str) or word not in self.table:
            raise PydanticKnownError("literal_error", {"expected": ", ".join(map(repr, self.table))})
        return word


Fraction: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
# float32 ends near 3e38; a number beyond these is a typo, and older NumPys would turn weights into float64.
LARGEST_NUMBER = 1e30
Positive: TypeAlias = Annotated[float, Field(gt=0, le=LARGEST_NUMBER)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0, le=LARGEST_NUMBER)]
Scale: TypeAlias = Annotated[float, Field(ge=1e-6, le=1e9)]
Epochs: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST_IMAGE)]
Shift: TypeAlias = Annotated[int, Field(ge=0, lt=LARGEST_IMAGE)]
OfEach: TypeAlias = Literal["pixel", "channel", "none"]
DirectoryName: TypeAlias = Annotated[str, AfterValidator(_directory_name)]
FilePath: TypeAlias = Annotated[str, AfterValidator(_file_path)]
CountOrAll: TypeAlias = Annotated[Count | Literal["all"], BeforeValidator(_count_or_all)]
ClassWeights: TypeAlias = Annotated[Literal["balanced"] | dict[str, Positive] | None, BeforeValidator(_word_or_weights)]
RANGES = ("choice", "log_uniform")
MOST_RUNS = 10_000  # of a sweep
Scalar: TypeAlias = bool | int | float | str | None
Range: TypeAlias = Annotated[
    list[Scalar] | dict[Literal["choice", "log_uniform"], list[Scalar]], BeforeValidator(_values_or_range)
]
Folds: TypeAlias = Annotated[int, Field(ge=1, le=100)]
Runs: TypeAlias = Annotated[int, Field(ge=1, le=MOST_RUNS)]
Options: TypeAlias = Annotated[dict[str, Any], AfterValidator(_finite)]


class Section(BaseModel):
    """The base of all sections: strict types, no unknown keys, no later change."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """The images to learn from."""

    source: Annotated[str, KeyOf(SOURCES)] = Field(
        default="fashion-mnist-mini", description="The kind of data set; fashion-mnist-mini ships with imgclf."
    )
    path: FilePath | None = Field(default=None, description="Where the data is, relative to this file.")
    labels: Literal["fine", "coarse"] = Field(default="fine", description="cifar100 only: 100 classes, or 20 groups.")
    options: Options = Field(default_factory=dict, description="The keys of the csv and synthetic sources.")
    val_fraction: Fraction = Field(default=0.1, description="Share of train to validate on, without a val split.")
    test_fraction: Fraction = Field(default=0.0, description="Share of train to test on, without a test split.")
    folds: Folds = Field(default=1, description="Cut train into so many equal parts, for cross-validation; 1: do not.")
    fold: Folds = Field(default=1, description="With folds: the number of the part to validate on.")
    limit: Count | None = Field(default=None, description="Train on only this many images, of each class its share.")


class Preprocess(Section):
    """Scaling of pixels or features before the classifier: x = (pixels / scale - mean) / std."""

    image_size: Side | None = Field(default=None, description="Pixels a side to resize to; needed if sizes differ.")
    resize: Literal["squash", "crop", "pad"] = Field(
        default="squash", description="Squash to image_size; or keep proportions: cut off the rest, or add black."
    )
    color: Literal["rgb", "gray"] | None = Field(default=None, description="Convert the images; null: as they are.")
    norm: Literal["l2"] | None = Field(
        default=None, description="l2: give each example unit length, before all that follows."
    )
    scale: Scale | None = Field(
        default=None, description="Divide by this. null: for images 255, or their largest if below 64; for features 1."
    )
    center: OfEach = Field(default="pixel", description="Subtract the mean image, or the mean of each color.")
    std: OfEach | None = Field(
        default=None,
        description="Divide by the standard deviation. null: none for images and features of 0 and 1, else pixel.",
    )


class Augment(Section):
    """Random changes of the training images, new at every step; evaluation never changes an image."""

    flip: Probability = Field(default=0.0, description="Probability of a mirror image, left and right exchanged.")
    shift: Shift = Field(default=0, description="Largest move, in pixels, up, down, left and right.")


class Model(Section):
    """The classifier, scores = X @ W + b, and its loss."""

    loss: Annotated[str, KeyOf(LOSSES)] = Field(
        default="softmax", description="Cross-entropy, hinges of margin 1, or each class against the rest."
    )
    init_scale: NotNegative = Field(default=0.0, description="Standard deviation of W at the start; 0 is fine here.")


class Regularization(Section):
    """The price of large weights: l2/2 * sum(W**2) + l1 * sum(|W|) is added to the loss. The biases b are free."""

    l2: NotNegative = Field(default=1e-4, description="Larger: smoother templates; too large: underfitting.")
    l1: NotNegative = Field(default=0.0, description="Drives weights of irrelevant pixels to 0, or nearly.")


class Variant(Section):
    """A section whose `name` decides its other keys: those of the factory of that name."""

    factories: ClassVar[Mapping[str, Callable[..., Any]]]
    name: str

    @classmethod
    def name_in(cls, values: Mapping[str, Any]) -> Any:
        """Return the name in a section, or the default; it need not be a known one."""
        return values.get("name", cls.model_fields["name"].default)

    @classmethod
    def of_its_name(cls, values: Any) -> Any:
        """Validate a section as the variant that it names; return others unchanged, to be refused."""
        if not isinstance(values, dict):
            return values
        name = cls.name_in(values)
        is_known = isinstance(name, str) and name in cls.factories
        return cls.named(name).model_validate(values) if is_known else {"name": name}

    @classmethod
    def named(cls, name: str) -> type["Variant"]:
        """Return the section with the keys of one name."""
        return _variant(cls, name, cls.factories[name])

    @classmethod
    def variants(cls) -> list[type["Variant"]]:
        """Return the sections of all names."""
        return [cls.named(name) for name in cls.factories]


@cache
def _variant(section: type[Variant], name: str, factory: Callable[..., Any]) -> type[Variant]:
    """Make a section from those parameters of a factory that have a default."""
    summary = re.split(r" \(|[:.]", factory.__doc__ or "", maxsplit=1)[0] + "."
    literal: Any = Literal
    fields: dict[str, Any] = {"name": (literal[name], Field(default=name, description=summary))}
    hints = get_type_hints(factory, include_extras=True)
    for key, parameter in signature(factory).parameters.items():
        if parameter.default is not parameter.empty:
            kind, description, limits = (*(get_args(hints[key]) or (hints[key], None)), {})[:3]
            fields[key] = (kind, Field(default=parameter.default, description=description, **limits))
    return create_model(name, __base__=section, __doc__=summary, **fields)


class Features(Variant):
    """What the classifier sees in place of pixels, of images as `preprocess` leaves them; null: the pixels."""

    factories = FEATURES
    name: Annotated[str, KeyOf(FEATURES)] = "hog"


class Optimizer(Variant):
    """Which way to step."""

    factories = OPTIMIZERS
    name: Annotated[str, KeyOf(OPTIMIZERS)] = "momentum"


class Schedule(Variant):
    """How far to step."""

    factories = SCHEDULES
    name: Annotated[str, KeyOf(SCHEDULES)] = "cosine"
    step_size: Positive = Field(
        default=0.1, description="Tune it first: too small is slow, too large lets the loss grow."
    )
    warmup_epochs: Epochs = Field(default=0.0, description="Start gently: grow to the step size over this many epochs.")


class Train(Section):
    """The loop: sample a batch, evaluate the gradient, take a step."""

    epochs: Count = Field(default=20, description="How often every training image is seen.")
    batch_size: CountOrAll = Field(default=256, description="Images a step; 1: online SGD; all: full-batch descent.")
    gradient: Literal["analytic", "numerical"] = Field(default="analytic", description="By calculus or by differences.")
    kernel: Literal["plain", "blocks", "compiled", "torch"] = Field(
        default="blocks",
        description="The book's lines; the same in blocks, on threads: faster; compiled loops: with imgclf[fast]; or "
        "PyTorch, also on a graphics card: with imgclf[torch].",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Of the torch kernel only: a graphics card (cuda), the processor, or what is there."
    )
    class_weight: ClassWeights = Field(
        default=None, description="balanced: rare classes count as much as common ones. Or {NAME: WEIGHT}, others 1."
    )
    dtype: Literal["float32", "float64"] = Field(default="float32", description="Precision of all computations.")


class EarlyStopping(Section):
    """Stop when a metric no longer improves, and keep the weights of the best epoch; null: never."""

    monitor: Literal["val/accuracy", "val/loss", "train/accuracy", "train/loss"] = Field(
        default="val/accuracy", description="Which column of metrics.csv to watch."
    )
    patience: Count = Field(default=10, description="Epochs to wait without an improvement.")
    min_delta: NotNegative = Field(default=0.0, description="An improvement must be larger than this.")


class Checkpoint(Section):
    """How often to save the run, so that `imgclf train --resume` can continue it."""

    every: Count = Field(default=1, description="Units between checkpoints; one also at the end, and when stopped.")
    unit: Literal["epoch", "step", "minute"] = Field(default="epoch", description="The unit of `every`.")


class Sweep(Section):
    """What `imgclf sweep` searches: it trains a run for each choice of values; `train` ignores it."""

    method: Literal["grid", "random", "halving"] = Field(
        default="random",
        description="All combinations of the listed values; or as many random ones as `runs`, all if lists have no "
        "more; or these, of which the worse ones stop early.",
    )
    runs: Runs = Field(
        default=24, description="How many to draw, at most; unused by grid, and where halving has lists only."
    )
    seeds: Runs = Field(default=1, description="Repeat each with this many seeds, from `seed` on.")
    folds: Folds = Field(
        default=1, description="Cross-validate: train each so often, validated on another part of train."
    )
    params: dict[str, Range] = Field(
        default={}, description="KEY: [VALUE, ...], {choice: [VALUE, ...]} or {log_uniform: [LOW, HIGH]}."
    )


class Config(Section):
    """The settings of a training run."""

    seed: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Seed of all random numbers: same seed, same bits."
    )
    name: DirectoryName | None = Field(
        default=None, description="Names the run directory runs/NAME; null: SOURCE-LOSS."
    )
    data: Data = Field(default_factory=Data)
    preprocess: Preprocess = Field(default_factory=Preprocess)
    features: Annotated[SerializeAsAny[Features | None], BeforeValidator(Features.of_its_name)] = Field(
        default=None, description=Features.__doc__
    )
    augment: Augment = Field(default_factory=Augment)
    model: Model = Field(default_factory=Model)
    regularization: Regularization = Field(default_factory=Regularization)
    optimizer: Annotated[SerializeAsAny[Optimizer], BeforeValidator(Optimizer.of_its_name)] = Field(
        default_factory=partial(Optimizer.of_its_name, {})
    )
    schedule: Annotated[SerializeAsAny[Schedule], BeforeValidator(Schedule.of_its_name)] = Field(
        default_factory=partial(Schedule.of_its_name, {})
    )
    train: Train = Field(default_factory=Train)
    early_stopping: EarlyStopping | None = Field(default=None, description=EarlyStopping.__doc__)
    checkpoint: Checkpoint = Field(default_factory=Checkpoint)
    sweep: Sweep | None = Field(default=None, description=Sweep.__doc__)
