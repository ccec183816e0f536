# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether logs leave the machine: a forwarder that runs and holds a connection to another machine."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from ..host import OK, Asked
from ..parse.sockets import connected
from .service_ports import COMM_LENGTH, TABLES, inode, pids


def collect(asked: Asked, names: Sequence[str]) -> List[Dict[str, Any]]:
    """Return each forwarder ("rsyslogd|vector" is whichever runs) with how many connections it holds."""
    running = _running(asked)
    abroad = _abroad(asked)
    return [_forwarder(asked, name, running, abroad) for name in names]


def _running(asked: Asked) -> Mapping[str, List[int]]:
    found: Dict[str, List[int]] = {}
    for pid in pids(asked):
        answer = asked.host.read(f"/proc/{pid}/comm", 64)
        if answer.state == OK:
            found.setdefault(answer.data.decode("utf-8", "replace").strip(), []).append(pid)
    return found


def _abroad(asked: Asked) -> Optional[Set[int]]:
    """Return the inodes of all sockets that are connected to another machine."""
    texts = [(protocol, asked.text(f"/proc/net/{table}", limit=8 << 20)) for protocol, table in TABLES]
    if not any(text for unused, text in texts):
        asked.fail("/proc/net", "no socket table could be read")
        return None
    return {found for unused, text in texts for found in connected(text or "")}


def _forwarder(asked: Asked, name: str, running: Mapping[str, List[int]], abroad: Optional[Set[int]]) -> Dict[str, Any]:
    chosen = next((one for one in name.split("|") if running.get(one[:COMM_LENGTH])), None)
    found = {"label": f"forwarder {chosen or name}", "name": chosen or name, "source": "/proc"}
    if chosen is None:
        return {**found, "running": False if running else None, "connections": 0 if running else None}
    held: Set[int] = set()
    seen = abroad is not None
    for pid in running[chosen[:COMM_LENGTH]]:
        answer = asked.host.names(f"/proc/{pid}/fd")
        seen = seen and answer.state == OK
        held |= {inode(asked.link_name(f"/proc/{pid}/fd/{entry}")) for entry in answer.names}
    if not seen:
        asked.fail(f"/proc/*/fd of {chosen}", "not all of its sockets could be seen")
    return {**found, "running": True, "connections": len(held & (abroad or set())) if seen else None}
