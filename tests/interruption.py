"""A signal comes at any instruction: what must hold then is tried at one after the other."""

import gc
import itertools
import sys


def _raise():
    raise KeyboardInterrupt


def interrupt(number, call, act=_raise, within=""):
    """Call, and raise as a signal's handler does before the instruction of that number; return whether it came so far.

    act     what is done there
    within  only instructions of files whose paths end so are counted
    """
    instructions = itertools.count(1)
    reached = False

    def trace(frame, event, _):
        nonlocal reached
        if not frame.f_code.co_filename.endswith(within):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and next(instructions) == number:
            reached = True
            act()
        return trace

    # To raise between two instructions may leave Python with an exception that it goes on handling. A generator handles
    # its own, and they end with it.
    calling = (call() for _ in [0])
    sys._getframe().f_trace_opcodes = True  # before `settrace`: Python 3.12 looks whether any frame asks for them there
    gc.disable()  # it may call others' functions, at any instruction
    sys.settrace(trace)
    try:
        next(calling)
    except KeyboardInterrupt:  # not by `suppress`, which has instructions of its own
        pass
    finally:
        sys.settrace(None)
        gc.enable()
    return reached
