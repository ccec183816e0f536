# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The driver's libraries that every job loads from the host, in containers, too. None of them is loaded here."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from ..host import ABSENT, OK, Asked
from ..parse import elf

CACHE, CACHE_BYTES = "/etc/ld.so.cache", 8 << 20
NVIDIA = ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1")
# Beside what the loader's cache names: a driver that runs in a container, and images whose system is read-only.
PLACES = (
    "/usr/lib/{machine}-linux-gnu",
    "/usr/lib64",
    "/run/nvidia/driver/usr/lib/{machine}-linux-gnu",
    "/run/nvidia/driver/usr/lib64",
    "/home/kubernetes/bin/nvidia/lib64",
    "/usr/local/nvidia/lib64",
)
USABLE, MISSING = "loadable", "missing"


def libraries(asked: Asked) -> List[Dict[str, Any]]:
    """Return how each library stands: ``loadable``, ``missing``, or what is wrong with the file; ``None``: unknown."""
    cache = asked.bytes(CACHE, limit=CACHE_BYTES)
    machine = asked.host.identity().get("machine")
    return [_library(asked, name, _places(cache, name, machine), machine, cache is not None) for name in NVIDIA]


def _places(cache: Optional[bytes], name: str, machine: Optional[str]) -> List[str]:
    """Return where a library may lie, what the loader finds first."""
    cached = elf.cached(cache or b"", name, machine) or []
    return list(dict.fromkeys([*cached, *(f"{place.format(machine=machine)}/{name}" for place in PLACES)]))


def _library(asked: Asked, name: str, places: Sequence[str], machine: Optional[str], searched: bool) -> Dict[str, Any]:
    fact: Dict[str, Any] = {"label": name, "path": None, "size_bytes": None, "state": None, "state_detail": None}
    for path in places:
        answer = asked.host.read(path, elf.HEADER_BYTES)
        if answer.state == ABSENT:
            continue
        found = asked.host.stat(path)
        if answer.state != OK or found is None:
            return {
                **fact,
                "path": path,
                "state_detail": f"{path}: {answer.state if answer.state != OK else 'no size'}",
            }
        state = elf.defect(answer.data, found["size"], machine) or USABLE
        return {**fact, "path": path, "size_bytes": found["size"], "state": state}
    detail = None if searched else f"{CACHE} could not be read, and it lies in none of the usual places"
    return {**fact, "state": MISSING if searched else None, "state_detail": detail}
