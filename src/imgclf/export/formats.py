"""Formats of exported models, by name: files, and code that loads them."""

from collections.abc import Callable
from typing import NamedTuple

from imgclf.export import onnx_file, safetensors_files
from imgclf.export.exported import Exported
from imgclf.training.classifier import Model


class Format(NamedTuple):
    """How a model is handed over.

    files     its files, by name, the one that is loaded first
    code      Python that loads them and predicts `image.png`, or `features.npy`
    contents  a sentence of Markdown for each file, by name
    library   which library loads them, in the Hub's terms
    packages  what the code needs, beside what opens images
    """

    files: Callable[[Exported], dict[str, bytes]]
    code: Callable[[Exported], str]
    contents: Callable[[Exported], dict[str, str]]
    library: str
    packages: tuple[str, ...]


FORMATS = {
    "onnx": Format(
        onnx_file.onnx_files, onnx_file.code, onnx_file.contents, "onnx", ("numpy", "onnxruntime")
    ),
    "safetensors": Format(
        safetensors_files.safetensors_files, safetensors_files.code, safetensors_files.contents, "pytorch",
        ("numpy", "safetensors", "torch"),
    ),
}  # fmt: skip


def packages_for(model: Model, form: str) -> list[str]:
    """Return the packages that the code for a model needs."""
    return sorted([*FORMATS[form].packages, *(["pillow"] if model.preprocess.is_image else [])])
