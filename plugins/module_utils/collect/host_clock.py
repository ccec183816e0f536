# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How fast the processors really run: their clocks at one look, how often they were throttled, and their power limits.

One look cannot tell an idle CPU from one that is held down. The CPU that asks is not idle, though: where even the
fastest of all CPUs runs far below its base frequency, something holds them.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence

from ..host import Asked

CPU = "/sys/devices/system/cpu"
POWERCAP = "/sys/class/powercap"
HOUR_S = 3600.0
PARTS = ("core", "package")


def clocks(asked: Asked, policies: Sequence[int], max_mhz: Optional[int]) -> Dict[str, Any]:
    """Return the fastest and slowest clock of the policies in MHz, and the fastest as a share of the base frequency.

    Where the driver names no base frequency, half of the highest one stands for it.
    """
    read = [asked.number(f"{CPU}/cpufreq/policy{number}/scaling_cur_freq") for number in policies]
    current = [kilohertz // 1000 for kilohertz in read if kilohertz]
    base = _base(asked, min(policies)) if policies else None
    reference = base or (max_mhz / 2 if max_mhz else None)
    fastest = max(current) if current and len(current) == len(policies) else None
    return {
        "fastest_mhz": fastest,
        "slowest_mhz": min(current) if fastest else None,
        "base_mhz": base,
        "fastest_percent": round(100 * fastest / reference, 1) if fastest and reference else None,
    }


def _base(asked: Asked, number: int) -> Optional[int]:
    kilohertz = asked.number(f"{CPU}/cpufreq/policy{number}/base_frequency")
    return kilohertz // 1000 if kilohertz else asked.number(f"{CPU}/cpu{number}/acpi_cppc/nominal_freq") or None


def throttle(asked: Asked, online: Sequence[int]) -> Dict[str, Any]:
    """Return how often and how long the worst CPU was throttled since boot; ``counted``: the kernel counts it."""
    uptime = (asked.text("/proc/uptime") or "").split()
    uptime_s = float(uptime[0]) if uptime and re.fullmatch(r"\d+(\.\d+)?", uptime[0]) else None
    first = f"{CPU}/cpu{online[0]}/thermal_throttle" if online else ""
    counted = bool(first) and asked.host.link(first) is not None
    timed = counted and asked.host.link(f"{first}/package_throttle_total_time_ms") is not None
    counts = {number: _worst(asked, number, "count") for number in online} if counted else {}
    known = bool(counts) and None not in counts.values() and bool(uptime_s)
    held = [number for number, count in counts.items() if count]
    times = {number: _worst(asked, number, "total_time_ms") for number in held} if timed and known else {}
    most = max(held, key=lambda number: counts[number] or 0) if held and known else None
    longest = max((time or 0 for time in times.values()), default=0)
    return {
        "source": "thermal_throttle",
        "counted": counted,
        "timed": timed,
        "worst": None if most is None else f"CPU {most}",
        "count": max((count or 0 for count in counts.values()), default=0) if known else None,
        "per_hour": round(max(map(float, counts.values())) / max((uptime_s or 0) / HOUR_S, 1.0), 3) if known else None,  # type: ignore[arg-type]
        "time_percent": round(longest / ((uptime_s or 1) * 10), 3)
        if known and timed and None not in times.values()
        else None,
    }


def _worst(asked: Asked, number: int, what: str) -> Optional[int]:
    """Return the larger of what is counted for a CPU's core and for its package, ``None`` unless both are known."""
    found = [asked.number(f"{CPU}/cpu{number}/thermal_throttle/{part}_throttle_{what}") for part in PARTS]
    known = [count for count in found if count is not None]
    return max(known) if len(known) == len(PARTS) else None


def power(asked: Asked) -> Dict[str, Any]:
    """Return the lasting power limit of each processor in watts beside what it is rated for.

    ``unrated``: packages whose rating the processor does not tell; ``unlimited``: those whose limit is switched off.
    """
    found: Dict[str, List[Any]] = {"limits": [], "unrated": [], "unlimited": []}
    for zone in asked.names(POWERCAP):
        name = asked.text(f"{POWERCAP}/{zone}/name") if re.fullmatch(r"intel-rapl(-mmio)?:\d+", zone) else None
        if name and name.startswith("package"):
            _limit(asked, zone, name, found)
    return {"source": "powercap", **found}


def _limit(asked: Asked, zone: str, name: str, found: Dict[str, List[Any]]) -> None:
    base = f"{POWERCAP}/{zone}"
    constraint = next(
        (number for number in range(3) if asked.text(f"{base}/constraint_{number}_name") == "long_term"), 0
    )
    limit, rated = (asked.number(f"{base}/constraint_{constraint}_{what}_uw") for what in ("power_limit", "max_power"))
    if asked.text(f"{base}/enabled") == "0":
        found["unlimited"].append(name)
    elif not rated:
        found["unrated"].append(name)
    else:
        share = None if limit is None else round(100 * limit / rated, 1)
        watts = None if limit is None else limit / 1e6
        found["limits"].append({"label": name, "limit_w": watts, "rated_w": rated / 1e6, "limit_percent": share})
