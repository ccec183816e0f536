# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of the host itself: operating system, processors, memory, and how they are set."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Dict, List, Mapping, Optional

from ..host import ABSENT, OK, Asked, Host
from ..parse import proc
from . import host_cpu, host_job, host_memory, host_system, host_upkeep
from .asking import side_by_side

MACHINES = {  # DMI product or vendor -> hypervisor, as hypervisors name the machines they make
    "Firecracker": "firecracker",
    "Google Compute Engine": "google",
    "HVM domU": "xen",
    "KVM": "kvm",
    "QEMU": "qemu",
    "VMware": "vmware",
    "Virtual Machine": "hyper-v",
    "VirtualBox": "virtualbox",
}


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the sysctls, modules and packages that a profile speaks of, and the driver of its fabric."""
    host = profile.get("host") or {}
    fabric = (profile.get("nic") or {}).get("fabric") or {}
    return {
        **({"fabric": {key: fabric.get(key) for key in ("driver", "link_layer")}} if fabric.get("driver") else {}),
        "sysctl": sorted(host.get("sysctl") or {}),
        "modules": sorted(host.get("modules") or []),
        "packages": sorted(host.get("packages") or []),
    }


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the host's facts; ``wanted`` as the function of that name returns it."""
    asked = Asked(host)
    slow = side_by_side(
        asked,
        {
            "packages": lambda: host_system.packages(asked, wanted.get("packages") or []),
            "/dev/shm": lambda: host.space("/dev/shm"),
            "processes": lambda: host_system.processes(asked),
        },
    )
    release = host_system.release(asked)
    cpu = host_cpu.cpu(asked)
    loaded, modules = host_system.modules(asked, wanted.get("modules") or [])
    kernel = host_system.kernel(asked)
    facts = {
        "source": "/proc and /sys",
        **_identity(asked),
        "os": release,
        "kernel": kernel,
        "virtualization": virtualization(asked, cpu["hypervisor"]),
        "cpu": cpu,
        "numa": host_cpu.numa(asked),
        "memory": host_memory.memory(asked),
        "shared_memory": _shared(asked, slow["/dev/shm"]),
        "modules_loaded": loaded,
        "modules": modules,
        "job": host_job.job(asked, loaded, wanted.get("fabric")),
        "sysctl": host_system.sysctl(asked, wanted.get("sysctl") or []),
        "iommu": iommu(asked),
        "clock": clock(asked),
        "load": load(asked, cpu["threads"]),
        "pressure": pressure(asked),
        "processes": slow["processes"],
        **host_upkeep.upkeep(asked, kernel, host_system.limits(asked)),
        "packages": slow["packages"],
        "updates": host_system.updates(asked, release),
        "cgroup_version": _cgroup(asked),
        "init": asked.text("/proc/1/comm"),
    }
    return {**facts, "errors": asked.errors}


def _identity(asked: Asked) -> Dict[str, Any]:
    """Return which machine this is, who asks it, and since when it runs."""
    identity = asked.host.identity()
    uptime = (asked.text("/proc/uptime", required=True) or "").split()
    return {
        "hostname": identity.get("hostname"),
        "architecture": identity.get("machine"),
        "user_id": identity.get("uid"),
        "python": identity.get("python"),
        "machine_id_hash": _machine_id(asked),
        "boot_id": asked.text("/proc/sys/kernel/random/boot_id"),
        "uptime_s": float(uptime[0]) if uptime and re.match(r"^\d+(\.\d+)?$", uptime[0]) else None,
    }


def _machine_id(asked: Asked) -> Optional[str]:
    """Return a digest of the machine id, which machine-id(5) asks to keep to the machine; clones still show."""
    text = asked.text("/etc/machine-id")
    return hashlib.sha256(f"muster {text}".encode()).hexdigest()[:32] if text else None


def _shared(asked: Asked, space: Optional[Mapping[str, int]]) -> Dict[str, Any]:
    if space is None:
        asked.fail("/dev/shm", "its size could not be asked for")
    found = space or {}
    return {
        "source": "statvfs /dev/shm",
        "total_bytes": found.get("total_bytes"),
        "available_bytes": found.get("available_bytes"),
    }


def virtualization(asked: Asked, flag: Optional[bool]) -> Dict[str, Any]:
    """Return whether this is a physical machine, a virtual one or a container, as far as it shows."""
    container = asked.text("/run/systemd/container")
    if container or asked.host.stat("/.dockerenv"):
        return {"source": "/run", "kind": "container", "name": container or "docker"}
    words = [asked.text(f"/sys/class/dmi/id/{name}") or "" for name in ("product_name", "sys_vendor")]
    name = next((made for mark, made in MACHINES.items() if any(mark in word for word in words)), None)
    kind = "vm" if name or flag else "physical" if any(words) and flag is not None else None
    if kind is None and any(words) and asked.host.identity().get("machine") == "aarch64":
        kind = "physical"  # arm64 has no flag for it; a hypervisor's name would stand in DMI
    return {"source": "DMI and CPU flags", "kind": kind, "name": name}


def iommu(asked: Asked) -> Dict[str, Any]:
    """Return the IOMMU units, its groups, and how their devices' addresses are translated (identity: not at all)."""
    units = asked.host.names("/sys/class/iommu")
    groups = asked.names("/sys/kernel/iommu_groups")
    types: Dict[str, int] = {}
    for group in groups:
        kind = asked.text(f"/sys/kernel/iommu_groups/{group}/type")
        if kind:
            types[kind] = types.get(kind, 0) + 1
    return {
        "source": "sysfs",
        "units": len(units.names) if units.state in (OK, ABSENT) else None,
        "groups": len(groups) if units.state in (OK, ABSENT) else None,
        "enabled": bool(units.names or groups) if units.state in (OK, ABSENT) else None,
        "domain_types": sorted(types) or None,
        "passthrough": list(types) == ["identity"] if types else None,
    }


def clock(asked: Asked) -> Dict[str, Any]:
    """Return the clock source, and those that the kernel could use instead."""
    folder = "/sys/devices/system/clocksource/clocksource0"
    available = asked.text(f"{folder}/available_clocksource")
    return {
        "source": "sysfs",
        "current": asked.text(f"{folder}/current_clocksource", required=True),
        "available": available.split() if available else None,
    }


def load(asked: Asked, threads: Optional[int]) -> Dict[str, Any]:
    """Return the load averages, and the one over five minutes for each CPU thread."""
    words = (asked.text("/proc/loadavg", required=True) or "").split()
    averages: List[Optional[float]] = [None, None, None]
    if len(words) > 2 and all(re.match(r"^\d+(\.\d+)?$", word) for word in words[:3]):
        averages = [float(word) for word in words[:3]]
    one, five, fifteen = averages
    per_thread = round(five / threads, 3) if five is not None and threads else None
    return {"source": "/proc/loadavg", "one": one, "five": five, "fifteen": fifteen, "per_thread": per_thread}


def pressure(asked: Asked) -> Dict[str, Any]:
    """Return the percent of time that tasks waited for each resource; ``accounted`` is whether the kernel counts."""
    texts = {name: asked.text(f"/proc/pressure/{name}") for name in ("cpu", "memory", "io")}
    accounted = asked.host.names("/proc/pressure").state
    return {
        "source": "/proc/pressure",
        "accounted": {OK: any(texts.values()), ABSENT: False}.get(accounted),
        **{name: proc.pressure(text) if text else None for name, text in texts.items()},
    }


def _cgroup(asked: Asked) -> Optional[int]:
    if asked.host.stat("/sys/fs/cgroup/cgroup.controllers"):
        return 2
    return 1 if asked.host.stat("/sys/fs/cgroup/memory") else None
