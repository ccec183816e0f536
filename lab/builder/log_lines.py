# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel log lines as the journal prints them: those of a healthy day, and how a fault adds its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from . import pcimap
from .node import NOW, Node
from .recording import Recording

WINDOW_S = 86400
UPTIME_S = 1_050_337.21

_ASKED = "journalctl _TRANSPORT=kernel -o json --output-fields=MESSAGE,PRIORITY --no-pager"
SINCE = f"{_ASKED} --since=-{WINDOW_S}s --lines=20000 --show-cursor"
BEFORE = f"{_ASKED} --until=-{WINDOW_S}s --lines=1"
DMESG = "dmesg -r"
TAIL = "tail -c 4194304 /var/log/kern.log"
HOUR = 60

# A day of a machine that is well, some of it worded like trouble: minutes ago, syslog level, message.
QUIET = [
    (1431, 6, 'audit: type=1400 apparmor="STATUS" operation="profile_replace" profile="unconfined" pid=40117'),
    (1290, 6, "EXT4-fs (md0): re-mounted 5b2b6d0e-5a0e-4d66-9ad8-b0e0a4c9d1f7 r/w. Quota mode: none."),
    (
        1188,
        4,
        "systemd-journald[1204]: Data hash table of system.journal has a fill level at 75.1, suggesting rotation.",
    ),
    (902, 6, "perf: interrupt took too long (2514 > 2500), lowering kernel.perf_event_max_sample_rate to 79500"),
    (611, 6, "docker0: port 1(veth3f1c2aa) entered forwarding state"),
    (333, 6, "mce: CPU14: Core temperature/speed normal (total events = 0)"),
    (95, 6, "nfs: server nas01 OK"),
    (41, 6, "docker0: port 1(veth3f1c2aa) entered disabled state"),
]
QUIET_CLASS = {
    "hgx_h100": [
        (300, 6, "NVRM: GPU 0000:1b:00.0: persistence mode is enabled"),
        (299, 3, "NVRM: nvCheckOkFailedNoLog: Check failed: Call not supported [NV_ERR_NOT_SUPPORTED] (0x00000056)"),
        (298, 3, "mlx5_core 0000:18:00.0: mlx5_cmd_out_err:838: ACCESS_REG(0x805) failed, status bad operation"),
    ],
    "gb200_tray": [
        (300, 6, "nvidia-nvlink: Nvlink Core is ready, 0 errors"),
        (299, 3, "NVRM: nvAssertFailedNoLog: Assertion failed: 0 @ g_kern_gmmu_nvoc.h:1967"),
    ],
    "mi300x": [
        (300, 6, "amdgpu 0000:05:00.0: amdgpu: socket: 0, die: 0, no uncorrectable hardware errors detected"),
        (299, 3, "amdgpu: SRAT table not found"),
    ],
    "gaudi3": [
        (300, 6, "habanalabs 0000:19:00.0: Successfully added device 0000:19:00.0 to habanalabs driver"),
        (299, 3, "habanalabs hl0: Failed to get temperature from sensor 3, error -1"),
    ],
    "cpu_only": [],
}  # fmt: skip
BOOT = [
    (0.0, 5, "Linux version 6.8.0-84-generic (buildd@lcy02-amd64-101) #84-Ubuntu SMP PREEMPT_DYNAMIC"),
    (0.0, 6, "Command line: BOOT_IMAGE=/boot/vmlinuz-6.8.0-84-generic root=UUID=5b2b6d0e ro iommu=pt"),
    (1.204, 6, "mce: CPU0: Thermal monitoring enabled (TM1)"),
    (2.511, 6, "pcieport 0000:15:01.0: AER: enabled with IRQ 40"),
    (
        3.902,
        6,
        "EDAC MC0: Giving out device to module i10nm_edac controller Intel_10nm Socket#0 IMC#0: DEV 0000:7e:0c.0",
    ),
    (5.017, 6, "nvme nvme0: 64/0/0 default/read/poll queues"),
    (9.840, 6, "NMI watchdog: Enabled. Permanently consumes one hw-PMU counter."),
]


def boot_id(node: Node) -> str:
    """Return the id of the running boot, as the journal writes it."""
    return node.hexdigits("boot", 0, 32)


def entry(node: Node, minutes_ago: float, level: int, message: str, boot: str = "") -> str:
    """Return a line of ``journalctl -o json``."""
    at = int((NOW - minutes_ago * 60) * 1e6)
    fields = {
        "__CURSOR": f"s=9d3f;i={at % 99999:x};b={boot or boot_id(node)};t={at:x}",
        "__REALTIME_TIMESTAMP": str(at),
        "__MONOTONIC_TIMESTAMP": str(int(UPTIME_S * 1e6 - minutes_ago * 60e6)),
        "_BOOT_ID": boot or boot_id(node),
        "PRIORITY": str(level),
        "MESSAGE": message,
    }
    return json.dumps(fields) + "\n"


def answer(lines: list[str]) -> str:
    """Return what journalctl prints for entries when it is asked to show the cursor as well."""
    return "".join(lines) + f"-- cursor: {json.loads(lines[-1])['__CURSOR']}\n"


def says(*messages: str, level: int = 3, minutes_ago: float = 75) -> Callable[[Node, Recording], None]:
    """Return a change: the kernel says ``messages``, where ``{gpu3}``, ``{nic0}`` … become PCI addresses."""

    def apply(node: Node, rec: Recording) -> None:
        names = places(node)
        lines = [
            entry(node, minutes_ago - number / 60, level, text.format(**names)) for number, text in enumerate(messages)
        ]
        known = rec.output(SINCE).splitlines(True)
        rec.command(SINCE, "".join([*known[:-1], *lines, known[-1]]))

    return apply


def places(node: Node) -> Mapping[str, str]:
    """Return PCI addresses by name: as sysfs writes them (``gpu3``) and without function, as NVRM does (``GPU3``)."""
    named = {}
    roles = {"gpu": pcimap.GPU, "nic": pcimap.NIC_FABRIC, "switch": pcimap.NVSWITCH, "nvme": pcimap.NVME}
    for name, role in roles.items():
        for function in pcimap.of(node.klass, role):
            named[f"{name}{function.index}"] = function.address
            named[f"{name.upper()}{function.index}"] = function.address.split(".")[0]
            named[f"BUS_{name}{function.index}"] = function.address.partition(":")[2]
    return named
