"""What is missing for the torch kernel is told in one line, before any data is read."""

import sys

import pytest

from imgclf.config import resolve
from imgclf.errors import UsageError
from imgclf.speed import pytorch
from imgclf.training.plan import make_plan


def never(config):
    raise AssertionError("the data is not read")


def refused(*overrides):
    with pytest.raises(UsageError) as stop:
        make_plan(resolve(overrides=overrides).config, load=never)
    return str(stop.value)


def test_without_pytorch_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(pytorch, "find_spec", lambda name: None)
    assert refused("train.kernel=torch") == "train.kernel: torch needs PyTorch - pip install 'imgclf[torch]'"


def test_a_pytorch_that_cannot_be_loaded_says_why(monkeypatch):
    monkeypatch.setattr(pytorch, "find_spec", lambda name: "there")
    monkeypatch.setitem(sys.modules, "imgclf.speed.pytorch.kernel", None)
    assert refused("train.kernel=torch").startswith("train.kernel: PyTorch cannot be loaded: import of imgclf.speed")


@pytest.mark.parametrize("kernel", ["plain", "blocks", "compiled"])
def test_a_kernel_of_the_processor_refuses_a_card(kernel):
    expected = f"train.device: the kernel {kernel} computes on the processor - set train.kernel: torch"
    assert refused(f"train={{kernel: {kernel}, device: cuda}}") == expected
    for device in ("auto", "cpu"):  # both are true of it
        make_plan(resolve(overrides=[f"train={{kernel: {kernel}, device: {device}}}", "data.limit=50"]).config)


@pytest.mark.torch
@pytest.mark.parametrize(("built", "words"), [(None, "was built without it"), ("12.8", "no graphics card is found")])
def test_without_a_card_auto_takes_the_processor_and_cuda_is_refused(monkeypatch, built, words):
    import torch

    from imgclf.speed.pytorch.kernel import TorchKernel

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.version, "hip", None)
    line = refused("train={kernel: torch, device: cuda}")
    assert line.startswith("train.device: cuda: ")
    assert words in line
    assert TorchKernel("auto").describe() == "cpu"


@pytest.mark.torch
def test_with_a_card_auto_takes_it(monkeypatch):
    import torch

    from imgclf.speed.pytorch.kernel import TorchKernel

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [TorchKernel(device).device for device in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]
