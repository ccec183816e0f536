# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a file or folder that a release is started from is whole, or somebody still writes it."""

from __future__ import annotations

import os
import time
from typing import Iterator, Tuple

from . import StepFailed, sockets, tree

QUIET_S = 1.0  # what was written this lately is looked at once more


def digest(path: str) -> str:
    """Return the digest of a file or folder that nobody writes; raise ``OSError``, :class:`StepFailed` otherwise."""
    writing = sockets.writers(path) if os.path.isfile(path) else []
    if writing:
        raise StepFailed(f"{path} is still being written: {sockets.named(writing)} has it open")
    before = _state(path)
    if abs(time.time() - before[1]) < QUIET_S:
        time.sleep(QUIET_S)
    found = tree.digest(path)
    after = _state(path)
    if before != after:
        raise StepFailed(f"{path} is still being written: {_told(before)}, then {_told(after)}")
    return found


def _state(path: str) -> Tuple[int, float, int]:
    """Return bytes, time of the last change, and number of files."""
    entries = list(_stats(path))
    return sum(entry.st_size for entry in entries), max(entry.st_mtime for entry in entries), len(entries)


def _stats(path: str) -> Iterator[os.stat_result]:
    yield os.stat(path)
    for folder, unused, names in os.walk(path):
        for name in names:
            yield os.lstat(os.path.join(folder, name))


def _told(state: Tuple[int, float, int]) -> str:
    clock = time.strftime("%H:%M:%S", time.gmtime(state[1]))
    return f"{state[0]} bytes of {clock} UTC"
