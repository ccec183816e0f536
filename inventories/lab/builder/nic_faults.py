# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can go wrong with ports, cables, bonds and their settings, and which checks must say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import nic_tools as tools
from . import pcimap
from .faults import Fault
from .nic_plan import CLASSES, Port, ports
from .node import Node
from .recording import Recording

IB = ("hgx_h100", "gb200_tray")
ROCE = ("mi300x", "gaudi3")
FABRIC = IB + ROCE
BONDED = ("hgx_h100", "gb200_tray", "gaudi3", "cpu_only")
LACP = ("hgx_h100", "gb200_tray", "cpu_only")
NEIGHBOURS = "lldpcli -f json0 show neighbors details"
ADAPTERS = "devlink -j dev info"
Change = Callable[[Node, Recording], None]


def _fabric(node: Node, index: int) -> Port:
    return [port for port in ports(node) if port.function.role == "nic_fabric"][index]


def _member(node: Node, index: int) -> Port:
    return next(port for port in ports(node) if port.name == CLASSES[node.klass].bond[index])


def _optical(node: Node) -> Port:
    return next(port for port in ports(node) if port.layer == "Ethernet" and tools.optical(port) and port.up)


def _net(node: Node, port: Port) -> str:
    return f"{pcimap.path(node.klass, port.function.address)}/net/{port.name}"


def _device(node: Node, port: Port) -> str:
    return f"{pcimap.path(node.klass, port.function.address)}/infiniband/{port.rdma}"


def rdma(index: int, **files: str) -> Change:
    """Change files of a fabric device; ``ports__1__state`` stands for ``ports/1/state``."""

    def change(node: Node, rec: Recording) -> None:
        for name, text in files.items():
            rec.file(f"{_device(node, _fabric(node, index))}/{name.replace('__', '/')}", f"{text}\n")

    return change


def link_down(index: int, physical: str) -> Change:
    """Take a fabric link down."""
    state = {"ports__1__state": "1: DOWN", "ports__1__phys_state": physical, "ports__1__rate": "10 Gb/sec (4X SDR)"}

    def change(node: Node, rec: Recording) -> None:
        rdma(index, **state)(node, rec)
        base = _net(node, _fabric(node, index))
        rec.file(f"{base}/operstate", "down\n")
        rec.file(f"{base}/carrier", "0\n")

    return change


def _since_boot(rec: Recording, unit_s: float) -> float:
    return float(rec.text("/proc/uptime").split(" ")[0]) / unit_s


def counter(index: int, name: str, per: float, unit_s: float, folder: str = "counters") -> Change:
    """Count ``per`` errors per ``unit_s`` seconds since boot."""

    def change(node: Node, rec: Recording) -> None:
        count = int(per * max(1, _since_boot(rec, unit_s)))
        rec.file(f"{_device(node, _fabric(node, index))}/ports/1/{folder}/{name}", f"{count}\n")

    return change


def _flaps(node: Node, rec: Recording) -> None:
    counter(1, "link_downed", 8, 86400)(node, rec)
    base = _net(node, _fabric(node, 1))
    count = int(8 * max(1, _since_boot(rec, 86400)))
    rec.file(f"{base}/carrier_down_count", f"{count}\n")
    rec.file(f"{base}/carrier_changes", f"{2 * count}\n")


def _missing(node: Node, rec: Recording) -> None:
    port = _fabric(node, 1)
    for path in (f"/sys/class/infiniband/{port.rdma}", _device(node, port)):
        rec.remove(path)
    for path in (f"/sys/class/net/{port.name}", _net(node, port)):
        rec.remove(path)


def _old_firmware(node: Node, rec: Recording) -> None:
    port = _fabric(node, 3)
    rdma(3, fw_ver="28.36.1010")(node, rec)
    rec.command(f"ethtool -i {port.name}", tools.driver(port).replace(port.firmware[0], "28.36.1010"))
    told = json.loads(rec.output(ADAPTERS))
    for versions in ("running", "stored"):
        told["info"][f"pci/{port.function.address}"]["versions"][versions] = {"fw.version": "28.36.1010"}
    rec.command(ADAPTERS, json.dumps(told))


def _pending(node: Node, rec: Recording) -> None:
    told = json.loads(rec.output(ADAPTERS))
    told["info"][f"pci/{_fabric(node, 0).function.address}"]["versions"]["stored"] = {"fw.version": "28.45.1200"}
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
        rec.file(f"{pcimap.path(node.klass, _fabric(node, index).function.address)}/{file}", f"{text}\n")

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


def _rename_switch(name: str, choose: Callable[[Node], Port]) -> Change:
    def edit(node: Node, found: list[Any]) -> None:
        _heard_by(found, choose(node))["chassis"][0]["name"][0]["value"] = name.format(node=node)

    return neighbours(edit)


def _second_neighbour(node: Node, found: list[Any]) -> None:
    found.append(json.loads(json.dumps(_heard_by(found, _fabric(node, 0))).replace("leaf-rail-1", "desk-switch")))


def _slave_down(node: Node, rec: Recording) -> None:
    port = _member(node, 1)
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


def _lacp_silent(node: Node, rec: Recording) -> None:
    rec.file("/sys/devices/virtual/net/bond0/bonding/ad_partner_mac", "00:00:00:00:00:00\n")
    netdev(lambda node: _member(node, 1), bonding_slave__ad_aggregator_id="2")(node, rec)


def _no_gids(node: Node, rec: Recording) -> None:
    for index in range(8):
        rec.file(f"{_device(node, _fabric(node, 0))}/ports/1/gids/{index}", "0000:" * 7 + "0000\n")


def _no_mark(node: Node, rec: Recording) -> None:
    netdev(lambda node: _fabric(node, 0), ecn__roce_np__enable__3="0", ecn__roce_rp__enable__3="0")(node, rec)


def _hot(node: Node, rec: Recording) -> None:
    argv = f"ethtool -m {_optical(node).name}"
    lines = rec.output(argv).splitlines(keepends=True)
    for number, line in enumerate(lines):
        name = line.split(" : ")[0].strip()
        if name == "Module temperature":
            lines[number] = f"\t{name:<41} : {tools.degrees(74.5)}\n"
        elif name == "Module temperature high warning":
            lines[number] = f"\t{name:<41} : On\n"
    rec.command(argv, "".join(lines))


def _route_over_fabric(node: Node, rec: Recording) -> None:
    lines = rec.text("/proc/net/route").splitlines(keepends=True)
    lines[1] = lines[1].replace(lines[1].split("\t")[0], _fabric(node, 0).name)
    rec.file("/proc/net/route", "".join(lines))


def _same_guid(node: Node, rec: Recording) -> None:
    rec.file(f"{_device(node, _fabric(node, 1))}/node_guid", rec.text(f"{_device(node, _fabric(node, 0))}/node_guid"))


def _module_hangs(node: Node, rec: Recording) -> None:
    rec.command(f"ethtool -m {_optical(node).name}", state="timeout", duration_s=60)


def _first(node: Node) -> Port:
    return _fabric(node, 0)


def _first_member(node: Node) -> Port:
    return _member(node, 0)


def fails(*checks: str) -> dict[str, str]:
    """Say that these checks fail."""
    return dict.fromkeys(checks, "fail")


def unknown(*checks: str) -> dict[str, str]:
    """Say that these checks cannot know."""
    return dict.fromkeys(checks, "unknown")


_DOWN = fails("rdma.port.state", "rdma.port.physical_state")
_LLDP = [f"lldp.neighbour.{what}" for what in ("present", "single", "switch", "unique")]
_MODULE = ["nic.module.alarms", "nic.module.temperature"]
_TYPES = {f"ports__1__gid_attrs__types__{index}": "IB/RoCE v1" for index in range(4)}

# fmt: off
FAULTS = [
    Fault("ib0_down", "fabric port 0 was disabled", IB, _DOWN, link_down(0, "3: Disabled")),
    Fault("ib3_polling", "nobody answers at the other end of fabric port 3", IB, _DOWN, link_down(3, "2: Polling")),
    Fault("ib1_init", "no subnet manager has configured fabric port 1", IB,
          fails("rdma.port.state", "rdma.port.sm_lid"),
          rdma(1, ports__1__state="2: INIT", ports__1__lid="0x0", ports__1__sm_lid="0x0")),
    Fault("ib2_rate_edr", "fabric port 2 trained at EDR", IB, fails("rdma.port.rate"),
          rdma(2, ports__1__rate="100 Gb/sec (4X EDR)")),
    Fault("ib2_two_lanes", "fabric port 2 lost two of its lanes", IB, fails("rdma.port.lanes", "rdma.port.rate"),
          rdma(2, ports__1__rate="200 Gb/sec (2X NDR)")),
    Fault("ib3_firmware_old", "fabric adapter 3 was replaced and has old firmware", IB,
          fails("rdma.firmware.minimum", "rdma.firmware.same"), _old_firmware),
    Fault("ib_missing_hca", "fabric adapter 1 has no driver's device", IB, fails("nic.port.count", "rdma.device.count"),
          _missing),
    Fault("ib1_link_flaps", "the link of fabric port 1 fails eight times a day", IB,
          fails("nic.carrier.stable", "rdma.errors.link_downed"), _flaps),
    Fault("ib2_counter_stopped", "link_downed of fabric port 2 stands at 255", IB, fails("rdma.errors.counters"),
          rdma(2, ports__1__counters__link_downed="255")),
    Fault("ib1_no_pkey", "fabric port 1 is in no partition", IB, fails("rdma.port.partition"),
          rdma(1, ports__1__pkeys__0="0x0000")),
    Fault("ib0_unnamed", "fabric port 0 is still named after the adapter's model", IB, fails("rdma.node.description"),
          rdma(0, node_desc="MT4129 ConnectX7   Mellanox Technologies")),
    Fault("rdma_symbol_errors", "fabric port 2 counts 200 symbol errors an hour", IB, fails("rdma.errors.symbol"),
          counter(2, "symbol_error", 200, 3600)),
    Fault("rdma_receive_errors", "fabric port 0 receives 40 broken packets an hour", IB, fails("rdma.errors.receive"),
          counter(0, "port_rcv_errors", 40, 3600)),
    Fault("rdma_recoveries", "fabric port 3 recovers its link ten times a day", IB, fails("rdma.errors.link_recovery"),
          counter(3, "link_error_recovery", 10, 86400)),
    Fault("rdma_retries", "receivers are not ready on fabric port 1", FABRIC, fails("rdma.errors.rnr_retry"),
          counter(1, "rnr_nak_retry_err", 30, 3600, "hw_counters")),
    Fault("rdma_losses", "packets are lost on the way to fabric port 1", ROCE,
          fails("rdma.errors.ack_timeout", "rdma.errors.sequence"),
          lambda node, rec: [counter(1, name, 5000, 3600, "hw_counters")(node, rec)
                             for name in ("packet_seq_err", "local_ack_timeout_err")] and None),
    Fault("psid_mixed", "fabric adapter 1 is another board", FABRIC, fails("rdma.firmware.psid"),
          rdma(1, board_id="MT_0000000891")),
    Fault("guid_twice", "two fabric adapters share a GUID", FABRIC, fails("rdma.guid.unique"), _same_guid),
    Fault("gid_missing", "fabric port 0 has no GID", FABRIC, fails("rdma.port.gid"), _no_gids),
    Fault("nic_pcie_narrow", "fabric adapter 1 trained at x8", FABRIC, fails("rdma.pcie.width"),
          pci(1, "current_link_width", "8")),
    Fault("nic_pcie_gen4", "fabric adapter 1 trained at PCIe Gen4", FABRIC, fails("rdma.pcie.speed"),
          pci(1, "current_link_speed", "16.0 GT/s PCIe")),
    Fault("nic_firmware_pending", "adapter 0 changes its firmware when reset", FABRIC, fails("nic.firmware.pending"),
          _pending),
    Fault("roce_v1_only", "fabric port 1 speaks RoCE v1 only", ROCE, fails("rdma.port.roce_v2"), rdma(1, **_TYPES)),
    Fault("roce_mtu_wrong", "fabric port 1 has an MTU of 1500", ROCE, fails("nic.fabric.mtu"),
          netdev(lambda node: _fabric(node, 1), mtu="1500")),
    Fault("roce_pfc_off", "fabric port 1 is not lossless", ROCE, fails("nic.roce.pfc"),
          lambda node, rec: rec.command(f"dcb -j pfc show dev {_fabric(node, 1).name}", tools.pfc(()))),
    Fault("roce_trust_pcp", "fabric port 1 ignores DSCP", ROCE, fails("nic.roce.trust"),
          lambda node, rec: rec.command(f"dcb -j app show dev {_fabric(node, 1).name}", tools.app(False))),
    Fault("roce_ecn_off", "fabric port 0 neither marks nor slows down", ROCE,
          fails("nic.roce.ecn_notification", "nic.roce.ecn_reaction"), _no_mark),
    Fault("roce_global_pause", "fabric port 0 uses global pause", ROCE, fails("nic.fabric.pause"),
          says("ethtool -a {}", "off", "on", _first)),
    Fault("roce_fec_off", "fabric port 0 runs without FEC", ROCE, fails("nic.fabric.fec"),
          says("ethtool --show-fec {}", "encoding: RS", "encoding: Off", _first)),
    Fault("roce_default_route", "the default route leads over fabric port 0", ROCE,
          fails("nic.fabric.default_route", "nic.management.mtu"), _route_over_fabric),
    Fault("mgmt_bond_slave_down", "the second member of the management bond lost its link", BONDED,
          {**fails("nic.bond.members", "nic.bond.width"), **unknown("lldp.bond.switches")}, _slave_down),
    Fault("mgmt_lacp_silent", "the switch does not answer LACP", LACP,
          fails("nic.bond.aggregator", "nic.bond.lacp_partner"), _lacp_silent),
    Fault("mgmt_mtu_wrong", "the management bond has an MTU of 1400", BONDED, fails("nic.management.mtu"),
          lambda node, rec: rec.file("/sys/devices/virtual/net/bond0/mtu", "1400\n")),
    Fault("mgmt_slow", "the first management link came up at 1 Gb/s", BONDED, fails("nic.management.speed"),
          netdev(_first_member, speed="1000")),
    Fault("mgmt_receive_errors", "the first management port gets broken packets", BONDED, fails("nic.errors.receive"),
          netdev(_first_member, statistics__rx_errors="400000", statistics__rx_crc_errors="400000")),
    Fault("lldp_missing", "lldpd is not installed", BONDED, unknown(*_LLDP, "lldp.bond.switches"),
          lambda node, rec: rec.no_command("lldpcli")),
    Fault("lldp_wrong_switch", "fabric port 0 ends in another network", ROCE, fails("lldp.neighbour.switch"),
          _rename_switch("core-09", _first)),
    Fault("lldp_one_switch", "both members of the bond end on one switch", BONDED,
          fails("lldp.bond.switches", "lldp.neighbour.unique"),
          _rename_switch("leaf-{node.rack}-1", lambda node: _member(node, 1))),
    Fault("lldp_two_neighbours", "a desk switch sits between fabric port 0 and its leaf", ROCE,
          fails("lldp.neighbour.single"), neighbours(_second_neighbour)),
    Fault("ethtool_missing", "ethtool is not installed", ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only"),
          {"mi300x": unknown(*_MODULE, "nic.fabric.fec", "nic.fabric.pause"),
           "gaudi3": unknown(*_MODULE, "nic.fabric.fec", "nic.fabric.pause"),
           "hgx_h100": unknown(*_MODULE), "gb200_tray": unknown(*_MODULE), "cpu_only": unknown(*_MODULE)},
          lambda node, rec: rec.no_command("ethtool")),
    Fault("cable_hot", "the first optical module is too hot", (*FABRIC, "cpu_only"), fails(*_MODULE), _hot),
    Fault("cable_read_hangs", "reading the first module never ends", (*FABRIC, "cpu_only"), unknown(*_MODULE),
          _module_hangs),
]
# fmt: on
