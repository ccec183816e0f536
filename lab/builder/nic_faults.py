# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can go wrong with ports, cables, bonds and their settings, and which checks must say so."""

from __future__ import annotations

from . import nic_changes as change
from . import nic_tools as tools
from .faults import Fault

IB = ("hgx_h100", "gb200_tray")
ROCE = ("mi300x", "gaudi3")
FABRIC = IB + ROCE
BONDED = ("hgx_h100", "gb200_tray", "gaudi3", "cpu_only")
LACP = ("hgx_h100", "gb200_tray", "cpu_only")


def fails(*checks: str) -> dict[str, str]:
    """Say that these checks fail."""
    return dict.fromkeys(checks, "fail")


def unknown(*checks: str) -> dict[str, str]:
    """Say that these checks cannot know."""
    return dict.fromkeys(checks, "unknown")


_DOWN = fails("rdma.port.state", "rdma.port.physical_state")
_LLDP = [f"lldp.neighbour.{what}" for what in ("present", "single", "switch", "unique")]
_MODULE = ["nic.module.alarms", "nic.module.temperature"]
_COUNTED = [f"nic.roce.{what}" for what in ("discards", "pause_storms", "pause_time")]
_TYPES = {f"ports__1__gid_attrs__types__{index}": "IB/RoCE v1" for index in range(4)}

# fmt: off
FAULTS = [
    Fault("ib0_down", "fabric port 0 was disabled", IB, _DOWN, change.link_down(0, "3: Disabled")),
    Fault("ib3_polling", "nobody answers at the other end of fabric port 3", IB, _DOWN,
          change.link_down(3, "2: Polling")),
    Fault("ib1_init", "no subnet manager has configured fabric port 1", IB,
          fails("rdma.port.state", "rdma.port.sm_lid"),
          change.rdma(1, ports__1__state="2: INIT", ports__1__lid="0x0", ports__1__sm_lid="0x0")),
    Fault("ib2_rate_edr", "fabric port 2 trained at EDR", IB, fails("rdma.port.rate"),
          change.rdma(2, ports__1__rate="100 Gb/sec (4X EDR)")),
    Fault("ib2_two_lanes", "fabric port 2 lost two of its lanes", IB, fails("rdma.port.lanes", "rdma.port.rate"),
          change.rdma(2, ports__1__rate="200 Gb/sec (2X NDR)")),
    Fault("ib3_firmware_old", "fabric adapter 3 was replaced and has old firmware", IB,
          fails("rdma.firmware.minimum", "rdma.firmware.same"), change.firmware("28.36.1010")),
    Fault("ib3_firmware_not_pinned", "fabric adapter 3 runs newer firmware than the site has pinned", IB,
          fails("rdma.firmware.pinned", "rdma.firmware.same"), change.firmware("28.45.1200"),
          {"nic.fabric.firmware_versions": ["28.43.2026"]}),
    Fault("ib_missing_hca", "fabric adapter 1 has no driver's device", IB, fails("nic.port.count", "rdma.device.count"),
          change.missing),
    Fault("ib1_link_flaps", "the link of fabric port 1 fails eight times a day", IB,
          fails("nic.carrier.stable", "rdma.errors.link_downed"), change.flaps),
    Fault("ib2_counter_stopped", "link_downed of fabric port 2 stands at 255", IB, fails("rdma.errors.counters"),
          change.rdma(2, ports__1__counters__link_downed="255")),
    Fault("ib1_no_pkey", "fabric port 1 is in no partition", IB, fails("rdma.port.partition"),
          change.rdma(1, ports__1__pkeys__0="0x0000")),
    Fault("ib0_unnamed", "fabric port 0 is still named after the adapter's model", IB, fails("rdma.node.description"),
          change.rdma(0, node_desc="MT4129 ConnectX7   Mellanox Technologies")),
    Fault("rdma_symbol_errors", "fabric port 2 counts 200 symbol errors an hour", IB, fails("rdma.errors.symbol"),
          change.counter(2, "symbol_error", 200, 3600)),
    Fault("rdma_receive_errors", "fabric port 0 receives 40 broken packets an hour", IB, fails("rdma.errors.receive"),
          change.counter(0, "port_rcv_errors", 40, 3600)),
    Fault("rdma_recoveries", "fabric port 3 recovers its link ten times a day", IB, fails("rdma.errors.link_recovery"),
          change.counter(3, "link_error_recovery", 10, 86400)),
    Fault("rdma_retries", "receivers are not ready on fabric port 1", FABRIC, fails("rdma.errors.rnr_retry"),
          change.counter(1, "rnr_nak_retry_err", 30, 3600, "hw_counters")),
    Fault("rdma_losses", "packets are lost on the way to fabric port 1", ROCE,
          fails("rdma.errors.ack_timeout", "rdma.errors.sequence"),
          change.losses),
    Fault("psid_mixed", "fabric adapter 1 is another board", FABRIC, fails("rdma.firmware.psid"),
          change.rdma(1, board_id="MT_0000000891")),
    Fault("guid_twice", "two fabric adapters share a GUID", FABRIC, fails("rdma.guid.unique"), change.same_guid),
    Fault("gid_missing", "fabric port 0 has no GID", FABRIC, fails("rdma.port.gid"), change.no_gids),
    Fault("nic_pcie_narrow", "fabric adapter 1 trained at x8", FABRIC, fails("rdma.pcie.width"),
          change.pci(1, "current_link_width", "8")),
    Fault("nic_pcie_gen4", "fabric adapter 1 trained at PCIe Gen4", FABRIC, fails("rdma.pcie.speed"),
          change.pci(1, "current_link_speed", "16.0 GT/s PCIe")),
    Fault("nic_firmware_pending", "adapter 0 changes its firmware when reset", FABRIC, fails("nic.firmware.pending"),
          change.pending_firmware),
    Fault("roce_v1_only", "fabric port 1 speaks RoCE v1 only", ROCE, fails("rdma.port.roce_v2"),
          change.rdma(1, **_TYPES)),
    Fault("roce_admin_down", "fabric port 1 was switched off on the host", ROCE,
          fails("nic.fabric.admin_up"), change.switched_off),
    Fault("roce_no_address", "fabric port 0 lost its address", ROCE, fails("nic.fabric.address"),
          change.no_address, {"nic.fabric.addresses_min": 1}),
    Fault("roce_pause_storm", "fabric port 0 stopped its rail again and again", ROCE,
          fails("nic.roce.pause_storms", "nic.roce.pause_time"),
          change.counts(tx_pause_storm_error_events=900, tx_prio3_pause_duration=90_112_004_110)),
    Fault("roce_discards", "fabric port 0 has no buffer left for what arrives", ROCE, fails("nic.roce.discards"),
          change.counts(rx_discards_phy=40_112_004)),
    Fault("roce_cnp_ignored", "fabric port 1 does not slow down when told", ROCE, fails("rdma.errors.cnp_ignored"),
          change.counter(1, "rp_cnp_ignored", 500, 3600, "hw_counters")),
    Fault("roce_congested", "fabric port 1 is told to slow down all the time", ROCE, fails("rdma.congestion.notified"),
          change.counter(1, "rp_cnp_handled", 500_000, 3600, "hw_counters"), {"nic.fabric.cnp_per_hour_max": 1000}),
    Fault("roce_icrc", "packets for fabric port 1 are changed on their way", ROCE, fails("rdma.errors.icrc"),
          change.counter(1, "rx_icrc_encapsulated", 20, 3600, "hw_counters")),
    Fault("roce_mtu_wrong", "fabric port 1 has an MTU of 1500", ROCE, fails("nic.fabric.mtu"),
          change.netdev(lambda node: change.fabric(node, 1), mtu="1500")),
    Fault("roce_pfc_off", "fabric port 1 is not lossless", ROCE, fails("nic.roce.pfc"),
          lambda node, rec: rec.command(f"dcb -j pfc show dev {change.fabric(node, 1).name}", tools.pfc(()))),
    Fault("roce_trust_pcp", "fabric port 1 ignores DSCP", ROCE, fails("nic.roce.trust"),
          lambda node, rec: rec.command(f"dcb -j app show dev {change.fabric(node, 1).name}", tools.app(False))),
    Fault("roce_ecn_off", "fabric port 0 neither marks nor slows down", ROCE,
          fails("nic.roce.ecn_notification", "nic.roce.ecn_reaction"), change.no_ecn),
    Fault("roce_global_pause", "fabric port 0 uses global pause", ROCE, fails("nic.fabric.pause"),
          change.says("ethtool -a {}", "off", "on", change.first)),
    Fault("roce_fec_off", "fabric port 0 runs without FEC", ROCE, fails("nic.fabric.fec"),
          change.says("ethtool --show-fec {}", "encoding: RS", "encoding: Off", change.first)),
    Fault("roce_default_route", "the default route leads over fabric port 0", ROCE,
          fails("nic.fabric.default_route", "nic.management.mtu"), change.route_over_fabric),
    Fault("mgmt_bond_slave_down", "the second member of the management bond lost its link", BONDED,
          {**fails("nic.bond.members", "nic.bond.width"), **unknown("lldp.bond.switches")}, change.member_down),
    Fault("mgmt_lacp_silent", "the switch does not answer LACP", LACP,
          fails("nic.bond.aggregator", "nic.bond.lacp_partner"), change.lacp_silent),
    Fault("mgmt_mtu_wrong", "the management bond has an MTU of 1400", BONDED, fails("nic.management.mtu"),
          lambda node, rec: rec.file("/sys/devices/virtual/net/bond0/mtu", "1400\n")),
    Fault("mgmt_slow", "the first management link came up at 1 Gb/s", BONDED, fails("nic.management.speed"),
          change.netdev(change.first_member, speed="1000")),
    Fault("mgmt_receive_errors", "the first management port gets broken packets", BONDED, fails("nic.errors.receive"),
          change.netdev(change.first_member, statistics__rx_errors="400000", statistics__rx_crc_errors="400000")),
    Fault("lldp_missing", "lldpd is not installed", BONDED, unknown(*_LLDP, "lldp.bond.switches"),
          lambda node, rec: rec.no_command("lldpcli")),
    Fault("lldp_wrong_switch", "fabric port 0 ends in another network", ROCE, fails("lldp.neighbour.switch"),
          change.rename_switch("core-09", change.first)),
    Fault("lldp_one_switch", "both members of the bond end on one switch", BONDED,
          fails("lldp.bond.switches", "lldp.neighbour.unique"),
          change.rename_switch("leaf-{node.rack}-1", lambda node: change.member(node, 1))),
    Fault("lldp_two_neighbours", "a desk switch sits between fabric port 0 and its leaf", ROCE,
          fails("lldp.neighbour.single"), change.neighbours(change.second_neighbour)),
    Fault("ethtool_missing", "ethtool is not installed", ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only"),
          {"mi300x": unknown(*_MODULE, *_COUNTED, "nic.fabric.fec", "nic.fabric.pause"),
           "gaudi3": unknown(*_MODULE, *_COUNTED, "nic.fabric.fec", "nic.fabric.pause"),
           "hgx_h100": unknown(*_MODULE), "gb200_tray": unknown(*_MODULE), "cpu_only": unknown(*_MODULE)},
          lambda node, rec: rec.no_command("ethtool")),
    Fault("cable_hot", "the first optical module is too hot", (*FABRIC, "cpu_only"), fails(*_MODULE), change.hot),
    Fault("cable_hot_unread", "the first optical module is too hot and does not say how hot", (*FABRIC, "cpu_only"),
          {**fails("nic.module.alarms"), **unknown("nic.module.temperature")}, change.hot_unread),
    Fault("cable_read_hangs", "reading the first module never ends", (*FABRIC, "cpu_only"), unknown(*_MODULE),
          change.module_hangs),
]
# fmt: on
