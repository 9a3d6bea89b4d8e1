"""Run Python where what only some systems have is taken away.

    python elsewhere.py mac ARGUMENTS        `imgclf ARGUMENTS` as on macOS
    python elsewhere.py windows ARGUMENTS    `imgclf ARGUMENTS` as on Windows

This shows that nothing is called without a guard. It cannot show that what those systems have behaves as expected.
"""

import importlib.abc
import importlib.machinery
import os
import select
import signal
import sys
import tempfile
import time

LINUX = {
    os: (
        *("sched_getaffinity", "sched_setaffinity", "sched_getparam", "posix_fadvise", "posix_fallocate"),
        *(
            "memfd_create",
            "pidfd_open",
            "eventfd",
            "splice",
            "copy_file_range",
            "getrandom",
            "unshare",
            "setns",
            "pipe2",
        ),
        *("O_DIRECT", "O_TMPFILE", "O_PATH", "O_NOATIME", "O_LARGEFILE", "getxattr", "setxattr", "listxattr"),
        *("preadv", "pwritev"),  # macOS has them since 11
        *("fdatasync", "getresuid", "setresuid", "sched_getscheduler", "sched_setscheduler", "removexattr"),
    ),
    signal: ("SIGRTMIN", "SIGRTMAX", "SIGPOLL", "SIGPWR", "SIGSTKFLT", "sigwaitinfo", "sigtimedwait"),
    select: ("epoll",),
    time: ("CLOCK_BOOTTIME", "CLOCK_TAI"),
}
POSIX = {
    os: (
        *("fork", "forkpty", "register_at_fork", "killpg", "setsid", "getpgid", "getuid", "geteuid", "statvfs"),
        *("sysconf", "mkfifo", "getloadavg", "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "chown"),
        *("waitid", "wait4", "setpriority", "nice", "pread", "pwrite", "posix_spawn", "WNOHANG"),
    ),
    signal: ("SIGHUP", "SIGKILL", "SIGPIPE", "SIGCHLD", "SIGALRM", "SIGUSR1", "pthread_sigmask", "setitimer", "alarm"),
}
POSIX_MODULES = ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "_posixsubprocess")
SYSTEM = "IMGCLF_TEST_SYSTEM"  # the environment variable with its name
FOLDERS = ("/proc", "/sys")  # of Linux
LIBRARIES = "/proc/self/maps"  # read by threadpoolctl, which has other ways elsewhere


def take_away(names):
    """Remove names from modules."""
    for module, of_module in names.items():
        for name in of_module:
            if hasattr(module, name):
                delattr(module, name)


def refuse(event, arguments):
    """Hide the folders of Linux, and what is in no C library but its own."""
    opened = str(arguments[0]) if event in ("open", "os.listdir", "os.scandir") else ""
    if opened.startswith(FOLDERS) and opened != LIBRARIES:
        raise FileNotFoundError(2, "No such file or directory", arguments[0])
    if event == "ctypes.dlsym" and arguments[1] in ("prctl", "unshare", "memfd_create", "renameat2"):
        raise AttributeError(arguments[1])


class Named:
    """`sys`, with the name of another system."""

    def __init__(self, platform):
        self.platform = platform

    def __getattr__(self, name):
        return getattr(sys, name)


class Renaming(importlib.abc.MetaPathFinder):
    """Tell imgclf, and nobody else, that this is another system: what others do there is not there to be done."""

    def __init__(self, platform):
        self.platform = platform

    def find_spec(self, name, path, target=None):
        if not name.startswith("imgclf"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            if getattr(module, "sys", None) is sys:
                module.sys = Named(self.platform)

        spec.loader.exec_module = exec_module
        return spec


def become(platform):
    """Take away what the other system lacks."""
    sys.meta_path.insert(0, Renaming({"mac": "darwin", "windows": "win32"}[platform]))
    sys.addaudithook(refuse)
    take_away(LINUX)
    tempfile._O_TMPFILE_WORKS = False  # it asked for O_TMPFILE before that was taken away
    if platform == "windows":
        take_away(POSIX)
        sys.modules.update(dict.fromkeys(POSIX_MODULES))  # to import one raises ImportError


if SYSTEM in os.environ:  # a spawned process of the command is that system's, too
    become(os.environ[SYSTEM])

if __name__ == "__main__":
    platform = os.environ[SYSTEM] = sys.argv.pop(1)
    become(platform)
    if platform == "windows":
        os.name = "nt"
    from imgclf.__main__ import main

    main()
