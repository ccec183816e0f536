# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``amd-smi … --json`` prints, as data in the one schema for accelerators.

ROCm 6 prints a list of GPUs, ROCm 7 an object around it; some subcommands print several documents one after
another, with a legend below or a warning above. Numbers come bare, as ``{"value", "unit"}`` or as text, and
"N/A" may stand for a value as well as for a whole section.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from . import amd_ras, amd_throttle
from .three_valued import any_of

WRAPPERS = ("gpu_data", "xgmi_metric", "link_status")
SCALES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}  # amd-smi writes MB where it counts in 1024s
GENERATIONS = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6, 128.0: 7}
PLAUSIBLE = 1e18
NONE_FOUND = ("no bad pages found", "no running processes detected")
NO_LINK = ("", "X", "SELF", "N/A")  # disabled, the GPU itself, no such link
ATTEMPTS_MOST = 200  # documents, or lines that look like the start of one


def documents(text: str) -> List[Any]:
    """Return the JSON documents in a text, whatever stands around them."""
    decoder, at = json.JSONDecoder(), 0
    found: List[Any] = []
    for _attempt in range(ATTEMPTS_MOST):
        start = re.compile(r"[\[{]").search(text, at)
        if not start:
            break
        try:
            document, at = decoder.raw_decode(text, start.start())
            found.append(document)
        except (ValueError, RecursionError):
            at = text.find("\n", start.start()) + 1
            if not at:
                break
    return found


def gpus(text: str, wrapper: str = "gpu_data") -> Optional[List[Dict[str, Any]]]:
    """Return one mapping per GPU (or partition); ``None`` where the text is not such an answer."""
    entries: List[Dict[str, Any]] = []
    for document in documents(text):
        inner = document.get(wrapper) if isinstance(document, dict) else document
        entries += [entry for entry in inner if isinstance(entry, dict)] if isinstance(inner, list) else []
    return [entry for entry in entries if isinstance(entry.get("gpu"), int)] or None


def pick(entry: Any, *paths: str) -> Any:
    """Return the first value that is there and is not "N/A"."""
    for path in paths:
        value = entry
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and not (isinstance(value, str) and value.strip().upper() in ("", "N/A")):
            return value
    return None


def number(value: Any) -> Optional[float]:
    """Return 750 from 750, "750 W" or ``{"value": 750, "unit": "W"}``."""
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value if abs(value) < PLAUSIBLE else None  # JSON may hold Infinity and NaN
    found = re.match(r"\s*(-?\d{1,18}(?:\.\d+)?)", value) if isinstance(value, str) else None
    if not found:
        return None
    return float(found.group(1)) if "." in found.group(1) else int(found.group(1))


def whole(value: Any) -> Optional[int]:
    """Return a whole number."""
    found = number(value)
    return None if found is None else int(found)


def size(value: Any) -> Optional[int]:
    """Return bytes; a number without unit counts MB."""
    amount = number(value)
    unit = (
        value.get("unit")
        if isinstance(value, dict)
        else re.sub(r"[^A-Za-z]", "", value if isinstance(value, str) else "")
    )
    scale = SCALES.get(str(unit or "MB").upper().replace("IB", "B"))
    return None if amount is None or scale is None else int(amount * scale)


def words(value: Any) -> Optional[str]:
    """Return text; anything but text or a number is no answer."""
    return str(value).strip()[:200] or None if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def address(value: Any) -> Optional[str]:
    """Return a PCI address in lower case, of function 0: partitions of a card count functions up."""
    found = (
        re.match(r"([0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2})\.[0-7]$", value) if isinstance(value, str) else None
    )
    return f"{found.group(1).lower()}.0" if found else None


def generation(value: Any) -> Optional[int]:
    """Return the PCIe generation of a speed in GT/s, or of "Gen 5"."""
    if isinstance(value, str) and value.lower().startswith("gen"):
        return whole(value[3:])
    speed = number(value)
    return GENERATIONS.get(float(speed)) if speed is not None else None


def enabled(value: Any) -> Any:
    """Return ENABLED as yes, DISABLED as no, and any other word as it stands."""
    return {"ENABLED": True, "DISABLED": False}.get(value.upper(), value[:200]) if isinstance(value, str) else None


def engines(entry: Mapping[str, Any], key: str) -> List[Any]:
    """Return what every graphics engine of a GPU says under a key of its clock; "N/A" is ``None``."""
    section = pick(entry, "clock")
    names = sorted(name for name in section if re.fullmatch(r"gfx_\d+", str(name))) if isinstance(section, dict) else []
    return [pick(section, f"{name}.{key}") for name in names]


def lowest(values: Iterable[Any]) -> Optional[float]:
    """Return the least of some numbers, those left out that say nothing."""
    found = [each for each in map(number, values) if each is not None]
    return min(found) if found else None


Field = Tuple[str, Callable[[Any], Any], Sequence[str]]
STATIC: Tuple[Field, ...] = (
    ("pci_address", address, ("bus.bdf",)),
    ("model", words, ("asic.market_name", "board.product_name")),
    ("serial", words, ("board.product_serial", "asic.asic_serial")),
    ("board_part_number", words, ("board.model_number", "vbios.part_number", "ifwi.part_number")),
    ("module_id", whole, ("asic.oam_id",)),
    ("numa_node", whole, ("numa.node",)),
    ("firmware.vbios", words, ("vbios.version", "vbios.vbios_version", "ifwi.version")),
    ("memory.total_bytes", size, ("vram.size", "vram.vram_size_mb", "vram.vram_size")),
    ("ecc.enabled", enabled, ("ras.ecc_block_state.UMC",)),
    ("pcie.width_max", whole, ("bus.max_pcie_width",)),
    ("pcie.generation_max", generation, ("bus.max_pcie_speed", "bus.pcie_interface_version")),
    ("power_limit_w", number, ("limit.socket_power", "limit.ppt0.socket_power_limit")),
    ("power_max_w", number, ("limit.max_power", "limit.ppt0.max_power_limit")),
    ("power_min_w", number, ("limit.min_power", "limit.ppt0.min_power_limit")),
    ("thresholds.slowdown_c", number, ("limit.slowdown_hotspot_temperature",)),
    ("thresholds.shutdown_c", number, ("limit.shutdown_hotspot_temperature",)),
    ("thresholds.memory_max_c", number, ("limit.slowdown_vram_temperature",)),
    ("partition.compute", words, ("partition.accelerator_partition", "partition.compute_partition")),
    ("partition.memory", words, ("partition.memory_partition",)),
    ("ras.bad_page_threshold", whole, ("ras.bad_page_threshold",)),
    ("extra.gfx_version", words, ("asic.target_graphics_version",)),
    ("extra.compute_units", whole, ("asic.num_compute_units",)),
    ("extra.driver_version", words, ("driver.version", "driver.driver_version")),
)
METRIC: Tuple[Field, ...] = (
    ("temperature_c", number, ("temperature.hotspot", "temperature.edge")),
    ("memory_temperature_c", number, ("temperature.mem",)),
    ("power_w", number, ("power.socket_power", "power.average_socket_power", "power.current_socket_power")),
    ("utilization.gpu_percent", number, ("usage.gfx_activity",)),
    ("utilization.memory_percent", number, ("usage.umc_activity",)),
    ("clocks.graphics_mhz", number, ("clock.gfx_0.clk",)),
    ("clocks.sm_mhz", number, ("clock.gfx_0.clk",)),
    ("clocks.memory_mhz", number, ("clock.mem_0.clk",)),
    ("clocks.memory_max_mhz", number, ("clock.mem_0.max_clk",)),
    ("pcie.width", whole, ("pcie.width", "pcie.current_lanes")),
    ("pcie.generation", generation, ("pcie.speed", "pcie.current_speed")),
    ("pcie.replay_count", whole, ("pcie.replay_count",)),
    ("memory.total_bytes", size, ("mem_usage.total_vram",)),
    ("memory.used_bytes", size, ("mem_usage.used_vram",)),
    ("ecc.volatile.corrected", whole, ("ecc.total_correctable_count",)),
    ("ecc.volatile.uncorrected", whole, ("ecc.total_uncorrectable_count",)),
    ("ras.corrected", whole, ("ecc.total_correctable_count",)),
    ("ras.uncorrected", whole, ("ecc.total_uncorrectable_count",)),
    ("ras.deferred", whole, ("ecc.total_deferred_count",)),
)


def fields(entry: Mapping[str, Any], table: Iterable[Field]) -> Dict[str, Any]:
    """Return path -> value for every field of a table; ``None`` where the answer lacks it."""
    found = {}
    for target, convert, paths in table:
        value = pick(entry, *paths)
        found[target] = None if value is None else convert(value)
    return found


def ras_blocks(entry: Mapping[str, Any]) -> Optional[Dict[str, Dict[str, Optional[int]]]]:
    """Return the error counts of every block of the chip, its name in lower case."""
    return amd_ras.blocks(pick(entry, "ecc_blocks"), lambda counts, name: whole(pick(counts, name)))


def ras_unexplained(entry: Mapping[str, Any]) -> Optional[List[str]]:
    """Return the error counts of kinds that nothing here knows and that are not zero; ``None`` without any counts."""
    sections = {"all blocks": pick(entry, "ecc"), **_sections(pick(entry, "ecc_blocks"))}
    return amd_ras.unexplained(sections, lambda counts, name: whole(pick(counts, name)))


def _sections(value: Any) -> Dict[str, Any]:
    return {str(name): counts for name, counts in value.items()} if isinstance(value, dict) else {}


def throttle(entry: Mapping[str, Any], engines: Optional[int] = None) -> Dict[str, Any]:
    """Return why the GPU holds back; ``engines`` is how many its card has, where that is known."""
    return amd_throttle.facts(entry, engines)["throttle"]


def clock_reasons(entry: Mapping[str, Any], engines: Optional[int] = None) -> Dict[str, Any]:
    """Return what the causes say about the clocks; idle also where nothing computes."""
    found = amd_throttle.facts(entry, engines)["clock_reasons"]
    busy = number(pick(entry, "usage.gfx_activity"))
    return found if found["idle"] is not None or busy is None else dict(found, idle=busy == 0)


def clocks(entry: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the highest clock that every engine may reach, in MHz, and whether the clock of any engine is locked."""
    clock = engines(entry, "clk")
    locked = [enabled(said) for said, runs in zip(engines(entry, "clk_locked"), clock) if (said, runs) != (None, None)]
    return {"sm_max_mhz": lowest(engines(entry, "max_clk")), "locked": any_of(locked)}


def listed(value: Any) -> Optional[List[Any]]:
    """Return a list, ``[]`` for the sentence that says there is none, ``None`` for no answer."""
    if isinstance(value, str):
        return [] if value.strip(" .").lower() in NONE_FOUND else None
    return value if isinstance(value, list) else None


def bad_pages(entry: Mapping[str, Any]) -> Dict[str, Optional[int]]:
    """Return how many memory pages are retired, wait for a reset to be retired, and cannot be retired."""
    counts = {}
    for name, key in (("retired", "retired"), ("pending", "pending"), ("unreservable", "un_res")):
        pages = listed(pick(entry, key))
        counts[name] = None if pages is None else len(pages)
    return counts


def processes(entry: Mapping[str, Any]) -> Optional[List[Dict[str, Any]]]:
    """Return the processes on a GPU."""
    found = listed(pick(entry, "process_list"))
    if found is None:
        return None
    told = [each.get("process_info", each) if isinstance(each, dict) else each for each in found]
    if any(not isinstance(each, dict) and listed(each) != [] for each in told):
        return None  # words that nobody here knows may mean a process
    return [
        {
            "pid": whole(pick(process, "pid")),
            "name": words(pick(process, "name")),
            "memory_bytes": size(pick(process, "memory_usage.vram_mem", "mem_usage", "mem")),
        }
        for process in told
        if isinstance(process, dict)
    ]


def firmware(entry: Mapping[str, Any]) -> Dict[str, Optional[str]]:
    """Return the version of every firmware of a GPU, its name in lower case."""
    parts = pick(entry, "fw_list")
    return {
        str(pick(part, "fw_id", "fw_name")).lower(): words(pick(part, "fw_version"))
        for part in (parts if isinstance(parts, list) else [])
        if pick(part, "fw_id", "fw_name")
    }


def link_states(entry: Mapping[str, Any]) -> List[Tuple[int, Any]]:
    """Return (number, up) for every xGMI link that is in use; the GPU's own column and disabled links are left out.

    A mark that is not known stands as it is: such a link is neither up nor down.
    """
    states = pick(entry, "link_status")
    meanings = {"U": True, "UP": True, "D": False, "DOWN": False}
    marks = [state.strip().upper() if isinstance(state, str) else "" for state in _items(states)]
    return [(place, meanings.get(mark, mark)) for place, mark in enumerate(marks) if mark not in NO_LINK]


def _items(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []
