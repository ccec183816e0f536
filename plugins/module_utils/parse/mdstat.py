# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Software RAID: ``/proc/mdstat``."""

from __future__ import annotations

import re
from typing import Any, Dict, List

_HEAD = re.compile(r"^(md\S*) : (active|inactive|broken)(?: \([^)]*\))?(?: ([^\s\[\]()]+)(?!\S))?((?: \S+\[\d+\]\S*)*)")
_DISKS = re.compile(r"\[(\d+)/(\d+)\] \[([U_]+)\]")
_PROGRESS = re.compile(r"(recovery|resync|reshape|check|repair) *= *([\d.]+)%|(resync)=(DELAYED|PENDING)")


def mdstat(text: str) -> List[Dict[str, Any]]:
    """Return the arrays: level, state, members, how many are missing (``degraded``), which failed, what is rebuilt.

    ``level`` is the kernel's word (``raid1``, ``faulty``), ``None`` where it has none or it cannot be read.
    """
    arrays: List[Dict[str, Any]] = []
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            arrays.append(_array(*head.groups()))
        elif arrays and line.startswith((" ", "\t")):
            _detail(arrays[-1], line)
    return arrays


def is_whole(text: str) -> bool:
    """Say whether the kernel's last line is there: it always names the devices that no array uses."""
    return any(line.startswith("unused devices:") for line in text.splitlines()[-2:])


def _array(name: str, state: str, level: Any, members: str) -> Dict[str, Any]:
    parts = members.split()
    return {
        "label": name,
        "name": name,
        "state": state,
        "level": level,
        "members": sorted(part.split("[")[0] for part in parts),
        "failed": sorted(part.split("[")[0] for part in parts if "(F)" in part),
        "expected": None,
        "active": None,
        "degraded": None,
        "action": None,
        "progress_percent": None,
    }


def _detail(array: Dict[str, Any], line: str) -> None:
    disks = _DISKS.search(line)
    if disks:
        expected, active = int(disks[1]), int(disks[2])
        array.update(expected=expected, active=active, degraded=max(0, expected - active))
    progress = _PROGRESS.search(line)
    if progress:
        percent = float(progress[2]) if progress[2] else None
        array.update(action=progress[1] or progress[3], progress_percent=percent)
