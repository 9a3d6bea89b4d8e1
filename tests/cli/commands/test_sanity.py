"""`imgclf sanity`: a table for people, an object for programs, and an exit code."""

import math

import pytest

from imgclf.config import resolve
from imgclf.config.ready import ready_configs

READY = [name for name, path in ready_configs().items() if resolve([path]).config.data.source == "fashion-mnist-mini"]
LIMITED = ("-s", "data.limit=600")


def test_a_right_config_passes(imgclf):
    done = imgclf("sanity", *LIMITED)
    assert done.code == 0
    assert f"{math.log(10):.4f}" in done.out
    assert done.out.splitlines()[-1] == "all is as it should be"
    assert max(map(len, done.out.splitlines())) <= 80
    assert imgclf("-q", "sanity", *LIMITED).out == "all is as it should be\n"


def test_a_wrong_one_is_named_with_what_to_look_at(imgclf):
    wrong = (*LIMITED, "-s", "model.init_scale=1", "-s", "schedule.step_size=1e-9")
    done = imgclf("sanity", *wrong)
    assert done.code == 1
    assert done.out.splitlines()[-1] == "wrong: 20 images by heart"
    assert "another schedule.step_size" in done.out
    done = imgclf("sanity", *wrong, "--json")
    assert done.code == 1
    assert done.json["passed"] is False
    assert [one["name"] for one in done.json["checks"] if one["passed"] is False] == ["20 images by heart"]
    assert set(done.json["checks"][0]) == {"name", "measured", "expected", "passed", "remedy"}


def test_the_test_split_is_never_opened(imgclf, pictures, on_pictures):
    (pictures / "test" / "cat" / "0.png").write_bytes(b"broken")
    assert imgclf("sanity", *on_pictures[:-1], "-s", "data.val_fraction=0.3").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", READY)
def test_ready_configs_pass(imgclf, name):
    done = imgclf("sanity", "-c", name)
    assert done.code == 0, done.out
