from types import SimpleNamespace

import pytest

from imgclf.report.pictures import PICTURES, pictures_of


@pytest.mark.parametrize(
    ("classes", "is_image", "names"),
    [
        (2000, True, list(PICTURES)),
        (2000, False, [name for name in PICTURES if name != "templates.png"]),
        (2001, True, ["curves.png"]),
    ],
)
def test_feature_vectors_have_no_templates_and_very_many_classes_only_curves(classes, is_image, names):
    preprocess = SimpleNamespace(is_image=is_image)
    assert pictures_of(SimpleNamespace(preprocess=preprocess, class_names=("a",) * classes)) == names
