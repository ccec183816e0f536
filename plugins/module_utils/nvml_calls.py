# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What NVML is asked, as data: the one table that the live probe, the simulated library and the replay share.

A call's key is its function with the arguments that tell it from its siblings,
``nvmlDeviceGetClockInfo(1)``; transcripts and recordings are written in these keys. The text of this file also runs
inside the probe's child (see ``nvml_probe``), to which everything that it imports of ours must be sent.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Generator, Iterable, List, Mapping, NamedTuple, Tuple, Union

from .nvml_codes import GPU_IS_LOST, NOT_FOUND, code_of, error  # noqa: F401 - error is for whoever answers a call

MAX_LINKS = 36
MAX_INSTANCES = 32

# How the members of a structure are written down: a number, text up to the first NUL, or the bytes in hex.
NUMBER, TEXT, HEX = "number", "text", "hex"


class Call(NamedTuple):
    """One question. ``answer`` is how the answer becomes JSON:

    number, text, list (of numbers), pages (how many), processes, fields (one entry per ``arguments``),
    struct (returned) or filled (handed over by reference). ``instance`` before it asks the MIG instance that the
    first argument counts instead of the GPU. ``structs`` are the binding's names for it,
    newest first; ``instead`` names a call that makes this one needless when it was answered.
    """

    function: str
    arguments: Tuple[Any, ...] = ()
    answer: str = "number"
    members: Mapping[str, str] = {}
    structs: Tuple[str, ...] = ()
    version: str = ""
    instead: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """Return the name of this call in transcripts and recordings."""
        name = self.name or self.function
        if not self.arguments or self.answer == "fields":
            return name
        return f"{name}({','.join(map(str, self.arguments))})"


Answer = Union[int, float, str, List[Any], Dict[str, Any], None]


def field_key(field: Tuple[int, int]) -> str:
    """Return the key of one field value: ``(id, scope)``, where scope 0 goes unsaid."""
    return f"nvmlDeviceGetFieldValues({field[0]},{field[1]})" if field[1] else f"nvmlDeviceGetFieldValues({field[0]})"


SYSTEM: Tuple[Call, ...] = (
    Call("nvmlSystemGetDriverVersion", answer="text"),
    Call("nvmlSystemGetNVMLVersion", answer="text"),
    Call("nvmlSystemGetCudaDriverVersion_v2"),
    Call(
        "nvmlSystemGetConfComputeState",
        answer="struct",
        members={"environment": NUMBER, "ccFeature": NUMBER, "devToolsMode": NUMBER},
        structs=("c_nvmlConfComputeSystemState_t",),
    ),
    Call("nvmlSystemGetConfComputeGpusReadyState"),
    Call("nvmlDeviceGetCount"),
)

_FABRIC = {"clusterUuid": HEX, "status": NUMBER, "cliqueId": NUMBER, "state": NUMBER}
_ERROR_STATUS = (
    "aggregateUncParity aggregateUncSecDed aggregateCor volatileUncParity volatileUncSecDed volatileCor "
    "aggregateUncBucketL2 aggregateUncBucketSm aggregateUncBucketPcie aggregateUncBucketMcu aggregateUncBucketOther "
    "bThresholdExceeded"
)

# The order is that of the asking: who it is first, so that a GPU that hangs later is known by name.
GPU: Tuple[Call, ...] = (
    Call(
        "nvmlDeviceGetPciInfo",
        answer="struct",
        members={"busId": TEXT, "pciDeviceId": NUMBER, "pciSubSystemId": NUMBER},
        structs=("nvmlPciInfo_t",),
    ),
    Call("nvmlDeviceGetName", answer="text"),
    Call("nvmlDeviceGetUUID", answer="text"),
    Call("nvmlDeviceGetSerial", answer="text"),
    Call("nvmlDeviceGetMinorNumber"),
    Call("nvmlDeviceGetModuleId", answer="own number"),
    Call("nvmlDeviceGetBoardPartNumber", answer="text"),
    Call("nvmlDeviceGetVbiosVersion", answer="text"),
    Call("nvmlDeviceGetInforomImageVersion", answer="text"),
    *(Call("nvmlDeviceGetInforomVersion", (part,), "text") for part in (0, 1, 2)),  # OEM, ECC, power
    Call("nvmlDeviceGetInforomConfigurationChecksum"),
    Call("nvmlDeviceGetGspFirmwareVersion", answer="text"),
    Call("nvmlDeviceGetCudaComputeCapability", answer="list"),
    Call("nvmlDeviceGetNumaNodeId"),
    Call("nvmlDeviceGetAddressingMode"),
    Call(
        "nvmlDeviceGetMemoryInfo",
        answer="struct",
        members={"total": NUMBER, "reserved": NUMBER, "free": NUMBER, "used": NUMBER},
        structs=("c_nvmlMemory_v2_t",),
        version="nvmlMemory_v2",
        name="nvmlDeviceGetMemoryInfo_v2",
    ),
    Call(
        "nvmlDeviceGetMemoryInfo",
        answer="struct",
        members={"total": NUMBER, "free": NUMBER, "used": NUMBER},
        structs=("c_nvmlMemory_t",),
        instead="nvmlDeviceGetMemoryInfo_v2",
    ),
    Call("nvmlDeviceGetEccMode", answer="list"),
    *(Call("nvmlDeviceGetTotalEccErrors", (kind, counter)) for kind in (0, 1) for counter in (0, 1)),
    *(  # (corrected 0 | uncorrected 1, volatile 0 | aggregate 1, DRAM 2 | SRAM 7)
        Call("nvmlDeviceGetMemoryErrorCounter", (kind, counter, place))
        for kind in (0, 1)
        for counter in (0, 1)
        for place in (2, 7)
    ),
    Call(
        "nvmlDeviceGetSramEccErrorStatus",
        answer="filled",
        members=dict.fromkeys(_ERROR_STATUS.split(), NUMBER),
        structs=("c_nvmlEccSramErrorStatus_v1_t",),
    ),
    Call("nvmlDeviceGetRemappedRows", answer="list"),  # corrected, uncorrected, pending, failed
    Call(
        "nvmlDeviceGetRowRemapperHistogram",
        answer="struct",
        members=dict.fromkeys(("max", "high", "partial", "low", "none"), NUMBER),
        structs=("c_nvmlRowRemapperHistogramValues",),
    ),
    *(Call("nvmlDeviceGetRetiredPages", (cause,), "pages") for cause in (0, 1)),  # single bit, double bit
    Call("nvmlDeviceGetRetiredPagesPendingStatus"),
    Call("nvmlDeviceGetRepairStatus", answer="list"),  # channel, TPC
    Call("nvmlDeviceGetUnrepairableMemoryFlag_v1"),
    Call("nvmlDeviceGetTemperatureV", (0,)),
    Call("nvmlDeviceGetTemperature", (0,), instead="nvmlDeviceGetTemperatureV(0)"),
    Call("nvmlDeviceGetMarginTemperature"),
    *(Call("nvmlDeviceGetTemperatureThreshold", (limit,)) for limit in (0, 1, 2)),  # shutdown, slowdown, memory
    Call("nvmlDeviceGetPowerUsage"),
    Call("nvmlDeviceGetEnforcedPowerLimit"),
    Call("nvmlDeviceGetPowerManagementDefaultLimit"),
    Call("nvmlDeviceGetPowerManagementLimitConstraints", answer="list"),
    *(Call("nvmlDeviceGetClockInfo", (clock,)) for clock in (0, 1, 2)),  # graphics, SM, memory
    *(Call("nvmlDeviceGetMaxClockInfo", (clock,)) for clock in (0, 1, 2)),
    *(Call(f"nvmlDeviceGet{which}ApplicationsClock", (1,)) for which in ("", "Default")),  # of the multiprocessors
    Call("nvmlDeviceGetPerformanceState"),
    Call("nvmlDeviceGetCurrentClocksEventReasons"),
    Call("nvmlDeviceGetCurrentClocksThrottleReasons", instead="nvmlDeviceGetCurrentClocksEventReasons"),
    Call("nvmlDeviceGetCurrPcieLinkGeneration"),
    Call("nvmlDeviceGetMaxPcieLinkGeneration"),
    Call("nvmlDeviceGetGpuMaxPcieLinkGeneration"),
    Call("nvmlDeviceGetCurrPcieLinkWidth"),
    Call("nvmlDeviceGetMaxPcieLinkWidth"),
    Call("nvmlDeviceGetPcieReplayCounter"),
    Call("nvmlDeviceGetPersistenceMode"),
    Call("nvmlDeviceGetMigMode", answer="list"),
    Call("nvmlDeviceGetComputeMode"),
    Call(
        "nvmlDeviceGetUtilizationRates",
        answer="struct",
        members={"gpu": NUMBER, "memory": NUMBER},
        structs=("c_nvmlUtilization_t",),
    ),
    Call("nvmlDeviceGetComputeRunningProcesses_v3", answer="processes"),
    Call(
        "nvmlDeviceGetGpuFabricInfoV",
        answer="filled",
        members={**_FABRIC, "healthMask": NUMBER, "healthSummary": NUMBER},
        structs=("c_nvmlGpuFabricInfo_v3_t", "c_nvmlGpuFabricInfo_v2_t"),
    ),
    Call(
        "nvmlDeviceGetGpuFabricInfo",
        answer="filled",
        members=_FABRIC,
        structs=("c_nvmlGpuFabricInfo_t",),
        instead="nvmlDeviceGetGpuFabricInfoV",
    ),
    Call(
        "nvmlDeviceGetPlatformInfo",
        answer="filled",
        members={
            "ibGuid": HEX,
            "chassisSerialNumber": TEXT,
            **dict.fromkeys(("slotNumber", "trayIndex", "hostId", "peerType", "moduleId"), NUMBER),
        },
        structs=("c_nvmlPlatformInfo_v2_t",),
    ),
)

# Field ids of nvml.h; they never change their meaning. Names as there, without NVML_FI_DEV_.
FIELDS: Dict[str, int] = {
    "MEMORY_TEMP": 82,
    "NVLINK_SPEED_MBPS_COMMON": 90,
    "NVLINK_LINK_COUNT": 91,
    "PCIE_L0_TO_RECOVERY_COUNTER": 169,
    "C2C_LINK_COUNT": 170,
    "POWER_AVERAGE": 185,
    "POWER_INSTANT": 186,
    "TEMPERATURE_SHUTDOWN_TLIMIT": 193,
    "TEMPERATURE_SLOWDOWN_TLIMIT": 194,
    "TEMPERATURE_MEM_MAX_TLIMIT": 195,
    "RESET_STATUS": 226,
    "DRAIN_AND_RESET_STATUS": 227,
    "GET_GPU_RECOVERY_ACTION": 230,
}
LINK_FIELDS: Dict[str, int] = {  # scope: the link
    "NVLINK_GET_SPEED": 164,
    "NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS": 211,
    "NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS": 214,
    "NVLINK_COUNT_LINK_RECOVERY_EVENTS": 215,
    "NVLINK_COUNT_EFFECTIVE_ERRORS": 219,
    "NVLINK_COUNT_EFFECTIVE_BER": 220,
    "NVLINK_COUNT_SYMBOL_ERRORS": 221,
    "NVLINK_COUNT_SYMBOL_BER": 222,
}
LINK_ERRORS = {"replay": 0, "recovery": 1, "crc_flit": 2, "crc_data": 3}
HANDLE = Call("nvmlDeviceGetHandleByIndex", answer="handle")


def ancestor(first: int, second: int) -> Call:
    """Return the question how near two GPUs (by index) are."""
    return Call("nvmlDeviceGetTopologyCommonAncestor", (first, second))


def gpu_calls() -> Generator[Call, Answer, None]:
    """Yield what one GPU is asked; takes each answer, because some answers make other questions needless."""
    answers: Dict[str, Answer] = {}
    for call in GPU:
        if not call.instead or code_of(answers.get(call.instead)) is not None:
            answers[call.key] = yield call
    yield from _instance_calls(answers.get("nvmlDeviceGetMigMode"))
    links = []
    for link in range(MAX_LINKS):
        state = yield Call("nvmlDeviceGetNvLinkState", (link,))
        if isinstance(state, dict):  # there is no such link, or this GPU has none
            break
        links.append(link)
        yield Call("nvmlDeviceGetNvLinkVersion", (link,))
        yield Call("nvmlDeviceGetNvLinkRemoteDeviceType", (link,))
        for counter in LINK_ERRORS.values():
            yield Call("nvmlDeviceGetNvLinkErrorCounter", (link, counter))
    asked = [(number, 0) for number in FIELDS.values()]
    asked += [(number, link) for link in links for number in LINK_FIELDS.values()]
    yield Call("nvmlDeviceGetFieldValues", tuple(asked), "fields")


def instance_call(function: str, *arguments: int, answer: str = "number") -> Call:
    """Return a question about a MIG instance; the first argument is the instance's index on its GPU."""
    return Call(function, arguments, f"instance {answer}", name=f"mig.{function}")


def _instance_calls(mode: Answer) -> Generator[Call, Answer, None]:
    """Yield what the MIG instances of a GPU are asked; an index may have none."""
    if not isinstance(mode, list) or mode[:1] != [1]:
        return
    count = yield Call("nvmlDeviceGetMaxMigDeviceCount")
    for index in range(min(count, MAX_INSTANCES) if isinstance(count, int) else 0):
        identity = yield instance_call("nvmlDeviceGetUUID", index, answer="text")
        if code_of(identity) != NOT_FOUND:
            yield instance_call("nvmlDeviceGetMemoryErrorCounter", index, 1, 0, 7)  # uncorrected, volatile, SRAM


def interview(ask: Callable[[Call], Answer]) -> bool:
    """Ask one GPU everything; return whether it held out (a lost one answers nothing more, so it is let go)."""
    walk = gpu_calls()
    call = next(walk)
    try:
        while True:
            answer = ask(call)
            if code_of(answer) == GPU_IS_LOST:
                return False
            call = walk.send(answer)
    except StopIteration:
        return True


def pairs(indices: Iterable[int]) -> List[Tuple[int, int]]:
    """Return every two GPUs once, in order."""
    return list(itertools.combinations(sorted(indices), 2))
