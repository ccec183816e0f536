# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AMD accelerators as the kernel shows them: no tool is needed, and none can hang."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

from ..host import Asked
from ..parse import kfd
from ..parse.amd_smi import GENERATIONS
from ..parse.pci import link_speed, link_width
from .gpu_shape import nested

DRM = "/sys/class/drm"
NODES = "/sys/class/kfd/kfd/topology/nodes"
VENDOR = "0x1002"
SENSORS = {"junction": "temperature_c", "mem": "memory_temperature_c"}
POWERS = {
    "power_w": ("power1_average", "power1_input"),
    "power_limit_w": ("power1_cap",),
    "power_max_w": ("power1_cap_max",),
}


def cards(asked: Asked) -> Dict[str, Dict[str, Any]]:
    """Return what DRM shows of each card of this vendor, by PCI address."""
    found = {}
    for name in asked.names(DRM):
        place = f"{DRM}/{name}/device"
        if re.fullmatch(r"card\d+", name) and asked.text(f"{place}/vendor") == VENDOR:
            address = asked.link_name(place)
            if address and re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", address):
                found[address] = _card(asked, place, address)
    return found


def nodes(asked: Asked) -> List[Dict[str, Any]]:
    """Return the GPU nodes of the compute topology: one per card, or one per partition of a card.

    A node that does not tell what it is stays in the list, with nothing but its number.
    """
    numbers = [int(name) for name in asked.names(NODES) if name.isdecimal()]
    found = []
    for number in sorted(numbers):
        node = kfd.properties(asked.text(f"{NODES}/{number}/properties"))
        if not node:
            asked.fail(f"{NODES}/{number}/properties", "a node that does not tell what it is")
            found.append({"number": number, "xgmi_to": []})
        elif kfd.is_gpu(node):
            found.append({**node, "number": number, "xgmi_to": _xgmi_links(asked, number)})
    return found


def _xgmi_links(asked: Asked, number: int) -> List[Optional[int]]:
    """Return the nodes to which xGMI leads."""
    places = (f"{NODES}/{number}/io_links/{name}" for name in asked.names(f"{NODES}/{number}/io_links"))
    links = [kfd.properties(asked.text(f"{place}/properties")) for place in places]
    return [link.get("node_to") for link in links if link.get("type") == kfd.XGMI]


def _card(asked: Asked, place: str, address: str) -> Dict[str, Any]:
    files = _ras_files(asked, place)
    blocks = {name: kfd.error_counts(text) for name, text in files.items()}
    odd = [f"{name} {said}" for name, text in files.items() for said in kfd.unknown_counts(text)] if files else None
    totals = {
        name: _sum([block[name] for block in blocks.values()]) for name in ("corrected", "uncorrected", "deferred")
    }
    speeds = {name: link_speed(asked.text(f"{place}/{name}_link_speed")) for name in ("current", "max")}
    return nested(
        {
            "source": "sysfs",
            "pci_address": address,
            "model": asked.text(f"{place}/product_name") or None,
            "serial": asked.text(f"{place}/serial_number") or None,
            "board_part_number": asked.text(f"{place}/product_number") or None,
            "firmware.vbios": asked.text(f"{place}/vbios_version") or None,
            "memory.total_bytes": asked.number(f"{place}/mem_info_vram_total"),
            "memory.used_bytes": asked.number(f"{place}/mem_info_vram_used"),
            "utilization.gpu_percent": asked.number(f"{place}/gpu_busy_percent"),
            "utilization.memory_percent": asked.number(f"{place}/mem_busy_percent"),
            "pcie.width": link_width(asked.text(f"{place}/current_link_width")),
            "pcie.width_max": link_width(asked.text(f"{place}/max_link_width")),
            "pcie.generation": GENERATIONS.get(speeds["current"] or 0),
            "pcie.generation_max": GENERATIONS.get(speeds["max"] or 0),
            "pcie.replay_count": asked.number(f"{place}/pcie_replay_count"),
            "partition.compute": asked.text(f"{place}/current_compute_partition") or None,
            "partition.memory": asked.text(f"{place}/current_memory_partition") or None,
            "extra.unique_id": asked.text(f"{place}/unique_id") or None,
            "extra.hive_id": asked.text(f"{place}/xgmi_hive_info/xgmi_hive_id") or None,
            "numa_node": asked.number(f"{place}/numa_node"),
            "ecc.volatile.corrected": totals["corrected"],
            "ecc.volatile.uncorrected": totals["uncorrected"],
            "ras": dict(totals, blocks=blocks or None, unexplained=odd, bad_pages=_bad_pages(asked, place)),
            **_sensors(asked, place),
        }
    )


def _ras_files(asked: Asked, place: str) -> Dict[str, Optional[str]]:
    names = [name for name in asked.names(f"{place}/ras") if name.endswith("_err_count")]
    return {name[: -len("_err_count")]: asked.text(f"{place}/ras/{name}") for name in names}


def _bad_pages(asked: Asked, place: str) -> Dict[str, Optional[int]]:
    return kfd.bad_pages(asked.text(f"{place}/ras/gpu_vram_bad_pages"))


def _sum(counts: List[Optional[int]]) -> Optional[int]:
    """Add up; a count that is missing leaves the sum unknown, unless errors were already counted."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and (len(known) == len(counts) or sum(known)) else None


def _sensors(asked: Asked, place: str) -> Dict[str, Optional[float]]:
    """Return temperatures (°C) and powers (W) of the card's hwmon device."""
    values: Dict[str, Optional[float]] = {}
    for monitor in asked.names(f"{place}/hwmon")[:1]:
        folder = f"{place}/hwmon/{monitor}"
        for file in asked.names(folder):
            label = asked.text(f"{folder}/{file}") if re.fullmatch(r"temp\d+_label", file) else None
            if label in SENSORS:
                values[SENSORS[label]] = _scaled(asked.number(f"{folder}/{file[:-6]}_input"), 1000)
        for name, files in POWERS.items():
            read = (asked.number(f"{folder}/{file}") for file in files)
            values[name] = _scaled(next((value for value in read if value is not None), None), 1000000)
    return values


def _scaled(value: Optional[int], by: int) -> Optional[float]:
    return None if value is None else value / by
