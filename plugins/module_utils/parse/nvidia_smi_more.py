# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an element of ``nvidia-smi -q -x`` says beyond single values: causes, MIG instances, what it does not say. Pure.

In this document ``N/A`` stands for what the board does not have, and older drivers leave out what they do not know;
a read that failed is told in other words.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional
from xml.etree.ElementTree import Element

from . import clock_reasons

NOT_HAD = ("n/a", "[n/a]", "not supported", "[not supported]", "requested functionality has been deprecated")
HEALTH = "fabric/health/"
OPTIONAL = {  # facts that only some boards and drivers have, by the element that gives them
    "addressing_mode": "addressing_mode",
    "clocks.sm_application_mhz": "applications_clocks/graphics_clock",
    "ecc.sram_threshold_exceeded": "ecc_errors/aggregate/sram_threshold_exceeded",
    "fabric.access_timeout_recovery": HEALTH + "access_timeout_recovery",
    "fabric.degraded_bandwidth": HEALTH + "bandwidth",
    "fabric.incorrect_configuration": HEALTH + "incorrect_configuration",
    "fabric.route_recovery": HEALTH + "route_recovery_in_progress",
    "fabric.route_unhealthy": HEALTH + "route_unhealthy",
    "recovery_action": "gpu_recovery_action",
    "remap.banks": "remapped_rows/row_remapper_histogram/row_remapper_histogram_none",
    "repair": "ecc_errors/tpc_repair_pending",
    "retired_page_count": "retired_pages/double_bit_retirement/retired_count",
    "retired_pages.pending": "retired_pages/pending_retirement",
    "unrepairable_memory": "ecc_errors/unrepairable_memory",
}
SRAM = ("sram_uncorrectable", "sram_uncorrectable_parity", "sram_uncorrectable_secded")
MOST_NAMES = 20
ALWAYS = ("inforom_corrupted",)  # no element tells it
READ = """
    addressing_mode applications_clocks board_part_number clocks clocks_event_reasons clocks_throttle_reasons
    compute_mode default_applications_clocks ecc_errors ecc_mode fabric fb_memory_usage gpu_power_readings
    gpu_recovery_action gsp_firmware_version inforom_version max_clocks mig_devices mig_mode minor_number pci
    performance_state persistence_mode platformInfo power_readings processes product_name remapped_rows
    retired_pages serial temperature utilization uuid vbios_version
"""
NOT_NEEDED = """
    accounted_processes accounting_mode accounting_mode_buffer_size bar1_memory_usage board_id c2c_mode
    capabilities cc_protected_memory_usage clock_policy clocks_event_reasons_counters deferred_clocks
    display_active display_attached display_mode dram_encryption_mode driver_model edpp_multiplier encoder_stats
    fan_speed fbc_stats gpu_fru_part_number gpu_memory_power_readings gpu_module_id gpu_operation_mode
    gpu_part_number gpu_reset_status gpu_virtualization_mode ibmnpu inforom_bbx_flush max_customer_boost_clocks
    module_power_readings multigpu_board pdi power_profiles power_smoothing product_architecture product_brand
    sparse_operation_mode supported_clocks supported_gpu_target_temp voltage
"""
KNOWN = frozenset((READ + NOT_NEEDED).split())


def _text(element: Element, path: str) -> Optional[str]:
    found = element.find(path)
    return None if found is None else (found.text or "").strip()


def clock_facts(gpu: Element) -> Dict[str, Any]:
    """Return ``throttle`` and ``clock_reasons``; each cause by the first spelling of its section that answers it."""
    said: Dict[str, str] = {}
    for spelling in ("event", "throttle"):
        section = gpu.find(f"clocks_{spelling}_reasons")
        for entry in [] if section is None else list(section):
            name = entry.tag.replace(f"clocks_{spelling}_reason_", "", 1)
            if said.get(name, "").lower() in ("", *NOT_HAD):
                said[name] = (entry.text or "").strip()
    causes = clock_reasons.of_words(said)
    return {"throttle": clock_reasons.throttle(causes), "clock_reasons": clock_reasons.clock_reasons(causes)}


def instances(gpu: Element) -> Optional[List[Dict[str, Any]]]:
    """Return the MIG instances with the errors that ECC met in each; ``[]`` for none, ``None`` when unknown."""
    section = gpu.find("mig_devices")
    if section is None or (section.text or "").strip().lower() not in ("", "none"):
        return None
    return [
        {
            "label": f"MIG {_text(entry, 'index')}",
            "index": _count(_text(entry, "index")),
            "uuid": _text(entry, "uuid"),
            "sram_uncorrected": _count(_text(entry, "ecc_error_count/volatile_count/sram_uncorrectable")),
        }
        for entry in section.findall("mig_device")
    ]


def _count(text: Optional[str]) -> Optional[int]:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def not_supported(gpu: Element) -> List[str]:
    """Return the optional facts that this board or driver does not have: it says so, or prints no such element.

    Parts of the fabric's health count only beside its summary: without one there is nobody who watches.
    """
    watched = (_text(gpu, HEALTH + "summary") or NOT_HAD[0]).lower() not in NOT_HAD
    absent = [fact for fact, path in OPTIONAL.items() if watched or not path.startswith(HEALTH) if _lacks(gpu, path)]
    if all(_lacks(gpu, f"ecc_errors/volatile/{name}") for name in SRAM):
        absent.append("ecc.volatile.sram_uncorrected")
    return sorted([*ALWAYS, *absent])


def _lacks(gpu: Element, path: str) -> bool:
    """Return whether there is no such element in a section that is there, or it says that there is no such thing."""
    section, said = path.rpartition("/")[0], _text(gpu, path)
    if said is None:
        return not section or gpu.find(section) is not None
    return said.lower() in NOT_HAD


def unread(gpus: List[Element]) -> List[Dict[str, str]]:
    """Return an error for the sections that nothing here knows: newer drivers print them, and somebody should look."""
    names = sorted({element.tag[:80] for gpu in gpus for element in gpu} - KNOWN)
    reason = f"sections that nothing here reads: {', '.join(names[:MOST_NAMES])}"
    return [{"source": "nvidia-smi -q -x", "reason": reason}] if names else []
