# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kubelet keeps on disk: its configuration, and which devices have been registered with it."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Optional, Tuple

_ENTRY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z][\w.-]*|\"[^\"]+\"):(?: +(?P<value>.*?))?\s*")
_COMMENT = re.compile(r"\s+#.*")


def config(text: str) -> Dict[str, str]:
    """Return a KubeletConfiguration as dotted path -> scalar (``authentication.anonymous.enabled`` -> ``false``).

    Written as JSON or as the plain block style of YAML that kubeadm and distributions write; lists are left out.
    Empty unless it calls itself a KubeletConfiguration.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        found = _block_style(text)
    else:
        found = dict(_leaves(document, ""))
    return found if found.get("kind") == "KubeletConfiguration" else {}


def _leaves(value: Any, path: str) -> List[Tuple[str, str]]:
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in _leaves(part, f"{path}.{key}" if path else str(key))]
    scalar = isinstance(value, (str, int, float, bool))
    return [(path, str(value).lower() if isinstance(value, bool) else str(value))] if scalar else []


def _block_style(text: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    above: List[Tuple[int, str]] = []
    for line in text.splitlines():
        match = _ENTRY.fullmatch(_COMMENT.sub("", line))
        if not match:
            continue
        indent, key = len(match["indent"]), match["key"].strip('"')
        above = [(depth, name) for depth, name in above if depth < indent] + [(indent, key)]
        if match["value"]:
            found[".".join(name for unused, name in above)] = match["value"].strip("\"'")
    return found


def registered(text: str) -> Optional[Dict[str, int]]:
    """Return resource -> number of devices from the device manager's checkpoint; ``None`` when it is not one."""
    try:
        devices = json.loads(text)["Data"]["RegisteredDevices"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if devices is None:
        return {}
    if not isinstance(devices, dict) or not all(isinstance(names, list) for names in devices.values()):
        return None
    return {name: len(set(map(str, names))) for name, names in devices.items()}
