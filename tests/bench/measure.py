"""Runs one command and says what it and everything it started cost: ``measure.py RESULT COMMAND...``.

OpenSSH's shared connections leave their parent's process tree when they go to the background. This process takes
them in (it is their subreaper), ends them when the command has ended and counts their time with the rest.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def children() -> list[int]:
    """Return the processes that hang on this one."""
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in listed]


def reap(patience_s: float = 10.0) -> None:
    """End and collect every process that is left."""
    ends = time.monotonic() + patience_s
    while children():
        late = time.monotonic() > ends
        for pid in children():
            os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        deadline = time.monotonic() + 0.5
        while children() and time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)


def main() -> None:
    """Measure the command and write ``{"wall_s", "cpu_s", "rc", "peak_rss_bytes"}``."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this kernel does not let a process take in orphans")
    result, command = Path(sys.argv[1]), sys.argv[2:]
    started = time.monotonic()
    rc = subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
    wall_s = time.monotonic() - started
    reap()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "wall_s": wall_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "rc": rc,
        "peak_rss_bytes": used.ru_maxrss * 1024,
    }
    result.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
