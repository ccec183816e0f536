# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with the state of a host: its kind, its load, its memory."""

from __future__ import annotations

import re

from .faults import Fault
from .host_faults import ALL, CPU, NODES, X86, Apply, _fault, holds, reads
from .node import Node
from .recording import Recording

MEMINFO = "/proc/meminfo"


def _exhausted(node: Node, rec: Recording) -> None:
    text = rec.text(MEMINFO)
    for name in ("MemFree", "MemAvailable"):
        text = re.sub(rf"(?m)^{name}: +\d+ kB", f"{name}:   204800 kB", text)
    rec.file(MEMINFO, text)


def _cgroup_v1(node: Node, rec: Recording) -> None:
    rec.remove("/sys/fs/cgroup/cgroup.controllers")
    rec.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")


def _other_model(node: Node, rec: Recording) -> None:
    name = next(line for line in rec.text("/proc/cpuinfo").splitlines() if line.startswith("model name"))
    rec.edit("/proc/cpuinfo", name, "model name\t: Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz")


def _one_socket(node: Node, rec: Recording) -> None:
    """Every CPU names all the others as its neighbours on one socket."""
    online = rec.text(f"{CPU}/online")
    for path in [path for path in rec.document["files"] if path.endswith("/topology/core_siblings_list")]:
        rec.file(path, online)


def _stalled(node: Node, rec: Recording) -> None:
    rec.edit(
        "/proc/pressure/memory", "full avg10=0.00 avg60=0.00 avg300=0.00", "full avg10=61.20 avg60=58.01 avg300=41.77"
    )


def _virtual(node: Node, rec: Recording) -> None:
    rec.edit("/proc/cpuinfo", "flags\t\t: ", "flags\t\t: hypervisor ")


def _slow(node: Node, rec: Recording) -> None:
    """Every CPU at its lowest clock."""
    for path in [path for path in rec.document["files"] if path.endswith("/scaling_cur_freq")]:
        rec.file(path, "800000\n")


def _throttled(node: Node, rec: Recording) -> None:
    for part in ("core", "package"):
        folder = f"{CPU}/cpu3/thermal_throttle/{part}_throttle"
        rec.file(f"{folder}_count", "91231\n")
        rec.file(f"{folder}_total_time_ms", "94300110\n")


def _files(node: Node, rec: Recording) -> None:
    rec.file("/proc/sys/fs/file-nr", "9523372\t0\t9723400\n")
    rec.file("/proc/sys/fs/file-max", "9723400\n")


def _stricter(name: str, does: str, check: str, apply: Apply, key: str, value: object) -> Fault:
    """A fault of what only some sites ask for."""
    return Fault(name, does, X86, {check: "fail"}, apply, {f"host.{key}": value})


def _unbuilt(node: Node, rec: Recording) -> None:
    kernel = rec.document["identity"]["kernel"]
    rec.remove(f"/var/lib/dkms/habanalabs/1.21.2-8/{kernel}/x86_64/module/habanalabs.ko")


INTEL = ("hgx_h100", "gaudi3")
FAULTS = [
    _fault("cpu_slow", "power trouble holds every CPU at its lowest clock", NODES, "host.cpu.clock", _slow),
    _fault("cpu_throttle_counted", "a CPU is too hot again and again", INTEL,
           "host.cpu.throttle_rate host.cpu.throttle_time", _throttled),
    _fault("cpu_power_capped", "one processor may draw half of its power", INTEL, "host.cpu.power_limit",
           holds("/sys/class/powercap/intel-rapl:1/constraint_0_power_limit_uw", "175000000\n")),
    _fault("environment_left_over", "a profile that every session reads switches RDMA off in NCCL", NODES,
           "host.environment.harmful",
           lambda node, rec: rec.file("/etc/profile.d/debug.sh", "export NCCL_IB_DISABLE=1\n")),
    _fault("environment_of_engine", "the container engine hides the GPUs from all containers", NODES,
           "host.environment.harmful",
           lambda node, rec: rec.file("/etc/systemd/system/docker.service.d/debug.conf",
                                      '[Service]\nEnvironment="CUDA_VISIBLE_DEVICES=0" "A=1"\n')),
    _fault("environment_unreadable", "a profile that every session reads cannot be read", NODES,
           "host.environment.harmful", lambda node, rec: rec.refuse("/etc/profile.d/fabric.sh"), "unknown"),
    _fault("dkms_not_built", "the driver is not built for the kernel that runs", ("gaudi3",), "host.dkms.built",
           _unbuilt),
    _fault("files_exhausted", "nearly all files that the kernel allows are open", ALL, "host.limits.open_files",
           _files),
    _fault("threads_exhausted", "nearly all threads that the kernel allows exist", ALL, "host.limits.threads",
           holds("/proc/loadavg", "0.31 0.42 0.40 1/4012018 184220\n")),
    _stricter("memory_fragmented", "free memory lies in small pieces", "host.memory.fragmentation",
              holds("/proc/buddyinfo", "Node 0, zone   Normal 99999 50000      0      0      0      0      0      0\n"),
              "large_blocks_percent_min", 20),
    _stricter("irqbalance_runs", "irqbalance moves pinned interrupts", "host.irqbalance",
              holds("/proc/1300/stat", "1300 (irqbalance) S 1 1300 1300 0 -1 4194560 0 0 0 0\n"), "irqbalance", False),
    _stricter("crash_kernel_missing", "a crash would not be dumped", "host.kernel.crash_dump",
              holds("/sys/kernel/kexec_crash_loaded", "0\n"), "crash_dump", True),
    _stricter("tuned_other_profile", "tuned has another profile", "host.tuned.profile",
              holds("/etc/tuned/active_profile", "balanced\n"), "tuned_profiles", ["accelerator-performance"]),
    _fault("architecture_wrong", "the machine is of another architecture", X86, "host.architecture",
           lambda node, rec: rec.identity(machine="ppc64le")),
    _fault("cgroup_v1", "control groups of version 1 are mounted", ALL, "host.cgroup.version", _cgroup_v1),
    _fault("cpu_other_model", "the processors are of another model", X86, "host.cpu.model", _other_model),
    _fault("cpu_one_socket", "one processor socket is seen", NODES, "host.cpu.sockets", _one_socket),
    _fault("load_high", "ten times as many tasks as CPUs want to run", ALL, "host.load",
           holds("/proc/loadavg", "4811.31 4790.42 4602.40 2204/9418 184220\n")),
    _fault("memory_exhausted", "200 MB of memory are left", ALL, "host.memory.available", _exhausted),
    _fault("memory_pages_bad", "the kernel holds back a damaged page of memory", ALL, "host.memory.hardware_corrupted",
           reads(MEMINFO, "HardwareCorrupted:     0 kB", "HardwareCorrupted:     4 kB")),
    _fault("memory_pressure", "everything waits for memory", ALL, "host.memory.pressure", _stalled),
    _fault("os_other", "another distribution is installed", NODES, "host.os.distribution",
           reads("/etc/os-release", "\nID=ubuntu\n", "\nID=debian\n")),
    _fault("smt_off", "the second threads of all cores are off", X86, "host.smt",
           reads(f"{CPU}/smt/active", "1", "0")),
    _fault("runs_virtual", "the machine is a virtual one", X86, "host.virtualization", _virtual),
]  # fmt: skip
