# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What else can go wrong with ports, bonds and routes, each found by a check of its own."""

from __future__ import annotations

from . import nic_changes as change
from .faults import Fault
from .nic_faults import BONDED, IB, LACP, fails, unknown
from .nic_plan import ports
from .node import NODES, Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
BOND = "/sys/devices/virtual/net/bond0"
ROUTES = "/proc/net/route"


def _no_default_route(node: Node, rec: Recording) -> None:
    lines = rec.text(ROUTES).splitlines(True)
    rec.file(ROUTES, "".join(line for line in lines if line.split("\t")[1] != "00000000"))


def _unheard(node: Node, found: list[object]) -> None:
    del found[0]


def _bond_gone(node: Node, rec: Recording) -> None:
    """The members stand alone, the address went to the first of them."""
    rec.remove("/sys/class/net/bond0")
    rec.remove(BOND)
    first = change.first_member(node).name
    rec.file(ROUTES, rec.text(ROUTES).replace("bond0", first))


def _short_uptime(node: Node, rec: Recording) -> None:
    """The counter has four bits: ten errors since a start this morning still fit."""
    rec.file("/proc/uptime", "43200.00 4100000.00\n")
    change.rdma(2, ports__1__counters__local_link_integrity_errors="10")(node, rec)


UNBONDED = unknown(
    *(f"nic.bond.{name}" for name in ("aggregator", "lacp_partner", "members", "mode", "width")), "lldp.bond.switches"
)
# What the default route leads over is judged as management.
ROUTELESS = unknown("nic.duplex", "nic.management.mtu", "nic.management.speed")
HGX = next(node for node in NODES if node.klass == "hgx_h100")
PLAN = {port.name: f"{port.switch} {port.switch_port}" for port in ports(HGX)}
FAULTS = [
    Fault("bond_other_mode", "the management bond runs in another mode", LACP,
          {**fails("nic.bond.mode"), **unknown("nic.bond.aggregator", "nic.bond.lacp_partner")},
          lambda node, rec: rec.file(f"{BOND}/bonding/mode", "balance-xor 2\n")),
    Fault("bond_missing", "the management ports were not bonded", LACP,
          {**fails("nic.bond.present"), **UNBONDED}, _bond_gone),
    Fault("default_route_missing", "the machine has no default route", ALL,
          {**fails("nic.default_route.present"), **ROUTELESS},          _no_default_route),
    Fault("mgmt_drops", "the first management port drops one packet in twenty", BONDED, fails("nic.drops.receive"),
          change.netdev(change.first_member, statistics__rx_dropped="900000000")),
    Fault("mgmt_half_duplex", "the first management port runs at half duplex", BONDED, fails("nic.duplex"),
          change.netdev(change.first_member, duplex="half")),
    Fault("mgmt_send_errors", "the first management port fails to send", BONDED, fails("nic.errors.transmit"),
          change.netdev(change.first_member, statistics__tx_errors="400000")),
    Fault("lldp_unheard", "one port hears no switch", BONDED[:3],
          {**fails("lldp.neighbour.present"), **unknown("lldp.bond.switches")},          change.neighbours(_unheard)),
    Fault("cable_not_planned", "the first management port ends in another port than planned", ("hgx_h100",),
          fails("lldp.neighbour.planned"), change.rename_switch("leaf-z9-9", change.first_member),
          {"nic.lldp.plan": PLAN}),
    Fault("rdma_integrity", "fabric port 2 counts broken packets on its own link", IB,
          fails("rdma.errors.integrity"), _short_uptime),
    Fault("ib1_no_lid", "fabric port 1 is active without an address", IB, fails("rdma.port.lid"),
          change.rdma(1, ports__1__lid="0x0")),
]  # fmt: skip
