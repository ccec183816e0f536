# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Simulated nodes beside each other: healthy ones show nothing, and a planted fault what was said it shows."""

from __future__ import annotations

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "lab"))

from builder.__main__ import faults, healthy, layer
from builder.beside import BESIDE
from builder.node import NODES, PROFILES, Node

from ansible_collections.muster.fleet.plugins.module_utils.collect import node as collect_node
from ansible_collections.muster.fleet.plugins.module_utils.collect.together import collect
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, fleet
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet import fabric

CHECKS = fleet.checks()
FIRST = {node.klass: node for node in reversed(NODES)}
FAULTS = faults()
PEERS = 5


def peer(klass: str, number: int) -> Node:
    """Return a node of a class; every second one, since some classes have two kinds of driver in turn."""
    first = FIRST[klass]
    return dataclasses.replace(first, name=f"{first.name[:-2]}{number + 1:02d}", number=first.number + 2 * number)


@functools.cache
def recording(klass: str, number: int) -> Any:
    return healthy(peer(klass, number))


def facts(klass: str, *documents: Any) -> Any:
    wanted = collect_node.wanted(catalogue.profile(klass, [PROFILES])["values"])
    return collect(Replay(list(documents)), collect_node.COLLECTORS, wanted, 30)


def member(node: Node, found: Any) -> fleet.Member:
    return fleet.member({"name": node.name, "rack": node.rack, "class": node.klass, "results": []}, found, CHECKS)


@functools.cache
def well(klass: str) -> tuple[fleet.Member, ...]:
    return tuple(member(peer(klass, n), facts(klass, recording(klass, n).document)) for n in range(PEERS))


def findings(members: list[fleet.Member]) -> dict[str, str]:
    rows = fleet.judge(CHECKS, members, fleet.Ground({}, "2026-11-18T06:30:00Z"))
    return {row["id"]: row["status"] for row in rows if row["status"] in ("fail", "unknown")}


@pytest.mark.parametrize("klass", sorted(FIRST))
def test_healthy_nodes_differ_in_nothing_that_matters(klass: str) -> None:
    assert findings(list(well(klass))) == {}


def test_the_whole_healthy_rack_shares_no_identity() -> None:
    members = [member(node, facts(node.klass, healthy(node).document)) for node in NODES]
    assert {name: status for name, status in findings(members).items() if ".unique." in name} == {}


@pytest.mark.parametrize(
    ("klass", "name"),
    [pytest.param(klass, name, id=f"{name}-{klass}") for name in sorted(BESIDE) for klass in FAULTS[name].classes],
)
def test_a_fault_shows_beside_its_peers(klass: str, name: str) -> None:
    change = layer(peer(klass, 0), recording(klass, 0), FAULTS[name])
    assert change["planted"]["fleet"] == BESIDE[name]
    odd = member(peer(klass, 0), facts(klass, recording(klass, 0).document, change))
    assert findings([odd, *well(klass)[1:]]) == BESIDE[name]


def test_a_cloned_node_is_found() -> None:
    one = facts("cpu_only", recording("cpu_only", 0).document)
    found = findings([member(peer("cpu_only", 0), one), member(peer("cpu_only", 1), one)])
    assert {"fleet.unique.host_key", "fleet.unique.machine_id", "fleet.unique.mac"} <= set(found)


# --- cables against a plan ----------------------------------------------------------------------------------------


def lldp_plan(found: Any) -> dict[str, dict[str, str]]:
    """Return the plan that a healthy node fulfils: what it is connected to over Ethernet."""
    neighbours = found["nic"]["lldp"]["neighbours"]
    return {each["interface"]: {"switch": each["chassis_name"], "port": each["port_id"]} for each in neighbours}


def discovered(found: Any, rails: dict[str, int]) -> fabric.Fabric:
    """Return what ``ibnetdiscover`` prints when each RDMA device of a node ends on the switch of its rail."""
    text = ""
    for device in found["nic"]["rdma"]["devices"]:
        guid, rail = device["node_guid"].replace(":", ""), rails[device["name"]]
        text += f'Ca\t1 "H-{guid}"\t\t# "node HCA"\n[1]({guid})\t"S-b8cef603000000{rail:02d}"[7]'
        text += f'\t\t# lid 9 lmc 0 "MF0;leaf-{rail}:MQM9700/U1" lid 4 4xNDR\n\n'
    return fabric.Fabric(fabric.parse(text), None)


def cabling(found: Any, plan: Any, seen: fabric.Fabric) -> dict[str, str]:
    node = peer("hgx_h100", 0)
    rows = fleet.judge(
        CHECKS, [member(node, found)], fleet.Ground({}, "2026-11-18T06:30:00Z", {node.name: plan}, {}, seen)
    )
    told = sorted(rows, key=lambda row: row["status"] == "fail")  # beside the cables that are wrong, others are right
    return {row["id"]: row["status"] for row in told if row["id"].startswith("fleet.cabling.")}


def test_cables_of_a_healthy_node_end_where_the_plan_says_and_a_swapped_pair_does_not() -> None:
    found = facts("hgx_h100", recording("hgx_h100", 0).document)
    rails = {device["name"]: rail for rail, device in enumerate(found["nic"]["rdma"]["devices"])}
    over_ib = {name: {"ib_switch": f"leaf-{rail}", "port": "7"} for name, rail in rails.items()}
    plan = {**lldp_plan(found), **over_ib}
    assert len(rails) > 1
    assert len(lldp_plan(found)) > 1
    good = {"fleet.cabling.fabric": "pass", "fleet.cabling.plan": "pass"}
    assert cabling(found, plan, discovered(found, rails)) == good
    assert cabling(found, plan, fabric.Fabric()) == {**good, "fleet.cabling.fabric": "unknown"}

    first, second = list(rails)[:2]
    crossed = {**rails, first: rails[second], second: rails[first]}
    assert cabling(found, plan, discovered(found, crossed)) == {**good, "fleet.cabling.fabric": "fail"}

    one, two = list(lldp_plan(found))[:2]
    swapped = {**plan, one: plan[two], two: plan[one]}
    assert cabling(found, swapped, discovered(found, rails)) == {**good, "fleet.cabling.plan": "fail"}
