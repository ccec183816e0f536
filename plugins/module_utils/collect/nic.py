# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Network interfaces, bonds, routes, RDMA ports and what is plugged into them.

sysfs first. Commands are asked only for what it lacks, only about physical ports, side by side and once each.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ..host import Asked, Host
from ..parse import devlink, ip, lldp
from . import nic_bond, nic_netdev, nic_port, nic_rdma
from .nic_commands import Answers

_CENTURY_S = 3.2e9
ADDRESSES = ["ip", "-j", "-d", "addr"]
NEIGHBOURS = ["lldpcli", "-f", "json0", "show", "neighbors", "details"]
ADAPTERS = ["devlink", "-j", "dev", "info"]


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the profile calls the fabric, so that its ports can be counted, also when there is none."""
    fabric = (profile.get("nic") or {}).get("fabric") or {}
    return {"fabric": {key: fabric[key] for key in ("link_layer", "driver", "device") if fabric.get(key)}}


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the machine shows of its network; see the module's documentation for every field."""
    asked = Asked(host)
    uptime_s = _uptime(asked)
    is_root = host.identity().get("uid") == 0
    links = ip.links(asked.json(ADDRESSES, timeout=5))
    netdevs, virtual_functions = nic_netdev.collect(asked, links, uptime_s)
    rdma = nic_rdma.collect(asked, uptime_s)
    rdma["fabric_count"] = _fabric_count(asked, rdma["ports"], wanted.get("fabric") or {})
    routes = _routes(asked)
    if not links:
        _addresses_without_ip(asked, netdevs)
    _relate(netdevs, rdma["ports"], routes)
    ports = [netdev for netdev in netdevs if netdev["kind"] == "physical"]
    answers = _ask(asked, ports, is_root)
    neighbours = answers.parsed(NEIGHBOURS, _neighbours)
    for port in ports[: nic_port.PORT_LIMIT]:
        nic_port.describe(asked, answers, port, is_root, uptime_s)
    _add_neighbours(ports, neighbours)
    bonds = nic_bond.collect(asked, netdevs)
    nic_bond.add_switches(bonds, {port["name"]: port for port in ports})
    return {
        "source": "sysfs",
        "uptime_s": uptime_s,
        "netdevs": netdevs,
        "bonds": bonds,
        "routes": {"source": "/proc/net", "default": routes},
        "rdma": rdma,
        "lldp": {"source": "lldpcli", "neighbours": neighbours},
        "adapters": answers.parsed(ADAPTERS, devlink.adapters),
        "counts": _counts(ports, bonds, virtual_functions),
        "errors": asked.errors,
    }


def _uptime(asked: Asked) -> Optional[float]:
    text = asked.text("/proc/uptime", required=True) or ""
    try:
        uptime = float(text.split(" ")[0])
    except ValueError:
        return None
    return uptime if 0 <= uptime < _CENTURY_S else None


def _ask(asked: Asked, ports: List[Dict[str, Any]], is_root: bool) -> Answers:
    if len(ports) > nic_port.PORT_LIMIT:
        asked.fail("ethtool", f"only the first {nic_port.PORT_LIMIT} of {len(ports)} ports were asked")
    if ports and not is_root:
        asked.fail("ethtool -m", "denied: only root may read modules and cables")
    commands = [NEIGHBOURS, ADAPTERS]
    for port in ports[: nic_port.PORT_LIMIT]:
        commands += nic_port.commands(port, is_root)
    return Answers(asked, commands)


def _neighbours(document: Any) -> Optional[List[Dict[str, Any]]]:
    found = lldp.neighbours(document)
    return None if found is None else [dict(neighbour, label=neighbour["interface"]) for neighbour in found]


def _add_neighbours(ports: List[Dict[str, Any]], neighbours: Optional[List[Dict[str, Any]]]) -> None:
    """Note on every port who is at the other end; switch and switch_port are those of a single neighbour."""
    for port in ports:
        mine = None if neighbours is None else [one for one in neighbours if one["interface"] == port["name"]]
        single = mine[0] if mine and len(mine) == 1 else {}
        port["neighbours"] = None if mine is None else [one["chassis_name"] or one["chassis_id"] for one in mine]
        port["switch"] = single.get("chassis_name") or single.get("chassis_id")
        port["switch_port"] = f"{port['switch']} {single.get('port_id')}" if single.get("port_id") else None


def _routes(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    v4 = asked.text("/proc/net/route", required=True)
    v6 = asked.text("/proc/net/ipv6_route")  # absent where IPv6 is off
    if v4 is not None and not v4.startswith("Iface"):
        asked.fail("/proc/net/route", "it does not begin as a table of routes does")
        v4 = None
    if v4 is None:
        return None
    return ip.default_routes(v4) + ip.default_routes_v6(v6 or "")


def _addresses_without_ip(asked: Asked, netdevs: List[Dict[str, Any]]) -> None:
    """Find addresses in /proc/net: a machine without iproute2, or one whose ``ip`` has no JSON."""
    v6 = ip.addresses_v6(asked.text("/proc/net/if_inet6") or "")
    trie, routes = asked.text("/proc/net/fib_trie"), asked.text("/proc/net/route")
    v4 = ip.addresses_v4(trie or "", routes or "")
    for netdev in netdevs:
        known = trie is not None and netdev["kind"] != "loopback"
        netdev["addresses"] = v4.get(netdev["name"], []) + v6.get(netdev["name"], []) if known else None


def _relate(
    netdevs: List[Dict[str, Any]], rdma_ports: List[Dict[str, Any]], routes: Optional[List[Dict[str, Any]]]
) -> None:
    """Note on every interface its RDMA device, and whether the default route leads through it (or over it)."""
    functions = {port["pci_address"]: port["device"] for port in rdma_ports if port["pci_address"]}
    devices = {port["netdev"]: port["device"] for port in rdma_ports if port["netdev"]}
    by_name = {netdev["name"]: netdev for netdev in netdevs}
    leading = {route["interface"] for route in routes or []}
    for name in list(leading):
        parent = by_name.get(name, {}).get("parent")
        leading |= {parent} if parent else set()
    for netdev in netdevs:
        # by name last: in a RoCE LAG the second port has no RDMA device of its own, only the bond has one
        device = functions.get(netdev["pci_address"]) or devices.get(netdev["name"]) or devices.get(netdev["master"])
        known = netdev["addresses"]
        netdev["routable_addresses"] = None if known is None else sum(one["scope"] == "global" for one in known)
        netdev["rdma"] = device is not None
        netdev["rdma_device"] = device
        netdev["default_route"] = None if routes is None else bool({netdev["name"], netdev["master"]} & leading)


def _fabric_count(asked: Asked, ports: List[Dict[str, Any]], fabric: Mapping[str, str]) -> Optional[int]:
    """Count the RDMA ports of the given link layer, driver and device name (a pattern)."""
    if not {"link_layer", "driver"} <= set(fabric):
        return None
    try:
        named = re.compile(fabric.get("device", ""))
    except re.error as error:
        asked.fail("profile", f"nic.fabric.device: not a regular expression: {error}")
        return None
    kind = (fabric["link_layer"], fabric["driver"])
    return sum((port["link_layer"], port["driver"]) == kind and bool(named.search(port["device"])) for port in ports)


def _counts(ports: List[Dict[str, Any]], bonds: List[Any], virtual_functions: int) -> Dict[str, Optional[int]]:
    modules = [port.get("module") for port in ports]
    with_diagnostics = sum(bool(module and module["diagnostics"]) for module in modules)
    return {
        "physical": len(ports),
        "carrying": sum(port["carrier"] is True for port in ports),
        "bonds": len(bonds),
        "virtual_functions": virtual_functions,
        "modules_with_diagnostics": None if None in modules else with_diagnostics,
    }
