"""Write a model as an ONNX graph: preprocessing, scores, probabilities."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgclf import __version__
from imgclf.errors import UsageError
from imgclf.export.exported import Exported
from imgclf.model import split

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

FILE = "model.onnx"
# Of ONNX 1.8 (2020), the first in which Softmax and ReduceSum are as they are today: old runtimes read it, too.
OPSET, IR_VERSION = 13, 7
_MOST = (1 << 31) - (1 << 20)  # bytes of weights: protobuf stores less than 2 GB


def onnx_files(exported: Exported) -> dict[str, bytes]:
    """Return the file; the same model gives the same bytes. Raises UsageError without the package onnx."""
    try:
        from onnx import helper
    except ImportError as error:
        raise UsageError("--format onnx", "onnx is not installed", "pip install 'imgclf[export]'") from error
    if exported.model.weights.nbytes + 2 * exported.model.weights[:, 0].nbytes > _MOST:
        remedy = "choose --format safetensors"
        raise UsageError(exported.directory, "its weights take more than the 2 GB of an ONNX file", remedy)
    graph, classes = _Graph(exported.model.weights.dtype), len(exported.model.class_names)
    s = _add_scores(graph, exported)
    outputs = [(s, "one score a class: the highest is the prediction")]
    if exported.has_probabilities:
        graph.add("Softmax", [s], "probabilities", "p_j = exp(s_j) / sum_k exp(s_k)", axis=1)
        outputs.append(("probabilities", "of each class; they add up to 1"))
    number = helper.np_dtype_to_tensor_dtype(exported.model.weights.dtype)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "linear_classifier",
            [_value(exported.input_name, exported.input_dtype, ("N", *exported.input_shape), _said(exported))],
            [helper.make_tensor_value_info(name, number, ["N", classes], doc_string=said) for name, said in outputs],
            graph.constants,
            doc_string="scores = x @ W + b",
        ),
        producer_name="imgclf",
        producer_version=__version__,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        doc_string=f"{exported.name}: a linear classifier of {classes} classes, {exported.model.loss} loss.\n\n"
        f"{exported.formula}, scores = x @ W + b",
    )
    helper.set_model_props(model, exported.metadata("in the graph"))
    return {FILE: model.SerializeToString(deterministic=True)}


class _Graph:
    """Nodes and constants of a graph; each node is named for what it computes."""

    def __init__(self, dtype: "np.dtype[Any]") -> None:
        self.dtype = dtype
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, value: Any, dtype: Any = None) -> str:
        """Add a constant; return its name."""
        from onnx import numpy_helper

        array: NDArray[Any] = np.ascontiguousarray(value, dtype or self.dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, said: str, name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output, by which it is called, too, if it has no other name."""
        from onnx import helper

        node = helper.make_node(kind, inputs, [output], name=name or output, doc_string=said, **attributes)
        self.nodes.append(node)
        return output


def _add_scores(graph: _Graph, exported: Exported) -> str:
    """Add all from the input to the scores; return their name."""
    from onnx import helper

    x = exported.input_name
    if exported.is_image:
        x = graph.add("Cast", [x], "pixels", "bytes 0 to 255 as floating-point numbers", "cast",
                      to=helper.np_dtype_to_tensor_dtype(graph.dtype))  # fmt: skip
        x = graph.add("Flatten", [x], "vectors", "row by row, the colors of a pixel one after the other", "flatten",
                      axis=1)  # fmt: skip
    if exported.model.preprocess.norm:
        x = _add_unit_length(graph, x)
    mean, std = exported.mean_and_std
    if mean.any():
        x = graph.add("Sub", [x, graph.constant("mean", mean)], "centered", "minus the mean of the training data",
                      "subtract_mean")  # fmt: skip
    if (std != 1).any():
        divisor = std[0] if (std == std[0]).all() else std
        x = graph.add("Div", [x, graph.constant("std", divisor)], "x", exported.formula, "divide_by_std")
    W, b = split(exported.model.weights)
    x = graph.add("MatMul", [x, graph.constant("W", W)], "products", "x @ W", "weigh")
    return graph.add("Add", [x, graph.constant("b", b)], "scores", "scores = x @ W + b", "add_bias")


def _add_unit_length(graph: _Graph, x: str) -> str:
    """Add the division of each vector by its length, as `unit_rows` does it: no square overflows, and 0 stays 0."""
    size = graph.add("Abs", [x], "size", "|value|")
    largest = graph.add("ReduceMax", [size], "largest", "of each vector", axes=[1], keepdims=1)
    floor = graph.constant("smallest_number", np.finfo(graph.dtype).tiny)
    divisor = graph.add("Max", [largest, floor], "divisor", "above 0, for a vector of zeros")
    scaled = graph.add("Div", [x, divisor], "scaled", "the largest is 1 or -1: its square is no larger")
    squares = graph.add("Mul", [scaled, scaled], "squares", "value ** 2")
    axis = graph.constant("axis", [1], np.int64)
    total = graph.add("ReduceSum", [squares, axis], "sum_of_squares", "of each vector", keepdims=1)
    total = graph.add("Max", [total, graph.constant("one", 1)], "at_least_1", "for a vector of zeros")
    length = graph.add("Sqrt", [total], "length", "of the scaled vector")
    return graph.add("Div", [scaled, length], "unit", "a vector of length 1", "divide_by_length")


def _value(name: str, dtype: str, shape: tuple[str | int, ...], said: str) -> Any:
    from onnx import helper

    number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, number, shape, doc_string=said)


def _said(exported: Exported) -> str:
    if not exported.is_image:
        return "feature vectors like those of the training data; nothing is done to them before"
    height, width = exported.input_shape[:2]
    color = "gray" if exported.model.preprocess.color == "gray" else "red, green and blue of each pixel"
    return f"images of {height} x {width} pixels, {color}, 0 to 255; resize them before"


def code(exported: Exported) -> str:
    """Return Python that loads the file and predicts."""
    lines = ["import json", "", "import numpy as np", "import onnxruntime"]
    lines += ["from PIL import Image, ImageOps"] if exported.is_image else []
    lines += [
        "",
        f'session = onnxruntime.InferenceSession("{FILE}")',
        'classes = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])',
    ]
    if exported.is_image:
        lines += [
            f"image = {exported.opening('image.png')}",
            '(scores,) = session.run(["scores"], {"images": np.asarray(image)[None]})',
            "print(classes[scores[0].argmax()])",
        ]
    else:
        lines += [
            f'features = np.load("features.npy").astype(np.{exported.input_dtype})',
            '(scores,) = session.run(["scores"], {"features": features})',
            "print([classes[c] for c in scores.argmax(axis=1)])",
        ]
    return "\n".join(lines)


def contents(exported: Exported) -> dict[str, str]:
    """Return what is in the file."""
    shape = ", ".join(["N", *map(str, exported.input_shape)])
    classes = len(exported.model.class_names)
    outputs = f"`scores` (N, {classes})" + f", `probabilities` (N, {classes})" * exported.has_probabilities
    given = f"`{exported.input_name}`, {exported.input_dtype} ({shape})"
    said = f"ONNX, opset {OPSET}. In: {given}, for any N. Out: {outputs}. The preprocessing is in the graph; "
    return {FILE: said + "class names and preprocessing are in its metadata, as JSON."}
