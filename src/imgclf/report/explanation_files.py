"""Files of explanations: a picture and a JSON for each image."""

import gc
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgclf.data.class_names import composed
from imgclf.data.preprocess import Preprocess
from imgclf.errors import StorageError
from imgclf.files.writing import check_out, make_folder, write_whole
from imgclf.report.evidence import Explanation
from imgclf.report.evidence_text import formulas, printed
from imgclf.training.classifier import Model

LONGEST_NAME = 50  # characters of up to 4 bytes; file systems allow 255 bytes


class ExplanationFolder:
    """A folder of explanations, made for the first: NAME.png and NAME.json, named for the image; `len` counts them.

    left_out  how many examples more there were
    error     why no more can be written
    """

    def __init__(self, directory: Path, model: Model) -> None:
        check_out(directory, "--explain")
        self.directory, self._preprocess = directory, model.preprocess
        self._names = model.input_format.columns
        self._taken: set[str] = set()
        self._count = 0
        self.left_out = 0
        self.error: StorageError | None = None

    def __len__(self) -> int:
        return self._count

    def write(self, explanation: Explanation) -> None:
        """Draw and describe an explanation."""
        from imgclf.report.explanation import explanation_picture
        from imgclf.report.style import png_bytes

        if not self._count:
            make_folder(self.directory, "--explain")
            gc.freeze()  # what is there already: each collection below looks through the rest only
        name = self._free_name(explanation.image)
        figure = explanation_picture(self._preprocess, explanation, self._names)
        write_whole(self.directory / f"{name}.png", png_bytes(figure))
        del figure
        gc.collect()  # figures are cycles, and each holds an array of 7 MB that the collector does not count
        content = explanation_json(self._preprocess, explanation, self._names)
        text = json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"
        write_whole(self.directory / f"{name}.json", text.encode(errors="backslashreplace"))
        self._count += 1

    def _free_name(self, image: str) -> str:
        """Return a new name: boot, then boot-2, boot-3; no two differ only in what some file systems ignore."""
        name, number = stem_for(image), 1
        while (key := unicodedata.normalize("NFKC", _numbered(name, number)).casefold()) in self._taken:
            number += 1
        self._taken.add(key)
        return _numbered(name, number)


def stem_for(image: str) -> str:
    """Return a name for the files of an image: its own without a suffix, of letters, digits, - and _ only.

    That of row 3 of a file is also numbered: rows.csv:3 becomes rows_3.
    """
    name, _, row = Path(image).name.rpartition(":")
    stem = (f"{Path(name).stem}_{row}" if name and row.isdecimal() else Path(image).stem)[:LONGEST_NAME]
    return "".join(char if char.isalnum() or char in "-_" else "_" for char in composed(stem)) or "image"


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def explanation_json(
    preprocess: Preprocess, explanation: Explanation, feature_names: Sequence[str] = ()
) -> dict[str, Any]:
    """Return an explanation for programs; feature_names (D) or none.

    `terms` and `values` are in the order of the example's numbers: of an image row by row, with the channels of a pixel
    one after the other.
    """
    best, *second = explanation.classes
    keys = ["difference", "class", "second"] if second else ["class"]
    sums, words = printed(explanation), formulas(preprocess)
    content: dict[str, Any] = {
        "image": explanation.image,
        "class": best,
        "second": second[0] if second else None,
        "shape": explanation.example.shape,
        "values": explanation.example.reshape(-1).tolist(),
    }
    if feature_names:
        content["features"] = list(feature_names)
    for name, some in explanation.parts.items():
        title, rule = words[name]
        content[name] = {"name": title, "rule": rule}
        for key, one, total in zip(keys, some, sums[name], strict=True):
            content[name][key] = {
                "text": " ".join(total.phrases()),
                "for": one.supporting,
                "against": one.opposing,
                "bias": one.bias,
                "score": one.score,
                "terms": one.terms.tolist(),
            }
    return content
