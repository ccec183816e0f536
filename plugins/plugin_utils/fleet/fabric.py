# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The InfiniBand fabric as ``ibnetdiscover`` saw it: on which port of which switch each adapter of a host ends.

Nothing but the subnet's manager knows the cables of InfiniBand, and one query of it shows them all; hosts are found in
it by the GUIDs of their adapters.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..files import BadInput

MAX_AGE_H = 24  # cables are moved by day; what was seen before says nothing of now
NOT_GIVEN = "what the fabric shows was not given (report_fabric)"
_ADAPTER = re.compile(r'Ca\s+\d+\s+"H-([0-9a-f]{16})"')
_BLOCK = re.compile(r'(?:Switch|Rt)\s+\d+\s+"')
_LINK = re.compile(r'\[(\d+)\](?:\([0-9a-f]+\))?\s+"S-[0-9a-f]+"\[(\d+)\]\s*#.*?"([^"]*)"')
_DECORATED = re.compile(r"MF0;([^:;]+)(?::|$)")

Neighbour = dict[str, Any]


class Fabric(NamedTuple):
    """``links``: GUID of an adapter to port number to its neighbour; ``flaw`` says why they cannot be relied on."""

    links: Mapping[str, Mapping[int, Neighbour]] = {}
    flaw: str | None = NOT_GIVEN


def read(path: Path) -> Fabric:
    """Return what a file holds that ``ibnetdiscover`` wrote; raise ``BadInput`` when it is none."""
    try:
        text, age_h = path.read_text(encoding="utf-8", errors="replace"), (time.time() - path.stat().st_mtime) / 3600
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    links = parse(text)
    if not links:
        raise BadInput(f"{path}: shows no adapter on a switch, as ibnetdiscover without options prints them")
    late = f"{path} is {age_h:.0f} hours old, at most {MAX_AGE_H} are allowed" if age_h > MAX_AGE_H else None
    return Fabric(links, late)


def parse(text: str) -> dict[str, dict[int, Neighbour]]:
    """Return adapter GUID to port to ``{chassis_name, port_id}``; what is not understood is passed over."""
    links: dict[str, dict[int, Neighbour]] = {}
    adapter = None
    for line in text.splitlines():
        begun = _ADAPTER.match(line)
        if begun or _BLOCK.match(line):
            adapter = begun[1] if begun else None
        link = _LINK.match(line)
        if adapter and link:
            neighbour = {"chassis_name": plain(link[3]), "port_id": link[2], "port_description": None}
            links.setdefault(adapter, {})[int(link[1])] = neighbour
    return links


def plain(description: str) -> str:
    """Return the name in the description that managed switches give themselves: leaf-1 of ``MF0;leaf-1:MQM9700/U1``."""
    named = _DECORATED.match(description)
    return named[1] if named else description


def neighbours(fabric: Fabric, devices: Any) -> dict[str, list[Neighbour]]:
    """Return RDMA device (``mlx5_0`` for its first port, ``mlx5_0/2`` for others) to what it is connected to."""
    seen: dict[str, list[Neighbour]] = {}
    for device in devices if isinstance(devices, list) else ():
        guid = str(device.get("node_guid") or "").replace(":", "") if isinstance(device, dict) else ""
        for port, neighbour in fabric.links.get(guid, {}).items():
            for name in (device["name"], f"{device['name']}/{port}") if port == 1 else (f"{device['name']}/{port}",):
                seen[name] = [neighbour]
    return seen
