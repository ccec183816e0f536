# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NVLinks, the fabric they make and how near the GPUs are, from a transcript of NVML."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..nvml_calls import LINK_ERRORS, MAX_LINKS, ancestor
from ..nvml_codes import NOT_SUPPORTED, code_of, error
from .nvml_answers import Answers

FABRIC_STATES = {0: "not_supported", 1: "not_started", 2: "in_progress", 3: "completed"}
FABRIC_HEALTH = {1: "healthy", 2: "unhealthy", 3: "limited_capacity"}
MISCONFIGURED = {
    1: "none",
    2: "incorrect_sysguid",
    3: "incorrect_chassis_serial",
    4: "no_partition",
    5: "insufficient_nvlinks",
    6: "incompatible_gpu_firmware",
    7: "invalid_location",
    8: "gpu_state_invalid",
}
HEALTH_PARTS = {  # of the health mask: (first bit, bits); zero is "not supported"
    "degraded_bandwidth": (0, 3),
    "route_recovery": (2, 3),
    "route_unhealthy": (4, 3),
    "access_timeout_recovery": (6, 3),
    "incorrect_configuration": (8, 15),
}
LEVELS = {
    0: "internal",
    10: "single_switch",
    20: "multiple_switches",
    30: "host_bridge",
    40: "numa_node",
    50: "system",
}
NVLINK_VERSIONS = {1: "1.0", 2: "2.0", 3: "2.2", 4: "3.0", 5: "3.1", 6: "4.0", 7: "5.0", 8: "6.0"}
LINK_STATES = {0: False, 1: True, 2: True}  # down, up, up and resting to save power
REMOTES = {0: "gpu", 1: "npu", 2: "switch"}


def fabric(gpu: Answers) -> Dict[str, Any]:
    """Return where the GPU stands in its NVLink fabric; empty when NVML says nothing of one."""
    newer = gpu.get("nvmlDeviceGetGpuFabricInfoV")
    found = newer or gpu.get("nvmlDeviceGetGpuFabricInfo")
    if not found:
        return {}
    mask, status, uuid = found.get("healthMask"), found.get("status"), found.get("clusterUuid") or ""
    known = FABRIC_STATES.get(found.get("state"), str(found.get("state")))
    started = known not in ("not_supported", "not_started")

    def said(shift: int) -> Any:
        bits = 0 if mask is None else mask >> shift & 3
        return {0: None, 1: True, 2: False}.get(bits, str(bits))

    summary, fault = found.get("healthSummary") or 0, 0 if mask is None else mask >> 8 & 15

    return {
        "state": known,
        "status": ("success" if status == 0 else error(status)["error"]) if started and status is not None else None,
        "clique_id": found.get("cliqueId") if started else None,
        "cluster_uuid": "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:])) if started else None,
        "health": FABRIC_HEALTH.get(summary, str(summary)) if summary else None,
        "degraded_bandwidth": said(0),
        "route_recovery": said(2),
        "route_unhealthy": said(4),
        "access_timeout_recovery": said(6),
        "incorrect_configuration": MISCONFIGURED.get(fault, str(fault)) if fault else None,
    }


def not_supported(gpu: Answers) -> List[str]:
    """Return the parts of the fabric's health that the driver says it does not watch, beside others that it does."""
    mask = gpu.member("nvmlDeviceGetGpuFabricInfoV", "healthMask")
    return [f"fabric.{name}" for name, (shift, bits) in HEALTH_PARTS.items() if mask and not mask >> shift & bits]


def links(gpu: Answers) -> Optional[List[Dict[str, Any]]]:
    """Return the NVLinks; ``[]`` for a GPU that says it has none, ``None`` when that is unknown."""
    first = gpu.raw.get("nvmlDeviceGetNvLinkState(0)")
    if not isinstance(first, int):
        return [] if code_of(first) in (2, NOT_SUPPORTED) else None
    states = [gpu.get(f"nvmlDeviceGetNvLinkState({link})") for link in range(MAX_LINKS)]
    return [_link(gpu, link) for link, active in enumerate(states) if active is not None]


def error_rate(coded: Optional[int]) -> Optional[float]:
    """Return a bit error rate: the driver codes ``15e-9`` as mantissa (4 bits above the 8th) and negative exponent."""
    return None if coded is None else float(f"{coded >> 8 & 0xF}e-{coded & 0xFF}")


def _link(gpu: Answers, link: int) -> Dict[str, Any]:
    speed = gpu.field("NVLINK_GET_SPEED", link)  # megabytes a second
    common = gpu.field("NVLINK_SPEED_MBPS_COMMON")
    version = gpu.named(f"nvmlDeviceGetNvLinkVersion({link})", NVLINK_VERSIONS)
    megabytes = common if speed is None else speed
    counts = {name: gpu.get(f"nvmlDeviceGetNvLinkErrorCounter({link},{n})") for name, n in LINK_ERRORS.items()}
    state = gpu.get(f"nvmlDeviceGetNvLinkState({link})")
    recoveries = gpu.field("NVLINK_COUNT_LINK_RECOVERY_EVENTS", link)
    return {
        "label": f"NVLink {link}",
        "index": link,
        "kind": "nvlink",
        "active": LINK_STATES.get(state, str(state)),
        "speed_mbps": None if megabytes is None else megabytes * 8,
        "version": version,
        "remote": gpu.named(f"nvmlDeviceGetNvLinkRemoteDeviceType({link})", REMOTES),
        "errors": {
            **counts,
            "recovery": counts["recovery"] if counts["recovery"] is not None else recoveries,
            "integrity": gpu.field("NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS", link),
            "recovery_failed": gpu.field("NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS", link),
            "recoveries": recoveries,
            "effective": gpu.field("NVLINK_COUNT_EFFECTIVE_ERRORS", link),
            "symbol": gpu.field("NVLINK_COUNT_SYMBOL_ERRORS", link),
            "effective_ber": error_rate(gpu.field("NVLINK_COUNT_EFFECTIVE_BER", link)),
            "symbol_ber": error_rate(gpu.field("NVLINK_COUNT_SYMBOL_BER", link)),
        },
    }


def topology(system: Answers, count: int) -> Dict[str, Any]:
    """Return for each GPU its nearest common ancestor with each other one, by index; ``None`` where unknown."""
    level = [
        [
            "self" if first == second else system.named(ancestor(*sorted((first, second))).key, LEVELS)
            for second in range(count)
        ]
        for first in range(count)
    ]
    return {"common_ancestor": level if count else None}
