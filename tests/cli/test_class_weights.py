"""Class weights in a run: what is printed, kept, resumed, verified; and what they are for."""

from pathlib import Path

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.run.model_file import load_model
from imgclf.training.loading import load_all_splits

TRAIN = ("train", "--no-plots", "--progress", "none")
FEW = ("-s", "data.limit=300", "-s", "train.epochs=3")
BALANCED = ("-s", "train.class_weight=balanced")


def test_the_formula_and_the_weights_are_printed(imgclf):
    printed = imgclf("train", "--dry-run", "-s", "train.class_weight={Shirt: 3, T-shirt/top: 0.25}").out
    assert "\nminimize  L(W, b) = mean of weight[y] * loss + 0.0001/2 * sum(W**2)\n" in printed
    assert "\nclasses   weight 3 for Shirt, 0.25 for T-shirt/top, 1 for the others\n" in printed
    printed = imgclf("train", "--dry-run", "-s", "data.limit=100", "-s", "data.val_fraction=0", *BALANCED).out
    assert "classes weight N / (C * images of the class): 1.111 for T-shirt/top, " in " ".join(printed.split())
    usual = imgclf("train", "--dry-run").out
    assert "\nminimize  L(W, b) = mean loss + " in usual
    assert "\nclasses " not in usual


def test_a_misspelled_class_is_one_line_before_training(refused):
    words = ["train.class_weight: there is no class 'Shrit'; did you mean 'Shirt'?"]
    refused(2, words, *TRAIN, *FEW, "-s", "train.class_weight={Shrit: 3}", "--out", "run")
    assert not Path("run").exists()


@pytest.mark.bits
def test_a_run_keeps_resumes_and_verifies_its_weights(imgclf):
    assert imgclf(*TRAIN, *FEW, *BALANCED, "--out", "whole").code == 0
    assert "  class_weight: balanced\n" in Path("whole/config.yaml").read_text()
    assert imgclf("verify", "whole").code == 0
    assert imgclf(*TRAIN, "-s", "data.limit=300", "-s", "train.epochs=1", *BALANCED, "--out", "run").code == 0
    assert imgclf(*TRAIN, "--resume", "run", "-s", "train.epochs=3").code == 0
    model = load_model(Path("run/model.npz"))
    assert model.class_weights.tobytes() == load_model(Path("whole/model.npz")).class_weights.tobytes()
    assert imgclf("verify", "run").code == 0
    checked = imgclf("gradcheck", "--run", "whole", "--images", "40")
    assert checked.code == 0
    assert "7,850 parameters; losses weighted by class\n" in checked.out
    assert "(data loss " in imgclf("eval", "whole").out
    assert ", weighted by class)" in imgclf("eval", "whole").out
    assert imgclf("predict", "whole", "--help").code == 0


def test_weights_cannot_change_in_the_middle(imgclf, refused):
    assert imgclf(*TRAIN, *FEW, *BALANCED, "--out", "run").code == 0
    for other in ("null", "{Bag: 2}"):
        words = ["-s train.class_weight", "cannot change in the middle of a run"]
        refused(2, words, *TRAIN, "--resume", "run", "-s", f"train.class_weight={other}", "-s", "train.epochs=5")
    path = Path("run/config.yaml")
    path.write_text(path.read_text().replace("balanced", "null"))
    refused(2, "changed since the run began", *TRAIN, "--resume", "run", "-s", "train.epochs=5")


def test_a_digit_that_is_a_class_is_written_in_quotes(imgclf, refused):
    np.savez("data.npz", X=np.eye(30, 4), y=np.arange(30) % 3)
    data = ("-s", "data.source=npz", "-s", "data.path=data.npz", "-s", "train.epochs=1")
    refused(2, "a key must be a word, not the number 1; quote it", *TRAIN, *data, "-s", "train.class_weight={1: 3}")
    assert imgclf(*TRAIN, *data, "-s", 'train.class_weight={"1": 3}', "--out", "run").code == 0
    assert '  class_weight:\n    "1": 3.0\n' in Path("run/config.yaml").read_text()
    assert load_model(Path("run/model.npz")).class_weights.tolist() == [1, 3, 1]
    assert imgclf("verify", "run").code == 0
    assert imgclf(*TRAIN, *data, "-s", "train.class_weight.1=3", "--out", "again").code == 0


@pytest.mark.parametrize(("common", "rare"), [("T-shirt/top", "Shirt"), ("Pullover", "Coat")])
def test_balanced_weights_find_the_rare_class(imgclf, common, rare):
    """Of 9 : 1, where the two classes are hard to tell apart: 20 points or more of recall."""
    splits = load_all_splits(resolve((), ["data.val_fraction=0"]).config)
    arrays = {}
    for split, most in (("train", (540, 60)), ("test", (1000, 1000))):
        data = splits[split]
        parts = [
            np.flatnonzero(data.y == data.class_names.index(name))[:n]
            for name, n in zip((common, rare), most, strict=True)
        ]
        rows = np.concatenate(parts)
        arrays[f"X_{split}"] = data.pixels(rows)[..., 0]
        arrays[f"y_{split}"] = np.array(data.class_names)[data.y[rows]]
    np.savez("data.npz", **arrays)
    recall = {}
    for chosen in ("null", "balanced"):
        options = ("-s", "data.source=npz", "-s", "data.path=data.npz", "-s", f"train.class_weight={chosen}")
        assert imgclf(*TRAIN, *options, "--out", chosen).code == 0
        recall[chosen] = imgclf("eval", chosen, "--json").json["per_class"][rare]["recall"]
    assert recall["balanced"] >= recall["null"] + 0.2
