# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes of a container that its engine lost sight of: it was killed while it started one, and calls it ended.

Such a process keeps the port and the data of the service, and answers in place of whatever is started next.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Collection, List

from .guard import PROC, _text

GONE_S = 5.0


def end(containers: Collection[str]) -> List[int]:
    """Kill every process in the control group of these containers (their ids) and return which there were."""
    found = _processes(containers)
    give_up = time.monotonic() + GONE_S
    left = found
    while left and time.monotonic() < give_up:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
        left = _processes(containers)
    return found


def _processes(containers: Collection[str]) -> List[int]:
    if not containers:
        return []
    pids = [int(name) for name in os.listdir(PROC) if name.isdigit()]
    return [pid for pid in pids if any(one in _text(f"{PROC}/{pid}/cgroup") for one in containers) and _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    return _text(f"{PROC}/{pid}/stat").rpartition(")")[2].split()[:1] not in ([], ["Z"], ["X"])
