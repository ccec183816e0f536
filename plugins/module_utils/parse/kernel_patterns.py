# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kernel messages mean trouble, as data: one row a kind of message, what it means, what to do.

A row is tried only on lines that hold its ``needle``, which is what keeps a scan of 20,000 lines fast. ``device``
in an expression names what the message is about. Rows stand in order: the first that fits a line wins.
"""

from __future__ import annotations

import functools
import re
from typing import List, NamedTuple, Pattern, Tuple

CRITICAL, WARNING, INFO = "critical", "warning", "info"


class Kind(NamedTuple):
    """A kind of message."""

    family: str
    severity: str
    code: str
    action: str
    needle: str
    meaning: str
    pattern: str

    @property
    def expression(self) -> Pattern[str]:
        """The expression, compiled when the first line asks for it: most machines show few kinds."""
        return _compiled(self.pattern)


@functools.cache
def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(pattern)


ACTIONS = {
    "accelerator": "Drain the node and reset the accelerator; test it before it takes work again.",
    "application": "Look at the application first.",
    "driver": "Compare driver, firmware and kernel with the profile; reload the driver.",
    "memory": "Find the DIMM by its location, test it, replace it.",
    "watch": "Watch the rate; plan a replacement when it grows.",
    "link": "Reseat the card, riser or cable; compare with the slot's error counters.",
    "drive": "Check the drive's health and its slot; replace it when it repeats.",
    "fs": "Stop writers, check the file system offline, then look at the drive below.",
    "nic": "Read the adapter's health and firmware; power-cycle the node when it does not recover.",
    "server": "Check the storage server and the way to it.",
    "oom": "Find who used the memory; set limits or give the job more.",
    "kernel": "Keep the trace, compare kernel and drivers with the profile, look for hardware errors before it.",
    "cooling": "Check fans, air flow and inlet temperature.",
}

_C, _W, _I = CRITICAL, WARNING, INFO
_SOME = r"(?<![\w.])[1-9]\d* (?:new )?"  # "0 …" and "no … errors detected" are good news
_NET = r"(?P<device>[\w.-]+)"

# family, severity, code, action, needle, meaning, expression
# fmt: off
_ROWS: List[Tuple[str, str, str, str, str, str, str]] = [
    ("nvidia", _C, "init_failed", "accelerator", "RmInitAdapter", "the driver could not start a GPU",
     r"NVRM:.*RmInitAdapter failed"),
    ("nvidia", _C, "probe_failed", "driver", "NVRM", "the driver refused a GPU",
     r"NVRM: The NVIDIA (?:probe routine failed|GPU .* is not supported)"),
    ("nvidia", _C, "bar_invalid", "driver", "NVRM", "the BIOS gave a GPU no usable memory window",
     r"NVRM: This PCI I/O region assigned to your NVIDIA device is invalid"),
    ("nvidia", _C, "version_mismatch", "driver", "API mismatch", "library and kernel module differ in version",
     r"NVRM: API mismatch"),
    ("nvidia", _C, "lost", "accelerator", "fallen off the bus and", "GPU fell off the bus before the driver had it",
     r"NVRM:.*fallen off the bus and is not responding"),
    ("nvidia", _C, "gsp_timeout", "accelerator", "GSP", "a GPU's own processor (GSP) stopped answering",
     r"NVRM:.*(?:\bGSP Timeout\b|GSP RM heartbeat timed out)"),
    ("amdgpu", _C, "ras_uncorrected", "accelerator", "uncorrectable hardware errors", "uncorrected memory error (RAS)",
     r"amdgpu.*" + _SOME + r"uncorrectable hardware errors detected"),
    ("amdgpu", _W, "ras_corrected", "watch", "correctable hardware errors", "corrected memory errors (RAS)",
     r"amdgpu.*" + _SOME + r"correctable hardware errors detected"),
    ("amdgpu", _W, "ras_deferred", "watch", "deferred hardware errors", "poisoned data was set aside (RAS)",
     r"amdgpu.*" + _SOME + r"deferred hardware errors detected"),
    ("amdgpu", _C, "poison", "accelerator", "oison", "poisoned data reached an engine",
     r"amdgpu.*\b[Pp]oison (?:is )?(?:consum|creat)"),
    ("amdgpu", _C, "bad_pages", "accelerator", "bad page", "too many bad memory pages",
     r"amdgpu.*(?:bad[_ ]page[_ ]threshold|RAS EEPROM.*exceed)"),
    ("amdgpu", _C, "ras_interrupt", "accelerator", "RAS controller interrupt", "fatal RAS interrupt",
     r"RAS controller interrupt triggered"),
    ("amdgpu", _W, "ring_recovered", "application", "soft recovered", "an engine hung and was freed without a reset",
     r"ring (?P<device>\S+) timeout, but soft recovered"),
    ("amdgpu", _C, "ring_timeout", "accelerator", "timeout", "an engine (ring) stopped answering",
     r"(?:amdgpu|drm).*\bring (?P<device>\S+) timeout"),
    ("amdgpu", _C, "reset_failed", "accelerator", "GPU", "a GPU reset failed",
     r"amdgpu.*(?:GPU reset failed|GPU reset\(\d+\) failed|GPU reset end with ret = -|GPU Recovery Failed)"),
    ("amdgpu", _C, "reset", "accelerator", "GPU reset", "the driver had to reset a GPU",
     r"amdgpu.*GPU reset(?: begin|\(\d+\) succeeded)"),
    ("amdgpu", _C, "lost", "accelerator", "lost from bus", "GPU has fallen off the bus",
     r"amdgpu.*device lost from bus"),
    ("amdgpu", _C, "init_failed", "driver", "amdgpu", "the driver could not start a GPU",
     r"amdgpu.*(?:Fatal error during GPU init|hw_init of IP block .* failed|amdgpu_device_ip_init failed)"),
    ("amdgpu", _C, "queue_stuck", "accelerator", "amdgpu", "a compute queue cannot be stopped",
     r"amdgpu.*(?:Queue preemption failed|Failed to evict process queues|HIQ MQD)"),
    ("amdgpu", _C, "scheduler_stuck", "accelerator", "MES failed to respon", "the scheduler (MES) stopped answering",
     r"amdgpu.*MES failed to respon"),
    ("amdgpu", _C, "power_stuck", "accelerator", "SMU: ", "the card's power management (SMU) stopped answering",
     r"amdgpu.*SMU: (?:I'm not done with your previous command|No response msg_reg)"),
    ("amdgpu", _I, "page_fault", "application", "page fault", "GPU memory page fault, mostly an application's",
     r"amdgpu.*\[(?:gfx|mm)hub\d*\].*page fault"),
    ("habanalabs", _C, "heartbeat", "accelerator", "heartbeat", "the card's firmware stopped answering",
     r"(?:habanalabs|accel).*Device heartbeat failed"),
    ("habanalabs", _C, "hard_reset", "accelerator", "reset", "the driver had to reset a card",
     r"(?:habanalabs|accel accel\d).*(?:[Gg]oing to reset device|[Hh]ard[- ]reset|[Ff]ailed to reset)"),
    ("habanalabs", _C, "hard_reset", "accelerator", "RESET device", "the driver had to reset a card",
     r"(?:habanalabs|accel accel\d).*Going to RESET device"),
    ("habanalabs", _C, "unusable", "accelerator", "habanalabs", "a card cannot be used",
     r"habanalabs.*(?:is not usable|device is unusable|PCI link is broken|Failed to initialize)"),
    ("habanalabs", _C, "ecc", "accelerator", "ECC", "uncorrectable memory error",
     r"(?:habanalabs|accel accel\d).*(?:DERR|double|uncorrectable)"),
    ("habanalabs", _W, "event", "watch", "Received", "hardware event",
     r"(?:habanalabs|accel accel\d).*Received (?:a )?H/W interrupt"),
    ("habanalabs", _W, "command_timeout", "application", "ommand submission", "a job's work did not finish in time",
     r"(?:habanalabs|accel accel\d).*\b[Cc]ommand submission \d+ has not finished in"),
    ("habanalabs", _I, "page_fault", "application", "page fault", "memory page fault, mostly an application's",
     r"(?:habanalabs|accel accel\d).*page fault"),
    ("thermal", _W, "cpu_throttled", "cooling", "temperature above threshold", "CPU clocks were cut because of heat",
     r"(?P<device>CPU\d+): (?:Core|Package) temperature above threshold"),
    ("thermal", _C, "critical", "cooling", "critical temperature", "critical temperature reached",
     r"critical temperature (?:reached|is reached)"),
    ("mce", _C, "exception", "memory", "Machine Check", "machine check exception",
     r"(?:Machine Check Exception|Fatal machine check|Machine check: Processor context corrupt)"),
    ("mce", _C, "uncorrected", "memory", "[Hardware Error]", "uncorrected hardware error",
     r"\[Hardware Error\].*(?:\bUncorrected\b|event severity: (?:fatal|recoverable)|\|UE\||\|UC\|)"),
    ("mce", _W, "deferred", "watch", "[Hardware Error]", "a hardware error was set aside",
     r"\[Hardware Error\].*\bDeferred error"),
    ("mce", _W, "corrected", "watch", "[Hardware Error]", "corrected or logged hardware error",
     r"\[Hardware Error\].*(?:\bCorrected error|event severity: corrected|\|CE\||Machine check events logged)"),
    ("memory", _C, "uncorrected", "memory", "UE", "uncorrected memory error",
     r"EDAC .*\b[1-9]\d* UE\b"),
    ("memory", _C, "failure", "memory", "Memory failure", "the kernel took a bad memory page away",
     r"Memory failure: 0x"),
    ("memory", _W, "corrected", "watch", "CE", "corrected memory errors",
     r"EDAC .*\b[1-9]\d* CE\b"),
    ("aer", _C, "uncorrected", "link", "AER: ", "uncorrected PCIe error",
     r"AER: (?:Multiple )?Uncorrect(?:ed|able) \(.*?(?:received|from): *(?P<device>\S+)"),
    ("aer", _C, "uncorrected", "link", "severity=Uncorrect", "uncorrected PCIe error",
     r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d): (?:AER: )?PCIe Bus Error: severity=Uncorrect"),
    ("aer", _C, "containment", "link", "DPC: ", "a PCIe port was shut to contain an error",
     r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d): DPC: .*(?:containment event|unmasked uncorrectable)"),
    ("aer", _C, "link_down", "link", "Link Down", "a PCIe slot lost its link",
     r"pciehp: Slot\(\S+\): Link Down"),
    ("aer", _W, "corrected", "link", "PCIe Bus Error", "corrected PCIe errors",
     r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d): (?:AER: )?PCIe Bus Error: severity=Correct"),
    ("aer", _W, "corrected", "link", "AER: ", "corrected PCIe errors",
     r"AER: (?:Multiple )?Correct(?:ed|able) error.*?(?:received|from): *(?P<device>\S+)"),
    ("nvme", _C, "controller_down", "drive", "nvme", "an NVMe controller is gone",
     (r"nvme (?P<device>nvme\d+): (?:controller is down|Removing after probe failure|"
     r"Disabling device after reset failure|Device not ready; aborting|Device shutdown incomplete)")),
    ("nvme", _W, "timeout", "drive", "timeout", "an NVMe command timed out",
     r"nvme (?P<device>nvme\d+): I/O .*timeout"),
    ("nvme", _W, "error", "drive", "nvme", "an NVMe command failed",
     r"(?P<device>nvme\d+n\d+): .*\(sct 0x[0-9a-f]+ / sc 0x[0-9a-f]+\)"),
    ("md", _C, "disk_failed", "drive", "Disk failure", "an array lost a member",
     r"md/\S+:(?P<device>md\d+): Disk failure"),
    ("md", _W, "kicked", "drive", "md:", "a stale member was dropped from an array",
     r"md: kicking non-fresh \S+"),
    ("block", _C, "io_error", "drive", "I/O error", "a block device failed to read or write",
     r"(?:Buffer )?I/O error(?:,| on) dev(?:ice)? (?P<device>[\w-]+)"),
    ("block", _C, "medium_error", "drive", "critical", "a block device reports bad media",
     r"critical (?:medium|target|space allocation) error, dev (?P<device>\w+)"),
    ("block", _W, "past_end", "fs", "beyond end", "an access past the end of a device",
     r"attempt to access beyond end of device"),
    ("block", _W, "ata_error", "drive", "ata", "a SATA command failed",
     r"(?P<device>ata\d+)(?:\.\d+)?: (?:failed command|exception Emask)"),
    ("filesystem", _C, "readonly", "fs", "emounting filesystem read-only", "a file system went read-only",
     r"\((?P<device>[\w.-]+)\): Remounting filesystem read-only"),
    ("filesystem", _C, "ext4", "fs", "EXT4-fs error", "ext4 found damage",
     r"EXT4-fs error \(device (?P<device>[\w.-]+)\)"),
    ("filesystem", _C, "journal", "fs", "Aborting journal", "a file system journal was aborted",
     r"Aborting journal on device (?P<device>[\w.-]+)"),
    ("filesystem", _C, "xfs", "fs", "XFS", "xfs found damage",
     (r"XFS \((?P<device>[\w.-]+)\): (?:Corruption|Metadata corruption|metadata I/O error|"
     r"log I/O error|Internal error|.*(?:has been shut down|Shutting down filesystem|xfs_do_force_shutdown))")),
    ("filesystem", _C, "btrfs", "fs", "BTRFS", "btrfs found damage",
     r"BTRFS (?:error|critical) \(device (?P<device>[\w.-]+)"),
    ("netfs", _W, "not_responding", "server", "not responding", "an NFS server did not answer",
     r"nfs: server (?P<device>\S+) not responding"),
    ("netfs", _W, "lustre", "server", "Lustre", "a Lustre server did not answer",
     r"Lustre.*(?:was lost|has failed due to network|timed out for slow reply)"),
    ("netfs", _W, "ceph", "server", "ceph", "a Ceph server did not answer",
     r"(?:ceph: mds\d+ hung|libceph: osd\d+ .*down)"),
    ("mlx5", _C, "command_timeout", "nic", "mlx5_core", "a command to the adapter timed out",
     r"mlx5_core (?P<device>\S+?):.*timeout\. Will cause a leak"),
    ("mlx5", _C, "health", "nic", "mlx5_core", "the adapter reports bad health",
     (r"mlx5_core (?P<device>\S+?):.*(?:health compromised|Fatal error \d|firmware internal error|"
     r"Health issue observed)")),
    ("mlx5", _C, "power", "link", "nsufficient power", "the slot gives the adapter too little power",
     r"mlx5_core (?P<device>\S+?):.*insufficient power"),
    ("mlx5", _W, "module", "link", "module", "a transceiver or cable reports an error",
     r"mlx5_core (?P<device>\S+?):.*Port module event\[error\]"),
    ("network", _W, "tx_timeout", "nic", "timed out", "a network queue stopped sending",
     r"NETDEV WATCHDOG: " + _NET + r".*timed out"),
    ("network", _W, "tx_timeout", "nic", "TX timeout", "a network queue stopped sending",
     _NET + r": TX timeout"),
    ("oom", _I, "cgroup", "oom", "Memory cgroup out of memory", "a container ran into its memory limit",
     r"Memory cgroup out of memory: Kill"),
    ("oom", _W, "killed", "oom", "Out of memory", "the machine ran out of memory",
     r"Out of memory: Kill"),
    ("oom", _I, "allocation", "oom", "page allocation failure", "memory was too fragmented for a request",
     r"page allocation failure"),
    ("lockup", _C, "soft_lockup", "kernel", "soft lockup", "a CPU was stuck in the kernel",
     r"BUG: soft lockup - (?P<device>CPU#\d+) stuck"),
    ("lockup", _C, "hard_lockup", "kernel", "LOCKUP", "a CPU no longer took interrupts",
     r"hard LOCKUP on (?P<device>cpu \d+)"),
    ("lockup", _C, "rcu_stall", "kernel", "rcu", "a CPU was stuck (RCU stall)",
     r"rcu.*(?:detected stalls|self-detected stall)"),
    ("lockup", _W, "rt_throttled", "kernel", "RT throttling", "real-time tasks took the whole CPU",
     r"sched: RT throttling activated"),
    ("hung_task", _W, "blocked", "kernel", "blocked for more than", "a task waits in the kernel and cannot be stopped",
     r"INFO: task .* blocked for more than \d+ seconds"),
    ("panic", _C, "panic", "kernel", "Kernel panic", "the kernel stopped",
     r"Kernel panic - not syncing"),
    ("panic", _C, "oops", "kernel", "", "the kernel made an invalid access",
     (r"(?:BUG: (?:unable to handle|kernel NULL|Bad page)|Oops: |Internal error: Oops|kernel BUG at |"
     r"Unable to handle kernel|general protection fault, )")),
    ("panic", _I, "warning", "kernel", "WARNING: ", "the kernel warns about its own state",
     r"WARNING: (?:CPU: \d+ PID: \d+ )?at "),
]
# fmt: on

KINDS: Tuple[Kind, ...] = tuple(
    Kind(family, severity, code, ACTIONS[action], needle, meaning, pattern)
    for family, severity, code, action, needle, meaning, pattern in _ROWS
)
FAMILIES = tuple(dict.fromkeys(("xid", "sxid") + tuple(kind.family for kind in KINDS) + ("kernel",)))
