"""Files are written whole or not at all, never through links; system errors are one helpful line."""

import errno
import fcntl
import itertools
import os
import stat
from pathlib import Path

import pytest

from imgclf.errors import REMEDIES, StorageError
from imgclf.files.reading import read_bytes
from imgclf.files.writing import lock, open_own, remove_litter, sync, translate_os_errors, unfinished, write_whole
from interruption import interrupt


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(monkeypatch):
    path = Path("model.npz")
    write_whole(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(Path().iterdir()) == [path]


def test_a_file_has_the_permissions_that_open_would_give():
    write_whole(Path("whole"), b"")
    Path("plain").write_bytes(b"")
    assert stat.S_IMODE(Path("whole").stat().st_mode) == stat.S_IMODE(Path("plain").stat().st_mode)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # between its opening and its `with`
def test_a_signal_at_any_instruction_leaves_a_whole_file_and_no_litter():
    path = Path("checkpoint.npz")
    for number in itertools.count(1):
        path.write_bytes(b"old")
        reached = interrupt(number, lambda: write_whole(path, b"new"))
        assert path.read_bytes() in (b"old", b"new"), number
        assert list(Path().iterdir()) == [path], number
        if not reached:
            break
    assert number > 100


def test_a_lock_has_one_owner_at_a_time_and_ends_with_its_file(tmp_path):
    with (tmp_path / "a").open("w") as one, (tmp_path / "a").open() as other:
        assert lock(one)
        assert not lock(other)
        one.close()
        assert lock(other)


def no_locks(monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_locks_is_reported(monkeypatch, code):
    no_locks(monkeypatch, code)
    words = r"a: the file system has no locks.* - use another folder"
    with pytest.raises(StorageError, match=words), translate_os_errors(Path("a")), Path("a").open("w") as file:
        lock(file)


def refuse_to_sync(monkeypatch, code, what):
    real = os.fsync

    def refuse(number):
        if what(os.fstat(number).st_mode):
            raise OSError(code, os.strerror(code))
        real(number)

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_folder_that_cannot_be_synced_is_passed_over_a_file_is_not(monkeypatch, code):
    with monkeypatch.context() as patch:
        refuse_to_sync(patch, code, stat.S_ISDIR)
        write_whole(Path("a"), b"whole")
        sync(Path())
        assert Path("a").read_bytes() == b"whole"
    refuse_to_sync(monkeypatch, code, stat.S_ISREG)
    with pytest.raises(StorageError):
        sync(Path("a"))


def test_a_folder_that_cannot_be_synced_for_another_reason_is_an_error(monkeypatch):
    refuse_to_sync(monkeypatch, errno.EIO, stat.S_ISDIR)
    with pytest.raises(StorageError, match="input/output error - check the disk"):
        sync(Path())


PLANTS = {
    "a link": lambda: Path("place").symlink_to("victim"),
    "a link to nothing": lambda: Path("place").symlink_to("nowhere"),
    "a link to a folder": lambda: Path("place").symlink_to("folder"),
    "a second name": lambda: Path("place").hardlink_to("victim"),
    "a pipe": lambda: os.mkfifo("place"),
    "a folder": lambda: Path("place").mkdir(),
    "a device": lambda: Path("place").symlink_to("/dev/null"),
}


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("create", [0, os.O_CREAT, os.O_CREAT | os.O_EXCL])
def test_only_a_regular_file_with_one_name_is_opened_for_writing(plant, create):
    Path("victim").write_bytes(b"precious")
    Path("folder").mkdir()
    PLANTS[plant]()
    with pytest.raises(StorageError), translate_os_errors(Path("place")):
        open_own(Path("place"), create)
    assert Path("victim").read_bytes() == b"precious"
    assert {path.name for path in Path().iterdir()} == {"victim", "folder", "place"}


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        ("a link", "a symbolic link; imgclf does not write through links - replace"),
        ("a second name", r"the file has another name \(a hard link\) - replace it by a copy"),
        ("a pipe", "not a regular file - move away what is there"),
        ("a folder", "is a directory - move away what is there"),
    ],
)
def test_the_error_names_the_obstacle(plant, words):
    Path("victim").touch()
    PLANTS[plant]()
    with pytest.raises(StorageError, match=f"^place: {words}"), translate_os_errors(Path("place")):
        open_own(Path("place"))


@pytest.mark.parametrize("plant", PLANTS)
def test_anything_at_the_path_is_replaced_itself_or_stays(plant):
    Path("victim").write_bytes(b"precious")
    Path("folder").mkdir()
    PLANTS[plant]()
    if plant == "a folder":
        with pytest.raises(StorageError, match="is a directory - move away what is there"):
            write_whole(Path("place"), b"new")
    else:
        write_whole(Path("place"), b"new")
        assert Path("place").read_bytes() == b"new"
        assert not Path("place").is_symlink()
    assert Path("victim").read_bytes() == b"precious"


def test_only_temporary_files_of_imgclf_are_litter():
    kept = [".notes.20260101", ".imgclf-unfinished-mine", ".imgclf-unfinished-0123abcd.txt"]
    for name in (*kept, unfinished(Path()).name):
        Path(name).touch()
    unfinished(Path()).mkdir()
    remove_litter(Path())
    names = {path.name for path in Path().iterdir() if path.is_file()}
    assert names == set(kept)
    assert len(list(Path().iterdir())) == len(kept) + 1


HELP = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "use a folder that can be written to",
    errno.EACCES: "check the permissions",
    errno.EPERM: "check the permissions",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EMFILE: "close other programs",
    errno.ELOOP: "replace the symbolic link",
    errno.EINVAL: "use another folder",
    errno.ENOSYS: "use another folder",
    errno.EISDIR: "move away what is there",
    errno.EFBIG: "ulimit -f",
    errno.ENOENT: "check the path",
    errno.ESTALE: "the network drive",
}


def test_errors_of_the_system_have_a_fitting_remedy():
    for code in errno.errorcode:
        with pytest.raises(StorageError) as caught, translate_os_errors(Path("a")):
            raise OSError(code, os.strerror(code))
        error = caught.value
        assert error.problem == os.strerror(code).lower()
        assert HELP.get(code, "") in error.remedy, error
        assert ("permission" in error.remedy) == (code not in REMEDIES or code in (errno.EACCES, errno.EPERM)), error


@pytest.mark.parametrize("code", sorted(set(errno.errorcode) - {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}))
def test_reading_and_writing_report_errors_of_the_system_alike(monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    Path("a").touch()
    monkeypatch.setattr(os, "open", refuse)
    said = []
    for act in (lambda: write_whole(Path("a"), b""), lambda: read_bytes(Path("a"))):
        with pytest.raises(StorageError) as caught:
            act()
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert said[0].startswith(f"a: {os.strerror(code).lower()} - ")
