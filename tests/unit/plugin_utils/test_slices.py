# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slices put together: nothing lost, nothing greener than its slices, and what is missing is said everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.muster.fleet.plugins.action import report as action
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils import rundir, slices
from ansible_collections.muster.fleet.plugins.plugin_utils.compared import compared
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.report import html, junit, markdown, prometheus

CHECK = {"x.y": {"title": "A check", "severity": "critical", "phase": 5}}
ROW = {"id": "x.y", "item": None, "status": "pass", "severity": "critical", "phase": 5}
FAIL = {**ROW, "status": "fail", "message": "x is wrong"}
META = {"run_id": "all", "started": None, "finished": "2026-11-23T10:00:00Z", "collection_version": "1"}


def record(name: str, rows: Any = None, **more: Any) -> dict[str, Any]:
    found = {"name": name, "class": "c", "rack": "a01", "reached": True, "reason": None, "planted": None,
             "simulated": False, "results": rows or [ROW], "phases": {}, "catalogue": "k"}  # fmt: skip
    return {**found, "verdict": "not_ready" if FAIL in found["results"] else "ready", **more}


class Fleet:
    """A directory of runs in which slices are kept."""

    def __init__(self, base: Path):
        self.base = base
        self.into = rundir.RunDirectory(str(base), "all")

    def slice(self, name: str, *records: dict[str, Any], **more: Any) -> str:
        run = rundir.RunDirectory(str(self.base), name)
        run.expect([entry["name"] for entry in records] + more.get("silent", []))
        run.checks("k").write_text(json.dumps(more.get("checks", CHECK)))
        for entry in records:
            kernel = more.get("kernels", {}).get(entry["name"], "6.8")
            run.keep(entry, {"host": {"kernel": {"release": kernel}}} if entry["reached"] else None)
        return str(run.path)

    def merged(self, *places: str, expected: Any = ()) -> dict[str, Any]:
        """Merge and report, as the action does."""
        slices.merge(places, self.into, expected)
        records, found = self.into.records(), slices.of(self.into)
        beside = compared(self.into, records, {})
        meta = {**META, "merged": found, "fleet": slices.rows(found) + beside["fleet"]}
        meta["fleet_checks"] = slices.checks(found) | beside["fleet_checks"]
        return runs.assemble(records, self.into.expected(), meta)


@pytest.fixture(name="fleet")
def fleet_fixture(tmp_path: Path) -> Fleet:
    """No slice yet."""
    return Fleet(tmp_path)


def test_slices_become_one_run(fleet: Fleet, checkout: Path) -> None:
    run = fleet.merged(fleet.slice("s1", record("a"), record("b", [FAIL])), fleet.slice("s2", record("c")))
    assert {name: host["verdict"] for name, host in run["hosts"].items()} == {
        "a": "ready",
        "b": "not_ready",
        "c": "ready",
    }
    assert (run["verdict"], run["counts"]["ready"], run["expected_hosts"]) == ("not_ready", 2, ["a", "b", "c"])
    assert run["catalogue"]["x.y"]["title"] == "A check"
    assert fleet.into.facts("c") == {"host": {"kernel": {"release": "6.8"}}}
    assert "merged from 2 slices: s1 (2 hosts), s2 (1 host)" in runs.closing_lines(run)
    jsonschema.validate(run, json.loads((checkout / "docs" / "run.schema.json").read_text()))


def test_patterns_find_slices_and_each_counts_once(fleet: Fleet) -> None:
    one, unused = fleet.slice("job7-1", record("a")), fleet.slice("job7-2", record("b"))
    (fleet.base / "latest").symlink_to("job7-2")
    run = fleet.merged(f"{fleet.base}/job7-*", one, f"{fleet.base}/latest")
    assert [entry["name"] for entry in run["merged"]["slices"]] == ["job7-1", "job7-2"]
    assert run["merged"]["twice"] == []


class TestMissing:
    """A slice that never arrived."""

    def test_it_is_named_and_its_expected_hosts_are_unknown(self, fleet: Fleet, checkout: Path) -> None:
        gone = str(fleet.base / "s2")
        run = fleet.merged(fleet.slice("s1", record("a")), gone, expected=["a", "b", "c"])
        assert {name: host["verdict"] for name, host in run["hosts"].items() if name != "a"} == {
            "b": "unknown", "c": "unknown"}  # fmt: skip
        assert (run["verdict"], runs.exit_ok(run)) == ("unknown", False)
        said = f"slice s2 never arrived ({gone}): its hosts are unknown"
        assert any(said in line for line in runs.closing_lines(run))
        assert "s1 (1 host), s2 (never arrived)" in " ".join(runs.closing_lines(run))
        for render in (html.render, markdown.render, junit.render):
            assert "s2" in render(run)
            assert "never arrived" in render(run)
        assert 'muster_run_verdict{simulated="false",verdict="unknown"} 1' in prometheus.render(run)
        assert said in action.refused(run, 0)[action.SITE]
        jsonschema.validate(run, json.loads((checkout / "docs" / "run.schema.json").read_text()))

    def test_the_run_is_not_ready_though_nobody_knows_its_hosts(self, fleet: Fleet) -> None:
        run = fleet.merged(fleet.slice("s1", record("a")), str(fleet.base / "s2"))
        assert list(run["hosts"]) == ["a"]
        assert (run["verdict"], runs.exit_ok(run)) == ("unknown", False)
        assert action.refused(run, 0) != {}

    def test_a_slice_that_began_and_kept_nothing_never_arrived(self, fleet: Fleet) -> None:
        run = fleet.merged(fleet.slice("s1", record("a")), fleet.slice("s2", silent=["b"]))
        assert (run["hosts"]["b"]["verdict"], run["hosts"]["b"]["reason"]) == ("unknown", "no result arrived")
        assert [entry["arrived"] for entry in run["merged"]["slices"]] == [True, False]

    def test_a_slice_that_broke_off_leaves_the_rest_unknown(self, fleet: Fleet) -> None:
        run = fleet.merged(fleet.slice("s1", record("a")), fleet.slice("s2", record("b"), silent=["c"]))
        assert run["hosts"]["c"]["verdict"] == run["verdict"] == "unknown"

    def test_simulated_slices_are_no_excuse(self, fleet: Fleet) -> None:
        planted = {"faults": [], "finds": {}}
        mine = record("a", simulated=True, planted=planted)
        run = fleet.merged(fleet.slice("s1", mine), str(fleet.base / "s2"))
        assert (run["planted"]["equal"], runs.exit_ok(run)) == (True, False)
        assert set(action.refused(run, 0)) == {action.SITE}

    def test_no_slice_at_all_is_an_error(self, fleet: Fleet) -> None:
        with pytest.raises(BadInput, match=f"no slice arrived: {fleet.base}/s1, {fleet.base}/s2"):
            fleet.merged(f"{fleet.base}/s1", f"{fleet.base}/s2", expected=["a"])


class TestTwice:
    """A host in two slices."""

    def at(self, path: str, name: str, when: str) -> None:
        place = Path(path) / "hosts" / f"{name}.json"
        place.write_text(json.dumps(json.loads(place.read_text()) | {"kept_at": when}))

    @pytest.mark.parametrize("newer", ["s1", "s2"])
    def test_the_newest_wins_and_it_is_said(self, fleet: Fleet, newer: str) -> None:
        places = {"s1": fleet.slice("s1", record("a"), kernels={"a": "one"}),
                  "s2": fleet.slice("s2", record("a", [FAIL]), record("b"), kernels={"a": "two"})}  # fmt: skip
        for name, place in places.items():
            self.at(place, "a", f"2026-11-23T1{int(name == newer)}:00:00Z")
        run = fleet.merged(*places.values())
        assert run["hosts"]["a"]["verdict"] == {"s1": "ready", "s2": "not_ready"}[newer]
        assert fleet.into.facts("a") == {"host": {"kernel": {"release": {"s1": "one", "s2": "two"}[newer]}}}
        assert run["merged"]["twice"] == [{"host": "a", "slices": ["s1", "s2"], "newest": newer}]
        said = f"in several, the newest counts: a ({newer})"
        assert any(said in line for line in runs.closing_lines(run))
        assert said in html.render(run)

    def test_one_that_fell_silent_later_is_unknown_and_has_no_old_facts(self, fleet: Fleet) -> None:
        good = fleet.slice("s1", record("a"))
        lost = fleet.slice("s2", record("a", reached=False, verdict="unknown", reason="unreachable: gone"), record("b"))
        self.at(good, "a", "2026-11-23T10:00:00Z")
        self.at(lost, "a", "2026-11-23T11:00:00Z")
        run = fleet.merged(good, lost)
        assert (run["hosts"]["a"]["verdict"], fleet.into.facts("a")) == ("unknown", None)


@pytest.mark.parametrize(("version", "said"), [(2, "schema version 2"), (None, "no schema version")])
def test_results_of_another_schema_are_refused_with_file_and_versions(fleet: Fleet, version: Any, said: str) -> None:
    good, other = fleet.slice("s1", record("a")), fleet.slice("s2", record("b"))
    path = Path(other) / "hosts" / "b.json"
    kept = json.loads(path.read_text()) | {"schema_version": version}
    path.write_text(json.dumps(kept))
    with pytest.raises(BadInput) as error:
        fleet.merged(good, other)
    assert str(error.value) == f"{path}: has {said}, this release reads version 1"
    assert not fleet.into.path.exists(), "half a merger was left"


def test_a_merger_that_is_cut_off_is_not_a_smaller_run(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [fleet.slice("s1", record("a")), fleet.slice("s2", record("b")), str(fleet.base / "s3")]
    keep = fleet.into.keep

    def killed(kept: dict[str, Any], facts: Any) -> Path:
        if kept["name"] == "b":
            raise KeyboardInterrupt
        return keep(kept, facts)

    monkeypatch.setattr(fleet.into, "keep", killed)
    with pytest.raises(KeyboardInterrupt):
        slices.merge(places, fleet.into, [])
    assert (fleet.into.expected(), [entry["name"] for entry in fleet.into.records()]) == (["a", "b"], ["a"])
    told = slices.of(fleet.into)
    assert told is not None
    assert [entry["arrived"] for entry in told["slices"]] == [True, True, False]


def test_simulated_marks_survive(fleet: Fleet) -> None:
    planted = {"faults": ["f"], "finds": {"x.y": "fail"}}
    mine = record("a", [FAIL], simulated=True, planted=planted)
    run = fleet.merged(fleet.slice("s1", mine), fleet.slice("s2", record("b")))
    assert run["simulated"] is True
    assert [host["simulated"] for host in run["hosts"].values()] == [True, False]
    assert run["hosts"]["a"]["planted"] == planted
    assert (run["planted"]["planted"], run["planted"]["found"]) == (1, 1)
    assert "SIMULATED" in runs.closing_lines(run)[0]


def test_hosts_of_different_slices_are_held_beside_each_other(fleet: Fleet) -> None:
    kernels = {"d": "6.5"}
    run = fleet.merged(
        fleet.slice("s1", record("a"), record("b")), fleet.slice("s2", record("c"), record("d"), kernels=kernels)
    )
    odd = [row for row in run["fleet"] if row["id"] == "fleet.peers.kernel" and row["status"] == "fail"]
    assert [row["hosts"] for row in odd] == [["d"]], "alone, neither slice could know"


def test_slices_judged_by_different_checks_keep_their_own(fleet: Fleet) -> None:
    other = {"x.z": {"title": "Another", "severity": "minor", "phase": 3}}
    rows = [{**ROW, "id": "x.z"}]
    run = fleet.merged(fleet.slice("s1", record("a")), fleet.slice("s2", record("b", rows), checks=other))
    assert {"x.y", "x.z"} <= set(run["catalogue"])


def test_a_directory_that_holds_a_run_is_not_merged_into(fleet: Fleet) -> None:
    fleet.slice("all", record("z"))
    with pytest.raises(BadInput, match="all: is there already"):
        fleet.merged(fleet.slice("s1", record("a")))


def test_a_merged_run_starts_with_its_first_slice(fleet: Fleet) -> None:
    for name, begun in (("s1", "2026-11-23T09:00:00Z"), ("s2", "2026-11-23T08:00:00Z")):
        place = Path(fleet.slice(name, record(name)))
        (place / "run.json").write_text(json.dumps({"started": begun, "collection_version": "1"}))
    fleet.merged(f"{fleet.base}/s1", f"{fleet.base}/s2")
    assert slices.started(slices.of(fleet.into)) == "2026-11-23T08:00:00Z"
    assert slices.started(None) is None
