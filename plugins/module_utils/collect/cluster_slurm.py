# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm as the node sees it: its controllers, the settings they run by, this node's entry, and what slurmd finds here.

All of it is asked with the node's own commands, which authenticate as the machine does; nothing is changed.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..host import Asked
from ..parse import slurm
from .asking import side_by_side

SETTINGS = {
    "accounting_enforce": "AccountingStorageEnforce",
    "partition_limits": "EnforcePartLimits",
    "epilog": "Epilog",
    "health_check": "HealthCheckProgram",
    "preempt_mode": "PreemptMode",
    "preempt_type": "PreemptType",
    "priority_age": "PriorityWeightAge",
    "priority_fair_share": "PriorityWeightFairShare",
    "priority_type": "PriorityType",
    "process_tracking": "ProctrackType",
    "scheduler": "SchedulerType",
    "topology": "TopologyPlugin",
    "confines_devices": "ConstrainDevices",
}
LISTS = ("accounting_enforce",)
NUMBERS = ("priority_age", "priority_fair_share")
PROGRAMS = ("epilog", "health_check")  # that one is set is told, not which
FIT = ("IDLE", "ALLOCATED", "MIXED", "COMPLETING", "PLANNED", "RESERVED")
PING = ["scontrol", "ping"]
QUOTAS = ["sacctmgr", "-nP", "show", "assoc", "format=Account,User,GrpTRES,GrpTRESMins,MaxTRES"]


def collect(asked: Asked, entry: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what Slurm says.

    ``entry`` may name the ``node``, the ``accounts`` that must have quotas, and the ``states`` that a site accepts.
    """
    name = str(entry.get("node") or asked.host.identity()["hostname"].partition(".")[0])
    commands = {
        "config": ["scontrol", "show", "config"],
        "node": ["scontrol", "-o", "show", "node", name],
        "hardware": ["slurmd", "-C"],
        **({"quotas": QUOTAS} if "accounts" in entry else {}),
    }
    looks: Dict[str, Callable[[], Any]] = {key: partial(asked.run, argv) for key, argv in commands.items()}
    said = side_by_side(asked, {"ping": partial(_ping, asked), **looks})
    controllers = slurm.controllers(said["ping"] or "")
    return {
        "label": f"node {name}",
        "source": "scontrol",
        "controllers": [
            {"label": f"slurmctld {one['role']} at {one['name']}", "source": "scontrol ping", **one}
            for one in controllers
        ]
        or None,
        "controllers_up": sum(one["up"] for one in controllers) if controllers else None,
        "settings": _settings(asked, said["config"]),
        "node": _node(asked, name, said["node"], said["hardware"], list(entry.get("states") or [])),
        "accounts_without_quota": slurm.without_limit(said.get("quotas") or "", list(entry.get("accounts") or [])),
    }


def _ping(asked: Asked) -> str:
    """Return what ``scontrol ping`` prints; it ends with an error when a controller is down, and says which."""
    answer = asked.host.run(PING)
    text = answer.stdout.decode("utf-8", "replace")
    if not slurm.controllers(text):
        asked.fail(
            "scontrol ping", answer.detail or answer.stderr.decode("utf-8", "replace").strip()[:200] or "no answer"
        )
    return text


def _settings(asked: Asked, text: Optional[str]) -> Dict[str, Any]:
    known = slurm.config(text or "")
    if text is not None and not known:
        asked.fail("scontrol show config", "not whole")
    found: Dict[str, Any] = {name: known.get(key) for name, key in SETTINGS.items()}
    for name in LISTS:
        if found[name] is not None:
            found[name] = [part for part in found[name].split(",") if part and part != "none"]
    for name in NUMBERS:
        found[name] = slurm.number(found[name])
    for name in PROGRAMS:
        found[f"{name}_set"] = None if found[name] is None else found.pop(name) != "none"
        found.pop(name, None)
    return {"source": "scontrol show config", **found}


def _node(
    asked: Asked, name: str, shown: Optional[str], hardware: Optional[str], accepted: List[str]
) -> Optional[Dict[str, Any]]:
    listed, seen = slurm.words(shown or ""), slurm.words(hardware or "")
    if listed.get("NodeName") != name:
        asked.fail("scontrol show node", f"says nothing about {name}")
        return None
    found = slurm.node_states(listed.get("State", ""), accepted)
    settled = not found.unheard or bool(set(found.states) - set(accepted or FIT))
    counts = slurm.gres(listed.get("Gres"))
    return {
        "source": "scontrol show node",
        "states": found.states if settled and found.states else None,
        "flags": [*found.flags, *found.unheard],
        "state_detail": f"State={listed.get('State')}: no word is known for {', '.join(found.unheard)}"
        if found.unheard
        else None,
        "gpus": None if counts is None else counts.get("gpu", 0),
        "cpus": slurm.number(listed.get("CPUTot")),
        "memory_mb": slurm.number(listed.get("RealMemory")),
        "cpus_seen": slurm.number(seen.get("CPUs")),
        "memory_mb_seen": slurm.number(seen.get("RealMemory")),
    }
