"""Where a run is to be: any name that a file system allows, and one line where nothing can be."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TRAIN = ("train", "-s", "data.limit=100", "-s", "train.epochs=2", "--no-plots", "--progress", "none")
NAMES = {
    "spaces": " a  run ",
    "a line break": "a\nrun",
    "not text": os.fsdecode(b"run-\xff\xfe"),
    "quotes": 'it\'s "a" $run; #',
    "an option": "--resume",
    "emoji": "🏃",
    "255 bytes": "r" * 255,
    "dots": "...",
}
LONG = {"spaces", "emoji", "dots", "255 bytes"}


def status(run):
    return json.loads((Path(run) / "status.json").read_text())["status"]


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in NAMES])
def test_any_name_will_do(imgclf, name):
    out = NAMES[name]
    done = imgclf(*TRAIN, f"--out={out}")
    assert done.code == 0, done.err
    assert [path.name for path in Path().iterdir()] == [out]
    assert imgclf(*TRAIN[:1], "--no-plots", f"--resume={out}", "-s", "train.epochs=3").code == 0
    assert status(out) == "finished"
    assert imgclf("eval", "--", out).code == imgclf("verify", "--", out).code == 0
    assert imgclf("eval", "--out=e", "--json", "--", out).json == json.loads(Path("e/eval.json").read_text())


@pytest.mark.parametrize(("out", "code"), [
    ("/dev/null", 2), ("/dev/null/run", 2), ("r" * 256, 6), ("a/" * 2200, 6), ("", 2), (".", 2), ("new/..", 2),
    ("new/deep/run", 0),
])  # fmt: skip
def test_where_no_run_can_be_it_is_said_in_one_line(imgclf, refused, out, code):
    if code:
        refused(code, "", *TRAIN, f"--out={out}")
        assert list(Path().iterdir()) == []
    else:
        assert imgclf(*TRAIN, f"--out={out}").code == 0


@pytest.mark.parametrize(("link", "more"), [("runs", ()), ("circle", ("--out", "circle/run"))])
def test_a_link_that_leads_to_itself_is_no_place(imgclf, refused, link, more):
    Path(link).symlink_to(link)
    refused(6, "move away what is there", *TRAIN, *more)


def test_a_link_to_an_empty_folder_stays_one(imgclf):
    Path("elsewhere").mkdir()
    Path("run").symlink_to("elsewhere")
    assert imgclf(*TRAIN, "--out", "run").code == 0
    assert Path("run").is_symlink()
    assert status("elsewhere") == "finished"
    assert imgclf("train", "--no-plots", "--resume", "run", "-s", "train.epochs=3").code == 0
    Path("astray").symlink_to("nowhere")
    assert imgclf(*TRAIN, "--out", "astray").code in (2, 6)


@pytest.fixture
def in_the_second_epoch(monkeypatch):
    """Have something happen there."""
    import imgclf.training.epochs as room

    watch = room._watch

    def happen(what):
        def watched(plan, best, row, weights):
            if row["epoch"] == 2:
                what()
            return watch(plan, best, row, weights)

        monkeypatch.setattr(room, "_watch", watched)

    return happen


def test_a_directory_that_goes_away_during_the_run(refused, in_the_second_epoch):
    in_the_second_epoch(lambda: shutil.rmtree("run"))
    refused(6, ["run/", "no such file or directory"], *TRAIN, "--out", "run")
    assert list(Path().iterdir()) == []


def test_a_file_where_a_checkpoint_should_be_written(imgclf, refused, in_the_second_epoch):
    def put_a_folder_there():
        Path("run/checkpoint.npz").unlink()
        Path("run/checkpoint.npz/mine").mkdir(parents=True)

    in_the_second_epoch(put_a_folder_there)
    done = imgclf(*TRAIN, "--out", "run")
    assert done.code in (0, 6)
    assert done.err.count("\n") == (done.code > 0)


def test_a_pack_that_is_cut_during_the_run(imgclf, tmp_path):
    """In a process of its own, which SIGBUS would end."""
    assert imgclf("data", "pack", "--out", "packed").code == 0
    done = subprocess.run([sys.executable, "-c", CUT, *TRAIN, "-s", "data.source=pack", "-s", "data.path=packed",
                           "--out", "run"], cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "packed/train_images.npy: became shorter while it was in use" in done.stderr
    assert done.stderr.count("\n") == 1
    assert status("run") == "interrupted"


CUT = """
import os, imgclf.training.epochs as room
from imgclf.__main__ import main
watch = room._watch
room._watch = lambda *all: os.truncate("packed/train_images.npy", 9000) or watch(*all)
main()
"""


def spaces(command, cwd):
    """Run a shell command as root of a name space of its own, where file systems can be mounted."""
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", command], cwd=cwd, capture_output=True, text=True,
                          env=os.environ | {"IMGCLF": f"{sys.executable} -m imgclf"}, check=False)  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def can_mount(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mount")
    return shutil.which("unshare") and spaces("mount -t tmpfs tmpfs .", folder)[0] == 0


@pytest.fixture
def mounts(tmp_path_factory):
    if not can_mount(tmp_path_factory):
        pytest.skip("this system lets nobody mount")


WORDS = " ".join(f"'{word}'" for word in TRAIN)


def test_a_disk_that_is_full(tmp_path, mounts):
    code, out, err = spaces(f"""
        mkdir place && mount -t tmpfs -o size=400k tmpfs place && cd place && head -c 280k /dev/zero >other
        $IMGCLF -q {WORDS} --out run; echo $?; ls -A run
        rm other
        $IMGCLF -q train --no-plots --resume run >&2; echo $?; cat run/status.json
    """, tmp_path)  # fmt: skip
    first, *names, then, _, status, _ = out.splitlines()
    assert (code, first, then, status.strip()) == (0, "6", "0", '"status": "finished"')
    assert set(names) <= {".lock", "config.yaml", "environment.json", "status.json", "metrics.csv", "timings.csv",
                          "steps.csv", "path.npz", "model.npz", "checkpoint.npz",
                          "checkpoint.previous.npz"}  # fmt: skip
    assert err.startswith("imgclf: error: run")
    assert "no space left on device" in err.splitlines()[0]


def test_a_disk_that_may_only_be_read(tmp_path, mounts):
    code, out, err = spaces(f"""
        mkdir place && mount -t tmpfs tmpfs place && cd place && $IMGCLF -q {WORDS} --out run >&2
        mount -o remount,ro .
        $IMGCLF {WORDS} --out other >/dev/null; echo $?
        $IMGCLF train --resume run -s train.epochs=5 >/dev/null; echo $?
        $IMGCLF -q verify run >/dev/null; echo $?
        ls -A
    """, tmp_path)  # fmt: skip
    assert (code, out.split()) == (0, ["6", "6", "0", "run"])
    errors = [line for line in err.splitlines() if line.startswith("imgclf: error: ")]
    assert len(errors) == 2
    assert all("read-only file system" in line for line in errors)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from imgclf.__main__ import main
main()
"""


@pytest.mark.parametrize("most", [300, 3000, 60_000])
def test_files_that_may_not_grow(imgclf, tmp_path, most):
    assert imgclf(*TRAIN, "--out", "whole").code == 0
    done = subprocess.run([sys.executable, "-c", LIMITED, str(most), *TRAIN, "--out", "run"], cwd=tmp_path, text=True,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "file too large" in done.stderr
    if not Path("run").exists():
        assert [path.name for path in Path().iterdir()] == ["whole"]
        return
    assert {path.name for path in Path("run").iterdir()} <= {path.name for path in Path("whole").iterdir()}
    assert imgclf("train", "--no-plots", "--resume", "run").code == 0
    for name in ("model.npz", "metrics.csv", "metrics.json"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes(), name


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_stdout_stops_a_run_that_can_go_on(imgclf, tmp_path):
    command = [sys.executable, "-m", "imgclf", *(word for word in TRAIN if word not in ("--progress", "none"))]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command, "--out", "run"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)  # fmt: skip
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "no space left" in done.stderr
    if Path("run").exists():
        assert imgclf("train", "--no-plots", "--resume", "run").code == 0


def test_a_finished_run_without_checkpoints_answers_in_json(imgclf):
    assert imgclf(*TRAIN, "--out", "run").code == 0
    for path in Path("run").glob("checkpoint*"):
        path.unlink()
    done = imgclf("train", "--resume", "run", "--json", "--no-plots").json
    assert (done["run"], done["epochs"], done["train"]["n"]) == ("run", None, 100)
