# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of every class: distribution, kernel, processors, memory, settings."""

from __future__ import annotations

from .host_classes import AMD_FLAGS, ARM_FEATURES, CLASSES, FLAWS, GIB_KB, INTEL_FLAGS, NOT_AFFECTED, HostClass
from .host_faults import FAULTS
from .node import Node
from .recording import Recording

__all__ = ["FAULTS", "render"]

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
CODENAMES = {"22.04": "Jammy Jellyfish", "24.04": "Noble Numbat"}
BASE_MHZ = 2000
KEPT_BY_KERNEL = 0.016  # the part of memory that MemTotal lacks
PROCESSES = ((1, "systemd", 0), (2, "kthreadd", 0), (17, "rcu_preempt", 2), (901, "sshd", 1), (1204, "chronyd", 1))
GRACE_NODES = 34  # Grace sets NUMA numbers aside for the memory of partitioned GPUs


def render(node: Node, rec: Recording) -> None:
    """Put a healthy host of this node's class."""
    about = CLASSES[node.klass]
    _system(node, rec, about)
    _cpuinfo(rec, about)
    _topology(rec, about)
    _frequency(rec, about)
    _memory(rec, about)
    _settings(rec, about)
    _processes(rec)
    _upkeep(node, rec, about)


def _system(node: Node, rec: Recording, about: HostClass) -> None:
    rec.identity(kernel=about.kernel, machine="aarch64" if about.vendor == "ARM" else "x86_64")
    year = about.system
    rec.file(
        "/etc/os-release",
        f'PRETTY_NAME="Ubuntu {year}.5 LTS"\nNAME="Ubuntu"\nVERSION_ID="{year}"\n'
        f'VERSION="{year}.5 LTS ({CODENAMES[year]})"\nVERSION_CODENAME={CODENAMES[year].split()[0].lower()}\n'
        'ID=ubuntu\nID_LIKE=debian\nHOME_URL="https://www.ubuntu.com/"\n',
    )
    rec.file("/etc/machine-id", node.hexdigits("machine-id", 0, 32) + "\n")
    rec.file(
        "/proc/cmdline",
        f"BOOT_IMAGE=/boot/vmlinuz-{about.kernel} root=UUID={node.uuid('root')} ro {about.arguments} audit=1 quiet\n",
    )
    rec.file("/proc/sys/kernel/version", "#84~22.04.1-Ubuntu SMP PREEMPT_DYNAMIC Tue Sep  2 09:12:11 UTC 2026\n")
    rec.file(
        "/proc/sys/kernel/tainted", "12288\n" if set(about.modules) & {"nvidia", "habanalabs", "amdgpu"} else "0\n"
    )
    for release in (about.kernel, about.kernel.replace("84", "79").replace("1043", "1039")):
        rec.file(f"/boot/vmlinuz-{release}", "")
    rec.link("/boot/vmlinuz", f"vmlinuz-{about.kernel}")
    rec.file(
        "/etc/apt/apt.conf.d/20auto-upgrades",
        'APT::Periodic::Update-Package-Lists "0";\nAPT::Periodic::Unattended-Upgrade "0";\n',
    )
    installed = "".join(f"{name}\tinstalled\t{version}\n" for name, version in sorted(about.packages.items()))
    rec.command(
        ["dpkg-query", "-W", "-f", r"${Package}\t${db:Status-Status}\t${Version}\n", *sorted(about.packages)], installed
    )
    lines = (
        f"{name} {4096 * (7 + len(name))} 0 - Live 0x0000000000000000\n" for name in (*about.modules, "nvme", "xfs")
    )
    rec.file("/proc/modules", "".join(lines))


def _cpus(about: HostClass, socket: int) -> list[int]:
    """The CPU numbers of a socket: first every core's first thread, then, behind all sockets, its second."""
    cores = range(socket * about.cores, (socket + 1) * about.cores)
    return [*cores, *(core + about.sockets * about.cores for core in cores)] if about.smt else [*cores]


def _ranges(about: HostClass, first: int, last: int) -> str:
    second = about.sockets * about.cores
    return f"{first}-{last},{first + second}-{last + second}" if about.smt else f"{first}-{last}"


def _cpuinfo(rec: Recording, about: HostClass) -> None:
    if about.vendor == "ARM":
        core = (
            f"BogoMIPS\t: 2000.00\nFeatures\t: {ARM_FEATURES}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            "CPU variant\t: 0x0\nCPU part\t: 0xd4f\nCPU revision\t: 0\n\n"
        )
        text = "".join(f"processor\t: {number}\n{core}" for number in range(about.sockets * about.cores))
    else:
        placed = sorted((cpu, socket) for socket in range(about.sockets) for cpu in _cpus(about, socket))
        text = "".join(_processor(about, cpu, socket) for cpu, socket in placed)
    rec.file("/proc/cpuinfo", text)


def _processor(about: HostClass, cpu: int, socket: int) -> str:
    flags = INTEL_FLAGS if about.vendor == "GenuineIntel" else AMD_FLAGS
    return (
        f"processor\t: {cpu}\nvendor_id\t: {about.vendor}\ncpu family\t: {about.family}\nmodel\t\t: {about.number}\n"
        f"model name\t: {about.model}\nstepping\t: {about.stepping}\nmicrocode\t: {about.microcode}\n"
        f"physical id\t: {socket}\nsiblings\t: {about.cores * 2}\ncore id\t\t: {cpu % about.cores}\n"
        f"cpu cores\t: {about.cores}\nflags\t\t: {flags}\n\n"
    )


def _topology(rec: Recording, about: HostClass) -> None:
    every = about.sockets * about.cores
    rec.file(f"{CPU}/online", f"0-{every * (2 if about.smt else 1) - 1}\n")
    rec.file(f"{CPU}/offline", "\n")
    rec.file(f"{CPU}/smt/active", f"{int(about.smt)}\n")
    rec.file(f"{CPU}/smt/control", "on\n" if about.smt else "notsupported\n")
    for socket in range(about.sockets):
        together = _ranges(about, socket * about.cores, (socket + 1) * about.cores - 1)
        for cpu in _cpus(about, socket):
            core = cpu % every
            folder = f"{CPU}/cpu{cpu}/topology"
            rec.file(f"{folder}/core_siblings_list", together + "\n")
            rec.file(f"{folder}/thread_siblings_list", f"{core},{core + every}\n" if about.smt else f"{core}\n")
    for flaw in FLAWS:
        rec.file(f"{CPU}/vulnerabilities/{flaw}", about.flaws.get(flaw, NOT_AFFECTED) + "\n")
    for unit in about.iommu:
        rec.directory(f"/sys/class/iommu/{unit}")


def _frequency(rec: Recording, about: HostClass) -> None:
    for cpu in range(about.sockets * about.cores * (2 if about.smt else 1)):
        folder = f"{CPU}/cpufreq/policy{cpu}"
        rec.file(f"{folder}/scaling_governor", "performance\n")
        rec.file(f"{folder}/scaling_driver", about.driver + "\n")
        rec.file(f"{folder}/cpuinfo_max_freq", f"{about.max_mhz}000\n")
        rec.file(f"{folder}/scaling_max_freq", f"{about.max_mhz}000\n")
        busy = cpu % 4 == 0 or about.driver != "intel_pstate"  # the others idle, and say so
        rec.file(f"{folder}/scaling_cur_freq", f"{about.max_mhz if busy else 800}000\n")
        if about.driver == "intel_pstate":
            rec.file(f"{folder}/base_frequency", f"{BASE_MHZ}000\n")
            for part in ("core", "package"):
                rec.file(f"{CPU}/cpu{cpu}/thermal_throttle/{part}_throttle_count", "0\n")
                rec.file(f"{CPU}/cpu{cpu}/thermal_throttle/{part}_throttle_total_time_ms", "0\n")
        else:
            rec.file(f"{CPU}/cpu{cpu}/acpi_cppc/nominal_freq", f"{about.max_mhz}\n")
    if about.driver == "intel_pstate":
        rec.file(f"{CPU}/intel_pstate/no_turbo", "0\n")
        for socket in range(about.sockets):
            _rapl(rec, socket)
    elif about.vendor != "ARM":
        rec.file(f"{CPU}/cpufreq/boost", "1\n")
    rec.file(f"{CPU}/cpuidle/current_driver", {"GenuineIntel": "intel_idle"}.get(about.vendor, "acpi_idle") + "\n")
    clock = "/sys/devices/system/clocksource/clocksource0"
    rec.file(f"{clock}/available_clocksource", about.clocks + "\n")
    rec.file(f"{clock}/current_clocksource", about.clocks.split()[0] + "\n")


def _rapl(rec: Recording, socket: int) -> None:
    zone = f"/sys/class/powercap/intel-rapl:{socket}"
    names = {
        "name": f"package-{socket}",
        "enabled": 1,
        "constraint_0_name": "long_term",
        "constraint_1_name": "short_term",
    }
    watts = {"constraint_0_power_limit_uw": 350, "constraint_0_max_power_uw": 350, "constraint_1_power_limit_uw": 420}
    for name, value in {**names, **{name: value * 10**6 for name, value in watts.items()}}.items():
        rec.file(f"{zone}/{name}", f"{value}\n")


def _memory(rec: Recording, about: HostClass) -> None:
    of_socket = int(about.memory_gib * GIB_KB * (1 - KEPT_BY_KERNEL))
    of_accelerator = about.accelerator_memory_gib * GIB_KB
    total = of_socket * about.sockets + of_accelerator * about.accelerators
    huge_kb = 524288 if about.vendor == "ARM" else 2048
    rec.file(
        "/proc/meminfo",
        f"MemTotal:       {total} kB\nMemFree:        {int(total * 0.93)} kB\nMemAvailable:   {int(total * 0.96)} kB\n"
        f"Buffers:          412040 kB\nCached:         {int(total * 0.02)} kB\nSwapTotal:             0 kB\n"
        "SwapFree:              0 kB\nHardwareCorrupted:     0 kB\nAnonHugePages:    612352 kB\n"
        f"HugePages_Total:   {about.huge_pages}\nHugePages_Free:    {about.huge_pages}\nHugePages_Rsvd:        0\n"
        f"HugePages_Surp:        0\nHugepagesize:     {huge_kb} kB\n",
    )
    pool = f"/sys/kernel/mm/hugepages/hugepages-{huge_kb}kB"
    rec.file(f"{pool}/nr_hugepages", f"{about.huge_pages}\n")
    rec.file(f"{pool}/free_hugepages", f"{about.huge_pages}\n")
    rec.file("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    rec.file("/sys/kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never\n")
    rec.space("/dev/shm", total * 512, 0)
    _numa(rec, about, of_socket, of_accelerator)
    for number, name in enumerate(about.controllers):
        folder = f"/sys/devices/system/edac/mc/mc{number}"
        rec.file(f"{folder}/mc_name", name + "\n")
        rec.file(f"{folder}/size_mb", f"{about.memory_gib * about.sockets * 1024 // len(about.controllers)}\n")
        rec.file(f"{folder}/seconds_since_reset", "1050337\n")
        rec.file(f"{folder}/ce_count", "0\n")
        rec.file(f"{folder}/ue_count", "0\n")


def _numa(rec: Recording, about: HostClass, of_socket: int, of_accelerator: int) -> None:
    """Put the NUMA nodes; on Grace each GPU's memory begins a group of eight numbers, the rest of which are empty."""
    count = GRACE_NODES if about.accelerators else about.sockets
    memory = dict.fromkeys(range(about.sockets), of_socket)
    memory.update({about.sockets + 8 * number: of_accelerator for number in range(about.accelerators)})
    rec.file(f"{NODE}/online", f"0-{count - 1}\n" if count > 1 else "0\n")
    for number in range(count):
        kilobytes = memory.get(number, 0)
        cpus = _ranges(about, number * about.cores, (number + 1) * about.cores - 1) if number < about.sockets else ""
        distances = (
            10 if other == number else about.distance if other < about.sockets else 80 for other in range(count)
        )
        folder = f"{NODE}/node{number}"
        rec.file(f"{folder}/cpulist", cpus + "\n")
        rec.file(f"{folder}/distance", " ".join(map(str, distances)) + "\n")
        rec.file(
            f"{folder}/meminfo",
            f"Node {number} MemTotal:       {kilobytes} kB\nNode {number} MemFree:        {int(kilobytes * 0.93)} kB\n",
        )


def _settings(rec: Recording, about: HostClass) -> None:
    rec.file("/proc/sys/kernel/numa_balancing", "0\n" if "numa_balancing=disable" in about.arguments else "1\n")
    for path, value in about.sysctl.items():
        rec.file(f"/proc/sys/{path}", value + "\n")
    rec.file("/proc/sys/fs/file-max", "9223372036854775807\n")
    rec.file("/proc/sys/fs/file-nr", "14112\t0\t9223372036854775807\n")
    rec.file("/proc/sys/kernel/pid_max", "4194304\n")
    rec.file("/proc/sys/kernel/threads-max", "16512370\n")
    rec.file("/proc/loadavg", "0.31 0.42 0.40 1/2418 184220\n")
    quiet = "some avg10=0.00 avg60=0.00 avg300=0.00 total=48213\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=47110\n"
    for resource in ("cpu", "memory", "io"):
        rec.file(f"/proc/pressure/{resource}", quiet)
    rec.file(
        "/proc/self/limits",
        f"{'Limit':<26}{'Soft Limit':<21}{'Hard Limit':<21}{'Units':<10}\n"
        f"{'Max processes':<26}{'8256185':<21}{'8256185':<21}{'processes':<10}\n"
        f"{'Max open files':<26}{'1048576':<21}{'1048576':<21}{'files':<10}\n"
        f"{'Max locked memory':<26}{'unlimited':<21}{'unlimited':<21}{'bytes':<10}\n",
    )
    rec.file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n")


def _upkeep(node: Node, rec: Recording, about: HostClass) -> None:
    rec.file("/etc/environment", 'PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\n')
    rec.file("/etc/profile.d/fabric.sh", "# NCCL_IB_DISABLE=1 was for the tests\nexport NCCL_SOCKET_IFNAME=bond0\n")
    rec.file(
        "/etc/systemd/system/docker.service.d/limits.conf", "[Service]\nLimitMEMLOCK=infinity\nEnvironment=A=1 B=2\n"
    )
    rec.file("/etc/tuned/active_profile", "accelerator-performance\n")
    rec.file("/sys/kernel/kexec_crash_loaded", "1\n")
    if about.vendor != "ARM":  # its pages are larger, and so are the orders
        blocks = "".join(f"{512 >> order:7d}" for order in range(10)) + "  98304"
        rec.file(
            "/proc/buddyinfo", f"Node 0, zone      DMA      1      0      0      0\nNode 0, zone   Normal{blocks}\n"
        )
    rec.file("/sys/module/module/parameters/sig_enforce", "Y\n")
    if node.klass == "gaudi3":
        for kernel in (about.kernel, about.kernel.replace("84", "79")):
            rec.file(f"/var/lib/dkms/habanalabs/1.21.2-8/{kernel}/x86_64/module/habanalabs.ko", "")
        rec.file("/var/lib/dkms/dkms_dbversion", "3.0.0\n")


def _processes(rec: Recording) -> None:
    rec.file("/proc/1/comm", "systemd\n")
    for pid, name, parent in PROCESSES:
        rec.file(f"/proc/{pid}/stat", f"{pid} ({name}) S {parent} {pid} {pid} 0 -1 4194560 0 0 0 0\n")
