# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accelerators: what is on the bus, and what the driver of their vendor says of them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ..host import Asked, Host
from . import gpu_beside
from . import pci as bus

VENDORS = {"0x10de": "nvidia", "0x1002": "amd", "0x1da3": "gaudi"}
NOTHING: Dict[str, Any] = {
    "source": None,
    "state": "no_device",
    "state_detail": None,
    "driver": {},
    "driver_count": None,
    "devices": None,
    "topology": {},
}


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return whose accelerators the machine should have: its driver is asked even when the bus shows none."""
    return {"vendor": (profile.get("gpu") or {}).get("vendor")}


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the accelerators of this machine in one schema for all vendors.

    ``pci_count`` comes from sysfs, ``driver_count`` from the driver; they are never derived from each other.
    """
    asked = Asked(host)
    found = bus.accelerators(asked)
    bus_answer = asked.host.names(bus.ROOT)
    seen = bus_answer.state == "ok" and bool(bus_answer.names)
    vendor = _vendor(asked, found, wanted.get("vendor"))
    mine = [entry["address"] for entry in found if VENDORS.get(entry["vendor"] or "") == vendor]
    nameless = [entry["address"] for entry in found if entry["vendor"] is None]
    if nameless:
        asked.fail(f"{bus.ROOT}/{nameless[0]}/vendor", "an accelerator that does not say who made it")
    facts = dict(NOTHING, vendor=vendor, pci_count=len(found) if seen and not nameless else None)
    if vendor:
        facts.update(_ask(vendor, asked, dict(wanted, pci_addresses=mine)))
        facts["vendor"] = vendor if mine or facts["devices"] else None  # whom the profile expects is nobody seen
    elif not seen:
        facts.update(state=None, state_detail="the PCI bus could not be read")
    else:
        facts.update(devices=[], driver_count=0)
    for device in facts["devices"] or []:
        device["responding"] = device.get("state") == "ok"  # the others are judged by their state alone
    facts.update(gpu_beside.facts(asked, facts["devices"]))
    return dict(facts, errors=asked.errors)


def _ask(vendor: str, asked: Asked, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Ask a vendor's driver; only its collector is loaded, as it is a good part of all there is."""
    if vendor == "nvidia":
        from . import gpu_nvidia

        return gpu_nvidia.collect(asked, wanted)
    if vendor == "amd":
        from . import gpu_amd

        return gpu_amd.collect(asked, wanted)
    from . import gpu_gaudi

    return gpu_gaudi.collect(asked, wanted)


def _vendor(asked: Asked, found: List[Dict[str, Any]], expected: Any) -> Optional[str]:
    """Return whose driver to ask: the vendor that the bus shows most of, else the one that is expected."""
    names = [VENDORS[entry["vendor"]] for entry in found if entry["vendor"] in VENDORS]
    if not names:
        return expected if expected in VENDORS.values() else None
    vendor: str = expected if expected in names else max(sorted(set(names)), key=names.count)
    for other in sorted(set(names) - {vendor}):
        asked.fail("pci", f"{names.count(other)} accelerators of {other} beside those of {vendor} are not looked at")
    return vendor
