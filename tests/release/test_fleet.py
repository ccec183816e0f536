# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several machines at once: canary, batches, and all of them back on the same release when one does not make it."""

from __future__ import annotations

import pytest
from fleet import Fleet


@pytest.fixture
def on_v1(fleet: Fleet) -> Fleet:
    """Three machines that run v1; their environment is that of any release."""
    fleet.deploy("v1", deploy_canary="100%").good()
    return fleet


def test_last_host_fails(on_v1: Fleet) -> None:
    *others, last = on_v1.nodes
    sick = {"MODE": f"{{{{ 'sick' if inventory_hostname == '{last.name}' else 'good' }}}}"}
    on_v1.service["env"] = sick
    outcome = on_v1.deploy("v2").bad()
    assert [on_v1.at_rest(node) for node in on_v1.nodes] == ["v1", "v1", "v1"]
    assert "500" in outcome.said(last)
    assert all(last.name in outcome.said(node) for node in others)  # why they were led back


def test_no_op_canary_does_not_stop_later_batches(on_v1: Fleet) -> None:
    canary = on_v1.nodes[0]
    on_v1.deploy("v2", canary).good()
    outcome = on_v1.deploy("v2").good()
    assert [on_v1.at_rest(node) for node in on_v1.nodes] == ["v2", "v2", "v2"]
    assert "unchanged" in outcome.said(canary)


def test_host_freezes_in_the_middle(on_v1: Fleet) -> None:
    """It may have either release when it comes back: the report says which host, the next contact puts it right."""
    *others, last = on_v1.nodes
    on_v1.service["watch_s"] = 4
    process = on_v1.start("deploy", deploy_tag="v2", deploy_canary="100%")
    on_v1.wait_for(last, "watch")
    last.freeze()
    try:
        output, _ = process.communicate(timeout=120)
    finally:
        last.thaw()
    outcome = on_v1.outcome(process, output).bad()
    assert outcome.host(last)["verdict"] == "unknown"
    assert [on_v1.at_rest(node) for node in others] == ["v1", "v1"]
    assert len(on_v1.settled(last).running) == 1
    on_v1.deploy("v1", deploy_canary="100%").good()
    assert [on_v1.at_rest(node) for node in on_v1.nodes] == ["v1", "v1", "v1"]


def test_two_controllers_at_once(on_v1: Fleet) -> None:
    """One works, the other says who holds the lease, since when and until when, and touches nothing."""
    first = on_v1.nodes[0]
    on_v1.service["watch_s"] = 8
    process = on_v1.start("deploy", deploy_tag="v2", deploy_canary="100%", deploy_who="first@example.org")
    lease = on_v1.wait_for(first, "watch").lease or {}
    second = on_v1.deploy("v5", first, deploy_who="second@example.org").bad()
    told = second.said(first)
    assert "first@example.org" in told
    assert all(lease[key][:16] in told for key in ("since", "until"))
    output, _ = process.communicate(timeout=120)
    on_v1.outcome(process, output).good()
    assert [on_v1.at_rest(node) for node in on_v1.nodes] == ["v2", "v2", "v2"]


def test_check_mode_asks_the_registry_and_changes_nothing(on_v1: Fleet, images: dict[str, str]) -> None:
    node = on_v1.nodes[0]
    left = "docker ps -aq --no-trunc; docker images -q --no-trunc | sort -u; "
    left += "find /var/lib/muster -printf '%p %T@\\n' | sort"
    before = node.sh(left)
    outcome = on_v1.deploy("v2", node, options=["--check", "--diff"]).good()
    assert images["v2"] in outcome.output
    assert node.sh(left) == before
