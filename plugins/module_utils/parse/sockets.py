# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/proc/net/{tcp,tcp6,udp,udp6}: the sockets that wait for somebody."""

from __future__ import annotations

import socket
from typing import List, NamedTuple, Optional

WAITING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN, and TCP_CLOSE which is how a bound UDP socket shows


class Listener(NamedTuple):
    """One listening socket; ``inode`` is what links it to a process."""

    protocol: str
    address: str
    port: int
    uid: int
    inode: int


def listeners(text: str, protocol: str) -> List[Listener]:
    """Return the listening sockets of one table; ``protocol`` is tcp or udp."""
    rows = (line.split() for line in text.splitlines()[1:])
    found = (_listener(row, protocol) for row in rows if len(row) > 9 and row[3] == WAITING[protocol])
    return [listener for listener in found if listener]


def _listener(row: List[str], protocol: str) -> Optional[Listener]:
    address, _colon, port = row[1].partition(":")
    try:
        raw = bytes.fromhex(address)
        family = {4: socket.AF_INET, 16: socket.AF_INET6}[len(raw)]
        # each 32-bit word stands in the byte order of the machine, and every machine of ours is little-endian
        turned = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
        return Listener(protocol, socket.inet_ntop(family, turned), int(port, 16), int(row[7]), int(row[9]))
    except (ValueError, KeyError):
        return None
