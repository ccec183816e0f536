# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""File systems that are served by others: what waits in FUSE connections, and what Lustre says of its health."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..host import ABSENT, OK, Asked

FUSE = "/sys/fs/fuse/connections"
LUSTRE = ("/sys/fs/lustre/health_check", "/proc/fs/lustre/health_check")


def fuse(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    """Return the FUSE connections: requests that wait, as a share of what the kernel calls congested."""
    answer = asked.host.names(FUSE)
    if answer.state not in (OK, ABSENT):
        asked.fail(FUSE, answer.state)
        return None
    return [_connection(asked, name) for name in answer.names if name.isdigit()]


def _connection(asked: Asked, name: str) -> Dict[str, Any]:
    waiting, most = (asked.number(f"{FUSE}/{name}/{what}") for what in ("waiting", "congestion_threshold"))
    share = None if waiting is None or not most else round(100 * waiting / most, 1)
    return {
        "label": f"FUSE connection {name}",
        "waiting": waiting,
        "congestion_threshold": most,
        "waiting_percent": share,
    }


def lustre(asked: Asked) -> Dict[str, Any]:
    """Return whether Lustre is there, and what its own health check says (``healthy``, else which part is not)."""
    for path in LUSTRE:
        answer = asked.host.read(path)
        if answer.state == ABSENT:
            continue
        text = answer.data.decode("utf-8", "replace").strip() if answer.state == OK else ""
        if not text:
            asked.fail(path, answer.state if answer.state != OK else "empty")
        return {"source": path, "present": True, "health": text.replace("\n", "; ")[:200] or None}
    return {"source": None, "present": False, "health": None}
