"""What Slurm says of a node: every word of ``State`` is one that decides, one that describes, or one that is shown."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import cluster, cluster_slurm
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.module_utils.parse import slurm
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

CHECK = {check["id"]: check for check in catalogue.checks()}["slurm.node.state"]
GENERIC = catalogue.profile("generic")
FIT = GENERIC["values"]["cluster"]["slurm_node_states"]


def judged(state, accepted=FIT):
    section = {**GENERIC["values"]["cluster"], "slurm": {"node": "n1"}, "slurm_node_states": accepted}
    values = {**GENERIC["values"], "cluster": section}
    commands = {"scontrol -o show node n1": {"stdout": f"NodeName=n1 Gres=(null) State={state}\n"}}
    host = Replay([{"muster_recording": 1, "closed": True, "identity": {"hostname": "n1"}, "commands": commands}])
    facts = cluster.collect(host, cluster.wanted(values))
    (row,) = judge_check(CHECK, Ground({"cluster": facts}, {"name": "case", "values": values}, "2026-11-18T06:00:00Z"))
    return row


@pytest.mark.parametrize("base", ["IDLE", "ALLOCATED", "MIXED"])
@pytest.mark.parametrize(
    "flag", ["", *(f"+{flag}" for flag in sorted(slurm.DESCRIPTIVE)), "+PLANNED", "-", "+RESERVED"]
)
def test_what_a_node_is_says_nothing_against_it(base, flag):
    assert judged(base + flag)["status"] == "pass"


TROUBLE = sorted(slurm.STATES - set(FIT))


@pytest.mark.parametrize("flag", [*(f"+{flag}" for flag in TROUBLE), *(mark for mark in slurm.SYMBOLS if mark != "-")])
@pytest.mark.parametrize("more", ["", "+CLOUD", "+DYNAMIC_NORM", "+SOMETHING_NEW"])
def test_trouble_is_trouble_whatever_else_is_said(flag, more):
    row = judged(f"IDLE{flag}{more}")
    assert row["status"] == "fail"
    assert (flag.strip("+") in row["message"]) or slurm.SYMBOLS[flag] in row["message"]


@pytest.mark.parametrize("state", ["IDLE+SOMETHING_NEW", "MIXED+CLOUD+SOMETHING_NEW", "SOMETHING_NEW"])
def test_an_unheard_of_word_is_shown_and_unknown(state):
    row = judged(state)
    assert row["status"] == "unknown"
    assert f"State={state}" in row["message"]
    assert "SOMETHING_NEW" in row["message"]


def test_a_site_may_accept_a_word_that_this_release_does_not_know():
    assert judged("IDLE+SOMETHING_NEW", [*FIT, "SOMETHING_NEW"])["status"] == "pass"


def test_words_stand_apart_and_once():
    found = slurm.node_states("IDLE*+CLOUD+NOT_RESPONDING+X")
    assert found == (["IDLE", "NOT_RESPONDING"], ["CLOUD"], ["X"])


def test_a_node_without_a_state_is_unknown():
    host = Replay([{"muster_recording": 1, "closed": True, "identity": {"hostname": "n1"},
                    "commands": {"scontrol -o show node n1": {"stdout": "NodeName=n1 Gres=(null)\n"}}}])  # fmt: skip
    assert cluster_slurm.collect(Asked(host), {"node": "n1"})["node"]["states"] is None
