# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the files of a PCI function in sysfs say, as data."""

from __future__ import annotations

import re
import struct
from typing import Any, Dict, List, Optional

WIDEST = 32  # lanes; a function that fell off the bus reads as 63
PCI_EXPRESS = 0x10  # capability
ACS = 0x0D  # extended capability
ACS_REDIRECT = 0x04 | 0x08 | 0x10  # request redirect, completion redirect, upstream forwarding
DPC = 0x1D  # extended capability
DPC_ENABLED, DPC_TRIGGERED = 0x03, 0x01
_CAPABILITIES_MOST = 48


def link_speed(text: Optional[str]) -> Optional[float]:
    """Return GT/s from "16 GT/s" or "16.0 GT/s PCIe"; ``None`` from "Unknown" or anything else."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)\s*GT/s", text or "")
    return float(found.group(1)) if found else None


def link_width(text: Optional[str]) -> Optional[int]:
    """Return lanes; ``None`` where there is no link (0) or the register could not be read (63, 255)."""
    lanes = int(text) if text and re.fullmatch(r"\d{1,4}", text.strip()) else 0
    return lanes if 0 < lanes <= WIDEST else None


def aer_total(text: Optional[str]) -> Optional[int]:
    """Return the TOTAL_ERR_* line of one of the aer_dev_* files."""
    found = re.search(r"^TOTAL_ERR_\w+\s+(\d{1,20})\s*$", text or "", re.MULTILINE)
    return int(found.group(1)) if found else None


def bar_sizes(text: Optional[str]) -> Optional[List[int]]:
    """Return the sizes (bytes) of the six base address registers, from the file ``resource``; 0 is an unused one."""
    sizes = []
    for line in (text or "").splitlines()[:6]:
        ends = re.match(r"0x([0-9a-fA-F]{1,16}) 0x([0-9a-fA-F]{1,16}) ", line)
        if not ends:
            return None
        first, last = (int(end, 16) for end in ends.groups())
        sizes.append(last - first + 1 if last > first else 0)
    return sizes or None


def config_space(data: Optional[bytes]) -> Dict[str, Any]:
    """Return what the configuration space tells; only root sees more than its first 64 bytes.

    ``lost``: it reads as all ones, the function no longer answers. ``acs_redirect``: peer-to-peer traffic is
    sent up to the root complex. Sizes in bytes. A key that could not be read is ``None``.
    """
    facts: Dict[str, Any] = dict.fromkeys(
        ("lost", "max_payload_bytes", "max_payload_supported_bytes", "max_read_request_bytes", "acs_redirect")
    )
    if data is None or len(data) < 64:
        return facts
    facts["lost"] = data[:4] == b"\xff\xff\xff\xff"
    if facts["lost"]:
        return facts
    at = _capability(data, PCI_EXPRESS)
    if at is not None and at + 10 <= len(data):
        able, control = struct.unpack_from("<IH", data, at + 4)
        facts["max_payload_supported_bytes"] = 128 << (able & 7)
        facts["max_payload_bytes"] = 128 << (control >> 5 & 7)
        facts["max_read_request_bytes"] = 128 << (control >> 12 & 7)
    if len(data) >= 0x104:
        facts["acs_redirect"] = _acs_redirect(data)
    return facts


def _capability(data: bytes, wanted: int) -> Optional[int]:
    """Walk the capability list; bounded, since a broken device may point in circles."""
    at = data[0x34] & 0xFC
    for _step in range(_CAPABILITIES_MOST):
        if at < 0x40 or at + 2 > len(data):
            return None
        if data[at] == wanted:
            return at
        at = data[at + 1] & 0xFC
    return None


def _extended(data: bytes, wanted: int) -> Optional[int]:
    """Walk the extended capabilities: where one lies, 0 when the function has none such, ``None`` for a cut list."""
    at = 0x100
    for _step in range(_CAPABILITIES_MOST):
        if at < 0x100 or at + 8 > len(data):
            return 0
        header = struct.unpack_from("<I", data, at)[0]
        if header & 0xFFFF == wanted:
            return at
        at = header >> 20 & 0xFFC
    return None


def _acs_redirect(data: bytes) -> Optional[bool]:
    """Whether ACS redirects; a function without that capability cannot."""
    at = _extended(data, ACS)
    return bool(struct.unpack_from("<H", data, at + 6)[0] & ACS_REDIRECT) if at else None if at is None else False


def containment(data: Optional[bytes]) -> Dict[str, Optional[bool]]:
    """Return ``dpc_enabled`` (downstream port containment is switched on) and ``dpc_triggered``.

    Triggered: the port holds back everything behind it after an error. A function that cannot contain does neither;
    ``None`` where the configuration space is cut, or reads as all ones.
    """
    facts: Dict[str, Optional[bool]] = dict.fromkeys(("dpc_enabled", "dpc_triggered"))
    if data is None or len(data) < 0x104 or data[:4] == b"\xff\xff\xff\xff":
        return facts
    at = _extended(data, DPC)
    if not at:
        return dict.fromkeys(facts, None if at is None else False)
    if at + 10 <= len(data):
        control, status = struct.unpack_from("<HH", data, at + 6)
        facts = {"dpc_enabled": bool(control & DPC_ENABLED), "dpc_triggered": bool(status & DPC_TRIGGERED)}
    return facts
