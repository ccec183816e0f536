# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Data centre bridging as iproute2's ``dcb -j`` prints it: which priorities are lossless, and what marks them."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional


def pfc_priorities(document: Any) -> Optional[List[int]]:
    """Return the priorities with flow control on, from ``dcb -j pfc show``; ``None`` when it does not say."""
    values = document.get("prio_pfc") if isinstance(document, Mapping) else None
    if not isinstance(values, list) or not values:
        return None
    return [priority for priority, value in enumerate(values) if value in (True, 1, "on")]


def trust(document: Any) -> Optional[str]:
    """Return what a port trusts, from ``dcb -j app show``: ``dscp`` once one is mapped (mlx5 then switches over)."""
    if not isinstance(document, Mapping):
        return None
    return "dscp" if document.get("dscp_prio") else "pcp"
