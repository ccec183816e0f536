# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Healthy machines of every shipped hardware profile: those of the rack, and others made by changing one of them.

A machine of the rack answers what the rack's own site asks. What other profiles ask, which units above all, is for
:func:`builder.service_answers.put_units_named` to add.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import pcimap
from .gpu_amd_tool import VRAM_MIB as MI300X_MIB
from .gpu_gaudi_answers import MEMORY_MIB as GAUDI3_MIB
from .node import Node
from .pci import GIB, place, resource
from .recording import Recording

Change = Callable[[Node, Recording], None]
NOT_SUPPORTED = "!3"
MIB = 1 << 20
HGX: dict[str, Any] = {"links": 18, "link_megabytes": 26562, "fabric": True, "switches": 4}
NVLINK5: dict[str, Any] = {"links": 18, "link_megabytes": 53125, "fabric": True}
BRIDGED: dict[str, Any] = {"links": 18, "link_megabytes": 26562, "unwired": (4, 5, 10, 11, 16, 17)}
GDDR: dict[str, Any] = {"memory_temperature": False}
A100: dict[str, Any] = {"generation": 4, "margin": False, "repair": False}


@dataclass(frozen=True)
class Board:
    """What an NVIDIA board has otherwise than the one it is rendered from; ``None``: it does not answer that."""

    model: str
    device: int  # PCI device id
    capability: str
    memory_mib: int
    power_w: int
    links: int = 0
    link_megabytes: int = 0
    generation: int = 5
    bar_gib: int = 128
    sm_mhz: int = 1980
    memory_mhz: int = 2619
    unwired: tuple[int, ...] = ()  # links that the board has and no bridge reaches
    fabric: bool = False  # whether switches join the GPUs
    switches: int = 0  # those that are PCI functions of the host
    memory_temperature: bool = True
    margin: bool = True
    mig: bool = True
    repair: bool = True


def nvidia(board: Board) -> Change:
    """Return a change of the boards of a machine."""

    def apply(node: Node, rec: Recording) -> None:
        _answers(node, rec, board)
        _bus(node, rec, board)
        _switches(node, rec, board.switches)

    return apply


def _answers(node: Node, rec: Recording, board: Board) -> None:
    total = board.memory_mib * MIB
    said: dict[str, object] = {
        "nvmlDeviceGetName": board.model,
        "nvmlDeviceGetCudaComputeCapability": board.capability,
        "nvmlDeviceGetMemoryInfo_v2": f"total={total} reserved={480 * MIB} free={total - 480 * MIB} used=0",
        "nvmlDeviceGetEnforcedPowerLimit": board.power_w * 1000,
        "nvmlDeviceGetPowerManagementDefaultLimit": board.power_w * 1000,
        "nvmlDeviceGetPowerManagementLimitConstraints": f"200000,{board.power_w * 1000}",
        "nvmlDeviceGetCurrPcieLinkGeneration": board.generation,
        "nvmlDeviceGetMaxPcieLinkGeneration": board.generation,
        "nvmlDeviceGetGpuMaxPcieLinkGeneration": board.generation,
        "nvmlDeviceGetFieldValues(90)": board.link_megabytes or NOT_SUPPORTED,
        "nvmlDeviceGetFieldValues(91)": board.links or NOT_SUPPORTED,
    }
    for which, most in ((0, board.sm_mhz), (1, board.sm_mhz), (2, board.memory_mhz)):
        said[f"nvmlDeviceGetMaxClockInfo({which})"] = most
    said["nvmlDeviceGetClockInfo(2)"] = board.memory_mhz
    for link in range(18):
        up = int(link not in board.unwired)
        said[f"nvmlDeviceGetNvLinkState({link})"] = up if link < board.links else NOT_SUPPORTED
        said[_field(164, link)] = board.link_megabytes if link < board.links else NOT_SUPPORTED
        if board.link_megabytes == NVLINK5["link_megabytes"] and link < board.links:
            said.update({_field(number, link): 0 for number in (211, 214, 215, 219, 221)})
            said.update({_field(number, link): 0xFFF for number in (220, 222)})
            said.update({f"nvmlDeviceGetNvLinkErrorCounter({link},{counter})": NOT_SUPPORTED for counter in range(4)})
        if not board.fabric:
            said[f"nvmlDeviceGetNvLinkRemoteDeviceType({link})"] = 0
    unsaid = {
        "nvmlDeviceGetMigMode": board.mig,
        "nvmlDeviceGetRepairStatus": board.repair,
    }
    said.update({call: NOT_SUPPORTED for call, known in unsaid.items() if not known})
    for call, answer in said.items():
        rec.nvml(f"gpu.*.{call}", answer)
    for index in range(len(pcimap.of(node.klass, pcimap.GPU))):
        _one(rec, board, index)


def _field(number: int, link: int) -> str:
    return f"nvmlDeviceGetFieldValues({number},{link})" if link else f"nvmlDeviceGetFieldValues({number})"


def _one(rec: Recording, board: Board, index: int) -> None:
    known = {
        "nvmlDeviceGetMarginTemperature": board.margin,
        "nvmlDeviceGetFieldValues(82)": board.memory_temperature,
        "nvmlDeviceGetGpuFabricInfoV": board.fabric,
    }
    for call, answered in known.items():
        if not answered:
            rec.nvml(f"gpu.{index}.{call}", NOT_SUPPORTED)
    key = f"gpu.{index}.nvmlDeviceGetPciInfo"
    words = rec.document["nvml"][key].split(" ")
    rec.nvml(key, " ".join([words[0], f"pciDeviceId=0x{board.device:04X}10DE", *words[2:]]))


def _bus(node: Node, rec: Recording, board: Board) -> None:
    speed = {4: "16.0", 5: "32.0", 6: "64.0"}[board.generation]
    for function in pcimap.of(node.klass, pcimap.GPU):
        on_bus(node, rec, function, board.device, speed, board.bar_gib)


def on_bus(node: Node, rec: Recording, function: pcimap.Function, device: int, speed: str, bar_gib: int) -> None:
    """Put an accelerator of another kind into the place of one; the links above it carry its speed as well."""
    rec.file(place(node, function, "device"), f"0x{device:04x}\n")
    rec.file(place(node, function, "resource"), resource(function, bar_gib * GIB))
    above = {each.address: each for each in pcimap.functions(node.klass)}
    on_the_way: pcimap.Function | None = function
    while on_the_way:
        for name in ("current_link_speed", "max_link_speed"):
            rec.file(place(node, on_the_way, name), f"{speed} GT/s PCIe\n")
        on_the_way = above.get(on_the_way.parent or "")


def _switches(node: Node, rec: Recording, wanted: int) -> None:
    """Leave or copy NVSwitches until there are as many as are wanted."""
    there = pcimap.of(node.klass, pcimap.NVSWITCH)
    for function in there[wanted:]:
        rec.remove(f"/sys/bus/pci/devices/{function.address}")
        rec.remove(pcimap.path(node.klass, function.address))
    for number in range(len(there), wanted):
        copy(rec, {there[0].address: f"0000:f{number}:00.0"})


def copy(rec: Recording, names: dict[str, str]) -> None:
    """Put beside everything that is said of a part what is said of another one: old name to new."""

    def renamed(text: str) -> str:
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    for kind in ("files", "links", "dirs", "commands"):
        entries = rec.document[kind]
        for key, value in [(key, value) for key, value in entries.items() if any(name in key for name in names)]:
            known = json.dumps(value)
            entries[renamed(key)] = json.loads(renamed(known))


def dgx_b200(node: Node, rec: Recording) -> None:
    """Make an HGX machine a DGX B200: its processors, and ten drives."""
    nvidia(Board("NVIDIA B200", 0x2901, "10,0", 183359, 1000, bar_gib=256, **NVLINK5))(node, rec)
    rec.edit("/proc/cpuinfo", "Xeon(R) Platinum 8480+", "Xeon(R) Platinum 8570")
    last = pcimap.of(node.klass, pcimap.NVME)[-1]
    for number in range(6, 10):
        serial = node.serial("nvme", last.index)
        copy(rec, {last.address: f"0000:b{number}:00.0", str(last.name): f"nvme{number}",
                   serial: node.serial("nvme", number)})  # fmt: skip


def amd(
    model: str, device: int, memory_mib: int, power_w: int, lane_gbps: int, bar_gib: int, engine_mhz: int = 2100
) -> Change:
    """Return a change of the modules of an AMD machine."""
    swaps = {
        "MI300X_HW": f"{model}_HW", "Instinct MI300X": f"Instinct {model}", "0x74a1": f"0x{device:04x}",
        f'"value": {MI300X_MIB},': f'"value": {memory_mib},', '"value": 750,': f'"value": {power_w},',
        f'"value": {MI300X_MIB - 283},': f'"value": {memory_mib - 283},', '"value": 2100,': f'"value": {engine_mhz},',
    }  # fmt: skip

    def apply(node: Node, rec: Recording) -> None:
        for call, entry in rec.document["commands"].items():
            if call.startswith("amd-smi "):
                for old, new in swaps.items():
                    entry["stdout"] = entry["stdout"].replace(old, new)
        links = rec.output("amd-smi xgmi -m --json").replace('"value": 32,', f'"value": {lane_gbps},')
        rec.command("amd-smi xgmi -m --json", links)
        for function in pcimap.of(node.klass, pcimap.GPU):
            on_bus(node, rec, function, device, "32.0", bar_gib)
            rec.file(place(node, function, "mem_info_vram_total"), f"{memory_mib * MIB}\n")
            rec.file(place(node, function, "product_name"), f"AMD Instinct {model} OAM\n")

    return apply


def gaudi2(node: Node, rec: Recording) -> None:
    """Make the cards of a Gaudi machine HL-225."""
    swaps = {f"{GAUDI3_MIB} MiB": "98304 MiB", "HL-325L": "HL-225", "hl-gaudi3": "hl-gaudi2"}
    for call, entry in rec.document["commands"].items():
        if call.startswith("hl-smi "):
            for old, new in swaps.items():
                entry["stdout"] = entry["stdout"].replace(old, new)
    for function in pcimap.of(node.klass, pcimap.GPU):
        on_bus(node, rec, function, 0x1020, "16.0", 128)
        rec.file(place(node, function, "device_type"), "GAUDI2\n")
        rec.file(place(node, function, "max_power"), "600000000\n")
        for name in ("cpucp_ver", "fw_os_ver", "preboot_btl_ver", "uboot_ver"):
            path = place(node, function, name)
            rec.file(path, rec.text(path).replace("hl-gaudi3", "hl-gaudi2").replace("Linux gaudi3", "Linux gaudi2"))


def as_it_is(node: Node, rec: Recording) -> None:
    """Leave a machine of the rack as it is."""


STANDINS: dict[str, tuple[str, Change]] = {  # hardware profile: the class of the rack it is made of, and how
    "generic": ("hgx_h100", as_it_is),
    "nvidia": ("hgx_h100", as_it_is),
    "amd": ("mi300x", as_it_is),
    "gaudi": ("gaudi3", as_it_is),
    **{klass: (klass, as_it_is) for klass in ("cpu_only", "hgx_h100", "gb200_tray", "mi300x", "gaudi3")},
    "hgx_h200": (
        "hgx_h100",
        nvidia(Board("NVIDIA H200", 0x2335, "9,0", 143771, 700, bar_gib=256, memory_mhz=3201, **HGX)),
    ),
    "dgx_b200": ("hgx_h100", dgx_b200),
    "hgx_b300": (
        "hgx_h100",
        nvidia(Board("NVIDIA B300 SXM6 AC", 0x3182, "10,3", 275040, 1100, bar_gib=512, **NVLINK5)),
    ),
    "gb300_tray": (
        "gb200_tray",
        nvidia(Board("NVIDIA GB300", 0x31C2, "10,3", 284208, 1400, generation=6, bar_gib=512, **NVLINK5)),
    ),
    "h100_pcie": ("hgx_h100", nvidia(Board("NVIDIA H100 PCIe", 0x2331, "9,0", 81559, 350, **BRIDGED))),
    "h100_nvl": ("hgx_h100", nvidia(Board("NVIDIA H100 NVL", 0x2321, "9,0", 95830, 400, **BRIDGED))),
    "h200_nvl": ("hgx_h100", nvidia(Board("NVIDIA H200 NVL", 0x233B, "9,0", 143771, 600, 18, 26562, bar_gib=256))),
    "hgx_a100_80gb": (
        "hgx_h100",
        nvidia(Board("NVIDIA A100-SXM4-80GB", 0x20B2, "8,0", 81920, 400, 12, 25000, fabric=True, switches=6, **A100)),
    ),
    "hgx_a100_40gb": (
        "hgx_h100",
        nvidia(Board("NVIDIA A100-SXM4-40GB", 0x20B0, "8,0", 40960, 400, 12, 25000, bar_gib=64, fabric=True,
                     switches=6, **A100)),
    ),
    "a100_pcie_80gb": ("hgx_h100", nvidia(Board("NVIDIA A100 80GB PCIe", 0x20B5, "8,0", 81920, 300, **A100))),
    "a100_pcie_40gb": ("hgx_h100", nvidia(Board("NVIDIA A100-PCIE-40GB", 0x20F1, "8,0", 40960, 250, **A100))),
    "l40s": (
        "hgx_h100",
        nvidia(Board("NVIDIA L40S", 0x26B9, "8,9", 46068, 350, generation=4, bar_gib=64, mig=False, **GDDR)),
    ),
    "rtx_pro_6000": (
        "hgx_h100",
        nvidia(Board("NVIDIA RTX PRO 6000 Blackwell Server Edition", 0x2BB5, "12,0", 97887, 600, margin=False,
                     repair=False, **GDDR)),
    ),
    "mi325x": ("mi300x", amd("MI325X", 0x74A5, 262128, 1000, 32, 256)),
    "mi350x": ("mi300x", amd("MI350X", 0x75A0, 294896, 1000, 38, 512, 2200)),
    "mi355x": ("mi300x", amd("MI355X", 0x75A3, 294896, 1400, 38, 512, 2400)),
    "gaudi2": ("gaudi3", gaudi2),
}  # fmt: skip
