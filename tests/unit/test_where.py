# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A check that leaves things out by a ``where`` must not leave out broken ones: the fault may change the field.

For every field that some ``where`` asks it is said here that it cannot change with a fault (what a thing is, what the
profile asked for), or which check is red when it does.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

CHECKS = {check["id"]: check for check in catalogue.checks()}

# What a thing is, where it stands, what it can do: no fault of it makes it another thing.
IDENTITY = {
    "cluster.endpoints": {"kind"},
    "cluster.paths": {"kind"},
    "firmware.components": {"kind"},
    "firmware.models": {"kind"},
    "gpu.devices[*].links": {"kind"},
    "host.modules": {"name"},
    "host.packages": {"name"},
    "nic.bonds": {"lacp"},
    "nic.bonds[*].members": {"lacp"},
    "nic.netdevs": {"driver", "kind", "link_layer"},
    "nic.rdma.devices": {"driver"},
    "nic.rdma.ports": {"device", "driver", "link_layer"},
    "pci.devices": {"aer_capable", "leads_to", "link_role", "role", "sriov_capable"},
    "service.engines": {"name"},
    "service.units": {"kind", "role"},
    "storage.devices": {"name", "removable"},
    "storage.mounts": {"inodes_counted"},
}
# What the profile asked for, noted beside the answer.
ASKED = {
    "cluster.endpoints": {"encrypted", "has_wanted_text"},
    "cluster.exporters": {"names_families", "tells_of_devices"},
    "cluster.prometheus": {"asks_queue", "asks_workload", "names_alerts"},
    "storage.mounts": {"wanted"},
}
# What changes with a fault, and the check that is red then.
GUARDED = {
    ("cluster.exporters", "reports_collectors"): "metrics.exporter.answers",
    ("firmware.dimms", "populated"): "firmware.memory.populated",
    ("firmware.power_supplies", "present"): "firmware.psu.present",
    ("firmware.processors", "populated"): "host.cpu.sockets",
    ("gpu.devices", "clock_reasons.explained"): "gpu.throttle.hw_slowdown",
    ("gpu.devices", "processes"): "gpu.processes.none",
    ("gpu.devices", "responding"): "gpu.device.state",
    ("gpu.devices", "state"): "gpu.device.state",
    ("gpu.devices[*].instances", "responding"): "gpu.device.state",
    ("gpu.devices[*].links", "responding"): "gpu.device.state",
    ("nic.netdevs", "carrier"): "nic.bond.width",
    ("nic.netdevs", "default_route"): "nic.default_route.present",
    ("nic.netdevs", "module.diagnostics"): "nic.module.alarms",
    ("nic.netdevs", "neighbours"): "lldp.neighbour.present",
    ("nic.netdevs", "rdma"): "rdma.device.count",
    ("nic.netdevs", "rdma_device"): "rdma.device.count",
    ("nic.rdma.ports", "gids.count"): "rdma.port.gid",
    ("nic.rdma.ports", "physical_state"): "rdma.port.physical_state",
    ("nic.rdma.ports", "saturated"): "rdma.errors.counters",
    ("nic.rdma.ports", "state"): "rdma.port.state",
    ("service.containers", "status"): "service.container.status",
    ("service.on_demand", "load_state"): "service.on_demand.active",
    ("service.units", "active_state"): "service.platform.active",
    ("service.units", "load_state"): "service.platform.active",
    ("service.units", "sub_state"): "service.platform.active",
    ("storage.mounts", "state"): "storage.mount.responds",
}


def fields() -> Iterator[tuple[str, str, str]]:
    """Yield (list, field, check) for every field that a ``where`` asks."""
    for name, check in CHECKS.items():
        for field in check.get("where", {}):
            yield check["subject"].rsplit("[*]", 1)[0], field, name


@pytest.mark.parametrize(("items", "field", "name"), sorted(fields()))
def test_field_that_selects_is_known_for_what_it_is(items: str, field: str, name: str) -> None:
    still = field in IDENTITY.get(items, ()) or field in ASKED.get(items, ())
    assert still != ((items, field) in GUARDED), (
        f"{name}: does a fault change {field} of {items}? Which check is red then?"
    )


@pytest.mark.parametrize(("guarded", "guard"), sorted(GUARDED.items()))
def test_guard_is_a_check_that_is_grave_or_as_grave(guarded: tuple[str, str], guard: str) -> None:
    assert guarded in {(items, field) for items, field, unused in fields()}, "no where asks it any more"
    assert guard in CHECKS


@pytest.mark.parametrize("unknown", [None, "N/A", ""])
@pytest.mark.parametrize(("items", "field", "name"), sorted(fields()))
def test_thing_whose_selecting_field_is_unknown_is_not_left_out(
    items: str, field: str, name: str, unknown: object
) -> None:
    """A thing that does not say whether it is meant is unknown, never passed over."""
    check = {**CHECKS[name], "applies": []}
    whole = dict.fromkeys(check["where"], True)
    tree: dict[str, object] = {"label": "thing"}
    for part in whole:
        place = tree
        for word in part.split(".")[:-1]:
            place = place.setdefault(word, {})  # type: ignore[assignment]
        place[part.split(".")[-1]] = unknown if part == field else "as it should be"
    where = {part: {"ne": "other"} for part in whole}
    facts: dict[str, object] = {}
    place = facts
    names = items.replace("[*]", "").split(".")
    if "[*]" in items or "[*]" not in check["subject"]:
        return  # things within things: the same code, one level further in
    for word in names[:-1]:
        place = place.setdefault(word, {})  # type: ignore[assignment]
    place[names[-1]] = [tree]
    rows = judge_check({**check, "where": where}, Ground(facts, {"name": "p", "values": {}, "sources": {}}, "now"))
    assert [row["status"] for row in rows] == ["unknown"]
