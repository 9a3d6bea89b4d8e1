"""Sealed npz files are read back exactly; anything changed is refused."""

import numpy as np
import pytest

from imgclf.errors import DataError
from imgclf.files.sealed_npz import SEAL, described_npz, digest, read_described_npz, read_sealed_npz, sealed_npz

ARRAYS = {"W": np.arange(6.0).reshape(2, 3), "text": np.array("dög"), "step": np.array(3)}


def test_arrays_come_back_without_their_seal(tmp_path):
    path = tmp_path / "some.npz"
    path.write_bytes(sealed_npz(ARRAYS))
    found = read_sealed_npz(path)
    assert list(found) == list(ARRAYS)
    assert all(found[name].tobytes() == array.tobytes() for name, array in ARRAYS.items())
    with np.load(path) as file:
        assert set(file.files) == {SEAL, *ARRAYS}  # an npz like any other


def test_equal_arrays_give_equal_bytes_however_they_lie_in_memory():
    copies = {name: array.copy() for name, array in ARRAYS.items()}
    assert sealed_npz(copies) == sealed_npz(ARRAYS)
    assert digest({"W": np.asfortranarray(ARRAYS["W"])}) == digest({"W": ARRAYS["W"]})


@pytest.mark.parametrize("other", [
    {"V": ARRAYS["W"]}, {"W": ARRAYS["W"].astype("f4")}, {"W": ARRAYS["W"].T}, {"W": ARRAYS["W"].reshape(3, 2)},
    {"W": ARRAYS["W"] + [[0, 0, 0], [0, 0, 1e-15]]}, {"W": ARRAYS["W"], "b": ARRAYS["step"]}, {},
    {"W": ARRAYS["W"].view("i8")},
])  # fmt: skip
def test_the_digest_is_over_names_types_shapes_and_bytes(tmp_path, other):
    path, whole = tmp_path / "some.npz", {"W": ARRAYS["W"]}
    assert digest(other) != digest(whole)
    np.savez(path, **{SEAL: np.array(digest(whole))}, **other)
    with pytest.raises(DataError, match="checksum"):
        read_sealed_npz(path)


def test_a_file_without_a_seal_is_refused(tmp_path):
    np.savez(tmp_path / "some.npz", **ARRAYS)
    with pytest.raises(DataError, match="checksum"):
        read_sealed_npz(tmp_path / "some.npz")


def test_the_description_is_read_back_with_the_arrays(tmp_path):
    path = tmp_path / "some.npz"
    path.write_bytes(described_npz({"step": 3, "names": ["dög"]}, ARRAYS))
    about, arrays = read_described_npz(path)
    assert about == {"step": 3, "names": ["dög"]}
    assert {name: array.tobytes() for name, array in arrays.items()} == {n: a.tobytes() for n, a in ARRAYS.items()}


@pytest.mark.parametrize("about", ["", "5", "[]", "null", "{}", '{"format": 2}', '{"format": "1"}', None])
def test_another_format_is_a_value_error(tmp_path, about):
    path = tmp_path / "some.npz"
    path.write_bytes(sealed_npz(ARRAYS if about is None else {"about": np.array(about), **ARRAYS}))
    with pytest.raises(ValueError):  # noqa: PT011 - JSON has words of its own
        read_described_npz(path)
