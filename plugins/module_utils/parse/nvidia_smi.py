# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns what ``nvidia-smi`` prints into the same facts as ``parse.nvml`` gives. Pure.

Every release of the tool adds, renames and drops elements, and puts words where numbers stand: what is not
understood is unknown.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple
from xml.etree.ElementTree import Element, ParseError, fromstring

from . import nvidia_smi_more as more
from .gpu_shape import blank, label, margin, pci_address, percent, total

LOST, RESET = "gpu is lost", "gpu requires reset"
BROKEN = ("unknown error", "err!")
WORDS = {  # in place of a value
    *("", "n/a", "[n/a]", "not supported", "[not supported]", "not found", "not available", "requested functionality"),
    *("requested functionality has been deprecated", "insufficient permissions", "function not found", "no data"),
    *(LOST, RESET, *BROKEN),
}
FLAGS = {"enabled": True, "disabled": False, "yes": True, "no": False, "true": True, "false": False}
RECOVERY = {
    "none": "none",
    "reset": "gpu_reset",
    "gpu reset": "gpu_reset",
    "reboot": "node_reboot",
    "node reboot": "node_reboot",
}
BANDWIDTH = {"full": False, "degraded": True}
PEERS = {"switch connected": "switch", "direct connected": "direct"}
MIB = 1 << 20
MOST_TEXT = 16 << 20
_NUMBER = re.compile(r"^(-?\d+(?:\.\d+)?)\s*x?\s*(MiB|W|C|MHz|%|us|bank\(s\))?$")


def text(value: str) -> Optional[str]:
    """Return a value as it stands."""
    return value


def number(value: str) -> Any:
    """Return a number without its unit; whole ones as integers."""
    match = _NUMBER.match(value)
    if not match:
        return None
    found = float(match.group(1))
    return found if "." in match.group(1) else int(found)


def watts(value: str) -> Optional[float]:
    """Return a power."""
    found = number(value)
    return None if found is None else float(found)


def size(value: str) -> Optional[int]:
    """Return MiB as bytes."""
    found = number(value)
    return None if found is None else int(found * MIB)


def flag(value: str) -> Any:
    """Return Enabled, Yes, True as yes, their opposites as no, and any other word as it stands."""
    return FLAGS.get(value.lower(), value)


def word(value: str) -> str:
    """Return an enumeration in the spelling of the facts."""
    return re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")


def recovery(value: str) -> str:
    """Return a recovery action by NVML's name for it."""
    return RECOVERY.get(value.lower(), word(value))


Rule = Tuple[str, Callable[[str], Any], Tuple[str, ...]]
LINK = "pci/pci_gpu_link_info/"
POWER = ("gpu_power_readings/", "power_readings/")
RULES: Tuple[Rule, ...] = (  # fact, reading, elements: the first that says something counts
    ("model", text, ("product_name",)),
    ("serial", text, ("serial",)),
    ("uuid", text, ("uuid",)),
    ("minor", number, ("minor_number",)),
    ("module_id", number, ("platformInfo/module_id",)),
    ("board_part_number", text, ("board_part_number",)),
    ("chassis_serial", text, ("platformInfo/chassis_serial_number",)),
    ("platform.chassis_serial", text, ("platformInfo/chassis_serial_number",)),
    ("platform.slot", number, ("platformInfo/slot_number",)),
    ("platform.tray", number, ("platformInfo/tray_index",)),
    ("platform.host", number, ("platformInfo/host_id",)),
    ("platform.peer_type", lambda value: PEERS.get(value.lower(), word(value)), ("platformInfo/peer_type",)),
    ("platform.fabric_guid", lambda value: value.lower().replace("0x", ""), ("platformInfo/gpu_fabric_guid",)),
    ("firmware.vbios", text, ("vbios_version",)),
    ("firmware.gsp", text, ("gsp_firmware_version",)),
    ("firmware.inforom_image", text, ("inforom_version/img_version",)),
    ("firmware.inforom_oem", text, ("inforom_version/oem_object",)),
    ("firmware.inforom_ecc", text, ("inforom_version/ecc_object",)),
    ("firmware.inforom_power", text, ("inforom_version/pwr_object",)),
    ("memory.total_bytes", size, ("fb_memory_usage/total",)),
    ("memory.used_bytes", size, ("fb_memory_usage/used",)),
    ("memory.reserved_bytes", size, ("fb_memory_usage/reserved",)),
    ("ecc.enabled", flag, ("ecc_mode/current_ecc",)),
    ("ecc.pending", flag, ("ecc_mode/pending_ecc",)),
    ("ecc.sram_threshold_exceeded", flag, ("ecc_errors/aggregate/sram_threshold_exceeded",)),
    ("remap.corrected", number, ("remapped_rows/remapped_row_corr",)),
    ("remap.uncorrected", number, ("remapped_rows/remapped_row_unc",)),
    ("remap.pending", flag, ("remapped_rows/remapped_row_pending",)),
    ("remap.failed", flag, ("remapped_rows/remapped_row_failure",)),
    *(
        (f"remap.banks.{name}", number, (f"remapped_rows/row_remapper_histogram/row_remapper_histogram_{name}",))
        for name in ("max", "high", "partial", "low", "none")
    ),
    ("retired_pages.single_bit", number, ("retired_pages/multiple_single_bit_retirement/retired_count",)),
    ("retired_pages.double_bit", number, ("retired_pages/double_bit_retirement/retired_count",)),
    ("retired_pages.pending", flag, ("retired_pages/pending_retirement", "retired_pages/pending_blacklist")),
    ("unrepairable_memory", flag, ("ecc_errors/unrepairable_memory",)),
    ("repair.channel_pending", flag, ("ecc_errors/channel_repair_pending",)),
    ("repair.tpc_pending", flag, ("ecc_errors/tpc_repair_pending",)),
    ("recovery_action", recovery, ("gpu_recovery_action",)),
    ("temperature_c", number, ("temperature/gpu_temp",)),
    ("memory_temperature_c", number, ("temperature/memory_temp",)),
    ("temperature_margin_c", number, ("temperature/gpu_temp_tlimit",)),
    ("thresholds.slowdown_c", number, ("temperature/gpu_temp_slow_threshold",)),
    ("thresholds.shutdown_c", number, ("temperature/gpu_temp_max_threshold",)),
    ("thresholds.memory_max_c", number, ("temperature/gpu_temp_max_mem_threshold",)),
    ("extra.slowdown_margin_c", number, ("temperature/gpu_temp_slow_tlimit_threshold",)),
    ("extra.shutdown_margin_c", number, ("temperature/gpu_temp_max_tlimit_threshold",)),
    (
        "power_w",
        watts,
        tuple(p + name for name in ("average_power_draw", "instant_power_draw", "power_draw") for p in POWER),
    ),
    (
        "power_limit_w",
        watts,
        tuple(p + name for name in ("enforced_power_limit", "current_power_limit", "power_limit") for p in POWER),
    ),
    ("power_default_limit_w", watts, tuple(place + "default_power_limit" for place in POWER)),
    ("power_min_w", watts, tuple(place + "min_power_limit" for place in POWER)),
    ("power_max_w", watts, tuple(place + "max_power_limit" for place in POWER)),
    ("clocks.graphics_mhz", number, ("clocks/graphics_clock",)),
    ("clocks.sm_mhz", number, ("clocks/sm_clock",)),
    ("clocks.memory_mhz", number, ("clocks/mem_clock",)),
    ("clocks.sm_max_mhz", number, ("max_clocks/sm_clock",)),
    ("clocks.memory_max_mhz", number, ("max_clocks/mem_clock",)),
    ("clocks.sm_application_mhz", number, ("applications_clocks/graphics_clock",)),
    ("clocks.sm_default_mhz", number, ("default_applications_clocks/graphics_clock",)),
    ("performance_state", text, ("performance_state",)),
    ("pcie.generation", number, (LINK + "pcie_gen/current_link_gen",)),
    ("pcie.generation_max", number, (LINK + "pcie_gen/max_link_gen",)),
    ("pcie.width", number, (LINK + "link_widths/current_link_width",)),
    ("pcie.width_max", number, (LINK + "link_widths/max_link_width",)),
    ("pcie.replay_count", number, ("pci/replay_counter",)),
    ("persistence", flag, ("persistence_mode",)),
    ("compute_mode", word, ("compute_mode",)),
    ("mig.enabled", flag, ("mig_mode/current_mig",)),
    ("mig.pending", flag, ("mig_mode/pending_mig",)),
    ("utilization.gpu_percent", number, ("utilization/gpu_util",)),
    ("utilization.memory_percent", number, ("utilization/memory_util",)),
    ("fabric.state", word, ("fabric/state",)),
    ("fabric.status", word, ("fabric/status",)),
    ("fabric.clique_id", number, ("fabric/cliqueId",)),
    ("fabric.cluster_uuid", text, ("fabric/clusterUuid",)),
    ("fabric.health", word, ("fabric/health/summary",)),
    ("fabric.degraded_bandwidth", lambda value: BANDWIDTH.get(value.lower(), value), ("fabric/health/bandwidth",)),
    ("fabric.route_recovery", flag, ("fabric/health/route_recovery_in_progress",)),
    ("fabric.route_unhealthy", flag, ("fabric/health/route_unhealthy",)),
    ("fabric.access_timeout_recovery", flag, ("fabric/health/access_timeout_recovery",)),
    ("fabric.incorrect_configuration", word, ("fabric/health/incorrect_configuration",)),
    ("addressing_mode", word, ("addressing_mode",)),
)


def facts(document: str) -> Optional[Dict[str, Any]]:
    """Return source, driver, driver_count, devices, topology and errors, or ``None`` when this is no such document."""
    if len(document) > MOST_TEXT or "<!ENTITY" in document:
        return None
    try:
        root = fromstring(document[max(document.find("<"), 0) :])
    except (ParseError, ValueError):
        return None
    if root.tag != "nvidia_smi_log":
        return None
    return {
        "source": "nvidia-smi",
        "driver": {
            "version": _said(root, "driver_version"),
            "library_version": None,
            "cuda_version": _said(root, "cuda_version"),
            "binding": None,
            "confidential_compute": dict.fromkeys(("enabled", "environment", "devtools", "ready")),
        },
        "driver_count": number(_said(root, "attached_gpus") or ""),
        "devices": [_device(index, gpu) for index, gpu in enumerate(root.findall("gpu"))],
        "topology": {"common_ancestor": None},
        "errors": more.unread(root.findall("gpu")),
    }


def _said(element: Element, path: str) -> Optional[str]:
    found = element.find(path)
    value = (found.text or "").strip() if found is not None else ""
    return None if value.lower() in WORDS else value


def _device(index: int, gpu: Element) -> Dict[str, Any]:
    device = blank("nvidia", index)
    address = pci_address(gpu.get("id") or _said(gpu, "pci/pci_bus_id"))
    device.update(pci_address=address, label=label(index, address))
    for fact, read, paths in RULES:
        value = next((said for said in (_said(gpu, path) for path in paths) if said is not None), None)
        if value is not None:
            _put(device, fact, read(value))
    if device["temperature_margin_c"] is None:
        device["temperature_margin_c"] = margin(device["temperature_c"], device["thresholds"]["slowdown_c"])
    for period in ("volatile", "aggregate"):
        device["ecc"][period].update(_errors(gpu, f"ecc_errors/{period}/"))
    clocks, retired = device["clocks"], device["retired_pages"]
    clocks["sm_percent"] = percent(clocks["sm_mhz"], clocks["sm_default_mhz"] or clocks["sm_max_mhz"])
    device["retired_page_count"] = total(retired["single_bit"], retired["double_bit"])
    device.update(more.clock_facts(gpu), instances=more.instances(gpu), not_supported=more.not_supported(gpu))
    device["processes"] = _processes(gpu)
    device["state"], device["state_detail"] = _state(gpu)
    return device


def _put(device: Dict[str, Any], fact: str, value: Any) -> None:
    *parents, last = fact.split(".")
    for name in parents:
        device = device[name]
    device[last] = value


def _errors(gpu: Element, place: str) -> Dict[str, Any]:
    def count(name: str) -> Any:
        return number(_said(gpu, place + name) or "")

    parts = total(count("sram_uncorrectable_parity"), count("sram_uncorrectable_secded"))
    whole = count("sram_uncorrectable")
    found = {
        "sram_corrected": count("sram_correctable"),
        "sram_uncorrected": parts if whole is None else whole,
        "dram_corrected": count("dram_correctable"),
        "dram_uncorrected": count("dram_uncorrectable"),
    }
    for name, bits in (("corrected", "single_bit"), ("uncorrected", "double_bit")):  # bits: boards before Turing
        if found["dram_" + name] is None:
            found["dram_" + name] = count(f"{bits}/device_memory")
        older = count(f"{bits}/total")
        found[name] = total(found["sram_" + name], found["dram_" + name]) if older is None else older
    return found


def _processes(gpu: Element) -> Optional[List[Dict[str, Any]]]:
    """Return the processes that compute, or do what nobody here knows; those that only draw are of no concern."""
    found = gpu.find("processes")
    if found is None or (found.text or "").strip():
        return None
    return [
        {
            "label": f"process {_said(entry, 'pid')}",
            "pid": number(_said(entry, "pid") or ""),
            "name": _said(entry, "process_name"),
            "memory_bytes": size(_said(entry, "used_memory") or ""),
        }
        for entry in found.findall("process_info")
        if _said(entry, "type") != "G"
    ]


def _state(gpu: Element) -> Tuple[str, Optional[str]]:
    said = {(element.text or "").strip().lower(): element.tag for element in gpu.iter()}
    for name, sign in (("lost", LOST), ("reset_required", RESET)):
        if sign in said:
            return name, f"{sign!r} in {said[sign]}"
    model = (gpu.findtext("product_name") or "").strip()
    return ("error", f"{model!r} in product_name") if model.lower() in BROKEN else ("ok", None)
