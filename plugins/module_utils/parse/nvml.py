# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns a transcript of NVML (see ``nvml_probe``) into facts. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..nvml_calls import FIELDS, HANDLE, field_key
from ..nvml_codes import GPU_IS_LOST, NOT_FOUND, RESET_REQUIRED, code_of
from . import nvml_fabric
from .gpu_shape import blank, label, margin, pci_address
from .nvml_answers import REFUSED, Answers, truth
from .nvml_clocks import clocks
from .nvml_fabric import fabric, links, topology
from .nvml_memory import ecc, inforom, instances, memory, remap

COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}
ADDRESSING_MODES = {0: "none", 1: "hmm", 2: "ats"}
PEERS = {1: "direct", 2: "switch"}
ENVIRONMENTS = {0: "none", 1: "simulation", 2: "production"}
SRAM = ("nvmlDeviceGetMemoryErrorCounter(1,0,7)", "nvmlDeviceGetSramEccErrorStatus")  # either tells of its errors
BEYOND = (("nvmlDeviceGetNvLinkState", 2), ("mig.nvmlDeviceGetUUID", NOT_FOUND))  # the last link, an instance
OPTIONAL = {  # facts that only some boards and drivers have, by the call that gives them
    "addressing_mode": "nvmlDeviceGetAddressingMode",
    "clocks.sm_application_mhz": "nvmlDeviceGetApplicationsClock(1)",
    "ecc.sram_threshold_exceeded": "nvmlDeviceGetSramEccErrorStatus",
    "inforom_corrupted": "nvmlDeviceGetInforomConfigurationChecksum",
    "recovery_action": field_key((FIELDS["GET_GPU_RECOVERY_ACTION"], 0)),
    "remap.banks": "nvmlDeviceGetRowRemapperHistogram",
    "repair": "nvmlDeviceGetRepairStatus",
    "retired_page_count": "nvmlDeviceGetRetiredPages(1)",
    "retired_pages.pending": "nvmlDeviceGetRetiredPagesPendingStatus",
    "unrepairable_memory": "nvmlDeviceGetUnrepairableMemoryFlag_v1",
}


def facts(transcript: Mapping[str, Any]) -> Dict[str, Any]:
    """Return source, driver, driver_count, devices, topology and errors of a transcript of a started NVML."""
    system = Answers(transcript.get("system", {}))
    gpus = [Answers(raw) for raw in transcript.get("gpus", [])]
    count = system.get("nvmlDeviceGetCount")
    return {
        "source": "nvml",
        "driver": driver(transcript),
        "driver_count": count,
        "devices": [device(index, gpu) for index, gpu in enumerate(gpus)] if count is not None else None,
        "topology": topology(system, len(gpus)),
        "errors": errors(transcript),
    }


def driver(transcript: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the driver says of itself."""
    system = Answers(transcript.get("system", {}))
    cuda = system.get("nvmlSystemGetCudaDriverVersion_v2")
    state = "nvmlSystemGetConfComputeState"
    environment = system.member(state, "environment")
    return {
        "version": system.get("nvmlSystemGetDriverVersion"),
        "library_version": system.get("nvmlSystemGetNVMLVersion"),
        "cuda_version": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
        "binding": transcript.get("library", {}).get("binding"),
        "confidential_compute": {
            "enabled": truth(system.member(state, "ccFeature")),
            "environment": ENVIRONMENTS.get(environment, str(environment)) if environment is not None else None,
            "devtools": truth(system.member(state, "devToolsMode")),
            "ready": truth(system.get("nvmlSystemGetConfComputeGpusReadyState")),
        },
    }


def device(index: int, gpu: Answers) -> Dict[str, Any]:
    """Return the facts of one GPU."""
    result = blank("nvidia", index)
    address = pci_address(gpu.member("nvmlDeviceGetPciInfo", "busId"))
    result["state"], result["state_detail"] = state(gpu)
    for part in (_identity, memory, ecc, remap, inforom, _heat, _power, clocks, _pcie, _modes):
        for key, value in part(gpu).items():
            result[key] = dict(result[key], **value) if isinstance(result[key], dict) else value
    result.update(
        pci_address=address,
        label=label(index, address),
        links=links(gpu),
        fabric=dict(result["fabric"], **fabric(gpu)),
        instances=instances(gpu),
        not_supported=not_supported(gpu),
    )
    return result


def not_supported(gpu: Answers) -> List[str]:
    """Return the optional facts that this board, its driver or the binding to it say they do not have."""
    absent = [fact for fact, call in OPTIONAL.items() if gpu.lacks(call)]
    if all(gpu.lacks(call) for call in SRAM):
        absent.append("ecc.volatile.sram_uncorrected")
    return sorted(absent + nvml_fabric.not_supported(gpu))


def state(gpu: Answers) -> Tuple[str, Optional[str]]:
    """Return the worst that any call said of the GPU, and which call that was."""
    for name, sign in (("lost", GPU_IS_LOST), ("hung", "TIMEOUT"), ("reset_required", RESET_REQUIRED)):
        for call, answer in gpu.raw.items():
            if code_of(answer) == sign or (isinstance(answer, dict) and answer.get("error") == sign):
                return name, f"{answer['error']} from {call}"
    if gpu.field("RESET_STATUS"):
        return "reset_required", "the driver asks for a reset"
    handle = gpu.raw.get(HANDLE.function, {"error": "never asked"})
    crashed = [
        call for call, answer in gpu.raw.items() if isinstance(answer, dict) and answer.get("error") == "CRASHED"
    ]
    if crashed:
        return "error", f"the probe died in {crashed[0]}"
    return ("error", handle["error"]) if isinstance(handle, dict) else ("ok", None)


def _identity(gpu: Answers) -> Dict[str, Any]:
    capability = gpu.get("nvmlDeviceGetCudaComputeCapability")
    platform = "nvmlDeviceGetPlatformInfo"
    serial = gpu.member(platform, "chassisSerialNumber") or None
    guid = gpu.member(platform, "ibGuid") or ""
    peer = gpu.member(platform, "peerType")

    def place(name: str) -> Any:
        """Return where in its chassis the board is; one that is in no rack-scale chassis answers with zeros."""
        return gpu.member(platform, name) if serial or guid.strip("0") else None

    return {
        "model": gpu.get("nvmlDeviceGetName"),
        "serial": gpu.get("nvmlDeviceGetSerial"),
        "uuid": gpu.get("nvmlDeviceGetUUID"),
        "minor": gpu.get("nvmlDeviceGetMinorNumber"),
        "module_id": _module(gpu),
        "board_part_number": gpu.get("nvmlDeviceGetBoardPartNumber"),
        "chassis_serial": serial,
        "compute_capability": ".".join(map(str, capability)) if capability else None,
        "addressing_mode": gpu.named("nvmlDeviceGetAddressingMode", ADDRESSING_MODES),
        "firmware": {
            "vbios": gpu.get("nvmlDeviceGetVbiosVersion"),
            "inforom_image": gpu.get("nvmlDeviceGetInforomImageVersion"),
            "inforom_oem": gpu.get("nvmlDeviceGetInforomVersion(0)"),
            "inforom_ecc": gpu.get("nvmlDeviceGetInforomVersion(1)"),
            "inforom_power": gpu.get("nvmlDeviceGetInforomVersion(2)"),
            "gsp": gpu.get("nvmlDeviceGetGspFirmwareVersion"),
        },
        "platform": {
            "chassis_serial": serial,
            "slot": place("slotNumber"),
            "tray": place("trayIndex"),
            "host": place("hostId"),
            "peer_type": PEERS.get(peer, str(peer)) if peer else None,
            "fabric_guid": guid[:16] if guid.strip("0") else None,
        },
    }


def _module(gpu: Answers) -> Optional[int]:
    own = gpu.get("nvmlDeviceGetModuleId")
    return own if own is not None else gpu.member("nvmlDeviceGetPlatformInfo", "moduleId")


def _heat(gpu: Answers) -> Dict[str, Any]:
    newer = gpu.get("nvmlDeviceGetTemperatureV(0)")
    degrees = newer if newer is not None else gpu.get("nvmlDeviceGetTemperature(0)")
    limits = [gpu.get(f"nvmlDeviceGetTemperatureThreshold({which})") for which in range(3)]
    given = gpu.get("nvmlDeviceGetMarginTemperature")
    return {
        "temperature_c": degrees,
        "memory_temperature_c": gpu.field("MEMORY_TEMP"),
        "temperature_margin_c": given if given is not None else margin(degrees, limits[1]),
        "thresholds": {"shutdown_c": limits[0], "slowdown_c": limits[1], "memory_max_c": limits[2]},
        "extra": {
            "slowdown_margin_c": gpu.field("TEMPERATURE_SLOWDOWN_TLIMIT"),
            "shutdown_margin_c": gpu.field("TEMPERATURE_SHUTDOWN_TLIMIT"),
            "memory_numa_node": gpu.get("nvmlDeviceGetNumaNodeId"),  # its memory as a node of its own, on Grace
            "c2c_links": gpu.field("C2C_LINK_COUNT"),
            "pcie_recoveries": gpu.field("PCIE_L0_TO_RECOVERY_COUNTER"),
        },
    }


def _power(gpu: Answers) -> Dict[str, Any]:
    limits = "nvmlDeviceGetPowerManagementLimitConstraints"
    least, most = gpu.item(limits, 0), gpu.item(limits, 1)
    return {
        "power_w": gpu.watts("nvmlDeviceGetPowerUsage"),
        "power_limit_w": gpu.watts("nvmlDeviceGetEnforcedPowerLimit"),
        "power_default_limit_w": gpu.watts("nvmlDeviceGetPowerManagementDefaultLimit"),
        "power_min_w": None if least is None else least / 1000,
        "power_max_w": None if most is None else most / 1000,
    }


def _pcie(gpu: Answers) -> Dict[str, Any]:
    return {
        "pcie": {
            "generation": gpu.get("nvmlDeviceGetCurrPcieLinkGeneration"),
            "generation_max": gpu.get("nvmlDeviceGetMaxPcieLinkGeneration"),
            "width": gpu.get("nvmlDeviceGetCurrPcieLinkWidth"),
            "width_max": gpu.get("nvmlDeviceGetMaxPcieLinkWidth"),
            "replay_count": gpu.get("nvmlDeviceGetPcieReplayCounter"),
        }
    }


def _modes(gpu: Answers) -> Dict[str, Any]:
    found = gpu.get("nvmlDeviceGetComputeRunningProcesses_v3")
    return {
        "persistence": truth(gpu.get("nvmlDeviceGetPersistenceMode")),
        "compute_mode": gpu.named("nvmlDeviceGetComputeMode", COMPUTE_MODES),
        "mig": {"enabled": gpu.flag("nvmlDeviceGetMigMode", 0), "pending": gpu.flag("nvmlDeviceGetMigMode", 1)},
        "processes": None
        if found is None
        else [
            {"label": f"process {each['pid']}", "pid": each["pid"], "name": None, "memory_bytes": each["memory"]}
            for each in found
        ],
    }


def errors(transcript: Mapping[str, Any]) -> List[Dict[str, str]]:
    """Return what failed, one entry for a call and reason however many GPUs said so."""
    seen: Dict[Tuple[str, str], List[str]] = {}
    everything = [("", transcript.get("system", {}))]
    everything += [(f"GPU {index}", raw) for index, raw in enumerate(transcript.get("gpus", []))]
    for who, raw in everything:
        for call, answer in raw.items():
            if isinstance(answer, dict) and "error" in answer and code_of(answer) not in REFUSED:
                detail = f": {answer['detail']}" if answer.get("detail") else ""
                if (call.split("(")[0], code_of(answer)) not in BEYOND:
                    seen.setdefault((call.split("(")[0], answer["error"] + detail), []).append(who)
    return [
        {"source": f"nvml {call}", "reason": f"{reason} ({', '.join(sorted(set(who)))})" if any(who) else reason}
        for (call, reason), who in seen.items()
    ]
