# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ending the clients (``ssh``) of an exchange that was given up: connection plugins wait for them and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

REAP_S = 2.0  # for a client to end when it is asked to
PROC = Path("/proc")


@contextmanager
def children_ended() -> Iterator[None]:
    """End, with all that they started, the children which are left when what is done inside is given up."""
    started: list[subprocess.Popen[Any]] = []
    usual = subprocess.Popen

    class Noted(usual):  # type: ignore[misc,valid-type]
        """A child that is known here from its first moment on."""

        def __init__(self, *arguments: Any, **options: Any):
            started.append(self)
            super().__init__(*arguments, **options)

    subprocess.Popen = Noted  # type: ignore[misc]
    try:
        yield
    except BaseException:
        for process in started:
            _end(process)
        raise
    finally:
        subprocess.Popen = usual  # type: ignore[misc]


def _end(process: subprocess.Popen[Any]) -> None:
    """End a child and its descendants, gently first (``ssh`` ends its proxy then), and reap it."""
    if getattr(process, "pid", None) is None or process.poll() is not None:
        return  # it was interrupted before there was a process, or it has ended
    family = [process.pid, *_below(process.pid)]
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid in family:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(REAP_S)
        ends = time.monotonic() + REAP_S
        while any(map(_lives, family[1:])) and time.monotonic() < ends:
            time.sleep(0.02)


def _below(pid: int) -> list[int]:
    """Return the processes that descend from one, as far as the system tells."""
    children: dict[int, list[int]] = {}
    for place in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parent = int(place.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(place.parent.name))
    found = list(children.get(pid, []))
    for one in found:
        found += children.get(one, [])
    return found


def _lives(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[
            0
        ] != "Z"
    return False
