# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with a host, in its own words."""

from __future__ import annotations

import re
from collections.abc import Callable

from .faults import Fault
from .host_classes import CLASSES
from .node import Node
from .recording import Recording

HGX, TRAY, MI, HL, HEAD = "hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only"
X86 = (HGX, MI, HL)
NODES = (HGX, TRAY, MI, HL)
ALL = (*NODES, HEAD)
CPU = "/sys/devices/system/cpu"
NUMA = "/sys/devices/system/node"
EDAC = "/sys/devices/system/edac/mc"
CMDLINE = "/proc/cmdline"
CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
Apply = Callable[[Node, Recording], None]


def holds(path: str, text: str) -> Apply:
    """Return what makes a file hold another text."""
    return lambda node, rec: rec.file(path, text)


def reads(path: str, old: str, new: str) -> Apply:
    """Return what replaces text in a file."""
    return lambda node, rec: rec.edit(path, old, new)


def _cpu_offline(node: Node, rec: Recording) -> None:
    last = int(rec.text(f"{CPU}/online").strip().split("-")[1])
    rec.file(f"{CPU}/online", f"0-{last - 1}\n")
    rec.file(f"{CPU}/offline", f"{last}\n")
    for path in (f"{CPU}/cpu{last}/topology", f"{CPU}/cpufreq/policy{last}"):
        rec.remove(path)


def _numa_split(node: Node, rec: Recording) -> None:
    """Two NUMA nodes a socket, as sub-NUMA clustering and NPS2 make them."""
    about = CLASSES[node.klass]
    half, second = about.cores // 2, about.cores * about.sockets
    memory = re.sub(r"\d+ kB", lambda found: f"{int(found[0][:-3]) // 2} kB", rec.text(f"{NUMA}/node0/meminfo"))
    rec.file(f"{NUMA}/online", "0-3\n")
    for number in range(4):
        first, last = number * half, (number + 1) * half - 1
        rec.file(f"{NUMA}/node{number}/cpulist", f"{first}-{last},{first + second}-{last + second}\n")
        rec.file(f"{NUMA}/node{number}/meminfo", memory.replace("Node 0", f"Node {number}"))


def _dimm_gone(node: Node, rec: Recording) -> None:
    """One sixteenth of a socket's memory was mapped out at boot."""
    path = f"{NUMA}/node1/meminfo"
    kilobytes = int(re.findall(r"MemTotal: +(\d+)", rec.text(path))[0])
    rec.edit(path, f"{kilobytes} kB", f"{kilobytes - CLASSES[node.klass].memory_gib * (1 << 20) // 12} kB")


def _waits(pid: int, name: str) -> Apply:
    def apply(node: Node, rec: Recording) -> None:
        rec.file(f"/proc/{pid}/stat", f"{pid} ({name}) D 1 {pid} {pid} 0 -1 4194560 0 0 0 0\n")
        rec.file(
            f"/proc/{pid}/status", f"Name:\t{name}\nvoluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t2\n"
        )

    return apply


def _zombies(node: Node, rec: Recording) -> None:
    for pid in range(9000, 9080):
        rec.file(f"/proc/{pid}/stat", f"{pid} (ray::worker) Z 901 {pid} {pid} 0 -1 4227084 0 0 0 0\n")


def _swap(node: Node, rec: Recording) -> None:
    rec.edit("/proc/meminfo", "SwapTotal:             0 kB", "SwapTotal:       8388604 kB")
    rec.edit("/proc/meminfo", "SwapFree:              0 kB", "SwapFree:        8388604 kB")
    rec.file("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/swap.img file\t\t8388604\t\t0\t\t-2\n")


def _mitigations_off(node: Node, rec: Recording) -> None:
    rec.edit(CMDLINE, " quiet", " mitigations=off quiet")
    rec.file(
        f"{CPU}/vulnerabilities/spectre_v2", "Vulnerable; IBPB: disabled; STIBP: disabled; PBRSB-eIBRS: Vulnerable\n"
    )


def _older_kernel(node: Node, rec: Recording) -> None:
    rec.identity(kernel=CLASSES[node.klass].kernel.replace("84", "79").replace("1043", "1039"))


def _newer_installed(node: Node, rec: Recording) -> None:
    rec.file(f"/boot/vmlinuz-{CLASSES[node.klass].kernel.replace('84', '101').replace('1043', '1051')}", "")


def _package_gone(node: Node, rec: Recording) -> None:
    argv = next(argv for argv in rec.document["commands"] if argv.startswith("dpkg-query -W"))
    lines = [line for line in rec.output(argv).splitlines(True) if not line.startswith("openssh-server\t")]
    rec.command(argv, "".join(lines), rc=1, stderr="dpkg-query: no packages found matching openssh-server\n")


def _module_gone(name: str) -> Apply:
    def apply(node: Node, rec: Recording) -> None:
        kept = [line for line in rec.text("/proc/modules").splitlines(True) if not line.startswith(f"{name} ")]
        rec.file("/proc/modules", "".join(kept))

    return apply


def _fault(name: str, does: str, classes: tuple[str, ...], found: str, apply: Apply, status: str = "fail") -> Fault:
    return Fault(name, does, classes, dict.fromkeys(found.split(), status), apply)


NOT_BUILT = {HL: {"host.dkms.built": "fail"}}  # where DKMS has modules

FAULTS = [
    _fault(
        "governor_powersave",
        "one CPU saves power",
        X86,
        "host.cpu.governor",
        holds(f"{CPU}/cpufreq/policy9/scaling_governor", "powersave\n"),
    ),
    _fault(
        "cpu_frequency_capped",
        "a CPU is held at 2 GHz",
        NODES,
        "host.cpu.frequency_limit",
        holds(f"{CPU}/cpufreq/policy17/scaling_max_freq", "2000000\n"),
    ),
    _fault("cpu_offline", "the last CPU is offline", NODES, "host.cpu.online host.cpu.threads", _cpu_offline),
    _fault(
        "numa_balancing_on",
        "automatic NUMA balancing is on",
        (HGX, TRAY, MI),
        "host.numa.balancing",
        holds("/proc/sys/kernel/numa_balancing", "1\n"),
    ),
    _fault("numa_split", "two NUMA nodes a socket", X86, "host.numa.nodes", _numa_split),
    _fault("memory_missing", "a twelfth of a socket's memory is not there", NODES, "host.memory.total", _dimm_gone),
    _fault(
        "ecc_memory_uncorrected",
        "a memory controller met an uncorrectable error",
        ALL,
        "host.edac.uncorrected",
        holds(f"{EDAC}/mc0/ue_count", "1\n"),
    ),
    _fault(
        "ecc_memory_corrected",
        "a memory controller corrects often",
        ALL,
        "host.edac.corrected",
        holds(f"{EDAC}/mc0/ce_count", "4211\n"),
    ),
    _fault(
        "edac_driver_missing",
        "the kernel counts no memory errors",
        ALL,
        "host.edac.corrected host.edac.uncorrected",
        lambda node, rec: rec.remove(EDAC),
        "unknown",
    ),
    _fault("swap_on", "swap is on", NODES, "host.memory.swap", _swap),
    _fault(
        "huge_pages_missing",
        "no huge pages are reserved",
        (HL,),
        "host.memory.huge_pages",
        reads("/proc/meminfo", "HugePages_Total:   15000", "HugePages_Total:   0"),
    ),
    _fault(
        "transparent_huge_pages_never",
        "transparent huge pages are off",
        ALL,
        "host.memory.transparent_huge_pages",
        holds("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n"),
    ),
    _fault(
        "shared_memory_small",
        "/dev/shm holds 64 MB",
        ALL,
        "host.shared_memory",
        lambda node, rec: rec.space("/dev/shm", 67108864, 0),
    ),
    _fault("kernel_wrong", "an older kernel runs", NODES, "host.kernel.release host.boot.newest_kernel", _older_kernel),
    Fault(
        "kernel_update_waiting",
        "a newer kernel waits for the next reboot",
        ALL,
        {klass: {"host.boot.newest_kernel": "fail", **NOT_BUILT.get(klass, {})} for klass in ALL},
        _newer_installed,
    ),
    _fault(
        "reboot_pending",
        "a reboot is pending",
        ALL,
        "host.boot.reboot_pending",
        holds("/run/reboot-required", "*** System restart required ***\n"),
    ),
    _fault(
        "cmdline_iommu_missing",
        "the IOMMU argument is gone",
        X86,
        "host.kernel.arguments_required",
        reads(CMDLINE, " iommu=pt", ""),
    ),
    _fault(
        "cmdline_audit_off",
        "audit is off on the command line",
        NODES,
        "host.kernel.arguments_forbidden",
        reads(CMDLINE, "audit=1", "audit=0"),
    ),
    _fault(
        "mitigations_off",
        "CPU flaws are left open",
        NODES,
        "host.kernel.arguments_forbidden host.cpu.vulnerabilities",
        _mitigations_off,
    ),
    _fault(
        "kernel_machine_check",
        "the kernel met a machine check",
        ALL,
        "host.kernel.damage",
        holds("/proc/sys/kernel/tainted", "12304\n"),
    ),
    _fault(
        "sysctl_wrong",
        "a kernel setting fell back to its default",
        NODES,
        "host.sysctl",
        holds("/proc/sys/vm/swappiness", "60\n"),
    ),
    _fault(
        "module_peermem_missing",
        "GPU peer memory module is not loaded",
        (HGX,),
        "host.modules.required",
        _module_gone("nvidia_peermem"),
    ),
    _fault(
        "nouveau_loaded",
        "nouveau is loaded",
        (HGX, TRAY),
        "host.modules.forbidden",
        lambda node, rec: rec.append("/proc/modules", "nouveau 2850816 0 - Live 0x0000000000000000\n"),
    ),
    _fault(
        "clocksource_hpet", "the kernel fell back to hpet", (*X86, HEAD), "host.clock.source", holds(CLOCK, "hpet\n")
    ),
    _fault("d_state_processes", "processes hang in a driver", ALL, "host.processes.stuck", _waits(4242, "python3")),
    _fault("zombie_processes", "nobody waits for eighty children", ALL, "host.processes.zombies", _zombies),
    _fault(
        "locked_memory_small",
        "a session may lock 8 MB",
        NODES,
        "host.limits.locked_memory",
        reads("/proc/self/limits", "Max locked memory         unlimited", "Max locked memory         8388608  "),
    ),
    _fault(
        "automatic_updates_on",
        "the system updates itself",
        ALL,
        "host.updates.automatic",
        reads("/etc/apt/apt.conf.d/20auto-upgrades", 'Upgrade "0"', 'Upgrade "1"'),
    ),
    _fault("package_missing", "a package of the image is gone", ALL, "host.packages.required", _package_gone),
    _fault(
        "os_wrong",
        "another release is installed",
        NODES,
        "host.os.version",
        lambda node, rec: rec.file("/etc/os-release", 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="20.04"\n'),
    ),
]
