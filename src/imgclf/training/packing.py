"""Pack the data of a config into memory-mapped arrays."""

import hashlib
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from imgclf.config import Config
from imgclf.data.packs.pack import INDEX, array_file, is_pack, read_index
from imgclf.data.packs.writer import Content, Packed, write_pack
from imgclf.data.sources._parquet import contents as parquet_contents
from imgclf.data.split_names import SPLITS
from imgclf.errors import DataError, UsageError
from imgclf.files.form import Form
from imgclf.files.writing import check_out, remove_litter, translate_os_errors
from imgclf.training.loading import form_settings, list_source, load_source, where


def pack(
    config: Config, out: Path, parquet: Path | None = None, tell: Callable[[str], object] = lambda remark: None
) -> Generator[Packed, None, None]:
    """Pack the splits of a config's source, in its size and color, into `out`; yield the progress.

    `tell` is called with each remark on how the data is read.

    `out` is absent or empty, or holds an unfinished pack of the same data and settings, which is continued. Images of
    a folder are decoded straight into the file; other sources are loaded as for training. `parquet` is the path of
    Parquet files, to be packed in place of the source.
    """
    if config.data.limit is not None:
        raise UsageError("data.limit", "a pack holds all images", "leave it out, and set it when training")
    _check_folder(out)
    contents, fingerprint = _contents(config, tell) if parquet is None else _parquet_contents(config, parquet, tell)
    with translate_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        yield from write_pack(out, contents, fingerprint)
    except DataError:  # corrected data has another fingerprint, which could not continue this pack
        with translate_os_errors(out):
            for split in contents:
                array_file(out, split, "images").unlink(missing_ok=True)
                array_file(out, split, "labels").unlink(missing_ok=True)
            (out / INDEX).unlink(missing_ok=True)
        raise


def _contents(config: Config, tell: Callable[[str], object]) -> tuple[dict[str, Content], str]:
    """Return the content of each split, and a fingerprint of data and settings."""
    listings = list_source(config, SPLITS)
    if listings is not None:
        found = {split: listing.proven() for split, listing in listings.items()}
    else:
        loaded = load_source(config, SPLITS)
        for remark in dict.fromkeys(remark for data in loaded.values() for remark in data.remarks):
            tell(remark)
        found = {split: (data.fingerprint, partial(Content.of, data)) for split, data in loaded.items()}
    if not found:
        raise DataError(where(config), "there are no images", "see `imgclf data info`")
    in_order = [split for split in SPLITS if split in found]
    fingerprint = hashlib.sha256(repr([(split, found[split][0]) for split in in_order]).encode()).hexdigest()
    return {split: found[split][1]() for split in in_order}, fingerprint


def _parquet_contents(config: Config, path: Path, tell: Callable[[str], object]) -> tuple[dict[str, Content], str]:
    return parquet_contents(path, Form.of(**form_settings(config)), config.data.options, tell)


def _check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but an unfinished pack."""
    if out.is_dir():
        remove_litter(out)  # of a process killed while writing the index
    if not is_pack(out) or read_index(out).finished:
        check_out(out)
