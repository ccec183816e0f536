# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel says in trouble, one fault at a time, and what keeps it from being heard."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .faults import Fault
from .log_lines import BEFORE, DMESG, SINCE, TAIL, UPTIME_S, answer, entry, says
from .node import NOW, Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
NVIDIA = ("hgx_h100", "gb200_tray")


def _xid(gpu: int, code: int, rest: str) -> str:
    return f"NVRM: Xid (PCI:{{GPU{gpu}}}): {code}, {rest}"


def _denied(_node: Node, rec: Recording) -> None:
    refusal = "No journal files were opened due to insufficient permissions.\n"
    rec.command(SINCE, rc=1, stderr=refusal)
    rec.command(BEFORE, rc=1, stderr=refusal)
    rec.command(DMESG, rc=1, stderr="dmesg: read kernel buffer failed: Operation not permitted\n")
    rec.command(TAIL, rc=1, stderr="tail: cannot open '/var/log/kern.log' for reading: Permission denied\n")
    rec.refuse("/dev/kmsg")


def _rotated(node: Node, rec: Recording) -> None:
    lines = rec.output(SINCE).splitlines(True)[:-1]
    kept = [line for line in lines if json.loads(line)["__REALTIME_TIMESTAMP"] > _us(180)]
    first = entry(node, 180, 6, "docker0: port 3(veth0c4411f) entered forwarding state")
    rec.command(SINCE, answer([first, *kept]))
    rec.command(BEFORE, "")
    stamp = UPTIME_S - 3 * 3600
    rec.command(DMESG, f"<6>[{stamp:12.6f}] docker0: port 3(veth0c4411f) entered forwarding state\n")


def _us(minutes_ago: float) -> str:
    return str(int((NOW - minutes_ago * 60) * 1e6))


def _lost_journal(_node: Node, rec: Recording) -> None:
    rec.remove("/var/log/journal")


def _crashed(_node: Node, rec: Recording) -> None:
    rec.file("/sys/fs/pstore/dmesg-erst-7412580337251926017", "Panic#1 Part1\n<0>Kernel panic - not syncing\n")


EVENT_CHECKS = """
aer.corrected aer.uncorrected block.errors block.warning clock.unstable driver.probe fabric.fault fabric.unexplained
fabric.warning filesystem.errors history.notes host.unexplained hung_task.blocked iommu.fault kernel.urgent
limits.reached lockup.cpu lockup.throttled mce.corrected mce.uncorrected md.failed md.kicked memory.corrected
memory.uncorrected mlx5.health mlx5.module netfs.lost netfs.stuck network.stalled nvme.controller nvme.errors
oom.kills oom.limits panic.oops thermal.critical thermal.throttled
""".split()  # noqa: SIM905
_VENDOR_CHECKS = {
    "nvidia": ["nvidia.driver", "nvidia.unexplained", "nvidia.warning", "sxid.fatal", "sxid.nonfatal"]
    + ["xid.application", "xid.critical", "xid.rate", "xid.spread", "xid.unknown", "xid.warning"],
    "amd": ["amdgpu.fault", "amdgpu.unexplained", "amdgpu.warning"],
    "gaudi": ["habanalabs.fault", "habanalabs.unexplained", "habanalabs.warning"],
    "none": [],
}
_VENDORS = {"hgx_h100": "nvidia", "gb200_tray": "nvidia", "mi300x": "amd", "gaudi3": "gaudi", "cpu_only": "none"}


def _blind(**more: str) -> Mapping[str, Mapping[str, str]]:
    """Return by class what is found when nothing can be said about the kernel log."""
    return {
        klass: {**{f"log.{name}": "unknown" for name in EVENT_CHECKS + _VENDOR_CHECKS[vendor]}, **more}
        for klass, vendor in _VENDORS.items()
    }


FAULTS = [
    Fault(
        "xid79_gpu3",
        "GPU 3 fell off the bus earlier today (Xid 79)",
        NVIDIA,
        {"log.xid.critical": "fail", "log.nvidia.driver": "fail"},
        says(
            _xid(3, 79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."),
            "NVRM: GPU {gpu3}: GPU has fallen off the bus.",
        ),
    ),
    Fault(
        "xid48_gpu1",
        "GPU 1 had an uncorrectable memory error (Xid 48, 63 and 94)",
        NVIDIA,
        {"log.xid.critical": "fail", "log.xid.warning": "fail", "log.xid.application": "fail"},
        says(
            _xid(1, 48, "pid=81237, name=python3, DBE (double bit error) ECC Error: Physical Address 0x1c22e48000"),
            _xid(1, 63, "pid=81237, name=python3, Row Remapper: New row marked for remapping, reset gpu to activate."),
            _xid(1, 94, "pid=81237, name=python3, Contained: GPC 3 SM 1 (0x0,0x1)"),
            level=4,
        ),
    ),
    Fault(
        "xid13_application",
        "a program made illegal accesses on GPU 0 (Xid 13 and 43)",
        NVIDIA,
        {"log.xid.application": "fail"},
        says(
            _xid(0, 13, "pid=9921, name=train.py, Graphics SM Warp Exception on (GPC 7, TPC 7, SM 0): Illegal Address"),
            _xid(0, 43, "pid=9921, name=train.py, Ch 00000010"),
            level=4,
        ),
    ),
    Fault(
        "xid_unknown_code",
        "GPU 2 reports an Xid number that no table knows",
        NVIDIA,
        {"log.xid.unknown": "fail"},
        says(_xid(2, 931, "pid=7718, name=python3, unrecognised event 0x3a3"), level=4),
    ),
    Fault(
        "xid154_reboot",
        "the driver asks for a reboot of the node after a GSP timeout (Xid 119 and 154)",
        NVIDIA,
        {"log.xid.critical": "fail"},
        says(
            _xid(1, 119, "pid=20243, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU1 GSP!"),
            _xid(1, 154, "GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)"),
        ),
    ),
    Fault(
        "xid149_nvlink",
        "an NVLink of GPU 0 failed (Xid 149, fatal)",
        ("gb200_tray",),
        {"log.xid.critical": "fail"},
        says(_xid(0, 149, "NETIR_LINK_EVT Fatal XC0 i0 Link 05 (0x004505c6 0x00000000 0x00000000)")),
    ),
    Fault(
        "sxid_fatal",
        "NVSwitch 0 reports a fatal link fault (SXid 20034)",
        ("hgx_h100",),
        {"log.sxid.fatal": "fail"},
        says(
            "nvidia-nvswitch0: SXid (PCI:{switch0}): 20034, Fatal, Link 63 LTSSM Fault Up",
            "nvidia-nvswitch0: SXid (PCI:{switch0}): 20034, Severity 1 Engine instance 63 Sub-engine instance 00",
            "nvidia-nvswitch0: SXid (PCI:{switch0}): 20034, Data {{0x10000000, 0x10000000, 0x00000000, 0x10000000}}",
        ),
    ),
    Fault(
        "sxid_nonfatal",
        "NVSwitch 3 receives one link with errors (SXid 20009)",
        ("hgx_h100",),
        {"log.sxid.nonfatal": "fail"},
        says("nvidia-nvswitch3: SXid (PCI:{switch3}): 20009, Non-fatal, Link 28 RX Short Error Rate"),
    ),
    Fault(
        "amdgpu_ring_timeout",
        "an engine of GPU 2 hung and the driver reset the GPU",
        ("mi300x",),
        {"log.amdgpu.fault": "fail", "log.history.notes": "fail"},
        says(
            "amdgpu {gpu2}: amdgpu: ring comp_1.2.0 timeout, signaled seq=516877, emitted seq=516879",
            "amdgpu {gpu2}: amdgpu: GPU reset begin!",
            "amdgpu {gpu2}: amdgpu: GPU reset(2) succeeded!",
        ),
    ),
    Fault(
        "amdgpu_ras",
        "GPU 5 lost data in memory and corrected more (RAS)",
        ("mi300x",),
        {"log.amdgpu.fault": "fail", "log.amdgpu.warning": "fail"},
        says(
            "amdgpu {gpu5}: amdgpu: socket: 5, die: 0, 1 new uncorrectable hardware errors detected in umc block",
            "amdgpu {gpu5}: amdgpu: socket: 5, die: 0, 12 new correctable hardware errors detected in umc block",
        ),
    ),
    Fault(
        "habanalabs_hard_reset",
        "card 2 stopped answering and was reset by the driver",
        ("gaudi3",),
        {"log.habanalabs.fault": "fail"},
        says(
            "habanalabs {gpu2}: Device heartbeat failed! PCI link is healthy",
            "habanalabs {gpu2}: Going to reset device",
        ),
    ),
    Fault(
        "mce_memory",
        "a memory module returned data that could not be corrected",
        ("hgx_h100", "gaudi3", "cpu_only"),
        {"log.mce.corrected": "fail", "log.memory.uncorrected": "fail"},
        says(
            "mce: [Hardware Error]: Machine check events logged",
            "EDAC MC3: 1 UE memory read error on CPU_SrcID#1_MC#1_Chan#0_DIMM#0 (channel:0 slot:0 page:0x2f4c11)",
            level=0,
        ),
    ),
    Fault(
        "aer_uncorrected",
        "the PCIe link of GPU 4 reported a fatal error",
        ("hgx_h100", "mi300x", "gaudi3"),
        {"log.aer.uncorrected": "fail"},
        says(
            "pcieport 0000:97:01.0: AER: Uncorrectable (Fatal) error message received from {gpu4}",
            "nvidia {gpu4}: PCIe Bus Error: severity=Uncorrectable (Fatal), type=Transaction Layer, (Receiver ID)",
        ),
    ),
    Fault(
        "aer_corrected",
        "the PCIe link of fabric adapter 1 needs correction again and again",
        ("hgx_h100", "gb200_tray", "mi300x"),
        {"log.aer.corrected": "fail"},
        says("mlx5_core {nic1}: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)", level=4),
    ),
    Fault(
        "oom_kill",
        "the machine ran out of memory and killed a program",
        ALL,
        {"log.oom.kills": "fail"},
        says("Out of memory: Killed process 31877 (python3) total-vm:2113881232kB, anon-rss:2003411984kB"),
    ),
    Fault(
        "oom_container",
        "a container met its memory limit",
        ALL,
        {"log.oom.limits": "fail"},
        says("Memory cgroup out of memory: Killed process 40981 (exporter) total-vm:911212kB, anon-rss:524100kB"),
    ),
    Fault(
        "hung_task",
        "a program has waited in the kernel for two minutes",
        ALL,
        {"log.hung_task.blocked": "fail"},
        says("INFO: task kworker/u449:3:19922 blocked for more than 122 seconds."),
    ),
    Fault(
        "soft_lockup",
        "a CPU was stuck in the kernel",
        ALL,
        {"log.lockup.cpu": "fail"},
        says("watchdog: BUG: soft lockup - CPU#12 stuck for 26s! [nvidia-smi:20931]", level=0),
    ),
    Fault(
        "mlx5_command_timeout",
        "fabric adapter 0 does not answer its driver",
        ALL,
        {"log.mlx5.health": "fail"},
        says(
            "mlx5_core {nic0}: wait_func:1151:(pid 8823): MANAGE_PAGES(0x108) timeout. Will cause a leak of a command "
            "resource",
        ),
    ),
    Fault(
        "nfs_stalled",
        "the storage server did not answer for a while",
        ALL,
        {"log.netfs.stuck": "fail"},
        says("nfs: server nas01 not responding, still trying", minutes_ago=60),
    ),
    Fault(
        "cpu_throttled",
        "CPUs were slowed down by heat",
        ("hgx_h100", "gaudi3", "cpu_only"),
        {"log.thermal.throttled": "fail"},
        says("mce: CPU3: Core temperature above threshold, cpu clock throttled (total events = 61)", level=2),
    ),
    Fault(
        "kernel_oops",
        "the kernel made an invalid access",
        ALL,
        {"log.panic.oops": "fail"},
        says(
            "BUG: unable to handle page fault for address: ffffb1a2c0400000",
            "Oops: 0002 [#1] PREEMPT SMP NOPTI",
            level=1,
        ),
    ),
    Fault(
        "kernel_critical_message",
        "the kernel logged something critical that no table knows",
        ALL,
        {"log.kernel.urgent": "fail"},
        says("frobnicator: the third rail is live", level=2),
    ),
    Fault(
        "crash_record",
        "the machine crashed earlier and kept the record",
        ALL,
        {"log.crash.records": "fail"},
        _crashed,
    ),
    Fault(
        "journal_volatile",
        "the journal is kept in memory only",
        ALL,
        {"log.journal.persistent": "fail"},
        _lost_journal,
    ),
    Fault(
        "log_denied",
        "nobody may read the kernel log",
        ALL,
        _blind(**{"log.window.covered": "unknown"}),
        _denied,
    ),
    Fault(
        "log_window_short",
        "the kernel log was rotated three hours ago",
        ALL,
        _blind(**{"log.window.covered": "fail"}),
        _rotated,
    ),
]
