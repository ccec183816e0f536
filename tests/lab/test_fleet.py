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
from builder.node import NODES, Node

from ansible_collections.muster.fleet.plugins.module_utils.collect import node as collect_node
from ansible_collections.muster.fleet.plugins.module_utils.collect.together import collect
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, fleet

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
    wanted = collect_node.wanted(catalogue.profile(klass)["values"])
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
