# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The PCI tree in sysfs of every class of node, and what can go wrong with it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from . import pcimap
from .faults import Fault
from .node import Node
from .pcimap import BRIDGE, GPU, NIC_FABRIC, NIC_MGMT, NVME, NVSWITCH, Function
from .recording import Recording

GIB = 1 << 30
ACS_BARE_METAL = 0x00
ACS_VIRTUALISED = 0x1D  # source validation, request and completion redirect, upstream forwarding
LARGEST_BAR = {"h100": 128 * GIB, "gb200": 256 * GIB, "mi300x": 256 * GIB, "gaudi3": 128 * GIB}
IOMMU = {"cpu_only": "DMA-FQ"}  # everywhere else: identity, as iommu=pt gives
VIRTUAL_FUNCTIONS = {GPU: 16, NIC_FABRIC: 16}
CORRECTABLE = "RxErr BadTLP BadDLLP Rollover Timeout NonFatalErr CorrIntErr HeaderOF"
UNCORRECTABLE = (
    "Undefined DLP SDES TLP FCP CmpltTO CmpltAbrt UnxCmplt RxOF MalfTLP ECRC UnsupReq ACSViol "
    "UncorrIntErr BlockedTLP AtomicOpBlocked TLPBlockedErr PoisonTLPBlocked"
)
AER = {"correctable": ("COR", CORRECTABLE), "nonfatal": ("NONFATAL", UNCORRECTABLE), "fatal": ("FATAL", UNCORRECTABLE)}


def aer(kind: str, **counts: int) -> str:
    """An ``aer_dev_<kind>`` file."""
    total, names = AER[kind]
    lines = [f"{name} {counts.get(name, 0)}" for name in names.split()]
    return "\n".join([*lines, f"TOTAL_ERR_{total} {sum(counts.values())}", ""])


def config(
    function: Function, payload: int = 256, read_request: int = 512, acs: int = ACS_BARE_METAL, contained: int = 0
) -> bytes:
    """The configuration space, up to its last capability: PCI Express at 0x40, AER at 0x100, ACS at 0x140.

    A bridge has DPC at 0x148; ``contained`` is the status there.
    """
    bridge = function.role == BRIDGE
    space = bytearray(0x154 if bridge else 0x148)
    struct.pack_into("<HHHH", space, 0, function.vendor, function.device, 0x0547, 0x0010)
    struct.pack_into("<I", space, 8, function.class_code << 8)
    space[0x0E] = 1 if bridge else 0
    space[0x34] = 0x40
    control = (payload // 128).bit_length() - 1 << 5 | (read_request // 128).bit_length() - 1 << 12
    struct.pack_into("<BBHIH", space, 0x40, 0x10, 0, 2, 0x8002, control)
    struct.pack_into("<I", space, 0x100, 0x140 << 20 | 2 << 16 | 0x0001)
    struct.pack_into("<IHH", space, 0x140, (0x148 if bridge else 0) << 20 | 1 << 16 | 0x000D, 0x1F, acs)
    if bridge:
        struct.pack_into("<IHHH", space, 0x148, 1 << 16 | 0x001D, 0x10E0, 0x000A, contained)
    return bytes(space)


def resource(function: Function, largest: int) -> str:
    """The file ``resource``: BAR 0 of 16 MiB, and BAR 2 of ``largest`` bytes."""
    base = 0x20_0000_0000 + (function.index << 40)
    unused = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
    small = f"0x{base:016x} 0x{base + (1 << 24) - 1:016x} 0x000000000014220c\n"
    large = f"0x{base + largest:016x} 0x{base + 2 * largest - 1:016x} 0x000000000014220c\n"
    return small + unused + (large if largest else unused) + unused * 4


def place(node: Node, function: Function, file: str) -> str:
    """Where a file of a function lies."""
    return f"{pcimap.path(node.klass, function.address)}/{file}"


def render(node: Node, rec: Recording) -> None:
    """Put every function of the node's map."""
    for group, function in enumerate(pcimap.functions(node.klass)):
        _files(node, rec, function)
        _links(node, rec, function, group)


def _files(node: Node, rec: Recording, function: Function) -> None:
    rec_files = {
        "vendor": f"0x{function.vendor:04x}",
        "device": f"0x{function.device:04x}",
        "subsystem_vendor": f"0x{function.subsystem_vendor:04x}",
        "subsystem_device": f"0x{function.subsystem_device:04x}",
        "class": f"0x{function.class_code:06x}",
        "numa_node": str(function.numa_node),
        "current_link_speed": f"{function.speed} GT/s PCIe",
        "max_link_speed": f"{function.speed_max} GT/s PCIe",
        "current_link_width": str(function.width),
        "max_link_width": str(function.width_max),
    }
    if function.role in VIRTUAL_FUNCTIONS:
        rec_files["sriov_numvfs"] = "0"
        rec_files["sriov_totalvfs"] = str(VIRTUAL_FUNCTIONS[function.role])
    for file, text in rec_files.items():
        rec.file(place(node, function, file), f"{text}\n")
    part = next(name for name, part in pcimap.PARTS.items() if part[:5] == function[3:8])
    rec.file(place(node, function, "resource"), resource(function, LARGEST_BAR.get(part, 0)))
    rec.file(place(node, function, "config"), config(function))
    for kind in AER:
        rec.file(place(node, function, f"aer_dev_{kind}"), aer(kind))


def _links(node: Node, rec: Recording, function: Function, group: int) -> None:
    real = pcimap.path(node.klass, function.address)
    rec.link(f"/sys/bus/pci/devices/{function.address}", real)
    rec.link(f"{real}/iommu_group", f"/sys/kernel/iommu_groups/{group}")
    rec.file(f"/sys/kernel/iommu_groups/{group}/type", f"{IOMMU.get(node.klass, 'identity')}\n")
    if function.driver:
        rec.link(f"{real}/driver", f"/sys/bus/pci/drivers/{function.driver}")
        rec.link(f"/sys/bus/pci/drivers/{function.driver}/{function.address}", real)
        rec.file(f"/sys/bus/pci/drivers/{function.driver}/uevent", "")


def narrow(node: Node, rec: Recording, function: Function, width: int) -> None:
    """Train a link at fewer lanes than it has."""
    rec.file(place(node, function, "current_link_width"), f"{width}\n")


def _one(node: Node, role: str, index: int) -> Function:
    return pcimap.one(node.klass, role, index)


def _bridge_above(node: Node, function: Function) -> Function:
    return next(bridge for bridge in pcimap.of(node.klass, BRIDGE) if bridge.address == function.parent)


def _lose(node: Node, rec: Recording) -> None:
    function = _one(node, NVSWITCH, 2)
    rec.file(place(node, function, "config"), b"\xff" * 0x148)
    rec.file(place(node, function, "current_link_width"), "63\n")
    rec.file(place(node, function, "current_link_speed"), "Unknown\n")


def _acs(node: Node, rec: Recording) -> None:
    bridge = _bridge_above(node, _one(node, GPU, 1))
    rec.file(place(node, bridge, "config"), config(bridge, acs=ACS_VIRTUALISED))


def _contained(node: Node, rec: Recording) -> None:
    bridge = _bridge_above(node, _one(node, GPU, 1))
    rec.file(place(node, bridge, "config"), config(bridge, contained=0x0001))


def _slow(role: str, index: int, **files: str) -> Callable[[Node, Recording], None]:
    def apply(node: Node, rec: Recording) -> None:
        for file, text in files.items():
            rec.file(place(node, _one(node, role, index), file), f"{text}\n")

    return apply


def _translate(node: Node, rec: Recording) -> None:
    for group, function in enumerate(pcimap.functions(node.klass)):
        if function.role == GPU:
            rec.file(f"/sys/kernel/iommu_groups/{group}/type", "DMA-FQ\n")


def _aer(kind: str, **counts: int) -> Callable[[Node, Recording], None]:
    return lambda node, rec: rec.file(place(node, _one(node, GPU, 3), f"aer_dev_{kind}"), aer(kind, **counts))


_GPU_CLASSES = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3")
FAULTS = [
    Fault("pci_aer_fatal", "GPU 3 has logged a fatal PCIe error", _GPU_CLASSES, {"pci.aer.fatal": "fail"},
          _aer("fatal", MalfTLP=1)),
    Fault("pci_aer_nonfatal", "GPU 3 has logged non-fatal PCIe errors", _GPU_CLASSES, {"pci.aer.nonfatal": "fail"},
          _aer("nonfatal", CmpltTO=2)),
    Fault("pci_aer_flood", "GPU 3 corrects PCIe errors by the thousand", _GPU_CLASSES, {"pci.aer.correctable": "fail"},
          _aer("correctable", RxErr=51234, BadTLP=77)),
    Fault("pci_acs_on", "ACS redirects on the switch port above GPU 1", ("hgx_h100", "mi300x"),
          {"pci.acs.redirect": "fail"}, _acs),
    Fault("pci_nvswitch_lost", "NVSwitch 2 has fallen off the bus", ("hgx_h100",),
          {"pci.device.lost": "fail", "pci.nvswitch.width": "unknown"}, _lose),
    Fault("pci_iommu_translated", "the IOMMU translates for accelerators", ("hgx_h100", "mi300x"),
          {"pci.iommu.passthrough": "fail"}, _translate),
    Fault("pci_gpu_payload_128", "GPU 2 sends 128 bytes a packet", _GPU_CLASSES, {"pci.gpu.max_payload": "fail"},
          lambda node, rec: rec.file(place(node, _one(node, GPU, 2), "config"),
                                     config(_one(node, GPU, 2), payload=128))),
    Fault("pci_gpu_bar_small", "GPU 0 shows a 256 MiB window: its BAR was not resized", _GPU_CLASSES,
          {"pci.gpu.bar": "fail"},
          lambda node, rec: rec.file(place(node, _one(node, GPU, 0), "resource"),
                                     resource(_one(node, GPU, 0), 1 << 28))),
    Fault("pci_gpu_no_numa", "the firmware does not say which socket GPU 1 hangs on", _GPU_CLASSES,
          {"pci.gpu.numa_node": "fail"},
          lambda node, rec: rec.file(place(node, _one(node, GPU, 1), "numa_node"), "-1\n")),
    Fault("pci_bridge_x8", "the bridge above GPU 2 trained at x8", _GPU_CLASSES, {"pci.bridge.width": "fail"},
          lambda node, rec: narrow(node, rec, _bridge_above(node, _one(node, GPU, 2)), 8)),
    Fault("pci_port_contained", "the port above GPU 1 was contained after an error", _GPU_CLASSES,
          {"pci.dpc.triggered": "fail"}, _contained),
    Fault("nvme_link_x1", "a drive trained at x1 and Gen1", (*_GPU_CLASSES, "cpu_only"),
          {"pci.drive.speed": "fail", "pci.drive.width": "fail"},
          _slow(NVME, 1, current_link_width="1", current_link_speed="2.5 GT/s PCIe")),
    Fault("management_link_narrow", "the management adapter trained at x1", ("mi300x", "gaudi3", "cpu_only"),
          {"pci.nic.width": "fail"}, _slow(NIC_MGMT, 0, current_link_width="1")),
    Fault("management_link_slow", "the management adapter trained at Gen1", ("mi300x", "gaudi3", "cpu_only"),
          {"pci.nic.speed": "fail"}, _slow(NIC_MGMT, 0, current_link_speed="2.5 GT/s PCIe")),
    Fault("unstated_gpu_narrow", "GPU 2 trained at x8, and its profile states no width", _GPU_CLASSES,
          {"pci.accelerator.width": "fail"}, _slow(GPU, 2, current_link_width="8"),
          {"pci.gpu_width": None, "gpu.pcie_width": None}),
    Fault("pci_vfs_left", "8 virtual functions were left on the first fabric NIC", ("hgx_h100", "mi300x", "gaudi3"),
          {"pci.sriov.vfs": "fail"},
          lambda node, rec: rec.file(place(node, _one(node, NIC_FABRIC, 0), "sriov_numvfs"), "8\n")),
]  # fmt: skip
