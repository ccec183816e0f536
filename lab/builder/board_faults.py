# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be missing from the bus or the board: accelerators, switches, firmware, power."""

from __future__ import annotations

import struct

from . import firmware, pcimap, smbios
from .faults import Fault
from .gpu_gaudi_faults import NOT_LOADED
from .node import Node
from .pci import _bridge_above, config, place
from .pcimap import GPU, NIC_FABRIC, NVSWITCH, Function
from .recording import Recording

ALL, X86 = firmware.ALL, firmware.X86
CARDS = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3")
PRESENT, OK, CRITICAL = 0x02, 3 << 7, 5 << 7  # traits of a power supply
PLUGGED = "/sys/devices/pci0000:c0/0000:c0:01.0"


def _unplug(node: Node, rec: Recording, function: Function) -> None:
    rec.remove(f"/sys/bus/pci/devices/{function.address}")
    rec.remove(pcimap.path(node.klass, function.address))
    if function.driver:
        rec.remove(f"/sys/bus/pci/drivers/{function.driver}/{function.address}")


def _gpu_off_the_bus(node: Node, rec: Recording) -> None:
    """The last GPU is not seen at all, and the driver starts without it."""
    last = pcimap.of(node.klass, GPU)[-1]
    _unplug(node, rec, last)
    rec.nvml(f"gpu.{last.index}.absent", 1)


def _gpu_plugged(node: Node, rec: Recording) -> None:
    """A workstation card sits in a head node."""
    rec.link("/sys/bus/pci/devices/0000:c0:01.0", PLUGGED)
    values = {"vendor": "0x10de", "device": "0x2331", "class": "0x030200", "numa_node": "0"}
    for name, text in values.items():
        rec.file(f"{PLUGGED}/{name}", f"{text}\n")
    rec.file(f"{PLUGGED}/config", struct.pack("<HHHHI", 0x10DE, 0x2331, 7, 0x10, 0x03020000).ljust(64, b"\0"))


def _adapter_off_the_bus(node: Node, rec: Recording) -> None:
    adapter = pcimap.one(node.klass, NIC_FABRIC, 1)
    _unplug(node, rec, adapter)
    rec.remove(f"/sys/class/infiniband/{adapter.rdma}")
    rec.remove(f"/sys/class/net/{adapter.netdev}")


def _switch_off_the_bus(node: Node, rec: Recording) -> None:
    _unplug(node, rec, pcimap.one(node.klass, NVSWITCH, 3))


def _small_requests(node: Node, rec: Recording) -> None:
    adapter = pcimap.one(node.klass, NIC_FABRIC, 0)
    rec.file(place(node, adapter, "config"), config(adapter, read_request=128))


def _other_vendor(node: Node, rec: Recording) -> None:
    """The accelerators answer on the bus as AMD's; no driver of theirs is there."""
    for function in pcimap.of(node.klass, GPU):
        for name, text in (("vendor", "0x1002"), ("device", "0x74a1"), ("subsystem_vendor", "0x1002")):
            rec.file(place(node, function, name), f"{text}\n")


def _legacy_boot(node: Node, rec: Recording) -> None:
    rec.remove("/sys/firmware/efi")


def _versionless(node: Node, rec: Recording) -> None:
    rec.file(f"{firmware.BMC}/firmware_revision", "unknown\n")


def _other_structure(node: Node, rec: Recording, old: bytes, new: bytes) -> None:
    """Replace a part of the SMBIOS table, which the node's machine says as it should."""
    table = smbios.table(node, firmware.MACHINES[node.klass])
    if old not in table:
        raise ValueError(f"{node.name}: the SMBIOS table does not hold {old!r}")
    table = table.replace(old, new, 1)
    rec.file(f"{firmware.TABLES}/DMI", table)
    rec.file(f"{firmware.TABLES}/smbios_entry_point", smbios.entry_point(table))


def _supplies(node: Node, rec: Recording, second: int) -> None:
    """Put two power supplies into the SMBIOS table; ``second`` are the traits of the second: presence and status."""
    end = smbios._structure(127, 0xFEFF, b"")
    supplies = b""
    for number, traits in enumerate((PRESENT | OK, second)):
        body = struct.pack("<BBBBBBBBHHHHH", 1, 1, 2, 3, 4, 5, 6, 7, 3000, traits, 0xFFFF, 0xFFFF, 0xFFFF)
        texts = (f"PSU{number}", "PSU", "Simulated Systems", node.serial("psu", number), "Tag", "Part", "A1")
        supplies += smbios._structure(39, 0x2700 + number, body, texts)
    _other_structure(node, rec, end, supplies + end)


def _old_tpm(node: Node, rec: Recording) -> None:
    rec.file(f"{firmware.TPM}/tpm_version_major", "1\n")


def _cores_off(node: Node, rec: Recording) -> None:
    machine = firmware.MACHINES[node.klass]
    half = machine.cores // 2
    old = struct.pack("<BBB", *(min(count, 0xFF) for count in (machine.cores, machine.cores, machine.threads)))
    old += struct.pack("<HHHHH", 0x00FC, 0xB3, machine.cores, machine.cores, machine.threads)
    new = struct.pack("<BBB", *(min(count, 0xFF) for count in (machine.cores, half, machine.threads)))
    new += struct.pack("<HHHHH", 0x00FC, 0xB3, machine.cores, half, machine.threads)
    _other_structure(node, rec, old, new)


def _no_ecc(node: Node, rec: Recording) -> None:
    _other_structure(node, rec, struct.pack("<BBBI", 3, 3, 6, 0x80000000), struct.pack("<BBBI", 3, 3, 3, 0x80000000))


def _same_serial(node: Node, rec: Recording) -> None:
    first, second = (node.hexdigits("dimm", number, 8).upper().encode() for number in (0, 1))
    _other_structure(node, rec, second, first)


def _larger_dimm(node: Node, rec: Recording) -> None:
    """The first module holds twice what the others hold."""
    mib = firmware.MACHINES[node.klass].dimm_gib * 1024
    table = smbios.table(node, firmware.MACHINES[node.klass])
    at = table.index(struct.pack("<BBH", 17, 92, 0x1100))
    length = table[at + 1]
    old = table[at : at + length]
    new = bytearray(old)
    struct.pack_into("<H", new, 0x0C, 0x7FFF)
    struct.pack_into("<I", new, 0x1C, mib * 2)
    _other_structure(node, rec, old, bytes(new))


LEGACY = {"firmware.boot.mode": "fail"}
SIGNED = {"firmware.secure_boot.state": "fail", "firmware.secure_boot.setup_mode": "unknown"}
FOREIGN = {check: status for check, status in NOT_LOADED.items() if check != "pci.gpu.driver"} | {"gpu.vendor": "fail"}
FAULTS = [
    Fault("gpu_other_vendor", "the machine behind this name carries another vendor's accelerators", ("gaudi3",),
          FOREIGN, _other_vendor),
    Fault("gpu_off_the_bus", "the last GPU is not seen on the bus", ("hgx_h100", "gb200_tray"),
          {"gpu.count.expected": "fail"}, _gpu_off_the_bus),
    Fault("gpu_fewer_than_least", "fewer GPUs are seen than the least that is asked for", ("hgx_h100",),
          {"gpu.count.minimum": "fail"}, _gpu_off_the_bus, {"gpu.count": None, "gpu.count_min": 8}),
    Fault("gpu_in_head_node", "somebody put a GPU into a head node", ("cpu_only",),
          {"gpu.count.unexpected": "fail"}, _gpu_plugged),
    Fault("adapter_off_the_bus", "fabric adapter 1 is not seen on the bus", ("hgx_h100",),
          {"pci.gpu.nic_affinity": "fail", "nic.port.count": "fail", "rdma.device.count": "fail"},
          _adapter_off_the_bus),
    Fault("pci_bridge_gen4", "the bridge above GPU 2 trained at PCIe Gen4", CARDS, {"pci.bridge.speed": "fail"},
          lambda node, rec: rec.file(place(node, _bridge_above(node, pcimap.one(node.klass, GPU, 2)),
                                           "current_link_speed"), "16.0 GT/s PCIe\n")),
    Fault("pci_small_read_requests", "the first fabric NIC asks for 128 bytes at a time", ("hgx_h100", "mi300x"),
          {"pci.nic.max_read_request": "fail"}, _small_requests),
    Fault("pci_nvswitch_missing", "the last NVSwitch is not seen on the bus", ("hgx_h100",),
          {"pci.nvswitch.count": "fail"}, _switch_off_the_bus),
    Fault("pci_nvswitch_no_driver", "NVSwitch 1 has no driver", ("hgx_h100",), {"pci.nvswitch.driver": "fail"},
          lambda node, rec: rec.remove(place(node, pcimap.one(node.klass, NVSWITCH, 1), "driver"))),
    Fault("pci_nvswitch_narrow", "NVSwitch 1 trained at one lane", ("hgx_h100",), {"pci.nvswitch.width": "fail"},
          lambda node, rec: rec.file(place(node, pcimap.one(node.klass, NVSWITCH, 1), "current_link_width"), "1\n")),
    Fault("boot_legacy", "the machine was started the way of old BIOSes", ALL,
          {klass: LEGACY | (SIGNED if klass in ("gb200_tray", "cpu_only") else {}) for klass in ALL}, _legacy_boot),
    Fault("bmc_without_version", "the BMC names no firmware version", ALL, {"firmware.component.known": "unknown"},
          _versionless),
    Fault("psu_critical", "the second power supply is in a critical state", X86, {"firmware.psu.status": "fail"},
          lambda node, rec: _supplies(node, rec, PRESENT | CRITICAL), {"firmware.psu_records": True}),
    Fault("psu_absent", "the second power supply bay is empty", X86, {"firmware.psu.present": "fail"},
          lambda node, rec: _supplies(node, rec, OK), {"firmware.psu_records": True, "firmware.psu_bays_filled": True}),
    Fault("tpm_old", "the TPM is of version 1.2", ALL, {"firmware.tpm.version": "fail"}, _old_tpm),
    Fault("cpu_cores_off", "firmware switched half of a processor's cores off", ALL, {"firmware.cpu.cores": "fail"},
          _cores_off),
    Fault("memory_without_ecc", "memory runs without error correction", ALL, {"firmware.memory.ecc": "fail"}, _no_ecc),
    Fault("dimm_serial_twice", "two memory modules carry one serial number", ALL, {"firmware.memory.serials": "fail"},
          _same_serial),
    Fault("dimm_larger", "one memory module is larger than the others", X86,
          {"firmware.memory.same_size": "fail"}, _larger_dimm),
]  # fmt: skip
