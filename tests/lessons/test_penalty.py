"""The penalty shortens the weights, and makes the model less sure."""

import pytest

from imgclf.lessons.penalty import study


@pytest.mark.parametrize("loss", ["softmax", "svm_squared"])
def test_more_penalty_makes_shorter_weights_and_a_higher_data_loss(material, loss):
    runs = study(material(f"model.loss={loss}", "schedule.step_size=0.02")).numbers["runs"]
    lengths, losses = ([one[key] for one in runs] for key in ("weights_length", "train_data_loss"))
    assert lengths == sorted(lengths, reverse=True)
    assert losses == sorted(losses)


def test_more_penalty_makes_the_model_less_sure(material):
    sure = [one["mean_largest_probability"] for one in study(material()).numbers["runs"]]
    assert 1 > sure[0] > sure[1] > sure[2] > 1 / 4


def test_scores_that_are_no_probabilities_are_not_called_so(material):
    found = study(material("model.loss=svm"))
    assert {one["mean_largest_probability"] for one in found.numbers["runs"]} == {None}
    assert "no probabilities" in found.answer
