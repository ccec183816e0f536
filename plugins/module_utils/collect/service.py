# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services: the units, containers, ports and processes that the profile names, and what systemd holds for failed.

Nothing is listed that nobody asked for, and no log line, environment or command line enters the facts.
"""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, List, Mapping

from ..host import Asked, Host
from . import service_containers, service_devices, service_ports, service_units

ON_DEMAND = "on_demand"  # what a workload manager starts for the jobs that need it
ROLES = ("accelerator", ON_DEMAND, "supporting", "runtime", "platform", "observability", "workload")


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what a profile names: units by role ("a.service|b.service" is whichever there is), containers, ports."""
    service: Mapping[str, Any] = profile.get("service") or {}
    by_role: Mapping[str, Any] = service.get("units") or {}
    return {
        "units": [{"name": name, "role": role} for role in ROLES for name in by_role.get(role) or []],
        **{key: list(service.get(key) or []) for key in ("containers", "ports", "processes", "device_users")},
        "engine": service.get("engine"),
        **({"ports_allowed": service["ports_allowed"]} if isinstance(service.get("ports_allowed"), list) else {}),
    }


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the service facts; ``wanted`` as the function of that name returns it."""
    asked = Asked(host)
    system = service_units.system(asked)
    units = service_units.units(asked, wanted.get("units") or [], bool(system["systemd"]))
    engines, containers = service_containers.collect(asked, wanted.get("containers") or [], wanted.get("engine"))
    users = wanted.get("device_users") or []
    pids = [unit["main_pid"] for unit in units or [] if unit["main_pid"]]
    on_demand = None if units is None else [unit for unit in units if unit["role"] == ON_DEMAND]
    return {
        **system,
        "units": None if units is None else [unit for unit in units if unit["role"] != ON_DEMAND],
        "on_demand": on_demand,
        "on_demand_installed": None
        if on_demand is None
        else sum(unit["load_state"] not in ("not-found", "masked") for unit in on_demand),
        "engines": engines,
        "containers": containers,
        "device_users": _device_users(asked, users, [*(units or []), *(containers or [])]) if users else None,
        **service_ports.collect(asked, wanted.get("ports") or [], pids),
        "unexpected_listeners": service_ports.unexpected(asked, wanted.get("ports_allowed")),
        "processes": service_ports.processes(asked, wanted.get("processes") or []),
        "errors": asked.errors,
    }


def _device_users(asked: Asked, patterns: List[str], services: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return, for each service that must see the accelerators, which device nodes it sees."""
    here = service_devices.nodes(asked, "/dev")
    found = []
    for pattern in patterns:
        matching = [service for service in services if fnmatch.fnmatchcase(service["name"], pattern)]
        found += [service_devices.user(asked, service, here) for service in matching]
        if not matching:
            asked.fail("device users", f"{pattern}: no unit or container of that name")
            found.append(service_devices.nothing(pattern, here))
    return found
