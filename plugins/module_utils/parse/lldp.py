# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""LLDP neighbours as ``lldpcli`` prints them.

``-f json0`` has one shape; the shape of ``-f json`` changes with the count: ``interface`` is a mapping for one
neighbour and a list for several, and so on at every level. Both are read here by the same few steps.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

_AGE = re.compile(r"(?:(\d+) days?, )?(\d+):(\d+):(\d+)")


def neighbours(document: Any) -> Optional[List[Dict[str, Any]]]:
    """Return one mapping a neighbour, in the order told; ``None`` when this is no answer of lldpcli.

    Keys: interface, chassis_name, chassis_id, system_description, management_addresses, port_id, port_description,
    age_s, ttl_s, vlan_ids, capabilities (the enabled ones).
    """
    roots = _items(document.get("lldp")) if isinstance(document, Mapping) else []
    if not isinstance(document, Mapping) or "lldp" not in document:
        return None
    found = []
    for root in roots:
        for name, body in _named(root.get("interface")):
            found.append(_neighbour(name, body))
    return found


def _neighbour(interface: str, body: Mapping[str, Any]) -> Dict[str, Any]:
    chassis_name, chassis = _chassis(body)
    port = (_items(body.get("port")) or [{}])[0]
    return {
        "interface": interface,
        "chassis_name": chassis_name,
        "chassis_id": _identifier(chassis),
        "system_description": _scalar(chassis.get("descr")),
        "management_addresses": [text for text in map(_scalar, _values(chassis.get("mgmt-ip"))) if text],
        "capabilities": _capabilities(chassis),
        "port_id": _identifier(port),
        "port_description": _scalar(port.get("descr")),
        "age_s": _age(_scalar(body.get("age"))),
        "ttl_s": _whole(_scalar(port.get("ttl"))),
        "vlan_ids": [
            vlan for vlan in (_whole(_scalar(item.get("vlan-id"))) for item in _items(body.get("vlan"))) if vlan
        ],
    }


def _chassis(body: Mapping[str, Any]) -> Tuple[Optional[str], Mapping[str, Any]]:
    """Return name and body: json0 has a ``name`` inside, json uses the name as the key, or no name at all."""
    for chassis in _items(body.get("chassis")):
        if "id" in chassis or "name" in chassis:
            return _scalar(chassis.get("name")), chassis
        for name, inner in chassis.items():
            if isinstance(inner, Mapping):
                return name, inner
    return None, {}


def _named(value: Any) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    """Yield (interface, body) of ``{"eth0": {...}}``, ``[{"eth0": {...}}]`` and ``[{"name": "eth0", ...}]``."""
    for item in _items(value):
        if isinstance(item.get("name"), str):
            yield item["name"], item
            continue
        for name, body in item.items():
            for one in _items(body):
                yield name, one


def _items(value: Any) -> List[Mapping[str, Any]]:
    return [item for item in _values(value) if isinstance(item, Mapping)]


def _values(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _scalar(value: Any) -> Optional[str]:
    """Return text from ``"x"``, ``{"value": "x"}`` or ``[{"value": "x"}]``."""
    for item in _values(value):
        inner = item.get("value") if isinstance(item, Mapping) else item
        if isinstance(inner, (str, int)) and not isinstance(inner, bool):
            return str(inner).strip() or None
    return None


def _identifier(body: Mapping[str, Any]) -> Optional[str]:
    return _scalar(body.get("id"))


def _capabilities(chassis: Mapping[str, Any]) -> List[str]:
    return [
        str(item.get("type"))
        for item in _items(chassis.get("capability"))
        if item.get("enabled") in (True, "on", "yes")
    ]


def _age(text: Optional[str]) -> Optional[int]:
    found = _AGE.match(text or "")
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _whole(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and re.match(r"\d{1,9}$", text) else None
