# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network of every class of node in sysfs, and what the network tools say of it."""

from __future__ import annotations

import socket
import struct

from . import nic_tools as tools
from . import pcimap
from .nic_faults import FAULTS
from .nic_plan import CLASSES, Port, management_address, ports
from .node import Node
from .recording import Recording

__all__ = ["FAULTS", "render"]

UPTIME_S = 1_050_337.21
LANE_SPEEDS = {25: "EDR", 50: "HDR", 100: "NDR"}
ERROR_COUNTERS = [
    "symbol_error",
    "link_error_recovery",
    "link_downed",
    "port_rcv_errors",
    "port_rcv_remote_physical_errors",
    "port_xmit_discards",
    "port_xmit_constraint_errors",
    "port_rcv_constraint_errors",
    "local_link_integrity_errors",
    "VL15_dropped",
]
HARDWARE_COUNTERS = [
    "duplicate_request",
    "implied_nak_seq_err",
    "local_ack_timeout_err",
    "out_of_buffer",
    "out_of_sequence",
    "packet_seq_err",
    "req_cqe_error",
    "req_cqe_flush_error",
    "resp_cqe_error",
    "resp_cqe_flush_error",
    "rnr_nak_retry_err",
    "roce_adp_retrans",
    "roce_slow_restart",
    "np_cnp_sent",
    "np_ecn_marked_roce_packets",
    "rp_cnp_handled",
    "rp_cnp_ignored",
    "rx_icrc_encapsulated",
]
NO_ERRORS = [
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "rx_crc_errors",
    "rx_missed_errors",
    "tx_carrier_errors",
]


def render(node: Node, rec: Recording) -> None:
    """Put the ports, the bond, the routes and the tools' answers."""
    cabled = list(ports(node))
    macs = {port.name: node.mac("nic", port.number) for port in cabled}
    for port in cabled:
        _netdev(node, rec, port, macs)
        _commands(node, rec, port)
        if port.rdma:
            _rdma(node, rec, port, macs[port.name])
    _virtual(rec, "lo", "loopback", "00:00:00:00:00:00", 65536)
    members = [port for port in cabled if port.master]
    if members:
        _bond(node, rec, members, macs)
    _routes(node, rec, members[0].master if members else _management(cabled).name)
    rec.command("ip -j -d addr", tools.addresses(node, cabled, macs))
    rec.command("devlink -j dev info", tools.adapters(cabled))
    rec.command("lldpcli -f json0 show neighbors details", tools.neighbours(cabled))
    if "/proc/uptime" not in rec.document["files"]:
        rec.file("/proc/uptime", f"{UPTIME_S} {UPTIME_S * 90:.2f}\n")


def _management(cabled: list[Port]) -> Port:
    return next(port for port in cabled if port.function.role == "nic_mgmt" and port.up)


def _files(rec: Recording, base: str, files: dict[str, object]) -> None:
    for name, value in files.items():
        rec.file(f"{base}/{name}", f"{value}\n")


def _netdev(node: Node, rec: Recording, port: Port, macs: dict[str, str]) -> None:
    real = f"{pcimap.path(node.klass, port.function.address)}/net/{port.name}"
    rec.link(f"/sys/class/net/{port.name}", real)
    rec.link(f"{real}/device", pcimap.path(node.klass, port.function.address))
    mac = macs[_first_member(node)] if port.master else macs[port.name]
    state = {"operstate": "up", "carrier": 1, "carrier_changes": 4, "carrier_up_count": 2, "carrier_down_count": 2}
    if not port.up:
        state = {
            "operstate": "down",
            "carrier": 0,
            "carrier_changes": 1,
            "carrier_up_count": 0,
            "carrier_down_count": 1,
        }
    _files(
        rec,
        real,
        {
            "ifindex": port.number + 2,
            "flags": "0x1803" if port.master else "0x1003",
            "uevent": f"INTERFACE={port.name}\nIFINDEX={port.number + 2}",
            "address": mac,
            "addr_assign_type": 2 if port.master and mac != macs[port.name] else 0,
            "mtu": port.mtu,
            "dev_port": 0,
            **port.sysfs,
            **state,
        },
    )
    if port.layer == "Ethernet" and port.up:
        _files(rec, real, {"speed": port.mbps, "duplex": "full"})
    elif port.layer == "Ethernet":
        rec.refuse(f"{real}/speed", "failed", "Invalid argument")
    packets = int(node.hexdigits("packets", port.number, 8), 16) + 10**9 if port.up else 0
    counted = {
        f"{way}_{what}": packets * size for way in ("rx", "tx") for what, size in (("packets", 1), ("bytes", 900))
    }
    _files(rec, f"{real}/statistics", {**counted, **dict.fromkeys(NO_ERRORS, 0)})
    if port.master:
        rec.link(f"{real}/master", f"/sys/devices/virtual/net/{port.master}")
    if port.roce:
        for point in ("roce_np", "roce_rp"):
            _files(rec, f"{real}/ecn/{point}/enable", dict.fromkeys(map(str, range(8)), 1))
        _files(rec, f"{real}/ecn/roce_np", {"cnp_dscp": 48, "cnp_802p_prio": 6})


def _first_member(node: Node) -> str:
    return CLASSES[node.klass].bond[0]


def _commands(node: Node, rec: Recording, port: Port) -> None:
    name = port.name
    rec.command(f"ethtool -i {name}", tools.driver(port))
    unsupported = "netlink error: Operation not supported\n"
    has_module = port.layer == "Ethernet" and tools.optical(port) and port.up
    if has_module:
        rec.command(f"ethtool -m {name}", tools.module(node, port))
    else:
        rec.command(f"ethtool -m {name}", rc=1, stderr=unsupported)
    if port.layer != "Ethernet":
        return
    rec.command(f"ethtool {name}", tools.link(port))
    rec.command(f"ethtool -a {name}", tools.pause(port))
    rec.command(f"ethtool -g {name}", tools.rings(port))
    if tools.optical(port):
        rec.command(f"ethtool --show-fec {name}", tools.fec(port))
    else:
        rec.command(f"ethtool --show-fec {name}", rc=1, stderr=unsupported)
    if port.rdma or port.master:
        rec.command(f"dcb -j pfc show dev {name}", tools.pfc((3,) if port.roce else ()))
        rec.command(f"dcb -j app show dev {name}", tools.app(port.roce))
        rec.command(f"ethtool -S {name}", tools.statistics(port))


def _virtual(rec: Recording, name: str, kind: str, mac: str, mtu: int) -> str:
    real = f"/sys/devices/virtual/net/{name}"
    rec.link(f"/sys/class/net/{name}", real)
    number = {"loopback": 772}.get(kind, 1)
    flags = "0x9" if kind == "loopback" else "0x1403"
    _files(rec, real, {"ifindex": 1 if kind == "loopback" else 99, "type": number, "flags": flags, "address": mac})
    uevent = f"DEVTYPE={kind}\nINTERFACE={name}" if kind == "bond" else f"INTERFACE={name}"
    counts = {"carrier": 1, "carrier_changes": 0, "carrier_up_count": 0, "carrier_down_count": 0}
    state = "unknown" if kind == "loopback" else "up"
    _files(rec, real, {"mtu": mtu, "uevent": uevent, "operstate": state, "addr_assign_type": 0, **counts})
    return real


def _bond(node: Node, rec: Recording, members: list[Port], macs: dict[str, str]) -> None:
    plan = CLASSES[node.klass]
    lacp = plan.bond_mode.startswith("802.3ad")
    base = _virtual(rec, "bond0", "bond", macs[members[0].name], members[0].mtu)
    rec.file("/sys/class/net/bonding_masters", "bond0\n")
    _files(rec, base, {"speed": members[0].mbps * (len(members) if lacp else 1), "duplex": "full"})
    _files(
        rec, f"{base}/statistics", {"rx_packets": 10**9, "tx_packets": 10**9, "rx_bytes": 10**12, "tx_bytes": 10**12}
    )
    _files(rec, f"{base}/statistics", dict.fromkeys(NO_ERRORS, 0))
    bonding = {
        "mode": plan.bond_mode,
        "slaves": " ".join(port.name for port in members),
        "mii_status": "up",
        "miimon": 100,
        "xmit_hash_policy": "layer3+4 1" if lacp else "layer2 0",
        "active_slave": "" if lacp else members[0].name,
    }
    if lacp:
        bonding.update(ad_aggregator=1, ad_num_ports=2, ad_partner_mac=f"00:1c:73:a0:{node.number:02x}:01")
    _files(rec, f"{base}/bonding", bonding)
    for port in members:
        real = f"{pcimap.path(node.klass, port.function.address)}/net/{port.name}/bonding_slave"
        status = {"mii_status": "up", "link_failure_count": 0, "perm_hwaddr": macs[port.name], "queue_id": 0}
        state = "active" if lacp or port is members[0] else "backup"
        _files(rec, real, {**status, "state": state, "ad_aggregator_id": 1 if lacp else "N/A"})


def _routes(node: Node, rec: Recording, interface: str | None) -> None:
    gateway = management_address(node).rsplit(".", 1)[0] + ".1"
    raw = struct.unpack("<I", socket.inet_aton(gateway))[0]
    rec.file(
        "/proc/net/route",
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        f"{interface}\t00000000\t{raw:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        f"{interface}\t{raw & 0x00FFFFFF:08X}\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
    )
    rec.file("/proc/net/ipv6_route", "")


def _rdma(node: Node, rec: Recording, port: Port, mac: str) -> None:
    parent = pcimap.path(node.klass, port.function.address)
    real = f"{parent}/infiniband/{port.rdma}"
    rec.link(f"/sys/class/infiniband/{port.rdma}", real)
    rec.link(f"{real}/device", parent)
    version, psid, model = port.firmware
    guid = f"b83fd203{node.hexdigits('guid', port.number, 8)}"
    colons = ":".join(guid[i : i + 4] for i in range(0, 16, 4))
    identity = {"fw_ver": version.split("/")[0], "board_id": psid, "hca_type": model, "node_type": "1: CA"}
    description = f"{node.name} {port.rdma}"
    _files(rec, real, {**identity, "node_guid": colons, "sys_image_guid": colons, "node_desc": description})
    base = f"{real}/ports/1"
    gbps = port.mbps // 1000
    state = (
        {"state": "4: ACTIVE", "phys_state": "5: LinkUp"}
        if port.up
        else {"state": "1: DOWN", "phys_state": "3: Disabled"}
    )
    lanes = 4 if gbps >= 100 else 1
    rate = f"{gbps} Gb/sec ({lanes}X {LANE_SPEEDS.get(gbps // lanes, 'QDR')})"
    number = 16 * node.number + port.number
    infiniband = port.layer == "InfiniBand"
    lids = {"lid": f"0x{number:x}", "sm_lid": "0x1"} if infiniband else {"lid": "0x0", "sm_lid": "0x0"}
    _files(rec, base, {**state, **lids, "rate": rate, "link_layer": port.layer, "sm_sl": 0})
    _tables(rec, base, port, colons, mac)
    moved = int(node.hexdigits("moved", port.number, 10), 16) + 10**13
    data = {
        "port_rcv_data": moved,
        "port_xmit_data": moved,
        "port_rcv_packets": moved >> 9,
        "port_xmit_packets": moved >> 9,
    }
    # 15 is all that four bits can count, and what machines in good order show
    odd = {"excessive_buffer_overrun_errors": 15, "port_rcv_switch_relay_errors": 1, "port_xmit_wait": 2489603687}
    _files(rec, f"{base}/counters", {**data, **dict.fromkeys(ERROR_COUNTERS, 0), **odd})
    _files(rec, f"{base}/hw_counters", {"lifespan": 12, **dict.fromkeys(HARDWARE_COUNTERS, 0)})


def _tables(rec: Recording, base: str, port: Port, guid: str, mac: str) -> None:
    """Fill the GID and P_Key tables; what RoCE puts there follows from the port's addresses."""
    none = ":".join(["0000"] * 8)
    table = [(f"fe80:0000:0000:0000:{guid}", "IB/RoCE v1")]
    if port.layer == "Ethernet":
        octets = [int(part, 16) for part in mac.split(":")]
        local = "fe80:0000:0000:0000:{:02x}{:02x}:{:02x}ff:fe{:02x}:{:02x}{:02x}".format(octets[0] ^ 2, *octets[1:])
        mapped = f"0000:0000:0000:0000:0000:ffff:0a{port.function.index:02x}:{int(mac[-2:], 16):04x}"
        table = [(gid, kind) for gid in (local, mapped) for kind in ("IB/RoCE v1", "RoCE v2")]
    for index in range(8):
        rec.file(f"{base}/gids/{index}", f"{table[index][0] if index < len(table) else none}\n")
    for index, (_, kind) in enumerate(table):
        rec.file(f"{base}/gid_attrs/types/{index}", f"{kind}\n")
        if port.layer == "Ethernet":
            rec.file(f"{base}/gid_attrs/ndevs/{index}", f"{port.master or port.name}\n")
    for index in range(8):
        rec.file(f"{base}/pkeys/{index}", "0xffff\n" if not index else "0x0000\n")
