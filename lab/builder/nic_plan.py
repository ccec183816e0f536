# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the simulated nodes are cabled: which port of which class runs at what speed and ends where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import pcimap
from .node import Node

FIRMWARE = {  # device: (firmware version, board's PSID, HCA type)
    "cx7_ib": ("28.43.2026", "MT_0000000838", "MT4129"),
    "cx7_eth": ("28.43.2026", "MT_0000000834", "MT4129"),
    "bf3": ("32.43.2024", "MT_0000000884", "MT41692"),
    "bnxt_en": ("229.2.54.0/pkg 229.1.123.0", "", "BCM57416"),
    "ixgbe": ("0x80001aeb, 1.3429.0", "", ""),
}


@dataclass(frozen=True)
class Class:
    """The network of a class: fabric speed in Gb/s, management speed in Mb/s, and what ties management together."""

    fabric_gbps: int
    management_mbps: int
    bond: tuple[str, ...] = ()  # members; the first is also the bond's address
    bond_mode: str = "802.3ad 4"
    management_mtu: int = 1500
    fabric_mtu: int = 9000
    spare: tuple[str, ...] = ()  # ports without a cable
    roce_lag: bool = False  # both members on one adapter: the driver makes one RDMA device of them


CLASSES = {
    "hgx_h100": Class(400, 100_000, ("enp41s0np0", "enp170s0np0"), management_mtu=9000),
    "gb200_tray": Class(400, 200_000, ("enP6p3s0f0np0", "enP6p3s0f1np1"), management_mtu=9000, roce_lag=True),
    "mi300x": Class(400, 10_000, spare=("enp49s0f1np1",)),
    "gaudi3": Class(200, 10_000, ("eno1", "eno2"), bond_mode="active-backup 1"),
    "cpu_only": Class(25, 10_000, ("enp49s0f0np0", "enp49s0f1np1"), "802.3ad 4", 9000, 9000, ("eno2",), True),
}


@dataclass(frozen=True)
class Port:
    """A port as it is cabled. ``number`` counts within the node."""

    number: int
    name: str
    rdma: str | None
    function: pcimap.Function
    layer: str  # InfiniBand | Ethernet
    up: bool
    mbps: int
    mtu: int
    master: str | None
    address: str | None  # IPv4 with prefix length
    switch: str
    switch_port: str

    @property
    def firmware(self) -> tuple[str, str, str]:
        """Firmware version, PSID, HCA type."""
        part = {0x0207: "cx7_ib"}.get(self.function.class_code >> 8, "cx7_eth")
        if self.function.device == 0xA2DC:
            part = "bf3"
        return FIRMWARE.get(self.function.driver or "", FIRMWARE[part])

    @property
    def sysfs(self) -> dict[str, Any]:
        """Numbers that sysfs shows of the port's kind."""
        return {
            "type": "32" if self.layer == "InfiniBand" else "1",
            "addr_len": "20" if self.layer != "Ethernet" else "6",
        }

    @property
    def roce(self) -> bool:
        """Whether the port carries RDMA over Ethernet for the accelerators."""
        return self.layer == "Ethernet" and self.function.role == "nic_fabric" and self.master is None


def ports(node: Node) -> Iterator[Port]:
    """Yield the ports of a node in PCI order."""
    plan = CLASSES[node.klass]
    rack = int(node.rack[1:])
    for number, function in enumerate(pcimap.of(node.klass, "nic_fabric", "nic_mgmt")):
        name = function.netdev or ""
        fabric = function.role == "nic_fabric"
        layer = "InfiniBand" if function.class_code >> 8 == 0x0207 else "Ethernet"
        rail = fabric and name not in plan.bond
        member = plan.bond.index(name) if name in plan.bond else 0
        single = f"10.{rack}.1.{10 + node.number}/24" if not plan.bond or fabric else None
        yield Port(
            number=number,
            name=name,
            rdma=("mlx5_bond_0" if not member else None) if plan.roce_lag and name in plan.bond else function.rdma,
            function=function,
            layer=layer,
            up=name not in plan.spare,
            mbps=(plan.fabric_gbps * 1000) if fabric else plan.management_mbps,
            mtu=_mtu(plan, layer, rail, name),
            master="bond0" if name in plan.bond else None,
            address=f"10.{100 + function.index}.{rack}.{node.number}/24" if rail and layer == "Ethernet" else single,
            switch=f"leaf-rail-{1 + function.index}" if rail else f"leaf-{node.rack}-{1 + member}",
            switch_port=f"Ethernet{node.number}{'' if rail else '/1' if name in plan.bond else '/2'}",
        )


def _mtu(plan: Class, layer: str, rail: bool, name: str) -> int:
    if layer == "InfiniBand":
        return 2044  # datagram mode
    if rail:
        return plan.fabric_mtu
    return plan.management_mtu if name in plan.bond else 1500


def management_address(node: Node) -> str:
    """Return the node's own IPv4 address."""
    return f"10.{int(node.rack[1:])}.0.{10 + node.number}"
