# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PCI functions that matter to a GPU server, from sysfs alone.

A server has some five hundred functions. Of each only the class is read; accelerators, NICs, NVMe drives,
NVSwitches and the bridges above accelerators and NICs are looked at closely.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ..host import Asked, Host
from ..parse import pci as parse

ROOT = "/sys/bus/pci/devices"
VF_COUNTS = ("numvfs", "totalvfs")
ACCELERATOR_VENDORS = ("0x10de", "0x1002", "0x1da3")
ACCELERATOR_CLASSES = ("0300", "0302", "0380", "1200")
CONFIG_BYTES = 4096
ROLES = {"0200": "nic", "0207": "nic", "0108": "nvme", "0104": "raid", "0107": "raid"}  # by class
NVSWITCH = ("0x10de", "0680")
ALL_ROLES = ("bridge", "gpu", "nic", "nvme", "nvswitch")
LEADING = ("gpu", "nic")  # the bridges above these are of interest
LINK_ROLES = {
    "gpu": "accelerator",
    "nic": "nic",
    "nvme": "drive",
    "raid": "drive",
}  # whose links are held against both ends
NO_LINK = "none"


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return which adapters are the fabric's, where the profile states their links itself."""
    fabric = (profile.get("nic") or {}).get("fabric") or {}
    stated = fabric.get("pcie_width") and fabric.get("driver")
    return {"fabric": {key: fabric.get(key) for key in ("driver", "device")}} if stated else {}


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the functions of interest; ``devices`` is ``None`` where there is no PCI tree to ask."""
    asked = Asked(host)
    names = asked.names(ROOT, required=True)
    roles = {name: role for name in names for role in [_role(asked, name)] if role}
    paths = {name: _path(host, name) for name in roles}
    bridges = _bridges(roles, paths)
    devices = [_device(asked, name, role, paths[name]) for name, role in roles.items()]
    devices += [
        dict(_device(asked, name, "bridge", _path(host, name)), leads_to=sorted(leads))
        for name, leads in sorted(bridges.items())
    ]
    _switch_mates(devices, paths)
    for device in devices:
        device.update(_link(asked, device, wanted.get("fabric")))
    kinds = [device["link_role"] for device in devices]
    return {
        "source": "sysfs",
        "function_count": len(names) or None,
        "role_counts": {role: [each["role"] for each in devices].count(role) for role in ALL_ROLES} if names else None,
        "link_counts": {kind: kinds.count(kind) for kind in sorted(set(LINK_ROLES.values()))} if names else None,
        "devices": devices if names else None,
        "errors": asked.errors,
    }


def accelerators(asked: Asked) -> List[Dict[str, Any]]:
    """Return the accelerators on the bus, whether or not a driver knows them: address, vendor, device_id.

    A function that does not say what it is may be one, too: it is in the list, without a vendor.
    """
    return [
        {"address": name, "vendor": _id(asked, name, "vendor"), "device_id": _text(asked, name, "device")}
        for name in asked.names(ROOT)
        if _role(asked, name) in ("gpu", "")
    ]


def _id(asked: Asked, name: str, file: str) -> Optional[str]:
    """Return a number of the PCI SIG's as the kernel writes it, ``None`` for anything else."""
    text = _text(asked, name, file)
    return text if text and re.fullmatch(r"0x[0-9a-f]{4,6}", text) else None


def _text(asked: Asked, name: str, file: str) -> Optional[str]:
    return asked.text(f"{ROOT}/{name}/{file}", limit=4096) or None


def _role(asked: Asked, name: str) -> Optional[str]:
    """What a function is to us; ``None`` for the many that we pass by and for virtual ones, "" when it does not say."""
    kind = (_id(asked, name, "class") or "")[2:6]
    if not kind:
        return ""
    if kind in ROLES:
        role = ROLES[kind]
    elif kind in ACCELERATOR_CLASSES and _id(asked, name, "vendor") in (*ACCELERATOR_VENDORS, None):
        role = "gpu"
    elif (_text(asked, name, "vendor"), kind) == NVSWITCH:
        role = "nvswitch"
    else:
        return None
    return None if asked.host.link(f"{ROOT}/{name}/physfn") else role


def _path(host: Host, name: str) -> List[str]:
    """The addresses from the root port down to the function itself."""
    real = host.link(f"{ROOT}/{name}") or name
    return [part for part in real.split("/") if part.count(":") == 2]


def _bridges(roles: Mapping[str, str], paths: Mapping[str, List[str]]) -> Dict[str, set]:
    """The bridges above accelerators and NICs, each with the roles that it leads to."""
    found: Dict[str, set] = {}
    for name, role in roles.items():
        for bridge in paths[name][:-1] if role in LEADING else ():
            found.setdefault(bridge, set()).add(role)
    return found


def _device(asked: Asked, name: str, role: str, path: List[str]) -> Dict[str, Any]:
    def text(file: str) -> Optional[str]:
        return _text(asked, name, file)

    bars = parse.bar_sizes(text("resource"))
    aer = {kind: parse.aer_total(text(f"aer_dev_{kind}")) for kind in ("correctable", "nonfatal", "fatal")}
    virtual = text("sriov_numvfs")
    config = asked.bytes(f"{ROOT}/{name}/config", limit=CONFIG_BYTES)
    return {
        "label": f"PCI {name}",
        "address": name,
        "role": role,
        "vendor_id": text("vendor"),
        "device_id": text("device"),
        "subsystem_vendor_id": text("subsystem_vendor"),
        "subsystem_device_id": text("subsystem_device"),
        "class": text("class"),
        "driver": asked.link_name(f"{ROOT}/{name}/driver") or "none",
        "numa_node": asked.number(f"{ROOT}/{name}/numa_node"),
        "upstream": path[-2] if len(path) > 1 else None,
        "width": parse.link_width(text("current_link_width")),
        "width_max": parse.link_width(text("max_link_width")),
        "speed_gts": parse.link_speed(text("current_link_speed")),
        "speed_max_gts": parse.link_speed(text("max_link_speed")),
        "aer_capable": any(asked.host.link(f"{ROOT}/{name}/aer_dev_{kind}") is not None for kind in aer),
        "aer": aer,
        "bar_max_bytes": max(bars or [0]) or None,
        "sriov_capable": any(asked.host.link(f"{ROOT}/{name}/sriov_{kind}") is not None for kind in VF_COUNTS),
        "sriov_vfs": int(virtual) if virtual and re.fullmatch(r"\d{1,5}", virtual) else None,
        **_iommu(asked, name),
        **parse.config_space(config),
        **parse.containment(config),
    }


def _link(asked: Asked, device: Mapping[str, Any], fabric: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return what a link could be: the least of what the function and the port above it can do.

    ``link_role`` is what the link is judged as, ``none`` for what has no link of its own.
    """
    address, above = device["address"], device["upstream"]
    has = asked.host.link(f"{ROOT}/{address}/current_link_width") is not None
    role = LINK_ROLES.get(device["role"], NO_LINK) if has and not _in_fabric(asked, device, fabric) else NO_LINK
    width, speed = device["width_max"], device["speed_max_gts"]
    port_width = parse.link_width(_text(asked, above, "max_link_width")) if above else None
    port_speed = parse.link_speed(_text(asked, above, "max_link_speed")) if above else None
    return {
        "link_role": role,
        "width_possible": min(width, port_width or width) if width else None,
        "speed_possible_gts": min(speed, port_speed or speed) if speed else None,
    }


def _in_fabric(asked: Asked, device: Mapping[str, Any], fabric: Optional[Mapping[str, Any]]) -> bool:
    if not fabric or device["role"] != "nic" or device["driver"] != fabric["driver"]:
        return False
    try:
        named = re.compile(str(fabric.get("device") or ""))
    except re.error:
        return False
    return any(named.search(name) for name in asked.host.names(f"{ROOT}/{device['address']}/infiniband").names)


def _iommu(asked: Asked, name: str) -> Dict[str, Optional[str]]:
    """The IOMMU group and how it translates: "off" where no IOMMU is in use, "identity" for pass-through."""
    group = asked.link_name(f"{ROOT}/{name}/iommu_group")
    if group is None:
        return {"iommu_group": None, "iommu_type": "off"}
    return {"iommu_group": group, "iommu_type": asked.text(f"/sys/kernel/iommu_groups/{group}/type") or None}


def _switch_mates(devices: List[Dict[str, Any]], paths: Mapping[str, List[str]]) -> None:
    """Name for each accelerator the NICs behind the same switch: data between them need not pass the CPU.

    A switch shows as two bridges, an upstream and a downstream one; functions on one switch share the upstream.
    """
    nics = [(device["label"], paths[device["address"]]) for device in devices if device["role"] == "nic"]
    for device in devices:
        if device["role"] == "gpu":
            own = paths[device["address"]]
            shared = [label for label, path in nics if len(own) > 3 and len(path) > 3 and own[-3] == path[-3]]
            device["switch_nics"] = shared
