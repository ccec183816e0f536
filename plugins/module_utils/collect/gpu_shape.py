# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts what several sources say about one accelerator into one shape."""

from __future__ import annotations

from typing import Any, Dict, Mapping


def nested(flat: Mapping[str, Any]) -> Dict[str, Any]:
    """Turn ``{"pcie.width": 16}`` into ``{"pcie": {"width": 16}}``."""
    tree: Dict[str, Any] = {}
    for path, value in flat.items():
        here = tree
        *parents, last = path.split(".")
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = value
    return tree


def fill(device: Dict[str, Any], other: Mapping[str, Any]) -> bool:
    """Take from ``other`` what ``device`` lacks (absent or ``None``); say whether any value was taken."""
    took = False
    for name, value in other.items():
        if isinstance(value, Mapping) and isinstance(device.get(name), dict):
            took = fill(device[name], value) or took
        elif device.get(name) is None:
            device[name] = value
            took = took or value is not None
    return took
