"""What is installed is enough: the wheel carries the data and the default config."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import imgclf
from imgclf.data.sources import fashion_mnist_mini

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build a wheel of this checkout and install it, alone, into a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)],
                   check=True, capture_output=True)  # fmt: skip
    return folder / "site"


def python(installed, cwd, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True,
                          check=True).stdout  # fmt: skip


FINGERPRINTS = """
from imgclf.data.sources.fashion_mnist_mini import load
print(*(data.fingerprint for data in load(None, ("train", "test")).values()))
"""


def test_a_wheel_holds_the_embedded_data_of_the_clone(installed, tmp_path):
    where = python(installed, tmp_path, "-c", "import imgclf; print(imgclf.__file__)").strip()
    assert Path(where).is_relative_to(installed)
    assert Path(imgclf.__file__).is_relative_to(ROOT / "src")
    in_the_clone = [data.fingerprint for data in fashion_mnist_mini.load(None, ("train", "test")).values()]
    assert python(installed, tmp_path, "-c", FINGERPRINTS).split() == in_the_clone


def test_a_wheel_holds_the_ready_configs(installed, tmp_path):
    printed = python(installed, tmp_path, "-m", "imgclf", "train", "fashion_svm", "--dry-run")
    said = f"path fashion_svm is a config that ships with imgclf: {installed}/imgclf/configs/"
    assert " ".join(printed.split()).startswith(said)
    names = "from imgclf.config.ready import ready_configs; print(*ready_configs())"
    assert python(installed, tmp_path, "-c", names).split() == sorted(one.stem for one in (ROOT / "configs").iterdir())


def test_a_wheel_holds_no_link_that_leads_nowhere(installed):
    """Each relative link of README.md is there as its text and the file, each picture as its description."""
    (metadata,) = installed.glob("imgclf-*.dist-info/METADATA")
    text, readme = metadata.read_text("utf-8"), (ROOT / "README.md").read_text("utf-8")
    target = r"\]\(((?!https?:)[^)]+)\)"
    assert re.findall(target, text) == re.findall(r"<(?:img|a) [^>]*=\"(?!https?:)", text) == []
    links = {link for link in re.findall(target, readme) if not link.startswith("#")}
    assert links
    for link in links:
        assert f"({link})" in text or f"\n{link}" in text or f" {link}" in text
    assert text.count("*Picture (") == len(re.findall(r"!\[[^]]*\]\((?!https?:)", readme))


def test_a_wheel_finds_its_config_of_cifar10(installed, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (folder / f"{name}.bin").write_bytes(b"".join(bytes([label]) + os.urandom(3072) for label in range(10)))
    (folder / "batches.meta.txt").write_text("".join(f"class {label}\n" for label in range(10)))
    printed = python(installed, tmp_path, "-m", "imgclf", "train", "-c", "cifar10_softmax", "--dry-run", "-s",
                     "data.path=cifar-10-batches-bin")  # fmt: skip
    assert "cifar10: 50 training images" in printed
    python(installed, tmp_path, "-m", "imgclf", "config", "init", "--from", "cifar10_softmax")
    assert (tmp_path / "cifar10_softmax.yaml").read_text().endswith("batch_size: 1024\n")


def test_a_wheel_holds_all_parts_of_the_page(installed):
    page = Path(imgclf.__file__).parent / "report" / "page"
    names = {str(path.relative_to(page)) for path in page.rglob("*") if path.suffix in (".j2", ".css", ".js")}
    assert {"page.html.j2", "style.css", "js/core.js", "js/main.js"} <= names
    for name in names:
        assert (installed / "imgclf/report/page" / name).read_bytes() == (page / name).read_bytes()


def test_a_wheel_holds_the_template_of_the_model_card(installed):
    assert (installed / "imgclf/export/card.md.j2").exists()


def test_a_source_distribution_holds_what_the_clone_does(tmp_path):
    """All files, since tests read many of them; and no other, such as data that lies in the clone."""
    if not (ROOT / ".git").exists():
        pytest.skip("no clone")
    build = f"import hatchling.build; hatchling.build.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.iterdir()
    with tarfile.open(made) as archive:
        held = {member.name.partition("/")[2] for member in archive if member.isfile()}
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    files = {file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])}  # a link to a folder
    assert held == {str(file.relative_to(ROOT)) for file in files} | {"PKG-INFO"}


@pytest.mark.long  # `make wheel-check` does so too
def test_a_wheel_trains_in_an_empty_folder(installed, tmp_path):
    out = python(installed, tmp_path, "-m", "imgclf", "train", "-s", "train.epochs=1")
    assert "runs/fashion-mnist-mini-softmax" in out
    assert (tmp_path / "runs/fashion-mnist-mini-softmax/templates.png").exists()
