# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is new since the last run, in a directory where runs of all kinds, sizes and slices lie side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import earlier, reported, rundir, slices
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs

ROW = {"id": "x.y", "item": None, "status": "pass", "severity": "critical", "phase": 5, "message": "x is right"}
FAIL = {**ROW, "status": "fail", "message": "x is wrong"}
OPTIONS: dict[str, Any] = {"expected_hosts": 0}
NOBODY: dict[str, Any] = {"hostvars": {}}


def record(name: str, bad: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": name, "class": "c", "rack": "a01", "reached": True, "reason": None, "planted": None,
            "simulated": False, "results": [FAIL if bad else ROW], "phases": {}, "catalogue": "k",
            "verdict": "not_ready" if bad else "ready", **more}  # fmt: skip


class Nights:
    """A directory of runs, each a minute after the one before."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch):
        self.base, self.minute, self.patch = base, 0, monkeypatch

    def ran(self, run_id: str, hosts: dict[str, bool], kind: str = "verify", **more: Any) -> dict[str, Any]:
        """Report hosts, of which those that are ``True`` have a finding, and return the document."""
        directory = rundir.RunDirectory(str(self.base), run_id)
        scope = more.pop("scope", None)
        directory.expect(list(hosts), kind, scope)
        for name, bad in hosts.items():
            directory.keep(record(name, bad, **more), {"host": {"kernel": {"release": "6.8"}}})
        return self.report(directory)

    def report(self, directory: rundir.RunDirectory) -> dict[str, Any]:
        self.minute += 1
        self.patch.setattr(rundir, "now", lambda: f"2026-11-23T10:{self.minute:02}:00Z")
        run: dict[str, Any] = reported.report(directory, OPTIONS, NOBODY).run
        return run


@pytest.fixture(name="nights")
def nights_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    return Nights(tmp_path, monkeypatch)


def new(run: dict[str, Any]) -> list[str]:
    return sorted(entry["host"] for entry in run["changes"]["new"])


FLEET = dict.fromkeys("abc", False)


@pytest.mark.parametrize(
    ("between", "more"),
    [
        ({"a": False}, {}),  # one host again
        (FLEET, {"kind": "deploy", "compared": False}),
        (FLEET, {"kind": "health"}),
        (FLEET, {"kind": "bringup"}),
        (FLEET, {"scope": {"domains": ["gpu"]}}),
        (dict.fromkeys("abc", True), {"simulated": True}),
        ({"z": True}, {}),  # other hosts
    ],
)
def test_what_ran_between_two_nights_takes_nothing_away(nights: Nights, between: Any, more: Any) -> None:
    nights.ran("night-1", {**FLEET, "b": True})
    nights.ran("between", between, **more)
    night = nights.ran("night-2", {**FLEET, "b": True, "c": True})
    assert new(night) == ["c"]
    assert all(entry["before"] for entry in night["changes"]["verdicts"])
    assert night["changes"]["cleared"] == []


def test_each_host_is_compared_with_the_newest_run_that_had_it(nights: Nights) -> None:
    nights.ran("night-1", {**FLEET, "a": True})
    assert new(nights.ran("again", {"a": False})) == []
    night = nights.ran("night-2", {**FLEET, "a": True, "b": True})
    assert new(night) == ["a", "b"], "a was well when it was seen last"
    assert night["changes"]["since"] == "again"
    assert night["changes"]["runs"] == {"again": 1, "night-1": 2}


def test_a_host_verified_alone_cures_no_finding_between_hosts(nights: Nights) -> None:
    kernels = {"a": "6.8", "b": "6.8", "c": "6.8", "d": "6.5"}

    def ran(run_id: str, hosts: str) -> dict[str, Any]:
        directory = rundir.RunDirectory(str(nights.base), run_id)
        directory.expect(list(hosts))
        for name in hosts:
            uuid = "same" if name in "ab" else name
            facts = {"host": {"kernel": {"release": kernels[name]}}, "firmware": {"system": {"uuid": uuid}}}
            directory.keep(record(name), facts)
        return nights.report(directory)

    first = ran("night-1", "abcd")
    shared = {row["id"] for row in first["fleet"] if row["status"] == "fail" and len(row["hosts"]) == 2}
    assert shared, "two hosts show one identity"
    assert ran("alone", "a")["changes"]["cleared"] == []
    again = ran("night-2", "abcd")
    assert [entry for entry in again["changes"]["new"] if entry["id"] in shared] == [], "it was there all the time"
    assert ran("night-3", "cd")["changes"]["cleared"] == []


def test_slices_and_what_is_merged_of_them_report_new_failures(nights: Nights) -> None:
    def night(number: int, hosts: dict[str, bool]) -> dict[str, Any]:
        parts = []
        for name, bad in hosts.items():
            parts.append(nights.ran(f"night{number}-{name}", {name: bad}))
        into = rundir.RunDirectory(str(nights.base), f"night{number}")
        slices.merge([f"{nights.base}/night{number}-*"], into, [])
        merged = nights.report(into)
        assert [entry for part in parts for entry in new(part)] == new(merged)
        return merged

    night(1, FLEET)
    second = night(2, {**FLEET, "b": True})
    assert new(second) == ["b"]
    assert second["changes"]["since"] == "night1"
    assert second["kind"] == "verify"
    assert new(night(3, {**FLEET, "b": True})) == []


def test_a_report_written_again_is_no_younger_and_compares_with_the_same(nights: Nights) -> None:
    nights.ran("night-1", FLEET)
    first = nights.ran("night-2", {**FLEET, "a": True})
    nights.ran("night-3", {**FLEET, "a": True})
    again = nights.report(rundir.RunDirectory(str(nights.base), "night-2"))
    assert (again["finished"], again["changes"]) == (first["finished"], first["changes"])


def test_whole_documents_are_not_read_where_summaries_are(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        nights.ran(f"night-{number}", dict.fromkeys("abc", True))
    read: list[str] = []
    document = rundir.RunDirectory.document
    monkeypatch.setattr(rundir.RunDirectory, "document", lambda run: read.append(run.run_id) or document(run))
    night = nights.ran("night-6", dict.fromkeys("abc", True))
    assert (night["changes"]["since"], night["changes"]["new"]) == ("night-4", [])
    assert {run_id for run_id in read if run_id != "night-6"} == set()
    sizes = {name: (nights.base / "night-4" / name).stat().st_size for name in ("run.json", earlier.FILE)}
    assert sizes[earlier.FILE] * 5 < sizes["run.json"]


def test_a_summary_that_does_not_belong_to_its_document_is_not_believed(nights: Nights) -> None:
    nights.ran("night-1", FLEET)
    path = nights.base / "night-1" / "run.json"
    document = json.loads(path.read_text())
    document["hosts"]["a"]["results"] = [FAIL]
    path.write_text(json.dumps(document))
    assert new(nights.ran("night-2", {**FLEET, "a": True})) == []


def test_a_run_that_never_ended_is_not_compared_with(nights: Nights) -> None:
    nights.ran("night-1", FLEET)
    cut = rundir.RunDirectory(str(nights.base), "cut")
    cut.expect(list(FLEET), "verify")
    reported.begin(cut, list(FLEET))
    assert rundir.latest(str(nights.base)).path == cut.path  # type: ignore[union-attr]
    begun = json.loads((cut.path / "run.json").read_text())
    assert (begun["verdict"], begun["finished"], runs.exit_ok(begun)) == ("unknown", None, False)
    night = nights.ran("night-2", {**FLEET, "a": True})
    assert (night["changes"]["since"], new(night)) == ("night-1", ["a"])
