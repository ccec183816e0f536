"""Every fault of the simulated rack is found, by the checks it names and by no other; healthy nodes show nothing."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "lab"
sys.path.insert(0, str(LAB))

from builder.__main__ import faults, healthy, layer  # noqa: E402
from builder.node import NODES  # noqa: E402

from ansible_collections.muster.fleet.plugins.module_utils.collect import node as collect_node  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.collect.together import collect  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay  # noqa: E402
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue  # noqa: E402

CLASSES = sorted({node.klass for node in NODES})
CHECKS = [check for check in catalogue.checks() if not check["id"].startswith("reach.")]
NODE = {node.klass: node for node in reversed(NODES)}
FAULTS = faults()


@functools.cache
def base(klass):
    return healthy(NODE[klass])


def findings(klass, *layers):
    profile = catalogue.profile(klass)
    host = Replay([base(klass).document, *layers])
    facts = collect(host, collect_node.COLLECTORS, collect_node.wanted(profile["values"]), 15)
    judged = judge(CHECKS, Ground(facts, profile, "2026-11-18T06:30:00Z"))
    found = {}
    for row in judged["results"]:
        if row["status"] in ("fail", "unknown"):
            found.setdefault(row["id"], {})[row["status"]] = row["message"]
    return {name: ("fail" if "fail" in rows else "unknown", rows) for name, rows in found.items()}


@pytest.mark.parametrize("klass", CLASSES)
def test_healthy_node_has_no_finding(klass):
    assert {name: rows for name, (unused, rows) in findings(klass).items()} == {}


@pytest.mark.parametrize(
    ("klass", "name"),
    [pytest.param(klass, name, id=f"{name}-{klass}") for name, fault in FAULTS.items() for klass in fault.classes],
)
def test_fault_is_found(klass, name):
    fault = FAULTS[name]
    found = findings(klass, layer(NODE[klass], base(klass), fault))
    expected = dict(fault.findings(klass))
    assert {check: status for check, (status, rows) in found.items()} == expected, {
        check: rows for check, (status, rows) in found.items() if expected.get(check) != status
    }


def test_enough_faults():
    assert len(FAULTS) >= 40
