# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NVIDIA accelerators as NVML answers for them, in the keys of a recording's ``nvml`` section."""

from __future__ import annotations

from dataclasses import dataclass

from . import pcimap
from .gpu_nvidia_faults import FAULTS  # noqa: F401 - what the builder looks for here
from .node import Node
from .recording import Recording

MIB = 1 << 20


@dataclass(frozen=True)
class Board:
    """What every GPU of a class of node has in common, as its board and driver report it."""

    driver: str
    architecture: str
    model: str
    part: str
    vbios: str
    inforom: str
    capability: str
    memory_mib: int
    reserved_mib: int
    banks: int
    power_mw: int
    power_limit_mw: int
    sm_max_mhz: int
    memory_mhz: int
    generation_of_board: int
    link_megabytes: int
    link_version: int
    modules: tuple[int, ...]
    addressing: int


BOARDS = {
    "hgx_h100": Board(
        driver="580.105.08",
        architecture="x86_64",
        model="NVIDIA H100 80GB HBM3",
        part="692-2G520-0200-000",
        vbios="96.00.99.00.01",
        inforom="G520.0200.00.05",
        capability="9,0",
        memory_mib=81559,
        reserved_mib=480,
        banks=2560,
        power_mw=68570,
        power_limit_mw=700000,
        sm_max_mhz=1980,
        memory_mhz=2619,
        generation_of_board=5,
        link_megabytes=26562,
        link_version=6,
        modules=(7, 5, 8, 6, 3, 1, 4, 2),
        addressing=1,
    ),
    "gb200_tray": Board(
        driver="580.105.08",
        architecture="aarch64",
        model="NVIDIA GB200",
        part="900-2G548-A801-000",
        vbios="97.00.B9.00.69",
        inforom="G548.0201.00.06",
        capability="10,0",
        memory_mib=189471,
        reserved_mib=742,
        banks=3968,
        power_mw=165930,
        power_limit_mw=1200000,
        sm_max_mhz=2062,
        memory_mhz=3996,
        generation_of_board=6,
        link_megabytes=53125,
        link_version=7,
        modules=(2, 1, 4, 3),
        addressing=2,
    ),
}
LINKS = 18


def render(node: Node, rec: Recording) -> None:
    """Put the answers of NVML and of the kernel module."""
    board = BOARDS.get(node.klass)
    if board is None:
        return
    addresses = [function.address for function in pcimap.of(node.klass, pcimap.GPU)]
    _driver(board, rec, addresses)
    for key, value in _common(board).items():
        rec.nvml(f"gpu.*.{key}", value)
    for link in range(LINKS):
        for key, value in _link(node, board, link).items():
            rec.nvml(f"gpu.*.{key}", value)
    for index, address in enumerate(addresses):
        for key, value in _one(node, board, index, address).items():
            rec.nvml(f"gpu.{index}.{key}", value)
    for first in pcimap.of(node.klass, pcimap.GPU):
        for second in pcimap.of(node.klass, pcimap.GPU):
            near = first.numa_node == second.numa_node
            if first.index < second.index:
                rec.nvml(f"nvmlDeviceGetTopologyCommonAncestor({first.index},{second.index})", 40 if near else 50)


def _driver(board: Board, rec: Recording, addresses: list[str]) -> None:
    rec.nvml("nvmlSystemGetDriverVersion", board.driver)
    rec.nvml("nvmlSystemGetNVMLVersion", f"13.{board.driver}")
    rec.nvml("nvmlSystemGetCudaDriverVersion_v2", 13000)
    rec.nvml("nvmlSystemGetConfComputeState", "environment=0 ccFeature=0 devToolsMode=0")
    rec.nvml("nvmlSystemGetConfComputeGpusReadyState", 0)
    rec.nvml("nvmlDeviceGetCount", len(addresses))
    rec.file(
        "/proc/driver/nvidia/version",
        f"NVRM version: NVIDIA UNIX Open Kernel Module for {board.architecture}  {board.driver}  Release Build"
        "  (builder@build)  Mon Oct 13 09:14:02 UTC 2025\nGCC version:  gcc version 13.3.0 (Ubuntu 13.3.0-6ubuntu2)\n",
    )
    rec.file("/sys/module/nvidia/version", f"{board.driver}\n")


def _common(board: Board) -> dict[str, object]:
    whole = board.memory_mib * MIB
    free = whole - board.reserved_mib * MIB
    answers: dict[str, object] = {
        "nvmlDeviceGetName": board.model,
        "nvmlDeviceGetBoardPartNumber": board.part,
        "nvmlDeviceGetVbiosVersion": board.vbios,
        "nvmlDeviceGetInforomImageVersion": board.inforom,
        "nvmlDeviceGetInforomVersion(0)": "2.1",
        "nvmlDeviceGetInforomVersion(1)": "7.16",
        "nvmlDeviceGetInforomConfigurationChecksum": 2864434397,
        "nvmlDeviceGetUnrepairableMemoryFlag_v1": 0,
        "nvmlDeviceGetGspFirmwareVersion": board.driver,
        "nvmlDeviceGetCudaComputeCapability": board.capability,
        "nvmlDeviceGetAddressingMode": board.addressing,
        "nvmlDeviceGetMemoryInfo_v2": f"total={whole} reserved={whole - free} free={free} used=0",
        "nvmlDeviceGetEccMode": "1,1",
        "nvmlDeviceGetTotalEccErrors(*)": 0,
        "nvmlDeviceGetMemoryErrorCounter(*)": 0,
        "nvmlDeviceGetSramEccErrorStatus": "bThresholdExceeded=0",
        "nvmlDeviceGetRemappedRows": "0,0,0,0",
        "nvmlDeviceGetRowRemapperHistogram": f"max={board.banks} high=0 partial=0 low=0 none=0",
        "nvmlDeviceGetRepairStatus": "0,0",
        "nvmlDeviceGetEnforcedPowerLimit": board.power_limit_mw,
        "nvmlDeviceGetPowerManagementDefaultLimit": board.power_limit_mw,
        "nvmlDeviceGetPowerManagementLimitConstraints": f"200000,{board.power_limit_mw}",
        "nvmlDeviceGetPerformanceState": 0,
        "nvmlDeviceGetCurrentClocksEventReasons": "0x1",
        "nvmlDeviceGetCurrPcieLinkGeneration": 5,
        "nvmlDeviceGetMaxPcieLinkGeneration": 5,
        "nvmlDeviceGetGpuMaxPcieLinkGeneration": board.generation_of_board,
        "nvmlDeviceGetCurrPcieLinkWidth": 16,
        "nvmlDeviceGetMaxPcieLinkWidth": 16,
        "nvmlDeviceGetPersistenceMode": 1,
        "nvmlDeviceGetMigMode": "0,0",
        "nvmlDeviceGetComputeMode": 0,
        "nvmlDeviceGetUtilizationRates": "gpu=0 memory=0",
        "nvmlDeviceGetComputeRunningProcesses_v3": "none",
        "nvmlDeviceGetFieldValues(90)": board.link_megabytes,
        "nvmlDeviceGetFieldValues(91)": LINKS,
        "nvmlDeviceGetFieldValues(169)": 0,
        "nvmlDeviceGetFieldValues(193)": -8,
        "nvmlDeviceGetFieldValues(194)": -2,
        "nvmlDeviceGetFieldValues(195)": 0,
        "nvmlDeviceGetFieldValues(226)": 0,
        "nvmlDeviceGetFieldValues(230)": 0,
    }
    return {**answers, **_clocks(board)}


def _clocks(board: Board) -> dict[str, object]:
    """An idle board: the multiprocessors rest, the memory does not."""
    answers: dict[str, object] = {
        f"nvmlDeviceGet{which}ApplicationsClock(1)": board.sm_max_mhz for which in ("", "Default")
    }
    clocks = ((345, board.sm_max_mhz), (345, board.sm_max_mhz), (board.memory_mhz, board.memory_mhz))
    for which, (current, most) in enumerate(clocks):
        answers[f"nvmlDeviceGetClockInfo({which})"] = current
        answers[f"nvmlDeviceGetMaxClockInfo({which})"] = most
    return answers


def _link(node: Node, board: Board, link: int) -> dict[str, object]:
    def field(number: int) -> str:
        return f"nvmlDeviceGetFieldValues({number},{link})" if link else f"nvmlDeviceGetFieldValues({number})"

    answers: dict[str, object] = {
        f"nvmlDeviceGetNvLinkState({link})": 1,
        f"nvmlDeviceGetNvLinkVersion({link})": board.link_version,
        f"nvmlDeviceGetNvLinkRemoteDeviceType({link})": 2,
        field(164): board.link_megabytes,
    }
    if node.klass == "hgx_h100":
        answers.update({f"nvmlDeviceGetNvLinkErrorCounter({link},{counter})": 0 for counter in range(4)})
    else:  # NVLink 5 counts in fields, and no longer by the older call
        answers.update({field(number): 0 for number in (211, 214, 215, 219, 221)})
        answers.update({field(number): 0xFFF for number in (220, 222)})  # 15e-255: none was seen
    return answers


def _fabric(clique: int, cluster: str, health: str) -> str:
    return f"state=3 status=0 cliqueId={clique} clusterUuid={cluster} {health}"


def _one(node: Node, board: Board, index: int, address: str) -> dict[str, object]:
    function = pcimap.one(node.klass, pcimap.GPU, index)
    degrees = 29 + index % 4
    part = f"0x{function.device:04X}{function.vendor:04X}"
    board_part = f"0x{function.subsystem_device:04X}{function.subsystem_vendor:04X}"
    answers: dict[str, object] = {
        "nvmlDeviceGetPciInfo": f"busId=0000{address.upper()} pciDeviceId={part} pciSubSystemId={board_part}",
        "nvmlDeviceGetUUID": f"GPU-{node.uuid('gpu', index)}",
        "nvmlDeviceGetSerial": f"165{node.serial('gpu', index if node.klass == 'hgx_h100' else index // 2)}",
        "nvmlDeviceGetMinorNumber": index,
        "nvmlDeviceGetModuleId": board.modules[index],
        "nvmlDeviceGetTemperatureV(0)": degrees,
        "nvmlDeviceGetMarginTemperature": 87 - degrees,
        "nvmlDeviceGetPowerUsage": board.power_mw + 310 * index,
        "nvmlDeviceGetPcieReplayCounter": 0 if index else 150,  # such a count was read on a healthy board
        "nvmlDeviceGetFieldValues(82)": degrees + 8,
        "nvmlDeviceGetFieldValues(185)": board.power_mw + 310 * index,
        "nvmlDeviceGetFieldValues(186)": board.power_mw + 350 * index,
        "nvmlDeviceGetGpuFabricInfoV": _fabric(0, "0" * 32, "healthMask=0 healthSummary=0"),
    }
    if node.klass == "gb200_tray":
        rack = Node(node.rack, node.klass, node.rack, 0, 0)  # what the trays of one rack share
        answers["nvmlDeviceGetNumaNodeId"] = 2 + 8 * index
        answers["nvmlDeviceGetFieldValues(170)"] = 10
        answers["nvmlDeviceGetGpuFabricInfoV"] = _fabric(
            2, rack.hexdigits("cluster", 0, 32), "healthMask=0x1aa healthSummary=1"
        )
        answers["nvmlDeviceGetPlatformInfo"] = (
            f"ibGuid={node.hexdigits('fabric', index)}{'0' * 16} chassisSerialNumber=182{rack.serial('chassis')} "
            f"slotNumber={node.slot} trayIndex={node.slot - 1} hostId=1 peerType=2 moduleId={board.modules[index]}"
        )
    return answers
