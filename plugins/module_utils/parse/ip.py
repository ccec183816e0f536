# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses and routes: from ``ip -j -d addr``, else from /proc/net, in one form."""

from __future__ import annotations

import re
import socket
from typing import Any, Dict, List, Mapping, Optional, Tuple

Address = Dict[str, Any]
_SCOPES = {0x00: "global", 0x10: "host", 0x20: "link", 0x40: "site"}
_RTF_UP_GATEWAY = 0x3


def links(document: Any) -> Dict[str, Mapping[str, Any]]:
    """Return each interface's mapping of ``ip -j -d addr`` by name; entries that are none are left out.

    iproute2 before 6.3 prints ``{}`` for what a filter hides, and some versions print ``{"deleted": true}``.
    """
    items = document if isinstance(document, list) else []
    return {item["ifname"]: item for item in items if isinstance(item, Mapping) and isinstance(item.get("ifname"), str)}


def addresses(link: Mapping[str, Any]) -> List[Address]:
    """Return ``{family, address, prefix_length, scope}`` for every address of one interface."""
    return [
        {
            "family": "ipv6" if item.get("family") == "inet6" else "ipv4",
            "address": item["local"],
            "prefix_length": item.get("prefixlen"),
            "scope": item.get("scope"),
        }
        for item in link.get("addr_info") or []
        if isinstance(item, Mapping) and isinstance(item.get("local"), str)
    ]


def default_routes(text: str) -> List[Dict[str, Any]]:
    """Return the IPv4 default routes of /proc/net/route: interface, gateway, metric."""
    found = []
    for columns in (line.split() for line in text.splitlines()[1:]):
        if len(columns) < 8 or columns[1] != "00000000" or columns[7] != "00000000":
            continue
        gateway, metric = _little_endian(columns[2]), columns[6]
        if gateway and metric.isdecimal():
            shown = None if gateway == "0.0.0.0" else gateway
            found.append({"family": "ipv4", "interface": columns[0], "gateway": shown, "metric": int(metric)})
    return found


def default_routes_v6(text: str) -> List[Dict[str, Any]]:
    """Return the IPv6 default routes of /proc/net/ipv6_route: interface, gateway, metric."""
    found = []
    for columns in (line.split() for line in text.splitlines()):
        if len(columns) != 10 or columns[0] != "0" * 32 or columns[1] != "00":
            continue
        if not re.match(r"[0-9a-f]{8}$", columns[8]) or int(columns[8], 16) & _RTF_UP_GATEWAY != _RTF_UP_GATEWAY:
            continue  # the kernel keeps a reject entry on lo for want of a route
        gateway = _v6(columns[4])
        found.append({"family": "ipv6", "interface": columns[9], "gateway": gateway, "metric": int(columns[5], 16)})
    return found


def addresses_v6(text: str) -> Dict[str, List[Address]]:
    """Return the addresses of /proc/net/if_inet6 by interface."""
    found: Dict[str, List[Address]] = {}
    for columns in (line.split() for line in text.splitlines()):
        address = _v6(columns[0]) if len(columns) == 6 else None
        if address and re.match(r"[0-9a-f]{2} [0-9a-f]{2}$", f"{columns[2]} {columns[3]}"):
            scope = _SCOPES.get(int(columns[3], 16))
            entry = {"family": "ipv6", "address": address, "prefix_length": int(columns[2], 16), "scope": scope}
            found.setdefault(columns[5], []).append(entry)
    return found


def addresses_v4(trie: str, routes: str) -> Dict[str, List[Address]]:
    """Return IPv4 addresses by interface: /proc/net/fib_trie has them, /proc/net/route the nets they are in."""
    nets = [net for net in map(_connected, routes.splitlines()[1:]) if net]
    found: Dict[str, List[Address]] = {}
    for local in sorted(set(re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie))):
        number = _number(local)
        for interface, net, mask in nets:
            if number is not None and number & mask == net:
                entry = {"family": "ipv4", "address": local, "prefix_length": bin(mask).count("1"), "scope": "global"}
                found.setdefault(interface, []).append(entry)
                break
    return found


def _connected(line: str) -> Optional[Tuple[str, int, int]]:
    """Return interface, net and mask of a route that leads to no gateway."""
    columns = line.split()
    if len(columns) < 8 or columns[2] != "00000000" or columns[7] == "00000000":
        return None
    net, mask = _number(_little_endian(columns[1])), _number(_little_endian(columns[7]))
    return None if net is None or mask is None else (columns[0], net, mask)


def _number(address: Optional[str]) -> Optional[int]:
    try:
        return int.from_bytes(socket.inet_aton(address or ""), "big")
    except OSError:
        return None


def _little_endian(digits: str) -> Optional[str]:
    if not re.match(r"[0-9A-Fa-f]{8}$", digits):
        return None
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(digits)))


def _v6(digits: str) -> Optional[str]:
    if not re.match(r"[0-9a-f]{32}$", digits):
        return None
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
