"""Starting the compiled kernel: what is missing is said, what is compiled is shown, and kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features
from numba import njit

from imgclf.config import resolve
from imgclf.errors import UsageError
from imgclf.machine.progress import listening
from imgclf.run.session import train_run
from imgclf.speed.compiled import starting
from imgclf.training.plan import make_plan

CONFIG = resolve((), ["data.source=synthetic", "data.options={train: 300, size: 4}", "train.kernel=compiled"]).config


@pytest.fixture
def anew():
    starting.begin.cache_clear()
    starting.loops_for.cache_clear()
    yield
    starting.begin.cache_clear()
    starting.loops_for.cache_clear()


def never(config):
    raise AssertionError("the data is not read")


def test_without_numba_one_line_says_what_to_install_before_data_is_read(monkeypatch, anew):
    monkeypatch.setattr(starting, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as stop:
        make_plan(CONFIG, load=never)
    assert str(stop.value) == "train.kernel: compiled needs numba - pip install 'imgclf[fast]'"


def test_a_numba_that_cannot_be_loaded_says_why(monkeypatch, anew):
    def fails(dtype):
        raise ImportError("Numba needs NumPy 2.3 or less.\nGot NumPy 9.0.")

    monkeypatch.setattr(starting, "_load", fails)
    with pytest.raises(
        UsageError, match=r"^train\.kernel: numba cannot be loaded: Numba needs NumPy 2\.3 or less\. Got"
    ):
        starting.loops_for(np.dtype(np.uint8), np.dtype(np.float32))


def test_machine_code_is_kept_where_numba_is_told_else_in_the_users_cache_else_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "told"))
    assert Path(starting._folder()).parent == tmp_path / "told"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert starting._folder() == ""  # IMGCLF_CACHE is 0 in all tests
    monkeypatch.setenv("IMGCLF_CACHE", "1")
    assert Path(starting._folder()).parent == tmp_path / "imgclf" / "numba"
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert starting._folder() == ""


def test_loops_are_compiled_for_the_full_width_of_the_processor_unless_numba_is_told_otherwise():
    script = (
        "import numpy as np; from imgclf.speed.compiled.starting import loops_for;"
        "loops_for(np.dtype(np.uint8), np.dtype(np.float32));"
        "from numba import config; from numba.core.registry import cpu_target;"
        "print(config.CPU_FEATURES, cpu_target.target_context.codegen().magic_tuple()[2])"
    )

    def compiled_for(**told):
        command, environment = [sys.executable, "-c", script], os.environ | told
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    there = get_host_cpu_features()
    wide = ",-prefer-256-bit" if there.get("avx512f") else ""
    assert compiled_for() == ["None", there.flatten() + wide]
    assert compiled_for(NUMBA_CPU_FEATURES="+sse2") == ["+sse2", "+sse2"]


def test_another_process_compiles_nothing():
    starting.loops_for(np.dtype(np.uint8), np.dtype(np.float32))
    script = (
        "import numpy as np; from imgclf.speed.compiled.starting import loops_for;"
        "loops = loops_for(np.dtype(np.uint8), np.dtype(np.float32));"
        "from imgclf.speed.compiled.sharing import take_turns;"
        "used = [loops.finish, loops.penalize, take_turns];"
        "print(*(sum(f.stats.cache_misses.values()) for f in used), *(len(f.stats.cache_hits) for f in used))"
    )
    # Twice: what two processes compile at the same time, the cache may keep of one only.
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0", "0", "1", "1", "1"]


def test_what_is_compiled_is_shown_as_progress_to_its_end():
    seen = []
    with listening(seen.append), starting._shown(24):
        for shift in range(3):
            njit(lambda x, shift=shift: x + shift)(1)
    assert {(one.what, one.total) for one in seen} == {("compiling the loops", 24)}
    assert [one.done for one in seen] == [0, 1, 2, 3, 24]


@pytest.mark.slow
def test_as_many_functions_are_compiled_as_progress_promises_and_none_for_weights_in_another_order(tmp_path):
    script = """
import numpy as np
from numba.core import event
from imgclf.speed.compiled import compiled, starting
from imgclf.arrays import Batch
from imgclf.gradients import Objective
from imgclf.losses import softmax
from imgclf.numerics.sums import serial_sum
with event.install_recorder("numba:compile") as seen:
    for stored in (np.uint8, np.float32):
        before = len(seen.buffer)
        starting.loops_for(np.dtype(stored), np.dtype(np.float32))
        print((len(seen.buffer) - before) // 2)
    before = len(seen.buffer)
    batch = Batch.of(np.ones((4, 3), np.float32), np.arange(4) % 2)
    for order in "FC":
        compiled(serial_sum)(Objective(softmax), batch, np.zeros((4, 2), np.float32, order=order))
    print(len(seen.buffer) - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                          env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)})  # fmt: skip
    assert done.stdout.split() == [str(starting.FUNCTIONS), str(starting.OF_PIXELS), "0"]


def test_the_environment_of_a_run_names_its_kernel_and_numba(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    environment = json.loads((train_run(CONFIG).directory / "environment.json").read_bytes())
    assert environment["kernel"] == "compiled"
    assert set(environment["packages"]) >= {"numba", "llvmlite"}
