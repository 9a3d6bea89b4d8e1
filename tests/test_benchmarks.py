"""RESULTS.md keeps what each kind of machine measured; a ratio is held to its target."""

import importlib.util
import runpy
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "benchmarks" / "results.py"


@pytest.fixture
def results(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("results", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "RESULTS.md")
    return module


def test_a_part_replaces_its_own_and_leaves_other_kinds_and_their_order(results):
    for title, text in [
        ("B: one", "old"),
        ("C: one", "other"),
        ("B: two", "beside"),
        ("A: one", "first"),
        ("B: one", "new"),
    ]:
        results.write_part(f"# {title}\n\n{text}")
    parts = ["# A: one\n\nfirst\n", "# B: one\n\nnew\n", "# B: two\n\nbeside\n", "# C: one\n\nother\n"]
    assert results.RESULTS.read_text() == "\n".join([results.INTRODUCTION, *parts])


def test_the_file_in_the_repository_is_one_that_a_part_leaves_unchanged(results):
    kept = FILE.with_name("RESULTS.md").read_text()
    results.RESULTS.write_text(kept)
    *_, last = kept.split("\n# ")
    results.write_part(f"# {last}")
    assert results.RESULTS.read_text() == kept


def test_without_pytorch_the_benchmark_of_a_card_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr("imgclf.speed.pytorch.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["card.py"])
    monkeypatch.syspath_prepend(FILE.parent)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(FILE.with_name("card.py")), run_name="__main__")
    assert stopped.value.code == "card.py: error: train.kernel: torch needs PyTorch - pip install 'imgclf[torch]'"


@pytest.mark.parametrize(
    ("values", "met"), [({"plain": 9.0, "compiled": 0.5}, "yes"), ({"compiled": 0.51}, "no"), ({"plain": 0.1}, "-")]
)
def test_a_ratio_meets_its_target_if_those_it_is_for_do(results, values, met):
    shown = results.ratio_table(["plain", "compiled"], [results.Ratio("an epoch", values, 0.5)])
    assert shown.split()[-2] == met


def test_a_target_for_each_kernel_is_met_by_the_slowest(results):
    ratio = results.Ratio("threads", {"plain": 1.2, "compiled": 1.0}, 1.1, ("plain", "compiled"))
    assert results.ratio_table(["plain", "compiled"], [ratio]).split()[-2] == "no"


@pytest.mark.parametrize(
    ("cores", "flags", "target"),
    [(2, "avx2", 1), (2, "avx2 avx512f", 2), (16, "avx2 avx512f", 3), (8, "avx2 avx512f", None)],
)
def test_targets_are_of_the_kind_of_machine(results, monkeypatch, cores, flags, target):
    monkeypatch.setattr(results, "available_cores", lambda: cores)
    monkeypatch.setattr(results, "_cpuinfo", lambda: {"flags": flags})
    assert results.here(1, 2, 3) == target
    assert f"{cores} cores, {'AVX-512' if target != 1 else 'AVX2'}" in results.kind()


def test_every_picture_that_is_shown_is_there():
    names = [
        line.partition("](")[2].rstrip(")")
        for line in FILE.with_name("RESULTS.md").read_text().splitlines()
        if line[:2] == "!["
    ]
    assert names
    assert all((FILE.parent / name).is_file() for name in names)
