# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bonds as sysfs shows them. What LACP agreed on with the switch is told to root only."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ..host import Asked
from .nic_netdev import NET

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$", re.IGNORECASE)
_DEAF = "00:00:00:00:00:00"  # the partner's address while no switch answers LACP


def collect(asked: Asked, netdevs: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return the bonds among the interfaces, each with its members."""
    return [_bond(asked, netdev["name"]) for netdev in netdevs if netdev["kind"] == "bond"]


def _bond(asked: Asked, name: str) -> Dict[str, Any]:
    base = f"{NET}/{name}/bonding"
    members = [_member(asked, slave) for slave in (asked.text(f"{base}/slaves") or "").split()]
    mode = (asked.text(f"{base}/mode", required=True) or "").split(" ")[0] or None
    partner = asked.text(f"{base}/ad_partner_mac") or None
    return {
        "label": name,
        "name": name,
        "source": "sysfs",
        "mode": mode,
        "lacp": mode == "802.3ad" if mode else None,
        "mii_status": asked.text(f"{base}/mii_status") or None,
        "mii_interval_ms": asked.number(f"{base}/miimon"),
        "active_member": asked.text(f"{base}/active_slave") or None,
        "hash_policy": (asked.text(f"{base}/xmit_hash_policy") or "").split(" ")[0] or None,
        "active_aggregator_id": _empty_is_none(asked, f"{base}/ad_aggregator"),
        "partner_mac": partner,
        "partner_answers": partner != _DEAF if partner and _MAC.match(partner) else None,
        "members": members,
        "members_up": sum(member["mii_status"] == "up" for member in members),
    }


def _member(asked: Asked, name: str) -> Dict[str, Any]:
    base = f"{NET}/{name}/bonding_slave"
    return {
        "label": name,
        "name": name,
        "mii_status": asked.text(f"{base}/mii_status", required=True) or None,
        "state": asked.text(f"{base}/state") or None,
        "link_failure_count": asked.number(f"{base}/link_failure_count"),
        "aggregator_id": _empty_is_none(asked, f"{base}/ad_aggregator_id"),
    }


def _empty_is_none(asked: Asked, path: str) -> Optional[int]:
    """Return a number that the kernel replaces by nothing at all, or by ``N/A``, for who may not know it."""
    text = asked.text(path)
    return int(text) if text and text.isdecimal() else None


def add_switches(bonds: List[Dict[str, Any]], by_name: Mapping[str, Mapping[str, Any]]) -> None:
    """Note on every bond which switches its members end on (sorted), ``None`` while a member's switch is unknown."""
    for bond in bonds:
        ends = [by_name.get(member["name"], {}).get("switch") for member in bond["members"]]
        bond["switches"] = sorted(set(ends)) if ends and None not in ends else None
