# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accidents that the usual script reports as a success, or makes worse: on one machine, each ends well here."""

from __future__ import annotations

import pytest
from fleet import Fleet, away
from rack import Node

PLACE = "/usr/local/lib/python3.11/dist-packages/rack_clock.pth"
YESTERDAY = "import time; time.time = lambda real=time.time: real() - 86400"  # a container's clock is its host's


@pytest.fixture
def node(fleet: Fleet) -> Node:
    """The one machine of the fleet that these tests deploy to."""
    del fleet.nodes[1:]
    return fleet.nodes[0]


def test_moved_tag(fleet: Fleet, node: Node) -> None:
    """A tag means another image by now: the way back is a digest, not the tag."""
    registry, name = fleet.rack.registries[0], "moved"
    fleet.service["image"] = f"{registry.host}/{name}"
    registry.push_queue(name, fleet.rack.busybox, v1="good", v2="good")
    for version in ("v1", "v2"):
        registry.tag(name, version, "stable")
        fleet.deploy("stable").good()
        assert fleet.at_rest(node) == version
    fleet.rollback().good()
    assert fleet.at_rest(node) == "v1"


def test_bad_releases_lead_back_and_never_become_a_way_back(fleet: Fleet, node: Node) -> None:
    """Crash loop, HTTP 500 and a consumer that does not consume, one after the other; then back by hand."""
    fleet.deploy("v1").good()
    fleet.deploy("v2").good()
    for bad, why in (("v3", "restart"), ("v4", "500"), ("v6", "offset")):
        outcome = fleet.deploy(bad).bad()
        assert why in outcome.said(node)
        assert fleet.at_rest(node) == "v2"
    assert f"{fleet.name}={fleet.service['image']}:v1" in node.read(fleet.path(".previous-tags"))
    fleet.rollback().good()
    assert fleet.at_rest(node) == "v1"


def test_two_steps_back_and_a_second_run_changes_nothing(fleet: Fleet, node: Node) -> None:
    for tag in ("v1", "v2", "v5"):
        fleet.deploy(tag).good()
    again = fleet.deploy("v5").good()
    assert "changed=0" in again.output
    back = fleet.rollback(to=2).good()
    assert fleet.at_rest(node) == "v1"
    assert "137" in back.said(node)  # v5 ignores SIGTERM: that it had to be killed is told, and kept
    assert '"stop_exit": 137' in node.read(fleet.path("audit.jsonl"))


def test_way_back_is_gone_and_so_is_the_registry(fleet: Fleet, node: Node) -> None:
    """Somebody pruned the machine: nothing is stopped for a way back that does not exist."""
    fleet.deploy("v1").good()
    fleet.deploy("v2").good()
    node.sh("docker container prune -f; docker image prune -af")
    registry = fleet.rack.registries[0]
    with away(registry):
        outcome = fleet.rollback().bad()
        assert fleet.name in outcome.said(node)
        assert fleet.at_rest(node) == "v2"
    fleet.rollback().good()  # the registry still has it, by digest
    assert fleet.at_rest(node) == "v1"


def test_engine_restarts_beside_a_retained_container(fleet: Fleet, node: Node) -> None:
    """Only the current release comes back with the engine, whatever the service's restart policy."""
    fleet.service["restart"] = "always"
    fleet.deploy("v1").good()
    fleet.deploy("v2").good()
    assert len(fleet.seen(node).containers) == 2
    node.sh("systemctl restart docker")
    assert fleet.at_rest(node) == "v2"


def test_accelerator_is_held(fleet: Fleet, node: Node) -> None:
    """A training run has the device open: refused before anything stops, and it is said who holds what."""
    node.sh("mknod -m 666 /dev/nvidia0 c 1 3")
    fleet.service["devices"] = ["/dev/nvidia0"]
    fleet.deploy("v1").good()
    node.sh("nohup sleep 300 </dev/nvidia0 >/dev/null 2>&1 & echo $! >/run/trainer")
    try:
        outcome = fleet.deploy("v2").bad()
        pid = node.read("/run/trainer").strip()
        assert "/dev/nvidia0" in outcome.said(node)
        assert pid in outcome.said(node)
        assert fleet.at_rest(node) == "v1"
    finally:
        node.sh("kill $(cat /run/trainer); rm /run/trainer")
    fleet.deploy("v2").good()
    assert fleet.at_rest(node) == "v2"


def test_clock_jumped_back(fleet: Fleet, node: Node) -> None:
    """Which release is older is a matter of their order, not of their times; the module is shown yesterday's time."""
    fleet.deploy("v1").good()
    node.write(PLACE, YESTERDAY + "\n")
    try:
        fleet.deploy("v2").good()
        assert fleet.at_rest(node) == "v2"
        fleet.rollback().good()
        assert fleet.at_rest(node) == "v1"
    finally:
        node.sh(f"rm {PLACE}")
