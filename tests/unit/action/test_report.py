"""Which hosts a run fails: all that are not ready, unless the whole run is simulated and found what was planted."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.action.report import refused as refused_hosts
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.report import html, json_file, junit, markdown, prometheus

FINDING = {
    "id": "gpu.pcie.width",
    "item": "GPU 3",
    "status": "fail",
    "severity": "critical",
    "phase": 5,
    "message": "GPU 3 is narrow",
}
PASSING = {**FINDING, "id": "gpu.count", "item": None, "status": "pass"}
MINOR = {**FINDING, "severity": "minor"}
META = {"run_id": "r", "started": "2026-11-18T06:00:00Z", "finished": "2026-11-18T06:01:00Z", "collection_version": "1"}
PLANTED = {"faults": ["gpu3_pcie_x8"], "finds": {"gpu.pcie.width": "fail"}}


def record(name, verdict="ready", results=(), planted=None):
    return {"name": name, "verdict": verdict, "reached": True, "reason": None, "simulated": planted is not None,
            "planted": planted, "results": [PASSING, *results], "phases": {"5": verdict}, "catalogue": {}}  # fmt: skip


def refused(*records, expected=0):
    run = runs.assemble(records, [entry["name"] for entry in records], META, None)
    return refused_hosts(run, expected)


def test_ready_hosts_are_not_refused():
    assert refused(record("a"), record("b", "degraded", [MINOR])) == {}


@pytest.mark.parametrize("verdict", ["not_ready", "unknown"])
def test_other_hosts_are_refused_with_the_reason(verdict):
    row = {**FINDING, "status": "fail" if verdict == "not_ready" else "unknown"}
    found = refused(record("a"), record("b", verdict, [row]))
    assert found == {"b": f"b is {verdict.replace('_', ' ')}: GPU 3 is narrow"}


def test_simulated_hosts_are_measured_by_what_was_planted():
    nothing = {"faults": [], "finds": {}}
    assert refused(record("a", "not_ready", [FINDING], PLANTED), record("b", planted=nothing)) == {}
    found = refused(record("a", "not_ready", [FINDING], nothing), record("b", planted=PLANTED))
    assert found == {
        "a": "a: findings differ from what was planted: extra gpu.pcie.width (fail)",
        "b": "b: findings differ from what was planted: missed gpu.pcie.width (fail)",
    }


def test_one_real_host_among_simulated_ones_excuses_nobody():
    found = refused(record("real", "unknown"), record("a", "not_ready", [FINDING], PLANTED))
    assert set(found) == {"real", "a"}


def test_another_number_of_hosts_than_expected_fails_all():
    assert refused(record("a"), expected=2) == {"a": "The run has 1 hosts, muster_expected_hosts says 2."}


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_site_that_does_not_show_what_it_must_keeps_the_run_from_ending_green(status):
    row = {**FINDING, "id": "site.a", "item": None, "status": status, "message": "Evidence is missing", "hosts": []}
    run = runs.assemble([record("a")], ["a"], META | {"fleet": [row, row]}, None)
    assert refused_hosts(run, 0) == {"site": "site: Evidence is missing (and 1 more)"}
    rows = [row | {"severity": "minor"}, row | {"status": "pass"}]
    minor = runs.assemble([record("a")], ["a"], META | {"fleet": rows}, None)
    assert (refused_hosts(minor, 0), minor["verdict"]) == ({}, "degraded")
    alone = runs.assemble([record("a")], ["a"], META | {"fleet": rows[:1]}, None)
    assert refused_hosts(alone, 0) == {"site": "The run is unknown, though no host alone is."}


def test_the_summary_names_whoever_is_failed_and_why_where_its_own_verdict_does_not_say_it():
    row = {**FINDING, "id": "fleet.unique.x", "item": None, "message": "two hosts have one serial", "hosts": ["b"]}
    run = runs.assemble([record("a"), record("b"), record("c", "unknown")], ["a", "b", "c"], META | {"fleet": [row]})
    told = runs.summary(run, refused=refused_hosts(run, 0))
    assert told["failed_hosts"] == ["b", "c"]
    assert told["reasons"] == {"b": "b beside the others: two hosts have one serial"}
    told = runs.summary(run, refused=refused_hosts(run, 4))
    assert told["failed_hosts"] == ["a", "b", "c"]
    assert set(told["reasons"].values()) == {"The run has 3 hosts, muster_expected_hosts says 4."}


def test_a_site_alone_is_named_too_and_the_reason_of_the_run_with_it():
    run = runs.assemble([record("a")], ["a"], META | {"reason": "cables.yml: no such file"})
    assert refused_hosts(run, 0) == {"site": "cables.yml: no such file"}
    told = runs.summary(run, refused=refused_hosts(run, 0))
    assert (told["reason"], told["failed_hosts"]) == ("cables.yml: no such file", ["site"])


def test_planted_faults_excuse_no_reason_of_the_run():
    planted = record("a", "not_ready", [FINDING], PLANTED)
    assert refused(planted) == {}
    run = runs.assemble([planted], ["a"], META | {"reason": "nothing was judged"})
    assert (runs.exit_ok(run), refused_hosts(run, 0)) == (False, {"site": "nothing was judged"})
    empty = runs.assemble([], [], META)
    assert refused_hosts(empty, 3) == {"site": "The run has 0 hosts, muster_expected_hosts says 3."}


@pytest.mark.parametrize("render", [junit.render, markdown.render, html.render, prometheus.render, json_file.render])
def test_every_format_tells_why_and_what_to_do(render):
    run = runs.assemble([], ["a"], META | {"reason": "cut off", "words": {"a": "Missing sudo password"}})
    text = render(run)
    assert "cut off" in text
    assert "Missing sudo password" in text
    assert "-K" in text or render is prometheus.render
