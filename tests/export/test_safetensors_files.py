"""safetensors files hold the trained weights, and give the scores of imgclf in PyTorch."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from exported_models import NAMES, VARIANTS, make
from imgclf.export.safetensors_files import BESIDE, FILE, safetensors_files
from imgclf.model import split
from imgclf.training.evaluation import score_images

CLOSE = 1e-5  # of the largest score


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_are_those_that_were_trained_to_the_byte(variant):
    exported, _ = make(variant)
    tensors = load(safetensors_files(exported)[FILE])
    W, b = split(exported.model.weights)
    assert set(tensors) == {"weight", "bias"}
    assert tensors["weight"].dtype == W.dtype
    assert tensors["weight"].tobytes() == W.T.tobytes()
    assert tensors["bias"].tobytes() == b.tobytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_mean_and_std_turn_what_is_given_into_x(variant):
    exported, examples = make(variant)
    beside = load(safetensors_files(exported)[BESIDE])
    values = examples.reshape(len(examples), -1).astype(np.float64)
    if exported.model.preprocess.norm:
        values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-300)
    x, expected = (values - beside["mean"]) / beside["std"], exported.model.preprocess.apply(examples)
    assert np.abs(x - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.torch
@pytest.mark.parametrize("variant", VARIANTS)
def test_scores_of_pytorch_are_those_of_imgclf(variant, tmp_path):
    import torch
    from safetensors.torch import load_file

    exported, examples = make(variant)
    for name, content in safetensors_files(exported).items():
        (tmp_path / name).write_bytes(content)
    dtype = getattr(torch, exported.model.preprocess.dtype)
    linear = torch.nn.Linear(exported.model.preprocess.size, len(NAMES), dtype=dtype)
    linear.load_state_dict(load_file(tmp_path / FILE), strict=True)
    beside = load_file(tmp_path / BESIDE)
    values = torch.tensor(examples.reshape(len(examples), -1)).to(dtype)
    if exported.model.preprocess.norm:
        values = torch.nn.functional.normalize(values)
    with torch.no_grad():
        scores = linear((values - beside["mean"]) / beside["std"]).numpy()
    expected = score_images(exported.model, examples)
    assert np.abs(scores - expected).max() <= CLOSE * np.abs(expected).max()
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_each_file_has_the_metadata_and_always_in_the_same_order(tmp_path):
    files = safetensors_files(make()[0])
    assert all(safetensors_files(make()[0]) == files for _ in range(5))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with safe_open(tmp_path / name, "np") as file:
            metadata = file.metadata()
        assert json.loads(metadata["class_names"]) == list(NAMES)
        assert json.loads(metadata["preprocessing"])["formula"] == "x = (images - mean) / std"
        assert json.loads(metadata["input"])["color"] == "gray"
