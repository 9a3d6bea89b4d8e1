"""Ranged HTTP downloads.

Errors say whether to retry, try another server, or give up.
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, responses
from typing import cast
from urllib import request
from urllib.error import HTTPError, URLError

from imgclf import __version__

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)")
_MAY_PASS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
# urllib's own opener would follow a redirection to ftp, too.
_HANDLERS = (
    request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler, request.HTTPRedirectHandler,
    request.HTTPDefaultErrorHandler, request.HTTPErrorProcessor, request.UnknownHandler,
)  # fmt: skip


class InterruptedTransferError(Exception):
    """The transfer broke off; another request may resume it."""


class UnresumableError(InterruptedTransferError):
    """The server does not resume here: request the whole file."""


class UnavailableError(Exception):
    """The server does not provide the file, or cannot be reached."""


class WrongFileError(Exception):
    """The server sends another file."""


@contextmanager
def receive(url: str, *, start: int, size: int, stall: float) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Request a file of `size` bytes from byte `start` on; yield the position of the response, and its chunks.

    That position is `start`, or 0 if the server sends the whole file; chunks end at `size` bytes. `stall` is the
    timeout in seconds. Redirections lead to http and https only; proxies are those of the environment (http_proxy,
    https_proxy, no_proxy).
    """
    headers = {"User-Agent": f"imgclf/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with closing(_open(request.Request(url, headers=headers), stall)) as response:
        first = _first_byte(response, start, size)
        yield first, _chunks(response, size - first, stall)


def _open(asked: request.Request, stall: float) -> HTTPResponse:
    opener = request.OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    try:
        return cast(HTTPResponse, opener.open(asked, timeout=stall))
    except HTTPError as error:
        with error:
            raise _refusal(error.code, resuming=asked.has_header("Range")) from error
    except URLError as error:
        reason = error.reason
        raise UnavailableError(_say(reason, stall) if isinstance(reason, OSError) else str(reason)[:80]) from error
    except (OSError, HTTPException) as error:
        raise InterruptedTransferError(_say(error, stall)) from error
    except ValueError as error:
        raise UnavailableError("redirects to an invalid address") from error


def _refusal(status: int, *, resuming: bool) -> Exception:
    """Return the error for a response other than success."""
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and resuming:
        return UnresumableError(_status(status))
    if status in _MAY_PASS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return InterruptedTransferError(_status(status))
    if status in range(300, 400):
        return UnavailableError("redirects to an unsupported address")
    return UnavailableError(_status(status))


def _first_byte(response: HTTPResponse, start: int, size: int) -> int:
    """Return the byte of the file at which the response begins: 0 if the server ignores the range."""
    if response.status == HTTPStatus.OK:
        if response.length not in (None, size):
            raise WrongFileError(f"announces {response.length:,} bytes, not {size:,}")
        return 0
    if response.status != HTTPStatus.PARTIAL_CONTENT or not start:
        raise UnavailableError(f"answers with status {response.status}")
    answer = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if answer is None or answer[1] != str(start):
        raise UnresumableError("answers with another range than requested")
    if answer[2] not in ("*", str(size)):
        raise WrongFileError(f"has a file of {answer[2][:20]} bytes, not {size}")
    return start


def _chunks(response: HTTPResponse, left: int, stall: float) -> Iterator[bytes]:
    """Yield the missing bytes; more than these are not read."""
    while left:
        try:
            # read1, not read: it keeps the bytes before a broken connection, and shows the progress of a slow server.
            # It may return more than asked for if a server sends a negative chunk size.
            chunk = response.read1(min(_CHUNK, left))[:left]
        except (OSError, HTTPException, ValueError) as error:
            raise InterruptedTransferError(_say(error, stall)) from error
        if not chunk:
            raise InterruptedTransferError("closes the connection too early")
        left -= len(chunk)
        yield chunk


def _status(status: int) -> str:
    """Describe a status in the words of the standard, not of the server."""
    return f"{status} {responses[status].lower()}" if status in responses else f"status {status}"


def _say(error: Exception, stall: float) -> str:
    if isinstance(error, TimeoutError):
        return f"sends nothing for {stall:g} s"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()[:100]
    return "does not speak HTTP"
