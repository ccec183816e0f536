# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who listens on a TCP port of this machine, as the kernel tells it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import sys
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

from . import StepFailed

PROC = "/proc"
TABLES = ("tcp", "tcp6")
LISTEN = "0A"
ANY = ("0.0.0.0", "::")


class Listener(NamedTuple):
    """One listening socket: its address and the number that the processes which hold it know it by."""

    address: str
    inode: str


def addresses(host: str) -> List[str]:
    """Return the addresses of a host in the order in which they are tried; raise ``OSError``."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def is_local(address: str) -> bool:
    """Whether an address is one of this machine: only such a one can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def listening(address: Optional[str], port: int) -> List[Listener]:
    """Return who gets a connection to an address, of all that listen on the port; ``None`` for any address.

    Raises :class:`StepFailed` where the kernel's tables cannot be read.
    """
    found = [entry for table in TABLES for entry in _table(table, port)]
    if address is None or address in ANY:
        return found
    for wanted in ([address], [f"::ffff:{address}"], ["0.0.0.0"] if ":" not in address else [], ["::"]):
        nearest = [entry for entry in found if entry.address in wanted]
        if nearest:
            return nearest
    return []


def _table(name: str, port: int) -> List[Listener]:
    path = f"{PROC}/self/net/{name}"
    try:
        with open(path, encoding="ascii", errors="replace") as handle:
            rows = [line.split() for line in handle.readlines()[1:]]
    except FileNotFoundError:
        if name == "tcp":
            raise StepFailed(f"{path} is not there, so nobody knows who listens") from None
        return []  # no IPv6
    except OSError as error:
        raise StepFailed(f"{path} cannot be read, so nobody knows who listens: {error}") from error
    found = []
    for row in rows:
        place, unused, number = row[1].partition(":")
        if row[3] == LISTEN and int(number, 16) == port:
            found.append(Listener(_address(place), row[9]))
    return found


def _address(text: str) -> str:
    """Return an address in its usual form: the kernel writes 32-bit words, each in the machine's own order."""
    words = [int(text[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(text), 8)]
    found = ipaddress.ip_address(b"".join(words))
    mapped = getattr(found, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped else str(found)


def holders(inodes: Iterable[str]) -> Dict[str, List[int]]:
    """Return the processes that hold each of these sockets."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: Dict[str, Set[int]] = {inode: set() for inode in wanted.values()}
    for pid in (int(name) for name in os.listdir(PROC) if name.isdigit()):
        for link in _links(pid):
            if link in wanted:
                found[wanted[link]].add(pid)
    return {inode: sorted(pids) for inode, pids in found.items()}


def _links(pid: int) -> List[str]:
    folder = f"{PROC}/{pid}/fd"
    links = []
    with contextlib.suppress(OSError):  # a process that ends holds nothing
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                links.append(os.readlink(f"{folder}/{name}"))
    return links


def writers(path: str) -> List[int]:
    """Return the processes that have a file open for writing."""
    real = os.path.realpath(path)
    return [pid for pid in (int(name) for name in os.listdir(PROC) if name.isdigit()) if _writes(pid, real)]


def _writes(pid: int, path: str) -> bool:
    folder = f"{PROC}/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError, ValueError):
                if os.readlink(f"{folder}/{name}") == path and _flags(pid, name) & os.O_ACCMODE != os.O_RDONLY:
                    return True
    return False


def _flags(pid: int, name: str) -> int:
    with open(f"{PROC}/{pid}/fdinfo/{name}", encoding="ascii", errors="replace") as handle:
        return next((int(line.split()[1], 8) for line in handle if line.startswith("flags:")), 0)


def named(pids: Sequence[int]) -> str:
    """Name processes for people."""
    return ", ".join(f"process {pid} ({comm(pid)})" for pid in pids[:3]) + (" and more" if len(pids) > 3 else "")


def comm(pid: int) -> str:
    """Return the name of a process."""
    try:
        with open(f"{PROC}/{pid}/comm", encoding="utf-8", errors="replace") as handle:
            return handle.read().strip() or "?"
    except OSError:
        return "?"
