# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Network interfaces as sysfs shows them: what they are, whether they carry, how often they fell."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..host import Asked
from ..parse import ip

NET = "/sys/class/net"
PCI = "/sys/bus/pci/devices"
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_REPRESENTOR = re.compile(r"(c\d+)?pf\d+(vf|sf|hpf)")
_LINK_LAYERS = {1: "Ethernet", 32: "InfiniBand"}
_ADDRESS_ASSIGNMENT = {0: "permanent", 1: "random", 2: "stolen", 3: "set"}
_SCALE_UP_VENDOR = 0x1DA3  # Gaudi's own ports show up as interfaces too; they are the accelerator's business
_IFF_UP = 0x1
_DAY_S = 86400.0
_STATISTICS = (
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "rx_crc_errors",
    "rx_missed_errors",
    "tx_carrier_errors",
)
_RATIOS = ("rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "rx_crc_errors")


def collect(asked: Asked, links: Mapping[str, Any], uptime_s: Optional[float]) -> Tuple[List[Dict[str, Any]], int]:
    """Return the interfaces (no virtual functions) and how many virtual functions there are."""
    found, virtual_functions = [], 0
    for name in asked.names(NET, required=True):
        base = f"{NET}/{name}"
        device = asked.host.link(f"{base}/device")
        if device and asked.host.link(f"{base}/device/physfn"):
            virtual_functions += 1
        elif asked.host.link(f"{base}/ifindex"):  # bonding_masters lies among the interfaces and is a file
            found.append(_netdev(asked, name, device, links.get(name, {}), uptime_s))
    return found, virtual_functions


def _netdev(
    asked: Asked, name: str, device: Optional[str], link: Mapping[str, Any], uptime_s: Optional[float]
) -> Dict[str, Any]:
    base = f"{NET}/{name}"
    pci_address = ([""] + _PCI_ADDRESS.findall(device or ""))[-1] or None
    flags = asked.number(f"{base}/flags")
    fact: Dict[str, Any] = {
        "label": name,
        "name": name,
        "source": "sysfs",
        "kind": _kind(asked, base, device, pci_address),
        "link_layer": _LINK_LAYERS.get(asked.number(f"{base}/type") or 0),
        "admin_up": None if flags is None else bool(flags & _IFF_UP),
        "operstate": asked.text(f"{base}/operstate"),
        "mtu": asked.number(f"{base}/mtu"),
        "mac": asked.text(f"{base}/address") or None,
        "permanent_mac": _permanent_mac(asked, base, link),
        "master": asked.link_name(f"{base}/master"),
        "vlan_id": _info(link).get("id") if _info_kind(link) == "vlan" else None,
        "vlan_protocol": _info(link).get("protocol") if _info_kind(link) == "vlan" else None,
        "parent": link.get("link"),
        "addresses": ip.addresses(link) if link else None,
        "driver": asked.link_name(f"{base}/device/driver") if device else None,
        "pci_address": pci_address,
        "pci": pci_link(asked, pci_address),
        "numa_node": numa_node(asked, pci_address),
    }
    fact.update(_carrying(asked, base, fact))
    fact.update(_history(asked, base, fact["kind"], uptime_s))
    return fact


def _kind(asked: Asked, base: str, device: Optional[str], pci_address: Optional[str]) -> str:
    """Name what an interface is; ``physical`` is a port that a cable or a hypervisor plugs into."""
    types = re.findall(r"^DEVTYPE=(\w+)$", asked.text(f"{base}/uevent") or "", re.M)
    if types and types[0] in ("bond", "vlan", "bridge", "wlan"):
        return types[0]
    if asked.host.link(f"{base}/bonding"):
        return "bond"
    if asked.number(f"{base}/type") == 772:
        return "loopback"
    if not device:
        return "virtual"
    if pci_address and asked.number(f"{PCI}/{pci_address}/vendor") == _SCALE_UP_VENDOR:
        return "scale_up"
    if "/usb" in device:
        return "usb"  # most often the way to the machine's own BMC
    port = asked.host.read(f"{base}/phys_port_name")  # EOPNOTSUPP on most drivers: no error
    is_function = ".sf." in device or _REPRESENTOR.match(port.data.decode("utf-8", "replace"))
    return "representor" if is_function else "physical"


def _carrying(asked: Asked, base: str, fact: Mapping[str, Any]) -> Dict[str, Any]:
    """Ask what only a port that is up answers: the kernel refuses carrier and speed of others."""
    carrier = (
        bool(asked.number(f"{base}/carrier")) if fact["admin_up"] else (False if fact["admin_up"] is False else None)
    )
    ethernet = carrier and fact["link_layer"] == "Ethernet" and fact["kind"] in ("physical", "bond")
    speed = asked.number(f"{base}/speed") if ethernet else None
    duplex = asked.text(f"{base}/duplex") if ethernet else None
    return {
        "carrier": carrier,
        "speed_mbps": speed if speed and 0 < speed < 0xFFFFFFFF else None,
        "duplex": duplex if duplex in ("full", "half") else None,
    }


def _history(asked: Asked, base: str, kind: str, uptime_s: Optional[float]) -> Dict[str, Any]:
    changes = count(asked, f"{base}/carrier_changes")
    downs = count(asked, f"{base}/carrier_down_count")
    if downs is None and changes is not None:
        downs = changes // 2  # before kernel 4.16 only both together
    counted = kind in ("physical", "bond")
    statistics = {name: count(asked, f"{base}/statistics/{name}") for name in _STATISTICS} if counted else {}
    days = max((uptime_s or 0.0) / _DAY_S, 1.0)
    return {
        "carrier_changes": changes,
        "carrier_down_count": downs,
        "carrier_down_per_day": None if downs is None or uptime_s is None else round(downs / days, 3),
        "statistics": statistics or None,
        "per_million_packets": {name: _ratio(statistics, name) for name in _RATIOS} if counted else None,
    }


def count(asked: Asked, path: str) -> Optional[int]:
    """Return a counter of the kernel: what does not fit its 64 bits is none."""
    number = asked.number(path)
    if number is not None and not 0 <= number < 1 << 64:
        asked.fail(path, f"not a counter: {str(number)[:40]}")
        return None
    return number


def _ratio(statistics: Mapping[str, Optional[int]], name: str) -> Optional[float]:
    errors, packets = statistics.get(name), statistics.get(f"{name[:2]}_packets")
    if errors is None or packets is None:
        return None
    return round(errors * 1e6 / max(packets + errors, 1), 3)


def _permanent_mac(asked: Asked, base: str, link: Mapping[str, Any]) -> Optional[str]:
    """Return the burnt-in address: ``ip`` names it only where another one is in use."""
    if isinstance(link.get("permaddr"), str):
        return link["permaddr"]
    slave = asked.text(f"{base}/bonding_slave/perm_hwaddr")
    if slave:
        return slave
    assigned = _ADDRESS_ASSIGNMENT.get(asked.number(f"{base}/addr_assign_type") or 0)
    return asked.text(f"{base}/address") or None if assigned == "permanent" else None


def _info_kind(link: Mapping[str, Any]) -> Optional[str]:
    info = link.get("linkinfo")
    return info.get("info_kind") if isinstance(info, Mapping) else None


def _info(link: Mapping[str, Any]) -> Mapping[str, Any]:
    info = link.get("linkinfo")
    data = info.get("info_data") if isinstance(info, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def pci_link(asked: Asked, address: Optional[str]) -> Optional[Dict[str, Any]]:
    """Return width, width_max (lanes), speed_gts, speed_max_gts of a PCI function; ``None`` off the PCI bus."""
    if not address or not asked.host.link(f"{PCI}/{address}/current_link_width"):
        return None
    base = f"{PCI}/{address}"
    speeds = {key: asked.text(f"{base}/{key}_link_speed") for key in ("current", "max")}
    found = {key: re.match(r"(\d+(?:\.\d+)?) GT/s", text or "") for key, text in speeds.items()}
    return {
        "width": asked.number(f"{base}/current_link_width"),
        "width_max": asked.number(f"{base}/max_link_width"),
        "speed_gts": float(found["current"].group(1)) if found["current"] else None,
        "speed_max_gts": float(found["max"].group(1)) if found["max"] else None,
    }


def numa_node(asked: Asked, address: Optional[str]) -> Optional[int]:
    """Return the memory node of a PCI function, ``None`` where the firmware names none (-1)."""
    node = asked.number(f"{PCI}/{address}/numa_node") if address else None
    return node if node is not None and node >= 0 else None
