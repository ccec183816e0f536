# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which accelerator device nodes a service sees. ``PrivateDevices=true`` hides them, and the host looks well."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ..host import OK, Asked

# Folder below /dev -> the nodes of accelerators in it. Control nodes (nvidiactl, nvidia-uvm, hl_controlD0) do not
# count: a monitoring container gets the cards and not all of those.
NODES = {
    "": re.compile(r"nvidia\d+|kfd|hl\d+"),
    "dri": re.compile(r"renderD\d+"),
    "accel": re.compile(r"accel\d+"),
}
RENDER_DRIVER = "amdgpu"  # the only one whose compute goes through render nodes; NVIDIA's serve graphics


def nodes(asked: Asked, root: str) -> Optional[List[str]]:
    """Return the accelerator device nodes below a /dev folder, ``None`` when it cannot be looked into."""
    answer = asked.host.names(root)
    if answer.state != OK:
        asked.fail(root, f"{answer.state}: {answer.detail}" if answer.detail else answer.state)
        return None
    found = []
    for folder, pattern in NODES.items():
        names = answer.names if not folder else asked.names(f"{root}/{folder}") if folder in answer.names else []
        found += [f"{folder}/{name}".lstrip("/") for name in names if pattern.fullmatch(name)]
    return sorted(name for name in found if _computes(asked, name))


def user(asked: Asked, service: Mapping[str, Any], here: Optional[List[str]]) -> Dict[str, Any]:
    """Compare what a service sees with what the host has (lists of names below /dev)."""
    pid = service.get("main_pid")
    found = nothing(service["name"], here)
    found["label"] = service["label"]
    if not pid:
        asked.fail(service["label"], "not running: what it sees cannot be told")
        return found
    inside = nodes(asked, f"/proc/{pid}/root/dev")
    found["inside"] = inside
    if not here:
        asked.fail("/dev", "no accelerator device nodes on the host: nothing to compare a service with")
    elif inside is not None:
        found["missing"] = [name for name in here if name not in inside]
    return found


def nothing(name: str, here: Optional[List[str]]) -> Dict[str, Any]:
    """Return the entry of a service of which nothing could be seen."""
    return {"label": name, "name": name, "source": "/proc", "host": here, "inside": None, "missing": None}


def _computes(asked: Asked, name: str) -> bool:
    folder, unused, node = name.rpartition("/")
    return folder != "dri" or asked.link_name(f"/sys/class/drm/{node}/device/driver") == RENDER_DRIVER
