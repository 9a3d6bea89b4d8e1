"""An ONNX file computes what imgclf computes, in onnxruntime, and says what it is."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from exported_models import NAMES, VARIANTS, make
from imgclf.export.onnx_file import IR_VERSION, OPSET, onnx_files
from imgclf.losses import LOSSES
from imgclf.training.evaluation import score_images, softmax_probabilities


def written(exported):
    (content,) = onnx_files(exported).values()
    return content


def given_to(exported, examples):
    return examples.reshape(len(examples), *exported.input_shape).astype(exported.input_dtype)


def computed(exported, examples):
    session = onnxruntime.InferenceSession(written(exported))
    outputs = session.run(None, {exported.input_name: given_to(exported, examples)})
    return dict(zip([one.name for one in session.get_outputs()], outputs, strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_scores_are_those_of_imgclf(variant):
    exported, examples = make(variant)
    scores = score_images(exported.model, examples)
    outputs = computed(exported, examples)
    assert 3 < np.abs(scores).max() < 100
    assert outputs["scores"].dtype == scores.dtype
    # Lengths of images are computed in float32, whatever the type of the weights.
    exactly = scores.dtype == np.float64 and not exported.model.preprocess.norm
    assert np.abs(outputs["scores"] - scores).max() <= (1e-10 if exactly else 1e-4)
    assert np.abs(outputs["probabilities"] - softmax_probabilities(scores)).max() <= 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_file_is_valid_for_old_runtimes_and_every_node_says_what_it_does(variant):
    exported, _ = make(variant)
    model = onnx.load_from_string(written(exported))
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSION, OPSET) == (7, 13)
    nodes = model.graph.node
    assert len({node.name for node in nodes}) == len(nodes)
    for one in (*nodes, *model.graph.input, *model.graph.output, model.graph, model):
        assert one.doc_string
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [one.dim_param or one.dim_value for one in shape] == ["N", *exported.input_shape]


@pytest.mark.parametrize("loss", LOSSES)
def test_only_softmax_has_probabilities(loss):
    exported, examples = make(loss=loss)
    assert set(computed(exported, examples[:2])) == {"scores", *(["probabilities"] if loss == "softmax" else [])}


@pytest.mark.parametrize("n", [0, 1, 7])
def test_any_number_of_images_is_taken(n):
    exported, examples = make()
    scores = computed(exported, examples)["scores"]
    assert np.abs(computed(exported, examples[:n])["scores"] - scores[:n]).max(initial=0) <= 1e-4


def test_the_metadata_has_classes_and_preprocessing():
    exported, _ = make("color")
    model = onnx.load_from_string(written(exported))
    metadata = {one.key: one.value for one in model.metadata_props}
    assert json.loads(metadata["class_names"]) == list(NAMES)
    assert json.loads(metadata["input"])["shape"] == ["N", 28, 28, 3]
    done = json.loads(metadata["preprocessing"])
    assert (done["scale"], done["center"], done["std"]) == (255.0, "channel", "channel")


@pytest.mark.parametrize("variant", ["gray, as it is", "gray", "gray, standardized"])
def test_the_graph_holds_only_steps_that_change_something(variant):
    exported, _ = make(variant)
    steps = {node.name for node in onnx.load_from_string(written(exported)).graph.node}
    assert ("subtract_mean" in steps) == (exported.model.preprocess.mean is not None)
    assert ("divide_by_std" in steps) == (variant != "gray, as it is")


def test_the_same_model_gives_the_same_bytes():
    assert written(make()[0]) == written(make()[0])
