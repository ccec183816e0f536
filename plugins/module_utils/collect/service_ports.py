# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports that should be listened on, with whoever listens, and processes that should run."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Optional, Set

from ..host import ABSENT, OK, Asked
from ..parse.sockets import Listener, listeners

TABLES = (("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6"))
LOCAL = re.compile(r"127\.|::1$|::ffff:127\.")
RANGE = re.compile(r"(?:(tcp|udp)/)?(\d{1,5})(?:-(\d{1,5}))?")
PORT = re.compile(r"(?:(tcp|udp)/)?(\d{1,5})")
COMM_LENGTH = 15  # the kernel keeps no more of a process's name
LINKS_MAX = 20000  # links looked at in search of a socket's owner
PIDS_SHOWN = 20


def collect(asked: Asked, ports: Iterable[Any], likely_pids: List[int]) -> Dict[str, Any]:
    """Return ``ports`` (each asked one: "tcp/22", "udp/123" or 22) and ``listening``, all listening ports by name."""
    found = _listeners(asked)
    if found is None:
        return {"ports": None, "listening": None}
    wanted = [match for match in (PORT.fullmatch(str(port)) for port in ports) if match]
    entries = [_port(match.group(1) or "tcp", int(match.group(2)), found) for match in wanted]
    _name_owners(asked, entries, likely_pids)
    every = {(one.protocol, one.port) for one in found}
    return {"ports": entries or None, "listening": [f"{protocol}/{port}" for protocol, port in sorted(every)]}


def unexpected(asked: Asked, allowed: Optional[Iterable[Any]]) -> Optional[List[str]]:
    """Return the ports that can be reached from outside and that ``allowed`` does not name, with the address of each.

    ``allowed`` holds ports and ranges ("tcp/22", 22, "udp/32768-60999"); ``None`` when nothing is asked. ``None`` is
    returned, too, when an entry or a table could not be read and nothing unexpected was found in the others.
    """
    if allowed is None:
        return None
    ranges = [RANGE.fullmatch(str(entry)) for entry in allowed]
    heads = [asked.host.read(f"/proc/net/{table}", 64) for unused, table in TABLES]
    readable = all(head.state == ABSENT or (head.state == OK and b"sl" in head.data) for head in heads)
    if None in ranges:
        asked.fail("profile", "service.ports_allowed: not a port or a range of ports: " + ", ".join(map(str, allowed)))
    spans = [(one[1] or "tcp", int(one[2]), int(one[3] or one[2])) for one in ranges if one]
    found = _listeners(asked)
    foreign = [
        f"{one.protocol}/{one.port} at {one.address}"
        for one in found or []
        if not LOCAL.match(one.address)
        and not any(protocol == one.protocol and low <= one.port <= high for protocol, low, high in spans)
    ]
    whole = found is not None and None not in ranges and readable
    return sorted(set(foreign)) if foreign or whole else None


def processes(asked: Asked, names: Iterable[str]) -> Optional[List[Dict[str, Any]]]:
    """Return how often each asked process runs; compared by the 15 characters that the kernel keeps."""
    wanted = [str(name) for name in names]
    if not wanted:
        return None
    running: Dict[str, List[int]] = {}
    for pid in pids(asked):
        answer = asked.host.read(f"/proc/{pid}/comm", 64)
        if answer.state == OK:
            running.setdefault(answer.data.decode("utf-8", "replace").strip(), []).append(pid)
    if not running:
        asked.fail("/proc", "no process could be seen")
        return None
    return [_process(name, running.get(name[:COMM_LENGTH], [])) for name in wanted]


def _process(name: str, pids: List[int]) -> Dict[str, Any]:
    return {"label": f"process {name}", "name": name, "source": "/proc", "count": len(pids), "pids": pids[:PIDS_SHOWN]}


def _listeners(asked: Asked) -> Optional[List[Listener]]:
    texts = [(protocol, asked.text(f"/proc/net/{table}", limit=8 << 20)) for protocol, table in TABLES]
    if not any(text for unused, text in texts):
        asked.fail("/proc/net", "no socket table could be read")
        return None
    return [found for protocol, text in texts for found in listeners(text or "", protocol)]


def _port(protocol: str, port: int, found: List[Listener]) -> Dict[str, Any]:
    matching = [one for one in found if (one.protocol, one.port) == (protocol, port)]
    return {
        "label": f"{protocol} port {port}",
        "name": f"{protocol}/{port}",
        "source": "/proc/net",
        "listening": bool(matching),
        "addresses": sorted({one.address for one in matching}),
        "uid": matching[0].uid if matching else None,
        "inodes": {one.inode for one in matching},
        "pid": None,
        "process": None,
    }


def _name_owners(asked: Asked, entries: List[Dict[str, Any]], likely_pids: List[int]) -> None:
    """Put pid and process name to each port whose owner may be seen: a plain user sees only its own."""
    sought: Set[int] = {inode for entry in entries for inode in entry["inodes"]}
    owners: Dict[int, int] = {}
    looked = 0
    for pid in dict.fromkeys([*likely_pids, *(pids(asked) if sought else [])]):
        if not sought - set(owners) or looked > LINKS_MAX:
            break
        for name in asked.host.names(f"/proc/{pid}/fd").names:
            looked += 1
            owned = inode(asked.link_name(f"/proc/{pid}/fd/{name}"))
            if owned in sought:
                owners.setdefault(owned, pid)
    for entry in entries:
        entry["pid"] = next((owners[inode] for inode in entry.pop("inodes") if inode in owners), None)
        if entry["pid"]:
            entry["process"] = asked.text(f"/proc/{entry['pid']}/comm")


def inode(target: Optional[str]) -> int:
    """Return the inode of a socket from where its file descriptor leads, 0 for what is no socket."""
    found = re.fullmatch(r"socket:\[(\d+)\]", target or "")
    return int(found.group(1)) if found else 0


def pids(asked: Asked) -> List[int]:
    """Return all process ids that can be seen."""
    return [int(name) for name in asked.names("/proc") if name.isdecimal()]
