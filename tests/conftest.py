"""What all tests share."""

import gc
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from imgclf.cli import main
from imgclf.cli.signals import SIGNALS

# Loops are compiled once, for all processes and sessions; `starting` names a folder in it by their source.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "numba"))

# A law holds however long a busy machine takes for it.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _children_hear_every_signal():
    """Under `nohup` or behind `&`, processes ignore some signals, and so do their children; no child gets a handler."""
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_the_users():
    """No test reads or writes the user's cache folder; those of the cache name another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGCLF_CACHE", "0")
        yield


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The cache folder, in use."""
    monkeypatch.delenv("IMGCLF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "imgclf"


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_disk():
    """No test pulls the plug: in this process, to sync an open file only asks for it, which a closed one refuses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


def pytest_collection():
    gc.disable()  # ten thousand tests are collected, and none of them is garbage


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def imgclf(tmp_path, monkeypatch, capsys):
    """Run `imgclf ARGUMENTS` in an empty folder, in this process; return its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["imgclf", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return Done(stop.value.code, printed.out, printed.err)

    return run


TOLD = defaultdict(lambda: [0, 0, 0.0])  # what the long form did: how many, how many went wrong, seconds


@pytest.fixture
def tell(request):
    """Note for the table at the end of the long form what was done how often, and how often that went wrong."""
    began, long = time.monotonic(), request.node.get_closest_marker("long")

    def note(what, number, wrong):
        for place, more in enumerate((number, wrong, time.monotonic() - began) if long else ()):
            TOLD[what][place] += more

    return note


NO_BROWSER = "the page is not tested in a browser: apt-get install chromium chromium-driver, then make test-browser"


def pytest_terminal_summary(terminalreporter, config):
    runs_all = config.args_source is config.ArgsSource.TESTPATHS
    if runs_all and not (shutil.which("chromedriver") and shutil.which("chromium")):
        terminalreporter.write_line(NO_BROWSER)
    if TOLD:
        terminalreporter.section("the long form")
        terminalreporter.write_line("| what was done | how often | went wrong | seconds |")
        terminalreporter.write_line("|---|--:|--:|--:|")
        for what, (number, wrong, seconds) in TOLD.items():
            terminalreporter.write_line(f"| {what} | {number:,} | {wrong:,} | {seconds:,.0f} |")


class Server:
    """A web server on this machine that answers as it is told, and remembers what it was asked for."""

    def __init__(self):
        self.asked = []  # (path, Range)
        self.answers = {}
        self.closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.asked.append((self.path, self.headers.get("Range")))
                answers = owner.answers[self.path]
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)
                self.close_connection = True

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that hangs up

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._http.server_port}"

    def says(self, path, *answers):
        """Answer requests for a path in this order; the last one for ever."""
        self.answers[path] = list(answers)

    def close(self):
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch):
    """A Server, reached without a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running = Server()
    yield running
    running.close()


@pytest.fixture
def gives():
    """Make an answer: the content, or from where it is asked for; `cut`: no more bytes than that before hanging up."""

    def answer(content, *, cut=None, ranges=True, length=True, more=b"", stall=None):
        def respond(handler):
            asked = handler.headers.get("Range")
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and ranges else 0
            handler.send_response(206 if start else 200)
            if start:
                handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if length:
                announced = len(content) - start if length is True else length
                handler.send_header("Content-Length", str(announced))
            handler.end_headers()
            body = content[start:] + more
            handler.wfile.write(body if cut is None else body[:cut])
            if stall:
                stall.wait()

        return respond

    return answer


@pytest.fixture
def status():
    """Make an answer without a content: status(404), status(302, Location="...")."""

    def answer(code, **headers):
        def respond(handler):
            handler.send_response(code)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return respond

    return answer


def pytest_make_parametrize_id(val, argname):
    """Name bytes by their argument: they may hold the time, and pytest-xdist wants the same names always."""
    return argname if isinstance(val, bytes) else None
