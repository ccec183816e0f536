"""One simulated machine: who it is and where it stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

PROFILES = Path(__file__).parents[2] / "inventories" / "lab-site" / "profiles"  # what the rack's own site asks of it
NOW = 1795000000.0  # the simulated morning, seconds since the epoch


@dataclass(frozen=True)
class Node:
    """A node of the lab; ``number`` is unique in the rack and makes its identifiers unique."""

    name: str
    klass: str
    rack: str
    slot: int
    number: int

    def serial(self, kind: str, index: int = 0) -> str:
        """Return a ten-digit serial number that only this part of this node has."""
        return str(int(self.hexdigits(kind, index, 12), 16) % 10**10).zfill(10)

    def hexdigits(self, kind: str, index: int = 0, length: int = 16) -> str:
        """Return stable lower-case hex digits that only this part of this node has (GUIDs, UUIDs, MACs)."""
        return hashlib.sha256(f"{self.name}/{kind}/{index}".encode()).hexdigest()[:length]

    def uuid(self, kind: str, index: int = 0) -> str:
        """Return a UUID that only this part of this node has."""
        d = self.hexdigits(kind, index, 32)
        return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}"

    def mac(self, kind: str, index: int = 0) -> str:
        """Return a locally administered MAC address that only this part of this node has."""
        digits = "02" + self.hexdigits(kind, index, 10)
        return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


NODES = [
    Node("head-a01-01", "cpu_only", "a01", 40, 1),
    *(Node(f"gpu-a01-{n:02d}", "hgx_h100", "a01", 1 + 8 * (n - 1), 10 + n) for n in range(1, 6)),
    *(Node(f"tray-a02-{n:02d}", "gb200_tray", "a02", n, 20 + n) for n in range(1, 3)),
    *(Node(f"mi-a02-{n:02d}", "mi300x", "a02", 4 + 8 * (n - 1), 30 + n) for n in range(1, 3)),
    *(Node(f"hl-a02-{n:02d}", "gaudi3", "a02", 20 + 8 * (n - 1), 40 + n) for n in range(1, 3)),
]
