"""The records of the sources are complete."""

import re

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.data.download.catalog import OFFICIAL
from imgclf.data.preprocess import fit_preprocess
from imgclf.data.sources import SOURCES, recognize, recognized
from imgclf.errors import DataError, UsageError
from imgclf.training.classifier import Model
from imgclf.training.loading import load_source
from imgclf.training.other_data import load_for


def load(name, *overrides):
    return load_source(resolve(overrides=[f"data.source={name}", *overrides]).config, ("train",))


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if source.path])
def test_a_path_is_asked_for_and_must_lead_somewhere(tmp_path, name):
    with pytest.raises(UsageError, match=r"^data\.path: this source needs a path - set data.path to ") as caught:
        load(name)
    assert SOURCES[name].path in caught.value.remedy
    with pytest.raises(DataError, match="none: no such file or folder - check the path") as missing:
        load(name, f"data.path='{tmp_path}/none'")
    downloads = [key for key, known in OFFICIAL.items() if known.source == name]
    for error in (caught, missing):
        assert re.findall("imgclf data download ([a-z0-9-]+)", error.value.remedy) == downloads


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if not source.path])
def test_a_path_that_would_not_be_read_is_refused(name):
    with pytest.raises(UsageError, match=r"^data\.path: [a-z-]+ reads no path"):
        load(name, "data.path=x")


@pytest.mark.parametrize("name", SOURCES)
def test_settings_that_a_source_ignores_are_refused(tmp_path, name):
    path = f"data.path='{tmp_path}'" if SOURCES[name].path else "data.path=null"
    if not SOURCES[name].options:
        with pytest.raises(
            UsageError, match=rf"data.options: only applies to data.source: csv or synthetic - {name} has no"
        ):
            load(name, path, "data.options={x: 1}")
    if not SOURCES[name].labels:
        with pytest.raises(
            UsageError, match=rf"data.labels: {name} has only one kind of labels - .* for data.source: cifar100"
        ):
            load(name, path, "data.labels=coarse")


def test_the_error_for_an_unknown_path_lists_what_is_recognized(tmp_path):
    with pytest.raises(DataError, match="not a data set that imgclf knows") as caught:
        recognize(tmp_path)
    assert caught.value.remedy == f"name {recognized()}"
    for source in SOURCES.values():
        assert bool(source.path) == bool(source.recognizes)
        assert source.path in recognized()


@pytest.mark.parametrize(("kind", "classes"), SOURCES["cifar100"].labels.items())
def test_other_data_for_a_model_has_the_kind_of_labels_that_the_model_knows(tmp_path, cifar, kind, classes):
    cifar.write_100(tmp_path)
    known = SOURCES["cifar100"].load(tmp_path, ("test",), labels=kind)["test"]
    preprocess = fit_preprocess(known, scale=255, center="none", std="none", dtype="float64")
    model = Model(np.zeros((3073, classes)), preprocess, known.class_names, "softmax", 0.0, 0.0)
    found = load_for(model, tmp_path)
    assert len(found.class_names) == classes
    assert found.fingerprint == known.fingerprint
