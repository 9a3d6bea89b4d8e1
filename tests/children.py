"""Children that are forked from a test, so that they can die as they like."""

import os
import traceback

FAILED = 99  # exit code of a child whose function raised


def fork(function, *arguments):
    """Call a function in a child and return its number; it ends with the exit code that the function returns, or 0."""
    child = os.fork()
    if child == 0:
        code = FAILED
        try:
            code = function(*arguments) or 0
        except BaseException:  # noqa: BLE001 - printed, and told by the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def end_of(child):
    """Wait for a child; return its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(function, *arguments):
    """Call a function in a child and wait for its end."""
    return end_of(fork(function, *arguments))


def at_once(*functions):
    """Call each in a child, all from one moment on; return how each ended."""
    ready, go = os.pipe()

    def wait_and_call(function):
        os.close(go)
        os.read(ready, 1)  # until the parent closes its end
        return function()

    children = [fork(wait_and_call, function) for function in functions]
    os.close(ready)
    os.close(go)
    return [end_of(child) for child in children]
