# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``devlink -j dev info``: which firmware runs on an adapter, and which one lies in its flash for the next reset."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

_FIRMWARE = ("fw.version", "fw", "fw.mgmt")


def adapters(document: Any) -> Optional[List[Dict[str, Any]]]:
    """Return one mapping a device on the PCI bus; ``None`` when this is no answer of devlink.

    Keys: label, pci_address, driver, serial_number, board_serial_number, psid, firmware_running, firmware_stored,
    firmware_pending (the two differ; ``None`` when one of them is not told).
    """
    info = document.get("info") if isinstance(document, Mapping) else None
    if not isinstance(info, Mapping):
        return None
    return [
        _adapter(name[len("pci/") :], body)
        for name, body in info.items()
        if name.startswith("pci/") and isinstance(body, Mapping)
    ]


def _adapter(address: str, body: Mapping[str, Any]) -> Dict[str, Any]:
    versions = {key: _mapping(_mapping(body.get("versions")).get(key)) for key in ("fixed", "running", "stored")}
    running, stored = _firmware(versions["running"]), _firmware(versions["stored"])
    return {
        "label": f"PCI {address}",
        "pci_address": address,
        "driver": _text(body.get("driver")),
        "serial_number": _text(body.get("serial_number")),
        "board_serial_number": _text(body.get("board.serial_number")),
        "psid": _text(versions["fixed"].get("fw.psid")),
        "firmware_running": running,
        "firmware_stored": stored,
        "firmware_pending": None if running is None or stored is None else running != stored,
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _firmware(versions: Mapping[str, Any]) -> Optional[str]:
    return next((text for text in (_text(versions.get(key)) for key in _FIRMWARE) if text), None)


def _text(value: Any) -> Optional[str]:
    return value.strip() or None if isinstance(value, str) else None
