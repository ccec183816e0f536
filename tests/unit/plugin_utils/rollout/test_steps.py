# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of a rollout against nodes that are functions: who is touched, in which order, and what is noted."""

from __future__ import annotations

import json
import time

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.muster.fleet.plugins.plugin_utils import rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout.steps import Steps

from .conftest import Action

SERVICES = {
    "queue": {"image": "r.example.com/queue", "env": {"PASS": "hunter2"}},
    "consumer": {"image": "r.example.com/consumer", "depends_on": ["queue"]},
}
OLD, NEW = ({"id": f"id-{tag}", "tag": tag, "digest": f"sha256:{tag}"} for tag in ("1", "2"))
OPTIONS = {
    "service": "queue", "tag": "2", "state": "present", "to": 1, "from": "", "template_dir": None, "canary": "1",
    "batch": "1", "registry_username": None, "registry_password": None, "state_dir": "/s", "socket": None, "lease_s": 9,
    "timeout_s": 30, "who": "me", "why": None, "expected_hosts": 0, "max_hosts": 0, "run_id": "r1",
}  # fmt: skip
GOOD = {"running", "restarts", "log", "disk"}


def checks():
    names = ("accelerators", "data", "disk", "image", "way_back")
    pre = [{"id": f"release.pre.{name}", "status": "pass"} for name in names]
    return [
        *pre,
        *({"id": f"release.post.{name}", "status": "pass"} for name in GOOD),
        {"id": "release.stop", "status": "pass"},
    ]


class Node:
    """A node that remembers what runs; ``states`` is what was asked of it."""

    def __init__(self, *trouble):
        self.trouble, self.runs, self.of, self.states = dict(trouble), OLD, None, []

    def __call__(self, asked):
        state = f"{asked['state']} {asked['name']}"
        self.states.append(state)
        outcome = self.trouble.get(state)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome:
            return {
                "failed": True,
                "changed": False,
                "outcome": outcome,
                "release": self.runs,
                "msg": f"{state} went wrong",
            }
        return getattr(self, asked["state"])(asked)

    def told(self, outcome, changed=True):
        return {"changed": changed, "outcome": outcome, "release": self.runs, "previous": OLD, "checks": checks()}

    def present(self, asked):
        self.runs, self.of = NEW, asked["run_id"]
        return self.told("deployed")

    def restarted(self, asked):
        return self.told("restarted")

    def recovered(self, asked):
        return self.told("unchanged", False)

    def rolled_back(self, asked):
        if asked.get("of_run") and asked["of_run"] != self.of:
            return self.told("unchanged", False)
        self.runs, self.of = OLD, None
        return self.told("rolled_back")


@pytest.fixture
def fleet(place):
    return Fleet(place)


class Fleet:
    """Three hosts of one run."""

    def __init__(self, place):
        self.place, self.nodes = place, {name: Node() for name in ("n1", "n2", "n3")}
        self.options = {**OPTIONS, "report_dir": str(place / "reports")}
        self.batch = None
        self.check = False

    def steps(self, host):
        given = {"inventory_hostname": host, "inventory_dir": str(self.place / "rack"), "deploy_services": SERVICES,
                 "ansible_play_hosts_all": list(self.nodes), "ansible_limit": "x",
                 "ansible_play_batch": self.batch or list(self.nodes)}  # fmt: skip
        action = Action(given, self.nodes[host], self.check)
        self.last = action
        return Steps(action, action.variables, self.options)

    def run(self, *more):
        for host in self.nodes:
            self.steps(host).plan()
        gate = self.steps("n1").gate()
        for host in gate["hosts"]:
            self.batch = [host]
            self.each("apply", host)
        self.batch = None
        for host in self.nodes:
            self.each("settle", host)
        return gate

    def each(self, step, host):
        try:
            getattr(self.steps(host), step)()
        except AnsibleConnectionFailure:
            pass  # Ansible notes it as unreachable, and goes on

    def records(self):
        return {record["name"]: record for record in rundir.RunDirectory(str(self.place / "reports"), "r1").records()}

    def verdicts(self):
        return [record["verdict"] for record in self.records().values()]

    def outcome(self, host):
        return next(row for row in self.records()[host]["results"] if row["id"] == "release.outcome")


def test_all_goes_well(fleet):
    assert fleet.run()["batches"] == [1, 1, 1]
    assert fleet.verdicts() == ["ready"] * 3
    assert all(node.states == ["present queue", "restarted consumer"] for node in fleet.nodes.values())


def test_secrets_are_in_one_place_only_of_what_the_module_is_given(fleet):
    fleet.steps("n1").plan()
    fleet.steps("n1").gate()
    steps = fleet.steps("n1")
    steps._done(steps.papers.plan("n1"))
    first, second = fleet.last.asked
    assert json.loads(first.pop("env")) == {"PASS": "hunter2"}
    assert "hunter2" not in json.dumps([first, second])
    assert isinstance(first["files"], str)
    assert first["run_id"] == "r1"


def test_a_batch_that_fails_stops_the_next_and_leads_the_earlier_back(fleet):
    fleet.nodes["n2"] = Node(("present queue", "reverted"))
    fleet.run()
    assert fleet.nodes["n1"].states == [
        "present queue",
        "restarted consumer",
        "rolled_back queue",
        "restarted consumer",
    ]
    assert fleet.nodes["n2"].states == ["present queue"]
    assert fleet.nodes["n3"].states == []
    assert fleet.verdicts() == ["not_ready"] * 3
    assert fleet.outcome("n1")["message"] == "service queue on n1: led back to 1 because n2 is reverted"
    assert fleet.outcome("n1")["observed"] == "1 (sha256:1)"
    assert fleet.outcome("n3")["message"] == "not attempted, because n2 is reverted"


@pytest.mark.parametrize("when", ["present queue", "restarted consumer"])
def test_a_host_that_is_lost_on_the_way_is_led_back_when_it_answers_again(fleet, when):
    fleet.nodes["n2"] = Node((when, AnsibleConnectionFailure("broken pipe")))
    fleet.run()
    node = fleet.nodes["n2"]
    assert node.states[-2 if when != "present queue" else -1].startswith("rolled_back")
    assert node.runs == OLD
    assert fleet.nodes["n1"].runs == OLD
    assert "ready" not in fleet.verdicts()


def test_ssh_notices_a_frozen_host_and_what_the_user_said_comes_first(fleet):
    fleet.run()
    assert fleet.last._connection.options["ssh_extra_args"].split() == ["-o", "ServerAliveInterval=5"]  # was not asked
    steps = fleet.steps("n1")
    steps._call({"state": "recovered", "name": "queue"})
    steps._call({"state": "recovered", "name": "queue"})
    given = fleet.last._connection.options["ssh_extra_args"].split()
    assert given == ["-o", "ServerAliveInterval=5", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]


def test_a_host_that_falls_silent_is_not_waited_for(fleet):
    fleet.options["timeout_s"] = 0.2
    fleet.nodes["n1"].present = lambda asked: time.sleep(20)
    fleet.run()
    assert fleet.records()["n1"]["reached"] is True  # it answered when it was to be led back
    assert "unreachable: timeout: the machine took the question" in fleet.outcome("n1")["message"]
    assert fleet.nodes["n2"].states == []


def test_a_host_that_committed_and_cannot_be_led_back_is_named(fleet):
    fleet.nodes["n1"] = Node(("rolled_back queue", AnsibleConnectionFailure("no route to host")))
    fleet.nodes["n2"] = Node(("present queue", "failed"))
    fleet.run()
    record = fleet.records()["n1"]
    assert (record["verdict"], record["reached"]) == ("unknown", False)
    assert "may run the old release or the new: unreachable: no route to host" in record["reason"]


def test_a_host_that_could_not_go_back_is_asked_once_more_and_stays_red(fleet):
    fleet.nodes["n2"] = Node(("present queue", "failed"))
    fleet.run()
    assert fleet.nodes["n2"].states == ["present queue", "rolled_back queue"]
    assert fleet.outcome("n2")["status"] == "fail"
    assert "nothing that this run deployed runs there" in fleet.outcome("n2")["message"]


def test_a_module_that_crashes_is_not_known_to_have_done_nothing(fleet):
    fleet.nodes["n1"] = Node(("present queue", RuntimeError("worker died")))
    fleet.run()
    assert fleet.nodes["n1"].states == ["present queue", "rolled_back queue"]
    assert fleet.nodes["n2"].states == []
    assert fleet.outcome("n1")["status"] == "unknown"
    assert "RuntimeError: worker died" in fleet.outcome("n1")["message"]


def test_an_answer_without_outcome_is_none(fleet):
    fleet.nodes["n1"].present = lambda asked: {"changed": True, "msg": "MODULE FAILURE"}
    fleet.run()
    assert fleet.outcome("n1")["status"] == "unknown"
    assert fleet.nodes["n1"].states[-1] == "rolled_back queue"


def test_a_check_that_fails_after_a_good_deploy_stops_the_fleet_too(fleet):
    node = fleet.nodes["n1"]
    plain = node.told
    node.told = lambda *more: plain(*more) | {"checks": [*checks()[:-3], {"id": "release.post.log", "status": "fail"}]}
    fleet.run()
    assert node.runs == OLD
    assert fleet.nodes["n2"].states == []
    assert "because n1 is not ready after it" in fleet.outcome("n2")["message"]


def test_a_dependant_that_fails_leads_its_service_back_on_the_same_host(fleet):
    fleet.nodes["n1"] = Node(("restarted consumer", "failed"))
    fleet.run()
    states = ["present queue", "restarted consumer", "rolled_back queue", "restarted consumer"]
    assert fleet.nodes["n1"].states[:4] == states
    assert fleet.nodes["n1"].runs == OLD


def test_a_host_whose_outcome_was_never_noted_is_led_back(fleet):
    for host in fleet.nodes:
        fleet.steps(host).plan()
    fleet.steps("n1").gate()
    fleet.nodes["n1"]({"state": "present", "name": "queue", "run_id": "r1"})  # and then the controller lost its worker
    fleet.batch = ["n2"]
    fleet.each("apply", "n2")
    assert fleet.outcome("n2")["message"] == "not attempted, because nobody knows what became of n1"
    fleet.each("settle", "n1")
    assert fleet.nodes["n1"].runs == OLD


def test_a_dry_run_asks_all_and_leads_nobody_back(fleet):
    fleet.check = True
    fleet.nodes["n1"] = Node(("present queue", "refused"))
    fleet.run()
    assert [node.states for node in fleet.nodes.values()] == [["present queue"]] * 3
    assert fleet.verdicts() == ["not_ready", "ready", "ready"]


def test_hosts_of_one_batch_do_not_wait_for_each_other(fleet):
    for host in fleet.nodes:
        fleet.steps(host).plan()
    fleet.steps("n1").gate()
    fleet.each("apply", "n3")
    assert fleet.nodes["n3"].runs == NEW


def test_a_rollback_is_held_up_by_nobody(fleet):
    fleet.options |= {"state": "rolled_back"}
    fleet.nodes["n1"] = Node(("rolled_back queue", "refused"))
    fleet.run()
    assert fleet.verdicts() == ["not_ready", "ready", "ready"]


def test_a_rollback_of_a_service_whose_description_is_broken_goes_by_what_was_deployed(fleet, monkeypatch):
    fleet.options |= {"state": "rolled_back"}
    for node in fleet.nodes.values():
        node.runs = NEW
    monkeypatch.setitem(SERVICES, "queue", {"imagee": 1})
    fleet.run()
    assert all(node.states == ["rolled_back queue"] for node in fleet.nodes.values())
    assert [fleet.outcome(host)["status"] for host in fleet.nodes] == ["pass"] * 3


def test_a_rollback_can_be_done_again_where_it_says_from_what(fleet):
    fleet.options |= {"state": "rolled_back", "from": "2"}
    fleet.nodes["n2"].runs = NEW
    fleet.run()
    assert fleet.nodes["n1"].states == ["recovered queue"]
    assert fleet.nodes["n2"].states == ["recovered queue", "rolled_back queue", "restarted consumer"]
    assert fleet.verdicts() == ["ready"] * 3


def test_what_is_wrong_with_one_host_stops_all_before_any_is_asked(fleet):
    fleet.options |= {"tag": ""}
    assert fleet.run()["hosts"] == []
    assert all(node.states == [] for node in fleet.nodes.values())
    assert fleet.verdicts() == ["not_ready"] * 3


def test_a_second_rollout_in_one_playbook_forgets_the_first(fleet):
    fleet.run()
    fleet.steps("n2").plan()
    assert set(fleet.records()) == {"n1", "n3"}
