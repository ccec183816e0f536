# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel says of drives, arrays, memory and adapters that fail, one kind of message a fault."""

from __future__ import annotations

from .faults import Fault
from .log_faults import ALL, NVIDIA
from .log_lines import says

X86 = ("hgx_h100", "mi300x", "gaudi3", "cpu_only")


def _fault(name: str, does: str, check: str, *lines: str, level: int = 3, classes: tuple[str, ...] = ALL) -> Fault:
    return Fault(name, does, classes, {f"log.{check}": "fail"}, says(*lines, level=level))


FAULTS = [
    _fault("block_read_error", "a drive failed to read", "block.errors",
           "I/O error, dev nvme1n1, sector 81920 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2"),
    _fault("ext4_damage", "the root file system met damage", "filesystem.errors",
           "EXT4-fs error (device md0): ext4_find_entry:1683: inode #131: comm ls: reading directory", level=2),
    _fault("habanalabs_event", "card 1 reported a hardware event", "habanalabs.warning",
           'habanalabs {gpu1}: Received H/W interrupt 412 ["NIC0_BMON_SPMU"]', classes=("gaudi3",)),
    _fault("machine_check", "a processor met an error that it could not correct", "mce.uncorrected",
           "mce: [Hardware Error]: CPU 12: Machine Check Exception: 5 Bank 7: be00000000800400", level=0, classes=X86),
    _fault("mirror_lost_member", "the system mirror lost a drive", "md.failed",
           "md/raid1:md0: Disk failure on nvme1n1p2, disabling device.", level=2),
    _fault("dimm_corrects", "a memory module returned data that had to be corrected", "memory.corrected",
           "EDAC MC1: 1 CE memory read error on CPU_SrcID#0_MC#1_Chan#0_DIMM#0 (channel:0 slot:0 page:0x4410)",
           level=4, classes=X86),
    _fault("cable_alarm", "the cable of fabric adapter 1 reports an error", "mlx5.module",
           "mlx5_core {nic1}: Port module event[error]: module 1, Cable error, High Temperature"),
    _fault("queue_stalled", "a queue of a network interface stopped sending", "network.stalled",
           "NETDEV WATCHDOG: eth0 (mlx5_core): transmit queue 3 timed out 5012 ms", level=4),
    _fault("gpu_not_started", "the driver could not start GPU 0", "nvidia.driver",
           "NVRM: GPU {gpu0}: RmInitAdapter failed! (0x62:0x0:2327)", classes=NVIDIA),
    _fault("nvme_controller_down", "the controller of a drive went away", "nvme.controller",
           "nvme nvme1: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff", level=4),
    _fault("nvme_timeout", "a drive did not answer a command in time", "nvme.errors",
           "nvme nvme1: I/O tag 12 (100c) opcode 0x2 (I/O Cmd) QID 9 timeout, aborting req_op:READ(0) size:4096",
           level=4),
    _fault("temperature_critical", "a sensor of the machine reached its critical temperature", "thermal.critical",
           "thermal thermal_zone3: critical temperature reached", level=2),
]  # fmt: skip
