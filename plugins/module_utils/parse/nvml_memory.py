# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memory and its errors, from a transcript of NVML."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..nvml_calls import FIELDS, MAX_INSTANCES, field_key
from ..nvml_codes import CORRUPTED_INFOROM, NOT_FOUND, code_of
from .gpu_shape import total
from .nvml_answers import Answers, truth

RECOVERY_ACTIONS = {
    0: "none",
    1: "gpu_reset",
    2: "node_reboot",
    3: "drain_p2p",
    4: "drain_and_reset",
    5: "recover_imex_domain",
    6: "bus_reset",
    7: "system_reboot",
}


def memory(gpu: Answers) -> Dict[str, Any]:
    """Return the memory in use and how busy the GPU is."""
    newer, older = "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"
    found = gpu.get(newer) or gpu.get(older) or {}  # the older one counts the reserved part as used
    load = "nvmlDeviceGetUtilizationRates"
    return {
        "memory": {f"{name}_bytes": found.get(name) for name in ("total", "used", "reserved")},
        "utilization": {"gpu_percent": gpu.member(load, "gpu"), "memory_percent": gpu.member(load, "memory")},
    }


def _counters(gpu: Answers, counter: int, status: str) -> Dict[str, Any]:
    def count(kind: int, place: int) -> Any:
        return gpu.get(f"nvmlDeviceGetMemoryErrorCounter({kind},{counter},{place})")

    sram = "nvmlDeviceGetSramEccErrorStatus"
    both = total(gpu.member(sram, status + "UncParity"), gpu.member(sram, status + "UncSecDed"))
    found = {
        "sram_corrected": count(0, 7) if count(0, 7) is not None else gpu.member(sram, status + "Cor"),
        "sram_uncorrected": count(1, 7) if count(1, 7) is not None else both,
        "dram_corrected": count(0, 2),
        "dram_uncorrected": count(1, 2),
    }
    for kind, name in enumerate(("corrected", "uncorrected")):
        whole = gpu.get(f"nvmlDeviceGetTotalEccErrors({kind},{counter})")
        found[name] = total(found["sram_" + name], found["dram_" + name]) if whole is None else whole
    return found


def ecc(gpu: Answers) -> Dict[str, Any]:
    """Return the errors that ECC met: volatile since the driver started, aggregate in the life of the board."""
    exceeded = gpu.member("nvmlDeviceGetSramEccErrorStatus", "bThresholdExceeded")
    return {
        "ecc": {
            "enabled": gpu.flag("nvmlDeviceGetEccMode", 0),
            "pending": gpu.flag("nvmlDeviceGetEccMode", 1),
            "volatile": _counters(gpu, 0, "volatile"),
            "aggregate": _counters(gpu, 1, "aggregate"),
            "sram_threshold_exceeded": truth(exceeded),
        }
    }


def instances(gpu: Answers) -> Optional[List[Dict[str, Any]]]:
    """Return the MIG instances and the errors that ECC met in each; ``[]`` without MIG, ``None`` when unknown."""
    enabled = gpu.flag("nvmlDeviceGetMigMode", 0)
    count = gpu.get("nvmlDeviceGetMaxMigDeviceCount")
    if not enabled or count is None:
        return [] if enabled is False else None
    asked = [(index, gpu.raw.get(f"mig.nvmlDeviceGetUUID({index})")) for index in range(min(count, MAX_INSTANCES))]
    return [
        {
            "label": f"MIG {index}",
            "index": index,
            "uuid": identity if isinstance(identity, str) else None,
            "sram_uncorrected": gpu.get(f"mig.nvmlDeviceGetMemoryErrorCounter({index},1,0,7)"),
        }
        for index, identity in asked
        if code_of(identity) != NOT_FOUND
    ]


def inforom(gpu: Answers) -> Dict[str, Any]:
    """Return whether the InfoROM is corrupted: any call may say so, and the checksum's answer says that it is not."""
    said = any(code_of(answer) == CORRUPTED_INFOROM for answer in gpu.raw.values())
    whole = gpu.get("nvmlDeviceGetInforomConfigurationChecksum") is not None
    return {"inforom_corrupted": True if said else False if whole else None}


def remap(gpu: Answers) -> Dict[str, Any]:
    """Return what the GPU has done, or waits to do, about bad memory."""
    rows, banks = "nvmlDeviceGetRemappedRows", "nvmlDeviceGetRowRemapperHistogram"
    return {
        "remap": {
            "corrected": gpu.item(rows, 0),
            "uncorrected": gpu.item(rows, 1),
            "pending": gpu.flag(rows, 2),
            "failed": gpu.flag(rows, 3),
            "banks": {name: gpu.member(banks, name) for name in ("max", "high", "partial", "low", "none")},
        },
        "retired_pages": {
            "single_bit": gpu.get("nvmlDeviceGetRetiredPages(0)"),
            "double_bit": gpu.get("nvmlDeviceGetRetiredPages(1)"),
            "pending": truth(gpu.get("nvmlDeviceGetRetiredPagesPendingStatus")),
        },
        "retired_page_count": total(*(gpu.get(f"nvmlDeviceGetRetiredPages({cause})") for cause in (0, 1))),
        "unrepairable_memory": truth(gpu.get("nvmlDeviceGetUnrepairableMemoryFlag_v1")),
        "repair": {
            "channel_pending": gpu.flag("nvmlDeviceGetRepairStatus", 0),
            "tpc_pending": gpu.flag("nvmlDeviceGetRepairStatus", 1),
        },
        "recovery_action": gpu.named(field_key((FIELDS["GET_GPU_RECOVERY_ACTION"], 0)), RECOVERY_ACTIONS),
    }
