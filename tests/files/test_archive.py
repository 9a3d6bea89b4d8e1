import gzip
import io
import tarfile

import pytest

from imgclf.errors import DataError, StorageError
from imgclf.files import archive
from imgclf.files.archive import find_folder, read_members
from imgclf.machine import memory
from imgclf.machine.memory import Limit

NAMES = ("set/one", "set/two")
CONTENT = {"set/one": bytes(range(256)) * 20, "set/two": b"2" * 3000}


def info(name, kind=tarfile.REGTYPE, size=0, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, link
    return member


def tar_of(*members, tar_format=tarfile.GNU_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content) if content is not None else None)
    return buffer.getvalue()


def regular(name, content):
    return info(name, size=len(content)), content


GOOD = tar_of(*(regular(name, content) for name, content in CONTENT.items()))


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    def write(raw, zipped=True):
        path = tmp_path / "set.tar.gz"
        path.write_bytes(gzip.compress(raw, 1) if zipped else raw)
        return path

    return write


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_named_members_are_read_and_others_are_not(write, zipped, tar_format):
    members = [regular("set/other", b"x"), *(regular(f"./{name}", content) for name, content in CONTENT.items())]
    path = write(tar_of(*members, tar_format=tar_format), zipped)
    assert dict(read_members(path, NAMES)) == CONTENT
    assert dict(read_members(path, NAMES[1:])) == {"set/two": CONTENT["set/two"]}
    assert find_folder(path, ["other", "set"]) == "set"
    assert find_folder(path, ["other"]) is None


@pytest.mark.parametrize("around", ["data/", "./data/"])
def test_there_may_be_a_folder_around_them(write, around):
    members = [regular(f"{around}{name}", content) for name, content in CONTENT.items()]
    path = write(tar_of((info(around, tarfile.DIRTYPE), None), *members))
    assert dict(read_members(path, NAMES)) == CONTENT
    assert find_folder(path, ["set"]) == "set"


def test_nothing_is_written(write, tmp_path):
    evil = [regular("../out", b"x"), regular("/tmp/imgclf-out", b"x"), regular("set/one", b"1")]
    path = write(tar_of(*evil))
    assert dict(read_members(path, NAMES)) == {"set/one": b"1"}
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_named_member_must_be_a_regular_file(write, kind, tmp_path):
    (tmp_path / "secret").write_text("secret")
    path = write(tar_of(regular("set/two", b"2"), (info("set/one", kind, link="../secret"), None)))
    with pytest.raises(DataError, match="not a regular file"):
        list(read_members(path, NAMES))


def test_a_link_that_nobody_asked_for_is_ignored(write):
    path = write(tar_of((info("set/link", tarfile.SYMTYPE, link="/etc/passwd"), None), regular("set/one", b"1")))
    assert dict(read_members(path, NAMES)) == {"set/one": b"1"}


def test_a_member_that_is_there_twice_is_refused(write):
    path = write(tar_of(regular("set/one", b"1"), regular("./set/one", b"2")))
    with pytest.raises(DataError, match="twice"):
        list(read_members(path, NAMES))


@pytest.mark.parametrize("name", ["set/one", "set/unasked"])
def test_a_bomb_is_refused_early(write, monkeypatch, name):
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    path = write(tar_of(*(regular(f"{name}{number or ''}", bytes(1 << 20)) for number in range(20))))
    assert 1 << 20 < 200 * path.stat().st_size < 20 << 20
    with pytest.raises(DataError, match="far more"):
        list(read_members(path, NAMES))


def test_data_larger_than_memory_is_not_unpacked(write, monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: Limit(65 << 20, "free"))
    with pytest.raises(StorageError, match="set/one: not enough memory: needs about 73 MB, 68 MB is free"):
        list(read_members(write(tar_of(regular("set/one", bytes(70 << 20)))), NAMES))


def test_a_million_members_are_refused_early(write):
    block = info("x").tobuf(tarfile.USTAR_FORMAT)
    path = write(block * 100_000)
    with pytest.raises(DataError, match="more than 10,000 members"):
        list(read_members(path, NAMES))


def about_the_next(kind, content):
    """A member that says something of the one after it: its long name, or attributes."""
    return info("x", kind, len(content)).tobuf(tarfile.GNU_FORMAT) + content.ljust(-(-len(content) // 512) * 512, b"\0")


KINDS_OF_ATTRIBUTES = [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]


@pytest.mark.parametrize("kind", KINDS_OF_ATTRIBUTES)
def test_names_and_attributes_may_not_be_long(write, kind):
    with pytest.raises(DataError, match="announces 100,000 bytes of names and attributes"):
        list(read_members(write(about_the_next(kind, b"9" * 100_000) + GOOD), NAMES))


def test_names_and_attributes_may_not_be_many(write):
    path = write(
        (about_the_next(tarfile.XHDTYPE, b"4000 comment=".ljust(3999, b"x") + b"\n") + tar_of(regular("x", b""))[:512])
        * 300
    )
    with pytest.raises(DataError, match="bytes of names and attributes"):
        list(read_members(path, ()))


@pytest.mark.parametrize("kind", KINDS_OF_ATTRIBUTES)
def test_names_and_attributes_one_after_the_other_end(write, kind):
    content = b"11 path=ab\n" if kind in (tarfile.XHDTYPE, tarfile.XGLTYPE) else b"set/one\0"
    path = write(about_the_next(kind, content) * 3000 + GOOD)
    for read in (lambda: list(read_members(path, NAMES)), lambda: find_folder(path, NAMES)):
        with pytest.raises(DataError):
            read()


def test_a_name_in_an_attribute_is_the_name(write):
    path = write(about_the_next(tarfile.XHDTYPE, b"16 path=set/one\n") + tar_of(regular("../other", b"1")))
    assert dict(read_members(path, NAMES)) == {"set/one": b"1"}
    path = write(about_the_next(tarfile.XHDTYPE, b"19 path=../set/one\n") + tar_of(regular("set/one", b"1")))
    assert dict(read_members(path, NAMES)) == {}


@pytest.mark.parametrize("size", [b"1152921504606846976", b"9" * 3000])
def test_a_size_in_an_attribute_that_lies_is_refused(write, size):
    record = b" size=" + size + b"\n"
    record = str(len(record) + len(str(len(record) + 2))).encode() + record
    with pytest.raises(DataError):
        list(read_members(write(about_the_next(tarfile.XHDTYPE, record) + GOOD), ("set/two",)))


def test_a_member_beyond_all_disks_that_nobody_asked_for_ends_at_once(write):
    huge = info("set/other", size=1 << 60).tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(DataError, match=r"ends long before|unexpected end of data"):  # the latter by newer Pythons
        list(read_members(write(huge + GOOD), NAMES))


def test_a_sparse_file_is_refused(write):
    with pytest.raises(DataError, match="sparse"):
        list(read_members(write(info("set/one", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT) + GOOD), NAMES))
    pax = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.name=set/one\n"
    with pytest.raises(DataError):
        list(read_members(write(about_the_next(tarfile.XHDTYPE, pax) + tar_of(regular("x", b"1\n0\n1\n" * 80))), NAMES))


@pytest.mark.parametrize("zipped", [True, False])
def test_an_archive_that_is_cut_off_never_gives_half_a_member(write, zipped):
    whole = gzip.compress(GOOD, 1) if zipped else GOOD
    for length in range(0, len(whole) - (0 if zipped else 1024), 97):
        path = write(whole[:length], zipped=False)
        try:
            found = dict(read_members(path, NAMES))
        except DataError:
            continue
        assert not zipped
        assert all(found[name] == CONTENT[name] for name in found)


def test_a_wrong_checksum_is_noticed(write):
    raw = bytearray(gzip.compress(GOOD, 1))
    raw[-6] ^= 1
    with pytest.raises(DataError, match="damaged"):
        list(read_members(write(bytes(raw), zipped=False), NAMES))


def test_a_size_that_lies_is_refused(write):
    raw = bytearray(GOOD)
    for size in (b"\x80" + (1 << 60).to_bytes(11, "big"), b"\xff" * 12):
        header = tarfile.TarInfo("set/one").tobuf(tarfile.GNU_FORMAT)
        changed = bytearray(header[:124] + size + header[136:])
        changed[148:156] = b" " * 8
        changed[148:156] = b"%06o\0 " % sum(changed)
        with pytest.raises(DataError):
            list(read_members(write(bytes(changed) + bytes(raw[512:])), NAMES))


@pytest.mark.parametrize("raw", [b"", b"x", b"<html>not here</html>" * 50, b"\x1f\x8b", b"\x1f\x8b\x08" + bytes(600)])
def test_anything_but_an_archive_is_a_data_error(write, raw):
    with pytest.raises(DataError):
        list(read_members(write(raw, zipped=False), NAMES))
    with pytest.raises(DataError):
        find_folder(write(raw, zipped=False), NAMES)


@pytest.mark.parametrize("zipped", [True, False])
def test_damage_is_a_data_error_or_members(write, damaged, try_all, zipped):
    copies = damaged(gzip.compress(GOOD, 1) if zipped else GOOD)
    found, refused = try_all(lambda raw: dict(read_members(write(raw, zipped=False), NAMES)), copies)
    assert all(set(one) <= set(NAMES) for one in found)
    assert len(refused) > (250 if zipped else 10)
