# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Data centre bridging as iproute2's ``dcb -j`` prints it: which priorities are lossless, and what marks them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional


def pfc_priorities(document: Any) -> Optional[List[int]]:
    """Return the priorities with flow control on, from ``dcb -j pfc show``; ``None`` when it does not say."""
    values = document.get("prio_pfc") if isinstance(document, Mapping) else None
    if not isinstance(values, list) or not values:
        return None
    return [priority for priority, value in enumerate(values) if value in (True, 1, "on")]


def dscp_priorities(document: Any) -> Optional[Dict[str, int]]:
    """Return the priority of every mapped DSCP, from ``dcb -j app show``; ``None`` when there is no answer."""
    if not isinstance(document, Mapping):
        return None
    found = {}
    for entry in document.get("dscp_prio") or []:
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], int):
            found[str(entry[0])] = entry[1]
    return found


def trust(document: Any) -> Optional[str]:
    """Return what a port trusts: ``dscp`` once a DSCP is mapped (mlx5 switches over then), else ``pcp``."""
    mapped = dscp_priorities(document)
    return None if mapped is None else "dscp" if mapped else "pcp"
