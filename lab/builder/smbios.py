"""Writes SMBIOS tables (DSP0134) as firmware would: a 64-bit entry point and the structures behind it."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from .node import Node

VERSION = (3, 6)
TABLE_ADDRESS = 0x6951F000
MEMORY_TYPES = {"DDR5": 0x22, "LPDDR5": 0x23}
MIB_PER_GIB = 1024


@dataclass(frozen=True)
class Machine:
    """What is built into a class of machine; speeds in MT/s and MHz, sizes in GiB."""

    product: str
    bios_version: str
    bios_date: str
    cpu_maker: str
    cpu: str
    cores: int
    threads: int
    cpu_mhz: int
    slots: tuple[str, ...]
    dimm_gib: int
    dimm_type: str
    dimm_rated: int
    dimm_configured: int
    dimm_maker: str
    dimm_part: str
    ipmi_interface: int = 1  # 1 KCS, 4 SSIF
    manufacturer: str = "Simulated Systems"
    bios_vendor: str = "American Megatrends International, LLC."
    sockets: int = 2
    serial: str = ""  # what a maker forgot to set; empty: the node's own
    empty_slots: tuple[str, ...] = ()
    slow_slots: tuple[str, ...] = ()
    slow_mts: int = 0
    disabled_sockets: tuple[int, ...] = ()
    tpm: bool = True


def entry_point(table: bytes) -> bytes:
    """Return the _SM3_ anchor of a table."""
    head = struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, *VERSION, 0, 1, 0, len(table), TABLE_ADDRESS)
    return head[:5] + bytes([-sum(head) & 0xFF]) + head[6:]


def table(node: Node, machine: Machine) -> bytes:
    """Return the structure table of a node."""
    parts = [_bios(machine), _system(node, machine), _board(node, machine), _chassis(node, machine)]
    parts += [_processor(machine, number) for number in range(machine.sockets)]
    parts.append(
        _structure(16, 0x1000, struct.pack("<BBBIHHQ", 3, 3, 6, 0x80000000, 0xFFFE, len(machine.slots), 1 << 43))
    )
    parts += [_dimm(node, machine, number) for number in range(len(machine.slots))]
    parts.append(_structure(38, 0x2600, struct.pack("<BBBBQ", machine.ipmi_interface, 0x20, 0x20, 0xFF, 0x0CA3)))
    firmware = 7 << 16 | 85
    tpm = struct.pack("<4sBBIIBQI", b"IFX\0", 2, 0, firmware, 0, 1, 8, 0)
    if machine.tpm:
        parts.append(_structure(43, 0x2B00, tpm, ("INFINEON",)))
    return b"".join(parts) + _structure(127, 0xFEFF, b"")


def system_uuid(node: Node) -> str:
    """Return the UUID that the node's SMBIOS carries."""
    return node.uuid("system")


def system_serial(node: Node, machine: Machine) -> str:
    """Return the serial number that the node's SMBIOS carries."""
    return machine.serial or f"S{node.serial('system')}"


def _structure(kind: int, handle: int, body: bytes, strings: tuple[str, ...] = ()) -> bytes:
    texts = b"".join(text.encode() + b"\0" for text in strings) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(body), handle) + body + texts + b"\0"


def _bios(machine: Machine) -> bytes:
    major, minor = (int(part) for part in machine.bios_version.split(".")[:2])
    body = struct.pack("<BBHBBQBBBBBBH", 1, 2, 0xF000, 3, 0xFF, 0x3F8B9880, 3, 0x0D, major, minor, 0xFF, 0xFF, 0x20)
    return _structure(0, 0x0000, body, (machine.bios_vendor, machine.bios_version, machine.bios_date))


def _system(node: Node, machine: Machine) -> bytes:
    body = struct.pack("<BBBB16sBBB", 1, 2, 3, 4, uuid.UUID(system_uuid(node)).bytes_le, 6, 5, 6)
    texts = (machine.manufacturer, machine.product, "0123456789", system_serial(node, machine), "Default string", "Lab")
    return _structure(1, 0x0001, body, texts)


def _board(node: Node, machine: Machine) -> bytes:
    body = struct.pack("<BBBBBBBHBB", 1, 2, 3, 4, 5, 9, 6, 0x0003, 10, 0)
    texts = (
        machine.manufacturer,
        f"{machine.product}-MB",
        "1.02",
        f"B{node.serial('board')}",
        "Default string",
        "Part",
    )
    return _structure(2, 0x0002, body, texts)


def _chassis(node: Node, machine: Machine) -> bytes:
    body = struct.pack("<BBBBBBBBBIBBBBB", 1, 23, 2, 3, 4, 3, 3, 3, 3, 0, 8, 2, 0, 3, 5)
    texts = (machine.manufacturer, "1.0", f"C{node.serial('chassis')}", f"RACK-{node.rack}-{node.slot:02d}", "SKU")
    return _structure(3, 0x0003, body, texts)


def _processor(machine: Machine, number: int) -> bytes:
    status = 0x40 | (2 if number in machine.disabled_sockets else 1)
    # socket, type central, family (see family 2), maker, id, version, voltage, clock, speeds, status, upgrade
    body = struct.pack("<BBBBQBBHHHBB", 1, 3, 0xFE, 2, 0, 3, 0x90, 100, 4000, machine.cpu_mhz, status, 0x40)
    # caches, serial, asset, part; core counts above 254 stand in the wide fields
    body += struct.pack("<HHHBBB", 0xFFFF, 0xFFFF, 0xFFFF, 4, 4, 4)
    counts = (machine.cores, machine.cores, machine.threads)
    body += struct.pack("<BBB", *(min(count, 0xFF) for count in counts))
    body += struct.pack("<HHHHH", 0x00FC, 0xB3, *counts)
    return _structure(4, 0x0400 + number, body, (f"CPU{number}", machine.cpu_maker, machine.cpu, "Not Specified"))


def _dimm(node: Node, machine: Machine, number: int) -> bytes:
    slot = machine.slots[number]
    bank = f"NODE {number * machine.sockets // len(machine.slots)}"
    if slot in machine.empty_slots:
        nothing = (f"DIMM_{slot}", bank, "NO DIMM", "No Module Installed")
        return _memory_device(number, (0, 0, 0, 0, 0, 0), (3, 3, 3, 4), nothing)
    mib = machine.dimm_gib * MIB_PER_GIB
    short, extended = (mib, 0) if mib < 0x7FFF else (0x7FFF, mib)
    speed = machine.slow_mts if slot in machine.slow_slots else machine.dimm_configured
    figures = (short, extended, MEMORY_TYPES[machine.dimm_type], machine.dimm_rated, speed, 2)
    serial = node.hexdigits("dimm", number, 8).upper()
    texts = (f"DIMM_{slot}", bank, machine.dimm_maker, serial, f"RACK-{slot}", machine.dimm_part)
    return _memory_device(number, figures, (3, 4, 5, 6), texts)


def _memory_device(
    number: int, figures: tuple[int, int, int, int, int, int], at: tuple[int, int, int, int], texts: tuple[str, ...]
) -> bytes:
    size, extended, kind, rated, configured, rank = figures
    maker, serial, asset, part = at
    body = struct.pack("<HHHHHBBBB", 0x1000, 0xFFFE, 80, 64, size, 9, 0, 1, 2)
    body += struct.pack("<BHHBBBBBI", kind or 2, 0x2080, rated, maker, serial, asset, part, rank, extended)
    body += struct.pack("<HHHHB", configured, 1100, 1100, 1100, 3)
    body += struct.pack("<HBHHHHQQQQII", 0x08, 0, 0, 0, 0, 0, 0, (extended or size) << 20, 0, 0, 0, 0)
    return _structure(17, 0x1100 + number, body, texts)
