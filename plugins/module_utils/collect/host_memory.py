# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memory: how much, how it is paged, and what its error correction has counted."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

from ..host import Asked
from ..parse import proc
from . import host_upkeep

EDAC = "/sys/devices/system/edac/mc"
NO_COUNTERS = "the kernel has no error counters: no EDAC driver took a memory controller"
HUGE = "/sys/kernel/mm/hugepages"
TRANSPARENT = "/sys/kernel/mm/transparent_hugepage"


def memory(asked: Asked) -> Dict[str, Any]:
    """Return the memory that the kernel has, in bytes."""
    found = proc.meminfo(asked.text("/proc/meminfo", required=True) or "")
    total, available = found.get("MemTotal"), found.get("MemAvailable")
    return {
        "source": "/proc/meminfo",
        "total_bytes": total,
        "available_bytes": available,
        "available_percent": round(100 * available / total, 1) if total and available is not None else None,
        "free_large_blocks_percent": host_upkeep.large_blocks_percent(asked, found.get("MemFree")),
        "hardware_corrupted_bytes": found.get("HardwareCorrupted"),
        "swap_total_bytes": found.get("SwapTotal"),
        "swap_used_bytes": _difference(found.get("SwapTotal"), found.get("SwapFree")),
        "huge_pages": _huge_pages(asked),
        "huge_pages_default": _default_huge_pages(found),
        "transparent_huge_pages": proc.chosen(asked.text(f"{TRANSPARENT}/enabled") or ""),
        "transparent_huge_pages_defrag": proc.chosen(asked.text(f"{TRANSPARENT}/defrag") or ""),
        "edac": edac(asked),
    }


def _difference(whole: Optional[int], part: Optional[int]) -> Optional[int]:
    return None if whole is None or part is None else whole - part


def _default_huge_pages(found: Dict[str, int]) -> Optional[Dict[str, int]]:
    keys = {"size_bytes": "Hugepagesize", "total": "HugePages_Total", "free": "HugePages_Free"}
    return {name: found[key] for name, key in keys.items()} if all(key in found for key in keys.values()) else None


def _huge_pages(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    """Return the reserved huge pages by their size (``hugepages-2048kB``)."""
    pools = []
    for name in asked.names(HUGE):
        size = re.match(r"^hugepages-(\d+)kB$", name)
        if size:
            pools.append(
                {
                    "label": f"huge pages of {size[1]} kB",
                    "size_bytes": int(size[1]) * 1024,
                    "total": asked.number(f"{HUGE}/{name}/nr_hugepages"),
                    "free": asked.number(f"{HUGE}/{name}/free_hugepages"),
                }
            )
    return pools or None


def edac(asked: Asked) -> Dict[str, Any]:
    """Return the error counters of every memory controller since boot.

    A kernel without a driver for the controller shows none at all: that says nothing about the memory, and so the
    list is then ``None`` and not empty.
    """
    names = [name for name in asked.names(EDAC) if re.match(r"^mc\d+$", name)]
    if not names:
        asked.fail(EDAC, NO_COUNTERS)
    return {
        "source": "EDAC",
        "state_detail": None if names else NO_COUNTERS,
        "controllers": [
            {
                "label": f"memory controller {name}",
                "name": asked.text(f"{EDAC}/{name}/mc_name"),
                "size_bytes": _megabytes(asked.number(f"{EDAC}/{name}/size_mb")),
                "corrected": asked.number(f"{EDAC}/{name}/ce_count", required=True),
                "uncorrected": asked.number(f"{EDAC}/{name}/ue_count", required=True),
                "age_s": asked.number(f"{EDAC}/{name}/seconds_since_reset"),
            }
            for name in names
        ]
        or None,
    }


def _megabytes(count: Optional[int]) -> Optional[int]:
    return None if count is None else count << 20
