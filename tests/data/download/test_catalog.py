"""The catalog of official files."""

import re
from pathlib import Path

import pytest

from imgclf.config import resolve
from imgclf.config.ready import ready_configs
from imgclf.data.download.catalog import DOWNLOADS, OFFICIAL, official_name
from imgclf.data.sources import SOURCES
from imgclf.data.sources.fashion_mnist_mini import load


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_file_has_a_size_two_checksums_and_an_address(name):
    wanted = OFFICIAL[name]
    for file in wanted.files:
        assert re.fullmatch("[0-9a-f]{32}", file.md5)
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert 1000 < file.size < 1 << 28
        assert re.fullmatch("[a-z0-9-]+(-ubyte|[.]tar)[.]gz", file.name)
        for url in wanted.urls(file):
            assert re.fullmatch("https?://[a-z0-9.-]+/(.+/)?" + re.escape(file.name), url)


def test_no_two_files_are_the_same():
    files = [file for wanted in OFFICIAL.values() for file in wanted.files]
    for of in ("md5", "sha256", "size"):
        assert len({getattr(file, of) for file in files}) == len(files) == 10
    assert len({wanted.path(Path("data")) for wanted in OFFICIAL.values()}) == len(OFFICIAL)


def test_each_set_is_of_a_source_there_is():
    assert {wanted.source for wanted in OFFICIAL.values()} <= set(SOURCES)


def test_the_classes_of_fashion_mnist_have_the_names_of_the_images_that_ship_with_imgclf():
    assert load(None, ["train"])["train"].class_names == OFFICIAL["fashion-mnist"].class_names


@pytest.mark.parametrize("name", [name for name, one in OFFICIAL.items() if one.config])
def test_the_ready_config_of_a_set_reads_what_was_downloaded(name):
    data, known = resolve([ready_configs()[OFFICIAL[name].config]]).config.data, OFFICIAL[name]
    assert data.source == known.source
    assert Path(data.path).name in (known.path(DOWNLOADS).name, DOWNLOADS.name)


def test_a_set_is_known_by_its_name_as_people_write_it_and_by_its_file():
    for name, known in OFFICIAL.items():
        for word in (name, name.upper(), name.replace("-", "_"), known.path(DOWNLOADS).name):
            assert official_name(word) == name
    assert official_name("CIFAR-10") == "cifar10"
    assert official_name("photos") is official_name("") is official_name("..") is None
