"""Memory does not grow with the pixels of a pack: only a few bytes per image for its row indices."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imgclf.config import resolve
from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.sources import _class_folders
from imgclf.numerics import random_streams
from imgclf.run.session import run
from imgclf.speed.threads import workers
from imgclf.training.packing import pack
from imgclf.training.plan import make_plan

MOST = 24  # bytes an image


def write(folder, n):
    """Write a pack of n images of 8 x 8 without ever holding them."""

    def labels():
        return (np.arange(start, min(start + 4096, n)) % 3 for start in range(0, n, 4096))

    def examples(start):
        for place in range(start, n, 4096):
            y = np.arange(place, min(place + 4096, n)) % 3
            yield np.broadcast_to(np.uint8(80 * y + 7)[:, None, None, None], (len(y), 8, 8, 1))

    folder.mkdir()
    content = Content(n, (8, 8, 1), np.dtype(np.uint8), ("a", "b", "c"), labels, examples)
    list(write_pack(folder, {"train": content}, "f"))
    return folder


def peak_of(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peaks_of_a_run(folder, out):
    """Return the peaks of loading, of training and of the fingerprint: each may have another reason to grow."""
    out.mkdir()
    settings = {"data.source": "pack", "data.path": f"'{folder}'", "train.batch_size": 32768, "train.epochs": 2}
    config = resolve((), [f"{key}={value}" for key, value in settings.items()]).config
    plans, peaks = [], []

    def train():
        with workers(1) as sum_blocks:
            for _ in run(plans[0], out, sum_blocks):
                pass

    tracemalloc.start()
    for stage in (lambda: plans.append(make_plan(config)), train, lambda: plans[0].train.fingerprint):
        tracemalloc.reset_peak()
        stage()
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    return np.array(peaks)


@pytest.mark.slow
def test_what_a_run_holds_for_an_image_is_at_most_24_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(random_streams, "SORTED_AT_ONCE", 1 << 14)
    monkeypatch.setattr(random_streams, "_DRAWN_AT_ONCE", 1 << 12)
    sizes = 80_000, 160_000
    folders = [write(tmp_path / str(n), n) for n in sizes]
    peaks = [[peaks_of_a_run(folder, tmp_path / f"{turn}-{folder.name}") for folder in folders] for turn in range(2)]
    small, large = np.min(peaks, axis=0)  # what is made once, and at any time, is in one of them only
    assert ((large - small) / (sizes[1] - sizes[0])).max() <= MOST


@pytest.mark.slow
def test_packing_a_folder_holds_a_chunk_of_images_and_the_names_of_one_class(tmp_path, monkeypatch):
    monkeypatch.setattr(_class_folders, "_MOST_AT_ONCE", 16)
    monkeypatch.setattr(_class_folders, "available_cores", lambda: 1)  # what threads hold at once is left to chance
    raw = tmp_path / "raw.png"
    Image.new("RGB", (64, 64)).save(raw)
    peaks = {4: [], 16: []}
    for turn in range(3):  # what is made once, and at any time, is in one of them only
        for classes, seen in peaks.items():
            root = tmp_path / f"{turn}-{classes}"
            for name in range(classes):
                (root / str(name)).mkdir(parents=True)
                for number in range(80):
                    (root / str(name) / f"{number}.png").hardlink_to(raw)
            config = resolve((), ["data.source=folder", f"data.path='{root}'"]).config
            seen.append(peak_of(lambda c=config, r=root: list(pack(c, tmp_path / f"{r.name}-packed"))))
    # 960 images more are 12 MB of pixels, or 400 kB of paths; their digests are 31 kB.
    assert min(peaks[16]) - min(peaks[4]) < 150_000
