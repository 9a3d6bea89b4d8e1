"""Write the model card: README.md with the run's own figures."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from imgclf.config import Config, dump
from imgclf.data.sources import SOURCES
from imgclf.errors import RunError, plural, printable
from imgclf.export.exported import Exported
from imgclf.export.formats import FORMATS, packages_for
from imgclf.metrics import wilson_interval
from imgclf.report.objective import formula
from imgclf.run.run_dir import read_json

FILE = "README.md"
_FORMATTING = re.compile(r"[\\`*\[\]<>|#&~$]|(?<!\w)_|_(?!\w)")
_RESIZED = {
    "squash": "which changes their proportions",
    "crop": "and what is too much on both sides is cut off",
    "pad": "with black on both sides where they are too narrow",
}


def card(exported: Exported, form: str, picture: str = "") -> bytes:
    """Return the card of a model in a format; raises RunError if the run has no figures.

    picture   the file name of its templates, if they are beside it
    """
    facts, chosen = exported.facts, FORMATS[form]
    if facts.train is None:
        problem = "there is no metrics.json: the run is not finished, or not whole"
        raise RunError(
            exported.directory, problem, f"finish it: imgclf train --resume {shlex.quote(str(exported.directory))}"
        )
    figures = _figures(exported)
    best = figures[-1]
    text = _environment().get_template("card.md.j2").render(
        head=yaml.safe_dump(_head(exported, form, best), sort_keys=False, allow_unicode=True),
        name=_plain(exported.name),
        classes=_classes(exported),
        an_example=_an_example(exported),
        version=_plain(str(read_json(exported.directory / "environment.json").get("imgclf", ""))),
        loss=exported.model.loss,
        accuracy=f"{_percent(best.accuracy)} of {plural(best.n, f'{best.word} {facts.noun}')} are right"
        f"{f' (95 % interval {_interval(best)})' if best.word != 'training' else ', on which it was trained'}.",
        picture=picture,
        packages=" ".join(packages_for(exported.model, form)),
        code=chosen.code(exported),
        contents=chosen.contents(exported),
        input=" ".join(_input(exported)),
        rows=[*_rows(exported)],
        recalled=("val" if facts.val else "train") if facts.seen else "",
        noun=facts.noun,
        splits=[[one.split, f"{one.n:,}", _percent(one.accuracy), _interval(one) if one.split != "train" else "-"]
                for one in figures],
        caveat=_caveat(exported),
        limits=[*_limits(exported)],
        training=[*_training(exported)],
        config=dump(_without_folders(facts.config)),
    )  # fmt: skip
    return text.encode()


class _Figure(NamedTuple):
    """How many examples of a split are right: the name of the split, in figures and in words."""

    split: str
    word: str
    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.n


def _figures(exported: Exported) -> list[_Figure]:
    """Return the figures of the run, the one that says most about other examples last."""
    facts, test = exported.facts, exported.test
    known = (("train", "training", facts.train), ("val", "validation", facts.val))
    figures = [_Figure(split, word, round(one.accuracy * one.n), one.n) for split, word, one in known if one]
    return [*figures, _Figure("test", "test", test.correct, test.n)] if test else figures


def _head(exported: Exported, form: str, best: _Figure) -> dict[str, Any]:
    """Return the head that the Hub reads. It has no license: what the training data allows is not known."""
    task = "image-classification" if exported.is_image else "tabular-classification"
    data = _data(exported.facts.config)
    result = {
        "task": {"type": task},
        "dataset": {"name": data, "type": data, "split": best.split},
        "metrics": [{"type": "accuracy", "value": round(best.accuracy, 4)}],
    }
    return {
        "library_name": FORMATS[form].library,
        "pipeline_tag": task,
        "tags": ["imgclf", "linear-classifier", form],
        "metrics": ["accuracy"],
        "model-index": [{"name": exported.name, "results": [result]}],
    }


def _data(config: Config) -> str:
    """Return what the data is called: a data set of many by its own name, that of somebody by the name of its file."""
    source, path = config.data.source, config.data.path
    return source if SOURCES[source].fixed or path is None else printable(Path(path).name)


def _classes(exported: Exported) -> str:
    return plural(len(exported.model.class_names), "class", "classes")


def _an_example(exported: Exported) -> str:
    if not exported.is_image:
        return f"a vector of {plural(exported.input_shape[0], 'feature')}"
    height, width = exported.input_shape[:2]
    return f"a {exported.color} image of {height} x {width} pixels"


def _input(exported: Exported) -> Iterator[str]:
    """Yield sentences on what the model takes, and what must be done before."""
    if not exported.is_image:
        yield f"Vectors of {plural(exported.input_shape[0], 'feature')}, made as those of the training data were, in"
        yield "the same order and the same units: scaling them is part of the model."
        return
    height, width = exported.input_shape[:2]
    gray = exported.color == "gray"
    yield f"{exported.color.capitalize()} images of {height} x {width} pixels,"
    yield f"8 bits a {'pixel' if gray else 'channel'}, upright, without transparency, like those of the training data."
    if gray:
        yield "Images in color are made gray first: 0.299 red + 0.587 green + 0.114 blue."
    yield "Those of another size are resized first, bilinear and averaged when shrinking,"
    yield f"{_RESIZED[exported.model.preprocess.resize]}."
    yield "The code above does that with Pillow, as the training did; other libraries resize a little differently."


def _rows(exported: Exported) -> Iterator[list[str]]:
    """Yield the rows of the table of classes: number, name, and recall if it is known."""
    seen = exported.facts.seen
    for number, name in enumerate(exported.model.class_names):
        row = [str(number), _plain(name)]
        if seen:
            right, support = int(seen.right[number]), int(seen.support[number])
            row.append(f"{_percent(right / support)} of {support:,}" if support else "-")
        yield row


def _caveat(exported: Exported) -> str:
    """Return what must be known to judge the figures."""
    noun, stopping, test = exported.facts.noun, exported.facts.config.early_stopping, exported.test
    sentences = []
    if exported.facts.val:
        by_them = "If settings were chosen by them, their figure is a little too good."
        if stopping and stopping.monitor.startswith("val/"):
            by_them = "But they chose the epoch (early stopping), so their figure is a little too good."
        sentences = [f"The model was not trained on the validation {noun}s. {by_them}"]
    if test:
        often = "once" if test.look == 1 else f"{test.look:,} times: what was chosen by it is no longer a test"
        sentences.append(f"Training never opens the test split. It was evaluated {often}.")
    elif not exported.facts.val:
        sentences = [f"Of {noun}s that it was not trained on, fewer will be right: how many was not measured."]
    return " ".join(sentences)


def _limits(exported: Exported) -> Iterator[str]:
    noun = exported.facts.noun
    yield f"It names one of its classes for every {noun}, also for one that belongs to none of them."
    if exported.is_image:
        yield "Each pixel has weights of its own: what is moved, turned or of another size in the image is new to it."
    else:
        yield "A plane is all that it can draw between two classes."
    if exported.has_probabilities:
        yield "Its probabilities are its own belief. Nothing has checked that of those it gives 90 %, 90 % are right."
    else:
        yield f"Scores of the {exported.model.loss} loss are no probabilities: only their order counts."


def _training(exported: Exported) -> Iterator[str]:
    config, facts = exported.facts.config, exported.facts
    counts = [plural(one.n, f"{one.word} {facts.noun}") for one in _figures(exported) if one.split != "test"]
    yield f"data: {_plain(_data(config))}, {', '.join(counts)}"
    yield f"objective: `{formula(config)}`, with the {config.model.loss} loss"
    batch = "all" if config.train.batch_size == "all" else f"{config.train.batch_size:,}"
    yield (
        f"{config.optimizer.name}, step size {config.schedule.step_size:g} ({config.schedule.name}), "
        f"batches of {batch}, {plural(config.train.epochs, 'epoch')}, seed {config.seed}"
    )


def _without_folders(config: Config) -> Config:
    """Return the config without the folders of the machine it ran on: of absolute paths of data, the name is left."""

    def shortened(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shortened(one) for key, one in value.items()}
        return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value

    data = config.data
    changed = data.model_copy(update={key: shortened(getattr(data, key)) for key in ("path", "options")})
    return config.model_copy(update={"data": changed})


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(figure: _Figure) -> str:
    low, high = wilson_interval(figure.correct, figure.n)
    return f"{_percent(low)} to {_percent(high)}"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _FORMATTING.sub(r"\\\g<0>", printable(text))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: what comes from elsewhere goes through `_plain`
    )
