# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/proc/net/{tcp,tcp6,udp,udp6}: the sockets that wait for somebody."""

from __future__ import annotations

import socket
from typing import List, NamedTuple, Optional

WAITING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN, and TCP_CLOSE which is how a bound UDP socket shows
ESTABLISHED = "01"


class Listener(NamedTuple):
    """One listening socket; ``inode`` is what links it to a process."""

    protocol: str
    address: str
    port: int
    uid: int
    inode: int


def connected(text: str) -> List[int]:
    """Return the inodes of the sockets of one table that are connected to another machine."""
    rows = (line.split() for line in text.splitlines()[1:])
    return [
        int(row[9]) for row in rows if len(row) > 9 and row[3] == ESTABLISHED and row[9].isdecimal() and _far(row[2])
    ]


def _far(place: str) -> bool:
    address = _address(place.partition(":")[0])
    return (
        address is not None
        and not address.startswith(("127.", "::ffff:127."))
        and address not in ("::1", "0.0.0.0", "::")
    )


def _address(text: str) -> Optional[str]:
    """Return an address that the kernel wrote as hexadecimal words."""
    try:
        raw = bytes.fromhex(text)
        family = {4: socket.AF_INET, 16: socket.AF_INET6}[len(raw)]
    except (ValueError, KeyError):
        return None
    # each 32-bit word stands in the byte order of the machine, and every machine of ours is little-endian
    return socket.inet_ntop(family, b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))


def listeners(text: str, protocol: str) -> List[Listener]:
    """Return the listening sockets of one table; ``protocol`` is tcp or udp."""
    rows = (line.split() for line in text.splitlines()[1:])
    found = (_listener(row, protocol) for row in rows if len(row) > 9 and row[3] == WAITING[protocol])
    return [listener for listener in found if listener]


def _listener(row: List[str], protocol: str) -> Optional[Listener]:
    place, _colon, port = row[1].partition(":")
    address = _address(place)
    try:
        return Listener(protocol, address, int(port, 16), int(row[7]), int(row[9])) if address else None
    except ValueError:
        return None
