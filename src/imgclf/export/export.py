"""Export a run: the files of a format, and the model card."""

from pathlib import Path

from imgclf.export.card import FILE, card
from imgclf.export.exported import Exported
from imgclf.export.formats import FORMATS
from imgclf.report.run_facts import read_facts
from imgclf.run.looks import last_result
from imgclf.run.run_dir import read_file
from imgclf.training.classifier import Model

PICTURE = "templates.png"


def export(directory: Path, model: Model, form: str) -> dict[str, bytes]:
    """Return the files of a run's model in a format, by name, the card and its picture last; nothing is written.

    Raises UsageError for a model with features, or without the package, and RunError for a run without figures.
    """
    exported = Exported(directory, model, read_facts(directory, model=model), last_result(directory))
    has_picture = exported.is_image and (directory / PICTURE).exists()
    pictures = {PICTURE: read_file(directory / PICTURE)} if has_picture else {}
    return {**FORMATS[form].files(exported), FILE: card(exported, form, *pictures), **pictures}
