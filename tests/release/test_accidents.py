# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accidents that a copy of the usual script reports as a success, or makes worse: each ends well here."""

from __future__ import annotations

from fleet import Fleet


def test_moved_tag(fleet: Fleet) -> None:
    """A tag that means another image by now: the way back is a digest, not the tag."""
    node = fleet.nodes[0]
    registry, name = fleet.rack.registries[0], "moved"
    fleet.service["image"] = f"{registry.host}/{name}"
    for version in ("v1", "v2"):
        registry.push_queue(name, fleet.rack.busybox, **{version: "good"})
    registry.tag(name, "v1", "stable")
    assert fleet.deploy("stable", node).rc == 0
    registry.tag(name, "v2", "stable")
    assert fleet.deploy("stable", node).rc == 0
    assert fleet.at_rest(node) == "v2"
    assert fleet.rollback(node).rc == 0
    assert fleet.at_rest(node) == "v1"
