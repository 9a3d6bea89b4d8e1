"""Submissions that are right, wrong or hostile, with the verdicts that they deserve."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import imgclf.grading

EXERCISES = ("svm-vectorized", "softmax-vectorized")
SOLUTION = Path(imgclf.grading.__file__).parent / "exercises" / "solution"
SVM, SOFTMAX = ((SOLUTION / name).read_text() for name in ("linear_svm.py", "softmax.py"))
RIGHT = {"linear_svm.py": SVM, "softmax.py": SOFTMAX}
LEFT = f"left_behind_by_test_{os.getpid()}"  # in the command line of the processes that are left behind


def on_call(line, module=SVM):
    """Insert a line at the beginning of each function."""
    return module.replace('"""\n    N', f'"""\n    {line}\n    N')


def at_import(line, module=SVM):
    return f"{module}\n{line}\n"


SLEEPER = f"[sys.executable, '-c', 'import time; time.sleep(600)', '{LEFT}']"
SPAWN = f"import subprocess, sys; subprocess.Popen({SLEEPER})"
DAEMON = f"import subprocess, sys; subprocess.Popen({SLEEPER}, start_new_session=True)"

# linear_svm.py of a student, whose softmax.py is right: the verdict on each.
KINDS = {
    "right": (SVM, "right"),
    "zero": (SVM.replace("return margins.sum() / N", "return 0 * margins.sum() / N"), "wrong"),
    "factor": (SVM.replace("2 * reg * W", "reg * W"), "wrong"),
    "no-mean": (SVM.replace("margins.sum() / N", "margins.sum()"), "wrong"),
    "endless": (on_call("while True: pass"), "crashed"),
    "hang-at-import": (at_import("while True: pass"), "crashed"),
    "memory": (on_call("np.ones(10**9)"), "crashed"),  # 8 GB
    "exit": (on_call("import os; os._exit(0)"), "crashed"),
    "sys-exit": (at_import("raise SystemExit(0)"), "crashed"),
    "children": (on_call(SPAWN).replace("def svm_loss_naive", f"{SPAWN}\n\n\ndef svm_loss_naive"), "right"),
    "daemons": (at_import(DAEMON), "right"),
    "forks": (on_call("import os; os.fork()"), "right"),
    "prints": (at_import("for _ in range(1000): print('x' * 10**6)"), "right"),  # 1 GB
    "syntax": (at_import("def :"), "crashed"),
    "no-function": ("import numpy as np\n", "missing"),
    "no-file": (None, "missing"),
    "raises": (on_call("1 / 0"), "crashed"),
    "returns-none": (on_call("return None"), "wrong"),
    "kills-parent": (on_call("import os, signal; os.kill(os.getppid(), signal.SIGKILL)"), "crashed"),
    "uses-imgclf": (at_import("import imgclf.losses"), "right"),
}


def write_class(folder, kinds, copies=1):
    """Write a folder for each student; return the right verdicts by student, in the order of EXERCISES."""
    verdicts = {}
    for number in range(copies):
        for kind in kinds:
            own, verdict = KINDS[kind]
            name = f"{kind}-{number}"
            (folder / name).mkdir(parents=True)
            (folder / name / "softmax.py").write_text(SOFTMAX)
            if own is not None:
                (folder / name / "linear_svm.py").write_text(own)
            verdicts[name] = [verdict, "right"]
    return verdicts


def left_behind():
    """Return the processes that functions have left behind."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if LEFT.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def end_left_behind():
    for pid in left_behind():
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
