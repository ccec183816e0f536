# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processors and NUMA nodes."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Set

from ..host import OK, Asked
from ..parse import cpulist, proc
from . import host_clock

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"
FIRST_PROCESSOR = 1 << 14  # bytes: enough for one processor, where hundreds would cost a megabyte
# What the kernel says of a flaw (Documentation/ABI/testing/sysfs-devices-system-cpu), but for "Unknown: ...".
KNOWN_STATE = re.compile(r"(?:KVM: )?(?:Not affected|Vulnerable|Mitigation)|Processor vulnerable")
ARM_CORES = {  # (implementer, part) of MIDR_EL1, which is all that arm64 kernels print
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x41", "0xd84"): "Neoverse-V3",
    ("0x41", "0xd8e"): "Neoverse-N3",
}


def cpu(asked: Asked) -> Dict[str, Any]:
    """Return what the processors are and how they are set."""
    first = _first_processor(asked)
    online = cpulist.numbers(asked.text(f"{CPU}/online", required=True))
    vendor = first.get("vendor_id") or first.get("CPU implementer")
    topology = _topology(asked, online or [])
    return {
        "source": "sysfs",
        "model": first.get("model name") or ARM_CORES.get((vendor or "", first.get("CPU part", ""))),
        "vendor": {"0x41": "ARM"}.get(vendor or "", vendor),
        "hypervisor": "hypervisor" in first["flags"].split() if "flags" in first else None,
        "microcode": first.get("microcode"),
        "threads": len(online) if online else None,
        "offline": _offline(asked),
        **topology,
        "smt": _smt(asked.text(f"{CPU}/smt/active")),
        "frequency": _frequency(asked),
        "throttle": host_clock.throttle(asked, online or []),
        "power": host_clock.power(asked),
        "idle_driver": asked.text(f"{CPU}/cpuidle/current_driver"),
        "vulnerabilities": _vulnerabilities(asked),
    }


def _first_processor(asked: Asked) -> Dict[str, str]:
    answer = asked.host.read("/proc/cpuinfo", FIRST_PROCESSOR)  # not through Asked: cut short on purpose
    if answer.state != OK:
        asked.fail("/proc/cpuinfo", f"{answer.state}: {answer.detail}")
        return {}
    return proc.cpuinfo(answer.data.decode("utf-8", "replace"))


def _offline(asked: Asked) -> Optional[List[int]]:
    data = asked.bytes(f"{CPU}/offline")
    if data == b"":
        asked.fail(f"{CPU}/offline", "empty: where no CPU is offline the kernel writes an empty line")
    return cpulist.numbers(asked.text(f"{CPU}/offline")) if data else None


def _smt(active: Optional[str]) -> Optional[bool]:
    return {"1": True, "0": False}.get(active or "")


def _topology(asked: Asked, online: List[int]) -> Dict[str, Optional[int]]:
    """Count sockets and cores: each sibling list that is read speaks for all the CPUs it names."""
    counts: Dict[str, Optional[int]] = {}
    for name, file in (("sockets", "core_siblings_list"), ("cores", "thread_siblings_list")):
        seen: Set[int] = set()
        count: Optional[int] = 0 if online else None
        for number in online:
            if number in seen or count is None:
                continue
            siblings = cpulist.numbers(asked.text(f"{CPU}/cpu{number}/topology/{file}", required=True))
            count = count + 1 if siblings and number in siblings else None
            seen.update(siblings or [])
        counts[name] = count
    return counts


def _frequency(asked: Asked) -> Dict[str, Any]:
    """Summarise the cpufreq policies; frequencies in MHz."""
    numbers = [
        int(name[6:]) for name in asked.names(f"{CPU}/cpufreq") if name.startswith("policy") and name[6:].isdecimal()
    ]
    policies = [_policy(asked, number) for number in sorted(numbers)]
    known = [policy for policy in policies if policy["limit_mhz"] and policy["max_mhz"]]
    max_mhz = max((policy["max_mhz"] for policy in known), default=None)
    return {
        "source": "cpufreq",
        "policies": len(policies) or None,
        "driver": asked.text(f"{CPU}/cpufreq/policy{min(numbers)}/scaling_driver") if numbers else None,
        "governors": _governors(policies),
        "max_mhz": max_mhz,
        **host_clock.clocks(asked, sorted(numbers), max_mhz),
        "limit_mhz": min((policy["limit_mhz"] for policy in known), default=None),
        "limited_policies": [
            f"CPU {policy['number']}: {policy['limit_mhz']} of {policy['max_mhz']} MHz"
            for policy in known
            if policy["limit_mhz"] < policy["max_mhz"]
        ]
        if known and len(known) == len(policies)
        else None,
        "boost": _boost(asked),
    }


def _policy(asked: Asked, number: int) -> Dict[str, Any]:
    folder = f"{CPU}/cpufreq/policy{number}"
    kilohertz = {name: asked.number(f"{folder}/{name}_freq") for name in ("cpuinfo_max", "scaling_max")}
    return {
        "number": number,
        "governor": asked.text(f"{folder}/scaling_governor", required=True),
        "max_mhz": _mhz(kilohertz["cpuinfo_max"]),
        "limit_mhz": _mhz(kilohertz["scaling_max"]),
    }


def _mhz(kilohertz: Optional[int]) -> Optional[int]:
    return None if kilohertz is None else kilohertz // 1000


def _governors(policies: List[Dict[str, Any]]) -> Optional[List[Dict[str, Any]]]:
    groups: Dict[Optional[str], List[int]] = {}
    for policy in policies:
        groups.setdefault(policy["governor"] or None, []).append(policy["number"])
    return [
        {"label": f"CPU policies {cpulist.written(members)}", "governor": governor, "policies": len(members)}
        for governor, members in sorted(groups.items(), key=lambda pair: pair[1])
    ] or None


def _boost(asked: Asked) -> Optional[bool]:
    """Say whether the processors may exceed their base frequency: two drivers, two files, opposite meaning."""
    boost = asked.text(f"{CPU}/cpufreq/boost")
    if boost is not None:
        return {"1": True, "0": False}.get(boost)
    return {"0": True, "1": False}.get(asked.text(f"{CPU}/intel_pstate/no_turbo") or "")


def _vulnerabilities(asked: Asked) -> Optional[Dict[str, Optional[str]]]:
    """Return what the kernel says of each known flaw; ``None`` where it says that it does not know."""
    folder = f"{CPU}/vulnerabilities"
    texts = {name: asked.text(f"{folder}/{name}") for name in asked.names(folder)}
    return {name: text if text and KNOWN_STATE.match(text) else None for name, text in texts.items()} or None


def numa(asked: Asked) -> Dict[str, Any]:
    """Return the NUMA nodes; memory that came with an accelerator is a node without CPUs.

    Numbers that are set aside for memory to come (Grace has dozens) hold neither CPUs nor memory and are left out.
    """
    numbers = cpulist.numbers(asked.text(f"{NODE}/online", required=True))
    if not numbers:
        asked.fail(f"{NODE}/online", "it does not tell which nodes there are")
    found = [_node(asked, number) for number in numbers or []]
    nodes = [node for node in found if node["cpu_count"] != 0 or node["memory_total_bytes"] != 0]
    with_cpus = [node for node in nodes if node["cpu_count"]]
    whole = bool(nodes) and all(node["cpu_count"] is not None for node in nodes)
    memory = [node["memory_total_bytes"] for node in with_cpus]
    return {
        "source": "sysfs",
        "nodes": nodes or None,
        "cpu_nodes": len(with_cpus) if whole else None,
        "cpu_memory_bytes": sum(memory) if whole and None not in memory else None,
        "balancing": {"0": False, "1": True, "2": True}.get(asked.text("/proc/sys/kernel/numa_balancing") or ""),
    }


def _node(asked: Asked, number: int) -> Dict[str, Any]:
    folder = f"{NODE}/node{number}"
    members = cpulist.numbers(asked.text(f"{folder}/cpulist"))
    if members is None:  # old kernels have only links to the CPUs
        linked = [int(name[3:]) for name in asked.names(folder) if re.match(r"^cpu\d+$", name)]
        members = linked or None
        if not linked:
            asked.fail(f"{folder}/cpulist", "it does not tell which CPUs this node has")
    memory = proc.node_meminfo(asked.text(f"{folder}/meminfo", required=True) or "")
    distance = (asked.text(f"{folder}/distance") or "").split()
    return {
        "label": f"NUMA node {number}",
        "index": number,
        "cpus": cpulist.written(members) if members else None,
        "cpu_count": None if members is None else len(members),
        "memory_total_bytes": memory.get("MemTotal"),
        "memory_free_bytes": memory.get("MemFree"),
        "distances": [int(value) for value in distance if value.isdecimal()] or None,
    }
