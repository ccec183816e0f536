# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shape of one accelerator in the facts, the same from every source: unknown until something says more."""

from __future__ import annotations

import copy
import re
from typing import Any, Dict, Optional

_COUNTS = dict.fromkeys(
    ("corrected", "uncorrected", "sram_corrected", "sram_uncorrected", "dram_corrected", "dram_uncorrected")
)
_BLANK: Dict[str, Any] = {
    **dict.fromkeys(("label", "index", "vendor", "state", "state_detail", "model", "serial", "uuid", "pci_address")),
    **dict.fromkeys(("module_id", "minor", "numa_node", "board_part_number", "chassis_serial", "compute_capability")),
    "firmware": dict.fromkeys(("vbios", "inforom_image", "inforom_oem", "inforom_ecc", "inforom_power", "gsp")),
    "memory": dict.fromkeys(("total_bytes", "used_bytes", "reserved_bytes")),
    "ecc": {
        **dict.fromkeys(("enabled", "pending")),
        "volatile": dict(_COUNTS),  # two, or what is written to one would stand in both
        "aggregate": dict(_COUNTS),
        "sram_threshold_exceeded": None,
    },
    "remap": {
        **dict.fromkeys(("corrected", "uncorrected", "pending", "failed")),
        "banks": dict.fromkeys(("max", "high", "partial", "low", "none")),
    },
    "retired_pages": dict.fromkeys(("single_bit", "double_bit", "pending")),
    **dict.fromkeys(("retired_page_count", "unrepairable_memory", "inforom_corrupted")),
    "repair": dict.fromkeys(("channel_pending", "tpc_pending")),
    "recovery_action": None,
    **dict.fromkeys(("temperature_c", "memory_temperature_c", "temperature_margin_c")),
    "thresholds": dict.fromkeys(("slowdown_c", "shutdown_c", "memory_max_c")),
    **dict.fromkeys(("power_w", "power_limit_w", "power_default_limit_w", "power_min_w", "power_max_w")),
    "clocks": dict.fromkeys(
        (
            *("sm_mhz", "memory_mhz", "graphics_mhz", "sm_max_mhz", "memory_max_mhz", "sm_application_mhz"),
            *("sm_default_mhz", "sm_percent", "locked"),
        )
    ),
    "clock_reasons": dict.fromkeys(("idle", "applications", "sync_boost", "explained", "unexplained", "unanswered")),
    "performance_state": None,
    "throttle": dict.fromkeys(("reasons", "hw_slowdown", "hw_thermal", "hw_power_brake", "sw_thermal", "sw_power_cap")),
    "pcie": dict.fromkeys(("generation", "generation_max", "width", "width_max", "replay_count")),
    "persistence": None,
    "compute_mode": None,
    "mig": dict.fromkeys(("enabled", "pending")),
    "instances": None,
    "partition": dict.fromkeys(("compute", "memory", "count")),
    "utilization": dict.fromkeys(("gpu_percent", "memory_percent")),
    "processes": None,
    "links": None,
    "not_supported": [],
    "fabric": dict.fromkeys(
        (
            *("state", "status", "clique_id", "cluster_uuid", "health", "degraded_bandwidth", "route_recovery"),
            *("route_unhealthy", "access_timeout_recovery", "incorrect_configuration"),
        )
    ),
    "addressing_mode": None,
    "platform": dict.fromkeys(("chassis_serial", "slot", "tray", "host", "peer_type", "fabric_guid")),
    "ras": dict.fromkeys(("corrected", "uncorrected", "bad_pages", "bad_pages_pending")),
    "extra": {},
}
_ADDRESS = re.compile(r"^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$")


def blank(vendor: str, index: int) -> Dict[str, Any]:
    """Return an accelerator of which nothing is known but its place in the driver's count."""
    return dict(copy.deepcopy(_BLANK), vendor=vendor, index=index, state="ok", label=label(index, None))


def label(index: int, pci_address: Optional[str]) -> str:
    """Return the name that messages use: ``GPU 3 (0000:4e:00.0)``."""
    return f"GPU {index} ({pci_address})" if pci_address else f"GPU {index}"


def pci_address(text: Optional[str]) -> Optional[str]:
    """Return a PCI address as sysfs writes it: ``00000000:53:00.0`` is ``0000:53:00.0``."""
    match = _ADDRESS.match((text or "").strip().lower())
    if not match:
        return None
    domain, bus, device, function = match.groups()
    return f"{int(domain or '0', 16):04x}:{bus}:{device}.{function}"


def total(*parts: Optional[int]) -> Optional[int]:
    """Add counts up; unknown when one of them is, unless the others already show errors (then at least so many)."""
    known = sum(part for part in parts if part is not None)
    return known if parts and (known or None not in parts) else None


def percent(part: Optional[float], whole: Optional[float]) -> Optional[float]:
    """Return how much of a whole a part is, in percent."""
    return round(100 * part / whole, 1) if part is not None and whole else None


def margin(temperature_c: Optional[float], slowdown_c: Optional[float]) -> Optional[float]:
    """Return how many degrees are left until the GPU slows itself down."""
    return slowdown_c - temperature_c if temperature_c is not None and slowdown_c is not None else None
