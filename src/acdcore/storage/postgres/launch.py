"""Runs a program as another user so that it cannot outlive its parent. Executed as a script, stdlib only.

    python -I -S postgres_launch.py PARENT_PID UID GID PROGRAM ARGUMENT...

A script, not a `preexec_fn`: Python code between fork and exec may deadlock in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def launch(parent: int, uid: int, gid: int, command: list[str]) -> None:
    """Switch to `uid`, ask the kernel to end this process with the parent's thread, and execute `command`."""
    os.umask(0o077)
    os.chdir("/")
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which would clear it. SIGQUIT is PostgreSQL's immediate shutdown, which also ends its children.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent process has ended")
    os.execv(command[0], command)


if __name__ == "__main__":
    launch(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
