# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which PCI function sits where in each class of simulated node.

One map for all renderers: what a GPU, a NIC or a drive is called and which socket it hangs on must agree
between sysfs, the vendors' tools and the fabric. The layouts follow real baseboards; the numbers are the
identifiers that those parts report.
"""

from __future__ import annotations

import collections
import functools
from typing import Dict, List, NamedTuple, Optional, Tuple

GPU, NVSWITCH, NIC_FABRIC, NIC_MGMT, NVME, BRIDGE, BMC_VGA = (
    "gpu",
    "nvswitch",
    "nic_fabric",
    "nic_mgmt",
    "nvme",
    "bridge",
    "bmc_vga",
)


class Function(NamedTuple):
    """One PCI function; speeds in GT/s, ``index`` counts within the role in address order."""

    address: str
    role: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    vendor: int
    device: int
    subsystem_vendor: int
    subsystem_device: int
    class_code: int
    driver: Optional[str]
    numa_node: int
    speed: float
    speed_max: float
    width: int
    width_max: int
    parent: Optional[str]  # the bridge above it; None: it hangs on the root bus
    netdev: Optional[str]  # kernel network device
    rdma: Optional[str]  # RDMA device
    name: Optional[str]  # any other kernel name: nvme0, card1


class Part(NamedTuple):
    """What is the same wherever a part is plugged in."""

    vendor: int
    device: int
    subsystem_vendor: int
    subsystem_device: int
    class_code: int
    driver: Optional[str]
    speed: float
    width: int


PARTS: Dict[str, Part] = {
    "h100": Part(0x10DE, 0x2330, 0x10DE, 0x16C1, 0x030200, "nvidia", 32.0, 16),
    "gb200": Part(0x10DE, 0x2941, 0x10DE, 0x2046, 0x030200, "nvidia", 32.0, 16),
    "nvswitch3": Part(0x10DE, 0x22A3, 0x10DE, 0x1796, 0x068000, "nvidia-nvswitch", 16.0, 2),
    "mi300x": Part(0x1002, 0x74A1, 0x1002, 0x74A1, 0x120000, "amdgpu", 32.0, 16),
    "gaudi3": Part(0x1DA3, 0x1060, 0x1DA3, 0x1060, 0x120000, "habanalabs", 32.0, 16),
    "cx7_ib": Part(0x15B3, 0x1021, 0x15B3, 0x0040, 0x020700, "mlx5_core", 32.0, 16),
    "cx7_eth": Part(0x15B3, 0x1021, 0x15B3, 0x0041, 0x020000, "mlx5_core", 32.0, 16),
    "bf3": Part(0x15B3, 0xA2DC, 0x15B3, 0x0009, 0x020000, "mlx5_core", 32.0, 16),
    "x550": Part(0x8086, 0x1563, 0x8086, 0x0001, 0x020000, "ixgbe", 8.0, 4),
    "bcm57416": Part(0x14E4, 0x16D8, 0x14E4, 0x4163, 0x020000, "bnxt_en", 8.0, 8),
    "pm9a3": Part(0x144D, 0xA80A, 0x144D, 0xA813, 0x010802, "nvme", 16.0, 4),
    "micron7450": Part(0x1344, 0x51C3, 0x1344, 0x3000, 0x010802, "nvme", 16.0, 4),
    "ast2600": Part(0x1A03, 0x2000, 0x1A03, 0x2000, 0x030000, "ast", 5.0, 1),
    "intel_port": Part(0x8086, 0x352A, 0x8086, 0x0000, 0x060400, "pcieport", 32.0, 16),
    "amd_port": Part(0x1022, 0x14AB, 0x1022, 0x1453, 0x060400, "pcieport", 32.0, 16),
    "grace_port": Part(0x10DE, 0x22B8, 0x10DE, 0x0000, 0x060400, "pcieport", 32.0, 16),
    "pex89104": Part(0x1000, 0xC030, 0x1000, 0x0050, 0x060400, "pcieport", 32.0, 16),
}

# One function a line: address, role, part, memory node, what it hangs on, names. It hangs on a root port
# (its address) or on port 0 or 1 of a switch below a root bus ("15/0"): a GPU and the NIC that serves it share one.
_LAYOUTS: Dict[str, str] = {
    "hgx_h100": """
        0000:18:00.0 nic_fabric cx7_ib     0 15/0         netdev=ibp24s0 rdma=mlx5_0
        0000:1b:00.0 gpu        h100       0 15/1         name=card1
        0000:40:00.0 nic_fabric cx7_ib     0 3d/0         netdev=ibp64s0 rdma=mlx5_2
        0000:43:00.0 gpu        h100       0 3d/1         name=card2
        0000:4f:00.0 nic_fabric cx7_ib     0 4c/0         netdev=ibp79s0 rdma=mlx5_3
        0000:52:00.0 gpu        h100       0 4c/1         name=card3
        0000:5e:00.0 nic_fabric cx7_ib     0 5b/0         netdev=ibp94s0 rdma=mlx5_4
        0000:61:00.0 gpu        h100       0 5b/1         name=card4
        0000:9a:00.0 nic_fabric cx7_ib     1 97/0         netdev=ibp154s0 rdma=mlx5_5
        0000:9d:00.0 gpu        h100       1 97/1         name=card5
        0000:c0:00.0 nic_fabric cx7_ib     1 bd/0         netdev=ibp192s0 rdma=mlx5_7
        0000:c3:00.0 gpu        h100       1 bd/1         name=card6
        0000:ce:00.0 nic_fabric cx7_ib     1 cb/0         netdev=ibp206s0 rdma=mlx5_8
        0000:d1:00.0 gpu        h100       1 cb/1         name=card7
        0000:dc:00.0 nic_fabric cx7_ib     1 d9/0         netdev=ibp220s0 rdma=mlx5_9
        0000:df:00.0 gpu        h100       1 d9/1         name=card8
        0000:05:00.0 nvswitch   nvswitch3  0 0000:00:05.0
        0000:06:00.0 nvswitch   nvswitch3  0 0000:00:06.0
        0000:07:00.0 nvswitch   nvswitch3  0 0000:00:07.0
        0000:08:00.0 nvswitch   nvswitch3  0 0000:00:08.0
        0000:02:00.0 bmc_vga    ast2600    0 0000:00:0e.0 name=card0
        0000:29:00.0 nic_mgmt   cx7_eth    0 0000:26:01.0 netdev=enp41s0np0 rdma=mlx5_1
        0000:aa:00.0 nic_mgmt   cx7_eth    1 0000:a7:01.0 netdev=enp170s0np0 rdma=mlx5_6
        0000:0a:00.0 nvme       pm9a3      0 0000:00:10.0 name=nvme0
        0000:0b:00.0 nvme       pm9a3      0 0000:00:12.0 name=nvme1
        0000:ab:00.0 nvme       micron7450 1 0000:a7:03.0 name=nvme2
        0000:ac:00.0 nvme       micron7450 1 0000:a7:04.0 name=nvme3
        0000:ad:00.0 nvme       micron7450 1 0000:a7:05.0 name=nvme4
        0000:ae:00.0 nvme       micron7450 1 0000:a7:06.0 name=nvme5
    """,
    "gb200_tray": """
        0008:01:00.0 gpu        gb200      0 0008:00:00.0 name=card1
        0009:01:00.0 gpu        gb200      0 0009:00:00.0 name=card2
        0018:01:00.0 gpu        gb200      1 0018:00:00.0 name=card3
        0019:01:00.0 gpu        gb200      1 0019:00:00.0 name=card4
        0000:03:00.0 nic_fabric cx7_ib     0 0000:00:00.0 netdev=ibp3s0 rdma=mlx5_0
        0002:03:00.0 nic_fabric cx7_ib     0 0002:00:00.0 netdev=ibP2p3s0 rdma=mlx5_1
        0010:03:00.0 nic_fabric cx7_ib     1 0010:00:00.0 netdev=ibP16p3s0 rdma=mlx5_4
        0012:03:00.0 nic_fabric cx7_ib     1 0012:00:00.0 netdev=ibP18p3s0 rdma=mlx5_5
        0006:03:00.0 nic_mgmt   bf3        0 0006:00:00.0 netdev=enP6p3s0f0np0 rdma=mlx5_2
        0006:03:00.1 nic_mgmt   bf3        0 0006:00:00.0 netdev=enP6p3s0f1np1 rdma=mlx5_3
        0005:02:00.0 bmc_vga    ast2600    0 0005:00:00.0 name=card0
        0015:01:00.0 nvme       pm9a3      1 0015:00:00.0 name=nvme0
        0004:01:00.0 nvme       micron7450 0 0004:00:00.0 name=nvme1
        0007:01:00.0 nvme       micron7450 0 0007:00:00.0 name=nvme2
        0014:01:00.0 nvme       micron7450 1 0014:00:00.0 name=nvme3
        0017:01:00.0 nvme       micron7450 1 0017:00:00.0 name=nvme4
    """,
    "mi300x": """
        0000:05:00.0 gpu        mi300x     0 02/1         name=card1
        0000:06:00.0 nic_fabric cx7_eth    0 02/0         netdev=enp6s0np0 rdma=mlx5_0
        0000:26:00.0 gpu        mi300x     0 22/1         name=card2
        0000:25:00.0 nic_fabric cx7_eth    0 22/0         netdev=enp37s0np0 rdma=mlx5_1
        0000:46:00.0 gpu        mi300x     0 42/1         name=card3
        0000:45:00.0 nic_fabric cx7_eth    0 42/0         netdev=enp69s0np0 rdma=mlx5_2
        0000:65:00.0 gpu        mi300x     0 62/1         name=card4
        0000:66:00.0 nic_fabric cx7_eth    0 62/0         netdev=enp102s0np0 rdma=mlx5_3
        0000:85:00.0 gpu        mi300x     1 82/1         name=card5
        0000:86:00.0 nic_fabric cx7_eth    1 82/0         netdev=enp134s0np0 rdma=mlx5_4
        0000:a6:00.0 gpu        mi300x     1 a2/1         name=card6
        0000:a5:00.0 nic_fabric cx7_eth    1 a2/0         netdev=enp165s0np0 rdma=mlx5_5
        0000:c6:00.0 gpu        mi300x     1 c2/1         name=card7
        0000:c5:00.0 nic_fabric cx7_eth    1 c2/0         netdev=enp197s0np0 rdma=mlx5_6
        0000:e5:00.0 gpu        mi300x     1 e2/1         name=card8
        0000:e6:00.0 nic_fabric cx7_eth    1 e2/0         netdev=enp230s0np0 rdma=mlx5_7
        0000:91:00.0 bmc_vga    ast2600    1 0000:90:01.0 name=card0
        0000:31:00.0 nic_mgmt   bcm57416   0 0000:30:01.0 netdev=enp49s0f0np0 rdma=bnxt_re0
        0000:31:00.1 nic_mgmt   bcm57416   0 0000:30:01.0 netdev=enp49s0f1np1 rdma=bnxt_re1
        0000:71:00.0 nvme       pm9a3      0 0000:70:01.0 name=nvme0
        0000:72:00.0 nvme       pm9a3      0 0000:70:02.0 name=nvme1
        0000:b1:00.0 nvme       micron7450 1 0000:b0:01.0 name=nvme2
        0000:b2:00.0 nvme       micron7450 1 0000:b0:02.0 name=nvme3
        0000:b3:00.0 nvme       micron7450 1 0000:b0:03.0 name=nvme4
        0000:b4:00.0 nvme       micron7450 1 0000:b0:04.0 name=nvme5
    """,
    "gaudi3": """
        0000:19:00.0 gpu        gaudi3     0 0000:15:01.0 name=accel0
        0000:1a:00.0 gpu        gaudi3     0 0000:15:03.0 name=accel1
        0000:33:00.0 gpu        gaudi3     0 0000:30:01.0 name=accel2
        0000:34:00.0 gpu        gaudi3     0 0000:30:03.0 name=accel3
        0000:9b:00.0 gpu        gaudi3     1 0000:97:01.0 name=accel4
        0000:9c:00.0 gpu        gaudi3     1 0000:97:03.0 name=accel5
        0000:b3:00.0 gpu        gaudi3     1 0000:b0:01.0 name=accel6
        0000:b4:00.0 gpu        gaudi3     1 0000:b0:03.0 name=accel7
        0000:4d:00.0 nic_fabric cx7_eth    0 0000:4a:01.0 netdev=enp77s0np0 rdma=mlx5_0
        0000:cd:00.0 nic_fabric cx7_eth    1 0000:ca:01.0 netdev=enp205s0np0 rdma=mlx5_1
        0000:01:00.0 nic_mgmt   x550       0 0000:00:1c.0 netdev=eno1
        0000:01:00.1 nic_mgmt   x550       0 0000:00:1c.0 netdev=eno2
        0000:03:00.0 bmc_vga    ast2600    0 0000:00:1d.0 name=card0
        0000:5a:00.0 nvme       pm9a3      0 0000:59:01.0 name=nvme0
        0000:5b:00.0 nvme       pm9a3      0 0000:59:03.0 name=nvme1
        0000:da:00.0 nvme       micron7450 1 0000:d9:01.0 name=nvme2
        0000:db:00.0 nvme       micron7450 1 0000:d9:03.0 name=nvme3
    """,
    "cpu_only": """
        0000:31:00.0 nic_fabric cx7_eth    0 0000:30:01.0 netdev=enp49s0f0np0 rdma=mlx5_0
        0000:31:00.1 nic_fabric cx7_eth    0 0000:30:01.0 netdev=enp49s0f1np1 rdma=mlx5_1
        0000:01:00.0 nic_mgmt   x550       0 0000:00:1c.0 netdev=eno1
        0000:01:00.1 nic_mgmt   x550       0 0000:00:1c.0 netdev=eno2
        0000:03:00.0 bmc_vga    ast2600    0 0000:00:1d.0 name=card0
        0000:5a:00.0 nvme       pm9a3      0 0000:59:01.0 name=nvme0
        0000:5b:00.0 nvme       pm9a3      0 0000:59:03.0 name=nvme1
    """,
}
_PORTS = {"hgx_h100": "intel_port", "gb200_tray": "grace_port", "mi300x": "amd_port"}


def _chain(above: str, port_part: str) -> List[Tuple[str, str]]:
    """The bridges between the root bus and a function, top first: (address, part)."""
    bus, _slash, downstream = above.partition("/")
    if not downstream:
        return [(above, port_part)]
    first = int(bus, 16)
    switch = [(f"0000:{first + 1:02x}:00.0", "pex89104"), (f"0000:{first + 2:02x}:0{downstream}.0", "pex89104")]
    return [(f"0000:{bus}:01.0", port_part), *switch]


def _function(address: str, role: str, part: str, node: int, parent: Optional[str], names: Dict[str, str]) -> Function:
    made = PARTS[part]
    link = (made.speed, made.speed, made.width, made.width)
    return Function(address, role, 0, *made[:6], node, *link, parent, *map(names.get, ("netdev", "rdma", "name")))


@functools.cache
def functions(klass: str) -> Tuple[Function, ...]:
    """Every PCI function of a class of node, in address order."""
    found: Dict[str, Function] = {}
    for line in _LAYOUTS[klass].strip().splitlines():
        address, role, part, node, above, *names = line.split()
        parent = None
        for bridge, bridge_part in _chain(above, _PORTS.get(klass, "intel_port")):
            found.setdefault(bridge, _function(bridge, BRIDGE, bridge_part, int(node), parent, {}))
            parent = bridge
        found[address] = _function(address, role, part, int(node), parent, dict(name.split("=") for name in names))
    counts: Dict[str, int] = collections.Counter()
    numbered = []
    for _address, function in sorted(found.items()):
        numbered.append(function._replace(index=counts[function.role]))
        counts[function.role] += 1
    return tuple(numbered)


def of(klass: str, *roles: str) -> List[Function]:
    """The functions of a class of node that play one of the roles, in address order."""
    return [function for function in functions(klass) if function.role in roles]


def one(klass: str, role: str, index: int) -> Function:
    """The ``index``-th function of a role."""
    return of(klass, role)[index]


def path(klass: str, address: str) -> str:
    """Where a function's directory lies under /sys/devices."""
    above = {function.address: function.parent for function in functions(klass)}
    chain = [address]
    while above[chain[0]]:
        chain.insert(0, above[chain[0]] or "")
    return f"/sys/devices/pci{chain[0][:7]}/{'/'.join(chain)}"
