# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns ``nvidia-smi nvlink --status`` into links. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List

_GPU_LINE = re.compile(r"^GPU \d+: .*\(UUID: (\S+?)\)")
_LINK_LINE = re.compile(r"^\s+Link (\d+): (?:([\d.]+) GB/s|(.*\S))", re.IGNORECASE)
_DOWN = ("inactive", "<inactive>")


def nvlinks(status: str) -> Dict[str, List[Dict[str, Any]]]:
    """Return the links of each GPU (by UUID) from ``nvidia-smi nvlink --status``.

    What is neither a speed nor inactive stands as it is: such a link is neither up nor down.
    """
    links: Dict[str, List[Dict[str, Any]]] = {}
    mine: List[Dict[str, Any]] = []
    for line in status.splitlines():
        gpu, link = _GPU_LINE.match(line), _LINK_LINE.match(line)
        if gpu:
            mine = links.setdefault(gpu.group(1), [])
        elif link:
            speed = float(link.group(2)) if link.group(2) else None
            down = False if (link.group(3) or "").lower() in _DOWN else link.group(3)
            mine.append(
                {
                    "index": int(link.group(1)),
                    "kind": "nvlink",
                    "active": True if speed is not None else down,
                    "speed_mbps": None if speed is None else round(speed * 8000),
                    "version": None,
                    "remote": None,
                    "errors": {},
                }
            )
    return links
