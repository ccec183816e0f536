# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes of a healthy node's raw answers, of which the faults of its network are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import nic_tools as tools
from . import pcimap
from .nic_plan import CLASSES, Port, ports
from .node import Node
from .recording import Recording

NEIGHBOURS = "lldpcli -f json0 show neighbors details"
ADAPTERS = "devlink -j dev info"
Change = Callable[[Node, Recording], None]


def fabric(node: Node, index: int) -> Port:
    """Return a fabric port by its place among them."""
    return [port for port in ports(node) if port.function.role == "nic_fabric"][index]


def member(node: Node, index: int) -> Port:
    """Return a member of the management bond."""
    return next(port for port in ports(node) if port.name == CLASSES[node.klass].bond[index])


def optical_port(node: Node) -> Port:
    """Return the first port in use that has an optical module."""
    return next(port for port in ports(node) if port.layer == "Ethernet" and tools.optical(port) and port.up)


def _net(node: Node, port: Port) -> str:
    return f"{pcimap.path(node.klass, port.function.address)}/net/{port.name}"


def _device(node: Node, port: Port) -> str:
    return f"{pcimap.path(node.klass, port.function.address)}/infiniband/{port.rdma}"


def rdma(index: int, **files: str) -> Change:
    """Change files of a fabric device; ``ports__1__state`` stands for ``ports/1/state``."""

    def change(node: Node, rec: Recording) -> None:
        for name, text in files.items():
            rec.file(f"{_device(node, fabric(node, index))}/{name.replace('__', '/')}", f"{text}\n")

    return change


def link_down(index: int, physical: str) -> Change:
    """Take a fabric link down."""
    state = {"ports__1__state": "1: DOWN", "ports__1__phys_state": physical, "ports__1__rate": "10 Gb/sec (4X SDR)"}

    def change(node: Node, rec: Recording) -> None:
        rdma(index, **state)(node, rec)
        base = _net(node, fabric(node, index))
        rec.file(f"{base}/operstate", "down\n")
        rec.file(f"{base}/carrier", "0\n")

    return change


def _since_boot(rec: Recording, unit_s: float) -> float:
    return float(rec.text("/proc/uptime").split(" ")[0]) / unit_s


def counter(index: int, name: str, per: float, unit_s: float, folder: str = "counters") -> Change:
    """Count ``per`` errors per ``unit_s`` seconds since boot."""

    def change(node: Node, rec: Recording) -> None:
        count = int(per * max(1, _since_boot(rec, unit_s)))
        rec.file(f"{_device(node, fabric(node, index))}/ports/1/{folder}/{name}", f"{count}\n")

    return change


def flaps(node: Node, rec: Recording) -> None:
    """Make the link of fabric port 1 fail eight times a day."""
    counter(1, "link_downed", 8, 86400)(node, rec)
    base = _net(node, fabric(node, 1))
    count = int(8 * max(1, _since_boot(rec, 86400)))
    rec.file(f"{base}/carrier_down_count", f"{count}\n")
    rec.file(f"{base}/carrier_changes", f"{2 * count}\n")


def losses(node: Node, rec: Recording) -> None:
    """Lose packets on the way to fabric port 1."""
    for name in ("packet_seq_err", "local_ack_timeout_err"):
        counter(1, name, 5000, 3600, "hw_counters")(node, rec)


def counts(**changes: int) -> Change:
    """Let fabric port 0 count otherwise."""
    return lambda node, rec: rec.command(f"ethtool -S {first(node).name}", tools.statistics(first(node), **changes))


def switched_off(node: Node, rec: Recording) -> None:
    """Switch fabric port 1 off on the host; its link stays as it was, so that nothing else shows it."""
    netdev(lambda node: fabric(node, 1), flags="0x1002")(node, rec)


def no_address(node: Node, rec: Recording) -> None:
    """Take the address from fabric port 0."""
    told = json.loads(rec.output("ip -j -d addr"))
    next(link for link in told if link["ifname"] == first(node).name)["addr_info"].clear()
    rec.command("ip -j -d addr", json.dumps(told))


def missing(node: Node, rec: Recording) -> None:
    """Take fabric adapter 1 from its driver."""
    port = fabric(node, 1)
    for path in (f"/sys/class/infiniband/{port.rdma}", _device(node, port)):
        rec.remove(path)
    for path in (f"/sys/class/net/{port.name}", _net(node, port)):
        rec.remove(path)


def firmware(version: str) -> Change:
    """Return what puts a version of firmware on fabric adapter 3, for all who ask."""

    def apply(node: Node, rec: Recording) -> None:
        port = fabric(node, 3)
        rdma(3, fw_ver=version)(node, rec)
        rec.command(f"ethtool -i {port.name}", tools.driver(port).replace(port.firmware[0], version))
        told = json.loads(rec.output(ADAPTERS))
        for versions in ("running", "stored"):
            told["info"][f"pci/{port.function.address}"]["versions"][versions] = {"fw.version": version}
        rec.command(ADAPTERS, json.dumps(told))

    return apply


def pending_firmware(node: Node, rec: Recording) -> None:
    """Put newer firmware into the flash of fabric adapter 0."""
    told = json.loads(rec.output(ADAPTERS))
    told["info"][f"pci/{fabric(node, 0).function.address}"]["versions"]["stored"] = {"fw.version": "28.45.1200"}
    rec.command(ADAPTERS, json.dumps(told))


def netdev(choose: Callable[[Node], Port], **files: str) -> Change:
    """Change files of an interface; ``statistics__rx_errors`` stands for ``statistics/rx_errors``."""

    def change(node: Node, rec: Recording) -> None:
        for name, text in files.items():
            rec.file(f"{_net(node, choose(node))}/{name.replace('__', '/')}", f"{text}\n")

    return change


def pci(index: int, file: str, text: str) -> Change:
    """Change a file of a fabric adapter's PCI function."""

    def change(node: Node, rec: Recording) -> None:
        rec.file(f"{pcimap.path(node.klass, fabric(node, index).function.address)}/{file}", f"{text}\n")

    return change


def says(option: str, old: str, new: str, choose: Callable[[Node], Port]) -> Change:
    """Change what a command (``{}`` stands for the interface) prints."""

    def change(node: Node, rec: Recording) -> None:
        argv = option.format(choose(node).name)
        told = rec.output(argv)
        if old not in told:
            raise ValueError(f"{argv} does not print {old!r}")
        rec.command(argv, told.replace(old, new))

    return change


def neighbours(edit: Callable[[Node, list[Any]], None]) -> Change:
    """Change the list of LLDP neighbours."""

    def change(node: Node, rec: Recording) -> None:
        told = json.loads(rec.output(NEIGHBOURS))
        edit(node, told["lldp"][0]["interface"])
        rec.command(NEIGHBOURS, json.dumps(told, indent=2))

    return change


def _heard_by(found: list[Any], port: Port) -> dict[str, Any]:
    return next(entry for entry in found if entry["name"] == port.name)


def rename_switch(name: str, choose: Callable[[Node], Port]) -> Change:
    """Let a port end on another switch; ``{node}`` stands for the node."""

    def edit(node: Node, found: list[Any]) -> None:
        _heard_by(found, choose(node))["chassis"][0]["name"][0]["value"] = name.format(node=node)

    return neighbours(edit)


def second_neighbour(node: Node, found: list[Any]) -> None:
    """Add a second neighbour on fabric port 0."""
    found.append(json.loads(json.dumps(_heard_by(found, fabric(node, 0))).replace("leaf-rail-1", "desk-switch")))


def member_down(node: Node, rec: Recording) -> None:
    """Take the link of the bond's second member down."""
    port = member(node, 1)
    netdev(
        lambda node: port,
        bonding_slave__mii_status="down",
        bonding_slave__link_failure_count="1",
        operstate="down",
        carrier="0",
    )(node, rec)
    rec.refuse(f"{_net(node, port)}/speed", "failed", "Invalid argument")
    rec.command(f"ethtool {port.name}", tools.link(port).replace("detected: yes", "detected: no (No cable)"))
    neighbours(lambda node, found: found.remove(_heard_by(found, port)))(node, rec)


def lacp_silent(node: Node, rec: Recording) -> None:
    """Let no switch answer LACP, and the second member stand apart."""
    rec.file("/sys/devices/virtual/net/bond0/bonding/ad_partner_mac", "00:00:00:00:00:00\n")
    netdev(lambda node: member(node, 1), bonding_slave__ad_aggregator_id="2")(node, rec)


def no_gids(node: Node, rec: Recording) -> None:
    """Empty the GID table of fabric port 0."""
    for index in range(8):
        rec.file(f"{_device(node, fabric(node, 0))}/ports/1/gids/{index}", "0000:" * 7 + "0000\n")


def no_ecn(node: Node, rec: Recording) -> None:
    """Switch ECN off on the RoCE priority of fabric port 0."""
    netdev(lambda node: fabric(node, 0), ecn__roce_np__enable__3="0", ecn__roce_rp__enable__3="0")(node, rec)


def hot(node: Node, rec: Recording) -> None:
    """Heat the first optical module over its warning threshold."""
    argv = f"ethtool -m {optical_port(node).name}"
    lines = rec.output(argv).splitlines(keepends=True)
    for number, line in enumerate(lines):
        name = line.split(" : ")[0].strip()
        if name == "Module temperature":
            lines[number] = f"\t{name:<41} : {tools.degrees(74.5)}\n"
        elif name == "Module temperature high warning":
            lines[number] = f"\t{name:<41} : On\n"
    rec.command(argv, "".join(lines))


def hot_unread(node: Node, rec: Recording) -> None:
    """Heat the first optical module, whose temperature can no longer be read; its flags still can."""
    hot(node, rec)
    argv = f"ethtool -m {optical_port(node).name}"
    rec.command(argv, rec.output(argv).replace(tools.degrees(74.5), "N/A"))


def route_over_fabric(node: Node, rec: Recording) -> None:
    """Lead the default route over fabric port 0."""
    lines = rec.text("/proc/net/route").splitlines(keepends=True)
    lines[1] = lines[1].replace(lines[1].split("\t")[0], fabric(node, 0).name)
    rec.file("/proc/net/route", "".join(lines))


def same_guid(node: Node, rec: Recording) -> None:
    """Give fabric adapter 1 the GUID of adapter 0."""
    rec.file(f"{_device(node, fabric(node, 1))}/node_guid", rec.text(f"{_device(node, fabric(node, 0))}/node_guid"))


def module_hangs(node: Node, rec: Recording) -> None:
    """Let the reading of the first optical module never end."""
    rec.command(f"ethtool -m {optical_port(node).name}", state="timeout", duration_s=60)


def first(node: Node) -> Port:
    """Return the first fabric port."""
    return fabric(node, 0)


def first_member(node: Node) -> Port:
    """Return the first member of the management bond."""
    return member(node, 0)
