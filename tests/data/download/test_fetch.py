"""Downloads: whatever servers do, a file is the official one or missing, and no byte is loaded twice."""

import errno
import fcntl
import hashlib
import os
import random
import socket
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from imgclf.data.download.catalog import OfficialFile, OfficialSet
from imgclf.data.download.fetch import Patience, fetch
from imgclf.errors import DataError, NetworkError, StorageError

CONTENT = random.Random(0).randbytes(5000)
OTHER = random.Random(1).randbytes(5000)
QUICK = Patience(stall=0.2, tries=2, pause=0)
ONCE = Patience(stall=0.2, tries=1, pause=0)
FILE, PART = Path("data/f.gz"), Path("data/f.gz.part")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def official(content=CONTENT, name="f.gz"):
    return OfficialFile(name, len(content), hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())


@pytest.fixture
def bring(server):
    """Fetch f.gz from /a/ of the server, then /b/, as far as they answer; return the bytes of what is there then."""

    def run(patience=QUICK, *, file=None):
        servers = [f"{server.address}/{name}/" for name in "ab" if f"/{name}/f.gz" in server.answers]
        wanted = OfficialSet("idx", "", tuple(servers), (file or official(),))
        for _ in fetch(wanted, Path("data"), patience):
            pass
        assert list(Path("data").iterdir()) == [FILE]
        return FILE.read_bytes()

    return run


def begun(content):
    PART.parent.mkdir()
    PART.write_bytes(content)


def ranges(server):
    return [asked for _, asked in server.asked]


def nothing_is_left():
    return not any(Path("data").iterdir())


def test_a_file_arrives_whole_by_one_request(server, bring, gives):
    server.says("/a/f.gz", gives(CONTENT))
    assert bring() == CONTENT
    assert server.asked == [("/a/f.gz", None)]


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("k", [0, 1, 2500, 4999])
def test_cut_after_any_number_of_bytes_it_resumes_and_ends_as_the_same_bytes(server, bring, gives, k, length):
    server.says("/a/f.gz", gives(CONTENT, cut=k, length=length), gives(CONTENT, length=length))
    assert bring() == CONTENT
    assert ranges(server) == [None, f"bytes={k}-" if k else None]


def test_cut_again_and_again_it_arrives_however_few_tries_there_are_in_a_row(server, bring, gives):
    server.says("/a/f.gz", gives(CONTENT, cut=500))
    assert bring() == CONTENT
    assert ranges(server) == [None, *(f"bytes={k}-" for k in range(500, 5000, 500))]


def test_a_server_that_never_gets_further_is_given_up(server, bring, gives):
    server.says("/a/f.gz", gives(CONTENT, cut=500, ranges=False))
    with pytest.raises(NetworkError, match="closes the connection too early"):
        bring()
    assert len(server.asked) == 3
    assert PART.read_bytes() == CONTENT[:500]


def test_the_next_call_resumes_the_last_one(server, bring, gives, status):
    server.says("/a/f.gz", gives(CONTENT, cut=1234), status(404))
    with pytest.raises(NetworkError):
        bring(ONCE)
    assert PART.read_bytes() == CONTENT[:1234]
    assert not FILE.exists()
    server.says("/a/f.gz", gives(CONTENT))
    assert bring() == CONTENT
    assert ranges(server)[-1] == "bytes=1234-"


def test_stopped_in_the_middle_it_keeps_the_bytes(server, bring, gives):
    server.says("/a/f.gz", gives(CONTENT, cut=1234, stall=server.closing))
    wanted = OfficialSet("idx", "", (f"{server.address}/a/",), (official(),))
    with closing(fetch(wanted, Path("data"), QUICK)) as events:
        while next(events).done < 1234:
            pass
    assert PART.read_bytes() == CONTENT[:1234]
    server.says("/a/f.gz", gives(CONTENT))
    assert bring() == CONTENT


@pytest.mark.parametrize("k", [0, 700])
def test_a_server_that_falls_silent_is_asked_again(server, bring, gives, k):
    server.says("/a/f.gz", gives(CONTENT, cut=k, stall=server.closing), gives(CONTENT))
    assert bring() == CONTENT
    assert ranges(server) == [None, f"bytes={k}-" if k else None]


def test_a_silent_server_is_given_up_after_the_timeout(server, bring, gives):
    def late(handler):
        server.closing.wait(2)
        gives(CONTENT)(handler)

    server.says("/a/f.gz", late, gives(CONTENT))
    assert bring() == CONTENT
    assert len(server.asked) == 2  # who waits for the late answer asks once


def test_a_server_that_never_answers_is_given_up(server, bring):
    server.says("/a/f.gz", lambda handler: server.closing.wait())
    with pytest.raises(NetworkError, match=r"sends nothing for 0\.2 s"):
        bring()
    assert len(server.asked) == 2
    assert nothing_is_left()


@pytest.mark.parametrize("length", [1, 4999, 5001, 1 << 60])
def test_a_response_of_another_length_is_not_read(server, bring, gives, length):
    server.says("/a/f.gz", gives(CONTENT, length=length))
    with pytest.raises(DataError, match=f"announces {length:,} bytes, not 5,000"):
        bring()
    assert nothing_is_left()


@pytest.mark.parametrize("length", [True, False])
def test_bytes_beyond_the_file_are_not_read(server, bring, gives, length):
    server.says("/a/f.gz", gives(CONTENT, more=b"more", length=length))
    assert bring() == CONTENT


@pytest.mark.parametrize("chunk", [b"400", b"-400", None])
def test_an_endless_answer_is_cut_off(server, bring, chunk):
    hung_up = threading.Event()

    def endless(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        if chunk:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while not server.closing.is_set():
                handler.wfile.write(chunk + b"\r\n" + bytes(1024) + b"\r\n" if chunk else bytes(1024))
        except OSError:
            hung_up.set()

    server.says("/a/f.gz", endless)
    with pytest.raises(DataError, match="checksum mismatch"):
        bring()
    assert hung_up.wait(5)
    assert nothing_is_left()


@pytest.mark.parametrize("size", [b"-5", b"zz", b"", b"9" * 70_000, b"f" * 10_000])
def test_an_answer_in_garbled_chunks_is_an_error_like_others(server, bring, size):
    def garbled(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(size + b"\r\n" + bytes(9000))

    server.says("/a/f.gz", garbled)
    with pytest.raises((NetworkError, DataError)):
        bring()
    assert not FILE.exists()
    assert not PART.exists() or PART.stat().st_size < 5000


def test_a_wrong_file_is_asked_for_once_and_leaves_nothing(server, bring, gives):
    server.says("/a/f.gz", gives(OTHER))
    with pytest.raises(DataError, match="checksum mismatch"):
        bring()
    assert len(server.asked) == 1
    assert nothing_is_left()


@pytest.mark.parametrize("of", ["md5", "sha256"])
def test_both_checksums_must_be_right(server, bring, gives, of):
    server.says("/a/f.gz", gives(CONTENT))
    right = official()
    wrong = {"md5": right.md5, "sha256": right.sha256, of: getattr(official(OTHER), of)}
    with pytest.raises(DataError, match="checksum mismatch"):
        bring(file=OfficialFile("f.gz", 5000, **wrong))
    assert nothing_is_left()


def test_a_server_that_ignores_range_starts_again(server, bring, gives):
    begun(OTHER[:100])
    server.says("/a/f.gz", gives(CONTENT, ranges=False))
    assert bring() == CONTENT
    assert ranges(server) == ["bytes=100-"]


def test_a_server_that_refuses_the_range_is_asked_for_the_whole(server, bring, gives, status):
    begun(CONTENT[:100])
    server.says("/a/f.gz", status(416), gives(CONTENT))
    assert bring() == CONTENT
    assert ranges(server) == ["bytes=100-", None]


@pytest.mark.parametrize("header", ["bytes 99-4999/5000", "bytes 0-4999/5000", "pages 100-4999/5000", ""])
def test_a_server_that_gives_another_range_is_asked_for_the_whole(server, bring, gives, status, header):
    begun(CONTENT[:100])
    server.says("/a/f.gz", status(206, **{"Content-Range": header}), gives(CONTENT))
    assert bring() == CONTENT
    assert ranges(server) == ["bytes=100-", None]


@pytest.mark.parametrize("before", [OTHER[:100], OTHER, CONTENT + b"more"])
def test_a_wrong_beginning_is_loaded_again(server, bring, gives, before):
    begun(before)
    server.says("/a/f.gz", gives(CONTENT))
    assert bring() == CONTENT


def test_a_part_that_is_complete_needs_no_request(server, bring, gives):
    begun(CONTENT)
    server.says("/a/f.gz", gives(OTHER))
    assert bring() == CONTENT
    assert server.asked == []


def test_a_file_that_changes_between_two_responses_is_loaded_again(server, bring, gives):
    server.says("/a/f.gz", gives(OTHER, cut=2000), gives(CONTENT))
    assert bring() == CONTENT
    assert ranges(server) == [None, "bytes=2000-", None]


def test_a_file_that_changes_its_length_between_two_answers_is_another(server, bring, gives):
    server.says("/a/f.gz", gives(CONTENT, cut=2000), gives(CONTENT + b"!"))
    with pytest.raises(DataError, match="has a file of 5001 bytes, not 5000"):
        bring()
    assert PART.read_bytes() == CONTENT[:2000]


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_temporary_errors_are_retried(server, bring, gives, status, code):
    server.says("/a/f.gz", status(code), gives(CONTENT))
    assert bring() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize(("code", "words"), [
    (404, "404 not found"), (403, "403 forbidden"), (418, "418 i'm a teapot"), (499, "status 499"),
    (204, "answers with status 204"), (304, "redirects to an unsupported"), (416, "416 .*range not sat"),
])  # fmt: skip
def test_permanent_errors_are_not_retried(server, bring, status, code, words):
    server.says("/a/f.gz", status(code))
    with pytest.raises(NetworkError, match=words):
        bring()
    assert len(server.asked) == 1
    assert nothing_is_left()


def test_pauses_between_tries_grow(server, bring, status, monkeypatch):
    pauses = []
    monkeypatch.setattr("imgclf.data.download.fetch.time.sleep", pauses.append)
    server.says("/a/f.gz", status(503))
    with pytest.raises(NetworkError, match="503 service unavailable"):
        bring(Patience(stall=0.2, tries=4, pause=1))
    assert pauses == [1, 2, 4]


def test_a_redirection_is_followed_with_the_range(server, bring, gives, status):
    begun(CONTENT[:100])
    server.says("/a/f.gz", status(302, Location=f"{server.address}/there"))
    server.says("/there", gives(CONTENT))
    assert bring() == CONTENT
    assert server.asked == [("/a/f.gz", "bytes=100-"), ("/there", "bytes=100-")]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/f.gz", "data:,f", "http://[", "/a/f.gz"])
def test_a_redirection_leads_to_http_only_and_not_in_circles(server, bring, status, place):
    server.says("/a/f.gz", status(302, Location=place))
    with pytest.raises(NetworkError):
        bring()
    assert nothing_is_left()


@pytest.mark.parametrize("broken", ["missing", "silent", "wrong", "other length", "cut", "no HTTP"])
def test_a_mirror_is_asked_when_the_first_server_fails(server, bring, gives, status, broken):
    first = {
        "missing": status(404),
        "silent": lambda handler: server.closing.wait(),
        "wrong": gives(OTHER),
        "other length": gives(b"<html>"),
        "cut": gives(CONTENT, cut=0),
        "no HTTP": lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n"),
    }
    server.says("/a/f.gz", first[broken])
    server.says("/b/f.gz", gives(CONTENT))
    assert bring(ONCE) == CONTENT
    assert server.asked == [("/a/f.gz", None), ("/b/f.gz", None)]


def test_a_mirror_resumes_the_first_server(server, bring, gives):
    server.says("/a/f.gz", gives(CONTENT, cut=2000), gives(CONTENT, cut=0))
    server.says("/b/f.gz", gives(CONTENT))
    assert bring(ONCE) == CONTENT
    assert server.asked[-1] == ("/b/f.gz", "bytes=2000-")


def test_all_that_failed_is_named_in_one_line(server, bring, gives, status):
    server.says("/a/f.gz", gives(b"<html>"))
    server.says("/b/f.gz", status(404))
    host = server.address.removeprefix("http://")
    with pytest.raises(DataError) as caught:
        bring()
    assert caught.value.problem == f"download failed: {host} announces 6 bytes, not 5,000; {host} 404 not found"


def test_words_of_the_server_are_not_passed_on(server, bring):
    server.says("/a/f.gz", lambda handler: handler.send_response(404, "\x1b[31mred") or handler.end_headers())
    with pytest.raises(NetworkError) as caught:
        bring()
    assert "red" not in str(caught.value).replace("redirects", "")


def test_a_refused_connection_is_reported():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        servers = (f"http://127.0.0.1:{nobody.getsockname()[1]}/",)
        with pytest.raises(NetworkError, match="connection refused"):
            list(fetch(OfficialSet("idx", "", servers, (official(),)), Path("data"), QUICK))
    assert nothing_is_left()


def test_the_proxy_of_the_environment_is_used(server, gives, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    server.says("http://example.invalid/f.gz", gives(CONTENT))
    list(fetch(OfficialSet("idx", "", ("http://example.invalid/",), (official(),)), Path("data"), QUICK))
    assert FILE.read_bytes() == CONTENT


def test_a_file_that_is_there_is_neither_loaded_nor_touched(server, bring, gives):
    begun(CONTENT)
    PART.rename(FILE)
    os.utime(FILE, (time.time() + 3600, time.time()))  # last read after all that: to read it changes no time
    before = FILE.stat()
    server.says("/a/f.gz", gives(OTHER))
    assert bring() == CONTENT
    assert FILE.stat() == before
    assert server.asked == []


@pytest.mark.parametrize("mine", [b"mine", OTHER])
def test_a_file_of_the_user_is_never_overwritten(server, bring, gives, mine):
    begun(mine)
    PART.rename(FILE)
    server.says("/a/f.gz", gives(CONTENT))
    with pytest.raises(DataError, match="not the official file"):
        bring()
    assert FILE.read_bytes() == mine
    assert server.asked == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_anything_but_a_file_at_the_path_is_refused(server, bring, gives, make):
    Path("data").mkdir()
    make(FILE)
    server.says("/a/f.gz", gives(CONTENT))
    with pytest.raises((DataError, StorageError)):
        bring()
    assert server.asked == []


def test_a_decompressed_file_beside_a_download_is_refused(server):
    Path("data").mkdir()
    Path("data/train-labels-idx1-ubyte").write_bytes(b"mine")
    file = official(name="train-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match="would be a second copy"):
        list(fetch(OfficialSet("idx", "", (f"{server.address}/a/",), (file,)), Path("data"), QUICK))


def test_a_part_leads_nowhere_else(server, bring, gives):
    Path("data").mkdir()
    Path("mine").write_bytes(b"mine")
    PART.symlink_to(Path("mine").absolute())
    server.says("/a/f.gz", gives(CONTENT))
    with pytest.raises(StorageError):
        bring()
    assert Path("mine").read_bytes() == b"mine"


def test_two_at_once_do_not_write_one_file(server, bring, gives):
    begun(CONTENT[:100])
    server.says("/a/f.gz", gives(CONTENT))
    with PART.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="another process is downloading it"):
            bring()
    assert PART.read_bytes() == CONTENT[:100]
    assert bring() == CONTENT


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_disk_that_fails_leaves_the_part_and_the_next_call_finishes_it(server, bring, gives, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    server.says("/a/f.gz", gives(CONTENT))
    with monkeypatch.context() as broken:
        broken.setattr(call, full)
        with pytest.raises(StorageError, match="no space left"):
            bring()
    assert not FILE.exists()
    assert bring() == CONTENT
    assert len(server.asked) == 1


def test_the_file_is_on_the_disk_before_it_has_its_name(server, bring, gives, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: order.append("fsync") or fsync(number))
    monkeypatch.setattr(Path, "replace", lambda *paths: order.append("replace") or replace(*paths))
    server.says("/a/f.gz", gives(CONTENT))
    bring()
    assert order == ["fsync", "replace", "fsync"]


def test_the_names_of_the_classes_are_written_unless_there_are_some(server, gives):
    server.says("/a/f.gz", gives(CONTENT))
    wanted = OfficialSet("idx", "f", (f"{server.address}/a/",), (official(),), class_names=("cat", "dog"))
    list(fetch(wanted, Path("data"), QUICK))
    names = Path("data/f/class_names.txt")
    assert names.read_bytes() == b"cat\ndog\n"
    names.write_bytes(b"mine\n")
    list(fetch(wanted, Path("data"), QUICK))
    assert names.read_bytes() == b"mine\n"
