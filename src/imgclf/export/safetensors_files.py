"""Write a model as safetensors: the weights of `torch.nn.Linear`."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.errors import UsageError
from imgclf.export.exported import Exported
from imgclf.model import split

FILE, BESIDE = "model.safetensors", "preprocess.safetensors"


def safetensors_files(exported: Exported) -> dict[str, bytes]:
    """Return weight (C, D) and bias (C,) in one file, as they were trained, and mean and std (D,) in another.

    So the first is what `torch.nn.Linear.load_state_dict` takes. The same model gives the same bytes. Raises UsageError
    without the package safetensors.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise UsageError(
            "--format safetensors", "safetensors is not installed", "pip install 'imgclf[export]'"
        ) from error
    W, b = split(exported.model.weights)
    mean, std = exported.mean_and_std
    tensors = {FILE: {"weight": W.T, "bias": b}, BESIDE: {"mean": mean, "std": std}}
    metadata = exported.metadata(f"before: mean and std are in {BESIDE}")
    return {name: _in_order(save(_contiguous(some), metadata)) for name, some in tensors.items()}


def _contiguous(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the same arrays, each in one piece of memory: safetensors writes what lies between the numbers, too."""
    return {name: np.ascontiguousarray(one) for name, one in tensors.items()}


def _in_order(raw: bytes) -> bytes:
    """Return the same file with its metadata in order of their keys: safetensors 0.8 writes them in any."""
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return raw[:8] + text.ljust(end - 8) + raw[end:]


def code(exported: Exported) -> str:
    """Return Python that loads the files and predicts."""
    lines = ["import json", "", "import numpy as np", "import torch"]
    lines += ["from PIL import Image, ImageOps"] if exported.is_image else []
    double = ", dtype=torch.float64" * (exported.model.preprocess.dtype == "float64")
    lines += [
        "from safetensors import safe_open",
        "from safetensors.torch import load_file",
        "",
        f'classes = json.loads(safe_open("{FILE}", "pt").metadata()["class_names"])',
        f'preprocess = load_file("{BESIDE}")',
        "",
        f"linear = torch.nn.Linear({exported.model.preprocess.size}, {len(exported.model.class_names)}{double})",
        f'linear.load_state_dict(load_file("{FILE}"))',
    ]
    if exported.is_image:
        lines.append(f"image = {exported.opening('image.png')}")
        values = "torch.tensor(np.asarray(image)).flatten()"
    else:
        lines.append(f'features = torch.tensor(np.load("features.npy").astype(np.{exported.input_dtype}))')
        values = "features"
    if exported.model.preprocess.norm:
        number = f".to(torch.{exported.model.preprocess.dtype})" * exported.is_image
        values = f"torch.nn.functional.normalize({values}{number}, dim=-1)"
    lines.append(f'x = ({values} - preprocess["mean"]) / preprocess["std"]')
    lines.append("print(classes[linear(x).argmax()])" if exported.is_image
                 else "print([classes[c] for c in linear(x).argmax(dim=1)])")  # fmt: skip
    return "\n".join(lines)


def contents(exported: Exported) -> dict[str, str]:
    """Return what is in the files."""
    size, classes, dtype = exported.model.preprocess.size, len(exported.model.class_names), exported.input_dtype
    if exported.is_image:
        dtype = exported.model.preprocess.dtype
    order = "row by row, the colors of a pixel one after the other"
    flat = f" of the flattened image: {order if len(exported.input_shape) == 3 else 'row by row'}" * exported.is_image
    return {
        FILE: f"`weight` ({classes}, {size}) and `bias` ({classes},), {dtype}, as they were trained: what "
        "`torch.nn.Linear.load_state_dict` takes. Class names and preprocessing are in its metadata, as JSON.",
        BESIDE: f"`mean` and `std` ({size},){flat}, in the units of the input: `{exported.formula}`.",
    }
