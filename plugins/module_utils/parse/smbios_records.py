# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What SMBIOS structures say (DSP0134 section 7), as data; the framing is in ``smbios``."""

from __future__ import annotations

import re
import struct
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .smbios import Structure, Table

BIOS, SYSTEM, BOARD, CHASSIS, PROCESSOR = range(5)
SLOT = 9
MEMORY_ARRAY, MEMORY_DEVICE = 16, 17
IPMI, POWER_SUPPLY, TPM = 38, 39, 43

# Offsets of string numbers, by structure type.
STRINGS: Dict[int, Dict[str, int]] = {
    BIOS: {"vendor": 0x04, "version": 0x05},
    SYSTEM: {"manufacturer": 4, "model": 5, "version": 6, "serial": 7, "sku": 0x19, "family": 0x1A},
    BOARD: {"manufacturer": 4, "model": 5, "version": 6, "serial": 7, "asset_tag": 8},
    CHASSIS: {"manufacturer": 4, "version": 6, "serial": 7, "asset_tag": 8},
    SLOT: {"designation": 0x04},
    PROCESSOR: {"socket": 0x04, "manufacturer": 0x07, "model": 0x10, "serial": 0x20, "part_number": 0x22},
    MEMORY_DEVICE: {"locator": 0x10, "bank": 0x11, "manufacturer": 0x17, "serial": 0x18, "part_number": 0x1A},
    POWER_SUPPLY: {"location": 5, "model": 6, "manufacturer": 7, "serial": 8, "part_number": 0x0A, "version": 0x0B},
}
CHASSIS_TYPES = {
    1: "Other", 3: "Desktop", 4: "Low Profile Desktop", 6: "Mini Tower", 7: "Tower", 9: "Laptop", 10: "Notebook",
    11: "Hand Held", 13: "All In One", 17: "Main Server Chassis", 22: "RAID Chassis", 23: "Rack Mount Chassis",
    24: "Sealed-case PC", 25: "Multi-system", 28: "Blade", 29: "Blade Enclosure", 31: "Convertible", 34: "Embedded PC",
    35: "Mini PC", 36: "Stick PC",
}  # fmt: skip
MEMORY_TYPES = {
    0x0F: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x14: "DDR2 FB-DIMM", 0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR",
    0x1C: "LPDDR2", 0x1D: "LPDDR3", 0x1E: "LPDDR4", 0x1F: "Logical non-volatile device", 0x20: "HBM", 0x21: "HBM2",
    0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}  # fmt: skip
SLOT_USAGE = {3: "available", 4: "in use", 5: "unavailable"}
ERROR_CORRECTION = {3: "none", 4: "parity", 5: "single-bit", 6: "multi-bit", 7: "crc"}
POWER_SUPPLY_STATUS = {3: "ok", 4: "non-critical", 5: "critical"}
IPMI_INTERFACES = {1: "kcs", 2: "smic", 3: "bt", 4: "ssif"}
SAYS_NOTHING = 2  # the highest of "other", "unknown" and the zero of makers who do not say
SYSTEM_MEMORY = 3
CENTRAL_PROCESSOR = 3


def named(table: Mapping[int, str], number: Optional[int]) -> Optional[str]:
    """Return what a number of an enumeration means: ``None`` for other and unknown (1, 2), ``0x25`` for a new one."""
    if number is None or (number <= SAYS_NOTHING and number not in table):
        return None
    return table.get(number, f"0x{number:02x}")


def records(table: Table, version: Optional[str]) -> Dict[str, Any]:
    """Return BIOS, system, board, chassis, processors, memory, DIMMs, slots, power supplies, IPMI interface and TPM."""
    first = {kind: next(iter(table.of(kind)), None) for kind in (BIOS, SYSTEM, BOARD, CHASSIS, IPMI, TPM)}
    dimms = _dimms(table)
    return {
        "bios": _bios(first[BIOS]),
        "system": _system(first[SYSTEM], version),
        "board": _board(first[BOARD]),
        "chassis": _chassis(first[CHASSIS]),
        "processors": [_processor(s) for s in table.of(PROCESSOR) if s.number(0x05) == CENTRAL_PROCESSOR],
        "memory": _memory(table, dimms),
        "dimms": dimms,
        "slots": [_slot(structure) for structure in table.of(SLOT)],
        "power_supplies": [_power_supply(number, s) for number, s in enumerate(table.of(POWER_SUPPLY))],
        "ipmi": _ipmi(first[IPMI]),
        "tpm": _tpm(first[TPM]),
    }


def iso_date(text: Optional[str]) -> Optional[str]:
    """Return a BIOS date (month/day/year, two-digit years are 19xx) as YYYY-MM-DD; ``None`` when it is no date."""
    found = re.fullmatch(r"0*(\d{1,2})/0*(\d{1,2})/(\d{2}|\d{4})", (text or "").strip())
    if not found:
        return None
    month, day, year = (int(part) for part in found.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{year + 1900 if year < 100 else year:04d}-{month:02d}-{day:02d}"


def _strings(structure: Structure) -> Dict[str, Any]:
    return {name: structure.string(offset) for name, offset in STRINGS[structure.kind].items()}


def _bios(structure: Optional[Structure]) -> Optional[Dict[str, Any]]:
    if structure is None:
        return None
    return {
        **_strings(structure),
        "date": iso_date(structure.raw(0x08)),
        "release": _release(structure, 0x14),
        "controller_release": _release(structure, 0x16),
    }


def _release(structure: Structure, offset: int) -> Optional[str]:
    major, minor = structure.number(offset), structure.number(offset + 1)
    return None if major is None or minor is None or 0xFF in (major, minor) else f"{major}.{minor}"


def _system(structure: Optional[Structure], version: Optional[str]) -> Optional[Dict[str, Any]]:
    if structure is None:
        return None
    found = _strings(structure)
    found["uuid"] = _uuid(structure.data[8:24], version)
    return {**found, "placeholders": placeholders(found)}


def placeholders(system: Mapping[str, Any]) -> List[str]:
    """Return which of the fields that identify a system hold nothing, or a text that only fills the field."""
    return [name for name in ("manufacturer", "model", "serial", "uuid") if system[name] is None]


def _uuid(raw: bytes, version: Optional[str]) -> Optional[str]:
    """Decode a system UUID: all zeros is unset, all ones absent; before SMBIOS 2.6 it was in network order."""
    if len(raw) < 16 or raw in (b"\0" * 16, b"\xff" * 16):
        return None
    old = version is not None and tuple(int(part) for part in version.split(".")) < (2, 6)
    low, middle, high = struct.unpack(">IHH" if old else "<IHH", raw[:8])
    rest = raw[8:].hex()
    return f"{low:08x}-{middle:04x}-{high:04x}-{rest[:4]}-{rest[4:]}"


def _board(structure: Optional[Structure]) -> Optional[Dict[str, Any]]:
    return _strings(structure) if structure else None


def _chassis(structure: Optional[Structure]) -> Optional[Dict[str, Any]]:
    if structure is None:
        return None
    kind = (structure.number(0x05) or 0) & 0x7F
    sku_at = 0x15 + (structure.number(0x13) or 0) * (structure.number(0x14) or 0)
    return {"type": named(CHASSIS_TYPES, kind), **_strings(structure), "sku": structure.string(sku_at)}


def _processor(structure: Structure) -> Dict[str, Any]:
    found = _strings(structure)
    status = structure.number(0x18) or 0
    populated = bool(status & 0x40)
    return {
        "label": _label("CPU", found["socket"], structure),
        **found,
        "populated": populated,
        "enabled": (status & 7) == 1 if populated and status & 7 in (1, 2, 3, 4) else None,
        "cores": _count(structure, 0x23, 0x2A),
        "cores_enabled": _count(structure, 0x24, 0x2C),
        "threads": _count(structure, 0x25, 0x2E),
        "speed_max_mhz": structure.number(0x14, "H") or None,
        "speed_mhz": structure.number(0x16, "H") or None,
    }


def _label(kind: str, where: Optional[str], structure: Structure) -> str:
    """Return the silk-screen name of a socket with what it is for in front: makers write "A1" or "P1-DIMMA1"."""
    where = where or f"0x{structure.handle:04x}"
    return where if kind in where.upper() else f"{kind} {where}"


def _count(structure: Structure, offset: int, extended: int) -> Optional[int]:
    """Return a core count; 255 sends to a wider field, 0 means unknown."""
    small = structure.number(offset)
    return (structure.number(extended, "H") if small == 0xFF else small) or None


def _slot(structure: Structure) -> Dict[str, Any]:
    """Return a slot for cards, and where it is on the bus; zeros or ones are what makers write who do not say."""
    found = _strings(structure)
    segment, bus, function = (
        structure.number(offset, form) for offset, form in ((0x0D, "H"), (0x0F, "B"), (0x10, "B"))
    )
    known = None not in (segment, bus, function) and (bus, function) not in ((0, 0), (0xFF, 0xFF))
    return {
        "label": f"slot {found['designation'] or f'0x{structure.handle:04x}'}",
        **found,
        "usage": named(SLOT_USAGE, structure.number(0x07)),
        "pci_address": f"{segment:04x}:{bus:02x}:{function >> 3:02x}.{function & 7}" if known and function else None,
    }


def _dimms(table: Table) -> List[Dict[str, Any]]:
    """Return the memory devices of system memory: arrays for flash, video or cache hold devices that are no DIMMs."""
    other = {s.handle for s in table.of(MEMORY_ARRAY) if s.number(0x05) not in (None, SYSTEM_MEMORY)}
    dimms = [_dimm(s) for s in table.of(MEMORY_DEVICE) if s.number(0x04, "H") not in other]
    labels = [dimm["label"] for dimm in dimms]
    for dimm in dimms:
        if labels.count(dimm["label"]) > 1 and dimm["bank"]:
            dimm["label"] += f" ({dimm['bank']})"
    return dimms


def _dimm(structure: Structure) -> Dict[str, Any]:
    found = _strings(structure)
    populated, size = _size(structure)
    if not populated:
        found.update(dict.fromkeys(("manufacturer", "serial", "part_number")))
    return {
        "label": _label("DIMM", found["locator"], structure),
        **found,
        "populated": populated,
        "size_bytes": size,
        "type": named(MEMORY_TYPES, structure.number(0x12)) if populated else None,
        "speed_rated_mts": _speed(structure, 0x15, 0x54) if populated else None,
        "speed_configured_mts": _speed(structure, 0x20, 0x58) if populated else None,
        "rank": (structure.number(0x1B) or 0) & 0x0F or None if populated else None,
    }


def _size(structure: Structure) -> Tuple[bool, Optional[int]]:
    """Return whether a slot is filled and with how many bytes (``None``: filled, size unknown)."""
    size = structure.number(0x0C, "H") or 0
    if size == 0:
        return False, None
    if size == 0xFFFF:
        return True, None
    if size == 0x7FFF:
        extended = structure.number(0x1C, "I")
        return True, None if extended is None else (extended & 0x7FFFFFFF) << 20
    return True, (size & 0x7FFF) << (10 if size & 0x8000 else 20)


def _speed(structure: Structure, offset: int, extended: int) -> Optional[int]:
    small = structure.number(offset, "H")
    return (structure.number(extended, "I") if small == 0xFFFF else small) or None


def _memory(table: Table, dimms: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    if not dimms:
        return None
    filled = [dimm for dimm in dimms if dimm["populated"]]
    sizes = [dimm["size_bytes"] for dimm in filled]
    arrays = [s for s in table.of(MEMORY_ARRAY) if s.number(0x05) == SYSTEM_MEMORY]
    kinds = {named(ERROR_CORRECTION, s.number(0x06)) for s in arrays}
    return {
        "slots": len(dimms),
        "populated": len(filled),
        "total_bytes": None if None in sizes else sum(sizes),
        "error_correction": kinds.pop() if len(kinds) == 1 else None,
    }


def _power_supply(number: int, structure: Structure) -> Dict[str, Any]:
    found = _strings(structure)
    watts, traits = structure.number(0x0C, "H"), structure.number(0x0E, "H")
    return {
        "label": f"PSU {found['location'] or number}",
        **found,
        "capacity_w": None if watts in (None, 0, 0x8000) else watts,
        "present": None if traits is None else bool(traits & 0x02),
        "status": None if traits is None else named(POWER_SUPPLY_STATUS, traits >> 7 & 7),
    }


def _tpm(structure: Optional[Structure]) -> Optional[Dict[str, Any]]:
    """Return the TPM's version and, for 2.0, its firmware (vendor-defined, by convention major.minor)."""
    major = structure.number(0x08) if structure else None
    if structure is None or major is None:
        return None
    firmware = structure.number(0x0A, "I") if major == 2 else None
    return {
        "vendor": structure.data[4:8].decode("ascii", "replace").strip("\0 ") or None,
        "version": f"{major}.{2 if major == 1 else 0}",
        "firmware": None if firmware is None else f"{firmware >> 16}.{firmware & 0xFFFF}",
    }


def _ipmi(structure: Optional[Structure]) -> Optional[Dict[str, Any]]:
    revision = structure.number(0x05) if structure else None
    if structure is None or revision is None:
        return None
    interface = named(IPMI_INTERFACES, structure.number(0x04))
    return {"interface": interface, "version": f"{revision >> 4}.{revision & 0x0F}"}
