# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts show beside each other decides about the run too, and about the hosts that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.action import report
from ansible_collections.muster.fleet.plugins.plugin_utils import rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.compared import compared
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.run import assemble

PASSING = {"id": "gpu.count", "item": None, "status": "pass", "severity": "critical", "phase": 5}
META = {"run_id": "r2", "started": None, "finished": None, "collection_version": "1"}


def record(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "class": "c", "rack": "a01", "verdict": "ready", "reached": True,
            "reason": None, "simulated": False, "planted": None, "results": [PASSING], "phases": {}, "catalogue": "",
            **more}  # fmt: skip


def run(
    base: Path, name: str, kernels: dict[str, str | None], **more: Any
) -> tuple[rundir.RunDirectory, dict[str, Any]]:
    """Keep hosts with a kernel each, report them, and return the run and its document."""
    directory = rundir.RunDirectory(str(base), name)
    directory.expect(list(kernels))
    for host, kernel in kernels.items():
        directory.keep(record(host, **more), {"host": {"kernel": {"release": kernel}}})
    records = directory.records()
    meta = META | {"run_id": name} | compared(directory, records, {})
    document = assemble(records, directory.expected(), meta)
    (directory.path / "run.json").write_text(json.dumps(document))
    return directory, document


def rows(document: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [row for row in document["fleet"] if row["id"] == check]


def test_an_odd_host_makes_the_run_not_ready_and_is_the_one_refused(tmp_path: Path) -> None:
    unused, document = run(tmp_path, "r1", {"a": "6.8", "b": "6.8", "c": "6.8", "d": "6.5"})
    assert document["verdict"] == "not_ready"
    assert document["catalogue"]["fleet.peers.kernel"]["title"]
    refused = report.refused(document, 0)
    assert set(refused) == {"d"}
    assert "kernel release is 6.5, expected 6.8 (3 of 4 hosts)" in refused["d"]


def test_a_finding_without_hosts_refuses_all(tmp_path: Path) -> None:
    unused, document = run(tmp_path, "r1", {"a": "6.8", "b": "6.8", "c": "6.8"})
    assert report.refused(document, 0) == {}
    document["verdict"] = "unknown"
    assert report.refused(document, 0) == {"site": "The run is unknown, though no host alone is."}


def test_drift_is_measured_against_the_newest_run_that_ended_well(tmp_path: Path) -> None:
    run(tmp_path, "r1", {"a": "6.8", "b": "6.8"})
    run(tmp_path, "r2", {"a": "6.9", "b": "6.8"}, verdict="not_ready")
    unused, document = run(tmp_path, "r3", {"a": "6.9", "b": "6.8"})
    (changed,) = [row for row in rows(document, "fleet.drift.kernel") if row["status"] == "fail"]
    assert (changed["hosts"], changed["message"]) == (["a"], "a: kernel release is 6.9, it was 6.8 in run r1")
    assert document["verdict"] == "ready", "a version that changed is told, not punished"


def keep(base: Path, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Keep one host with these facts, report it, and return the document of the run."""
    directory = rundir.RunDirectory(str(base), name)
    directory.expect(["a"])
    directory.keep(record("a"), facts)
    records = directory.records()
    document = assemble(records, ["a"], META | {"run_id": name} | compared(directory, records, {}))
    (directory.path / "run.json").write_text(json.dumps(document))
    return document


def test_a_run_that_asks_a_part_is_neither_measured_by_the_rest_nor_measures_it(tmp_path: Path) -> None:
    whole = {
        "host": {"kernel": {"release": "6.8"}},
        "security": {"host_keys": [{"label": "ed25519", "type": "ed25519", "fingerprint": "x"}]},
        "time": {"offset_s": 0.1},
    }
    wrong = ("fail", "unknown")
    keep(tmp_path, "r1", whole)
    part = keep(tmp_path, "r2", {"time": whole["time"]})
    assert [row["id"] for row in part["fleet"] if row["status"] in wrong] == []
    assert part["verdict"] == "ready"
    again = keep(tmp_path, "r3", {**whole, "host": {"kernel": {"release": "6.9"}}})
    changed = [row for row in again["fleet"] if row["status"] in wrong and row["id"].startswith("fleet.drift")]
    assert [row["message"] for row in changed] == ["a: kernel release is 6.9, it was 6.8 in run r1"]


def test_simulated_hosts_are_not_measured_by_real_ones(tmp_path: Path) -> None:
    run(tmp_path, "r1", {"a": "6.8"})
    unused, document = run(tmp_path, "r2", {"a": "6.9"}, simulated=True)
    assert {row["status"] for row in rows(document, "fleet.drift.kernel")} == {"not_applicable"}


def test_an_accepted_run_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    directory, unused = run(tmp_path, "r1", {"a": "6.8"})
    with pytest.raises(BadInput, match="r0: there is no such run to compare with"):
        compared(directory, directory.records(), {"accepted_run": "r0"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: {eth0: {switch: s1, portt: 1}}", r":1: a: eth0: is a mapping of switch \(or ib_switch\) and port"),
        ("a: {ib0: {switch: s1, ib_switch: s2}}", r":1: a: ib0: is a mapping of switch \(or ib_switch\) and port"),
        ("a: [eth0]", r":1: a: is a mapping of interfaces"),
        ("- a", "a cable plan is one mapping"),
        ("a: {", "not YAML"),
    ],
)
def test_a_plan_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, problem: str) -> None:
    directory, unused = run(tmp_path, "r1", {"a": "6.8"})
    (tmp_path / "plan.yml").write_text(text)
    with pytest.raises(BadInput, match=problem):
        compared(directory, directory.records(), {"cable_plan": str(tmp_path / "plan.yml")})


def test_infiniband_cables_are_held_against_what_the_fabric_shows(tmp_path: Path) -> None:
    directory = rundir.RunDirectory(str(tmp_path), "r1")
    directory.keep(
        record("a"), {"nic": {"rdma": {"devices": [{"name": "mlx5_0", "node_guid": "0c42:a103:0060:5e88"}]}}}
    )
    (tmp_path / "plan.yml").write_text("a: {mlx5_0: {ib_switch: leaf-1, port: 17}}\n")
    (tmp_path / "fabric.txt").write_text(
        'Ca\t1 "H-0c42a10300605e88"\t# "a mlx5_0"\n'
        '[1](c42a10300605e88)\t"S-1070fd030011aa00"[18]\t# lid 4 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 3 4xNDR\n'
    )
    options = {"cable_plan": str(tmp_path / "plan.yml"), "fabric": str(tmp_path / "fabric.txt")}
    found = rows(compared(directory, directory.records(), options), "fleet.cabling.fabric")
    assert [row["message"] for row in found] == [
        "a (mlx5_0): InfiniBand cable ends on leaf-1 18, expected leaf-1 17 (cable plan)"
    ]


class TestWaivers:
    """One file waives findings of both kinds; a row is waived when it is for every host it names."""

    def judged(self, place: Path, text: str) -> list[dict[str, Any]]:
        directory, unused = run(place, "r1", {"a": "6.8", "b": "6.8", "c": "6.8", "d": "6.5", "e": "6.5"})
        (place / "waivers.yml").write_text(text)
        options = {"waivers": str(place / "waivers.yml")}
        return [row for row in compared(directory, directory.records(), options)["fleet"] if row["hosts"] == ["d", "e"]]

    @pytest.mark.parametrize(
        ("hosts", "expires", "status"),
        [
            ("['*']", "2999-01-01", "waived"),
            ("[d, e]", "2999-01-01", "waived"),
            ("[d]", "2999-01-01", "fail"),
            ("['*']", "2001-01-01", "fail"),
        ],
    )
    def test_a_row(self, tmp_path: Path, hosts: str, expires: str, status: str) -> None:
        text = f"- {{check: fleet.peers.kernel, owner: o, reason: r, expires: {expires}, hosts: {hosts}}}\n"
        (row,) = self.judged(tmp_path, text + "- {check: gpu.count, owner: o, reason: r, expires: 2999-01-01}\n")
        assert row["status"] == status

    def test_a_check_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="waiver of fleet.peers.colonel: there is no such check"):
            self.judged(tmp_path, "- {check: fleet.peers.colonel, owner: o, reason: r, expires: 2999-01-01}")


class TestPlanted:
    """A simulated rack is right when what shows beside other hosts is what was planted, too."""

    KERNELS = {"a": "6.8", "b": "6.8", "c": "6.8", "d": "6.5"}

    def judged(
        self, place: Path, fleet: dict[str, str], kernels: dict[str, str | None] | None = None, where: str = "d"
    ) -> Any:
        planted = {"faults": [], "finds": {}, "fleet": fleet}
        directory = rundir.RunDirectory(str(place), "r1")
        kept = kernels or self.KERNELS
        for host, kernel in kept.items():
            mine = planted if host in where else {"faults": [], "finds": {}}
            directory.keep(record(host, simulated=True, planted=mine), {"host": {"kernel": {"release": kernel}}})
        records = directory.records()
        meta = META | compared(directory, records, {})
        return assemble(records, list(kept), meta)["planted"]

    def test_what_was_declared_is_expected(self, tmp_path: Path) -> None:
        found = self.judged(tmp_path, {"fleet.peers.kernel": "fail"})
        assert (found["equal"], found["found"]) == (True, 1)

    def test_what_was_not_declared_is_extra(self, tmp_path: Path) -> None:
        assert self.judged(tmp_path, {})["extra"] == [{"host": "d", "id": "fleet.peers.kernel", "status": "fail"}]

    def test_what_was_declared_and_is_not_found_is_missed(self, tmp_path: Path) -> None:
        found = self.judged(tmp_path, {"fleet.peers.kernel": "fail"}, dict.fromkeys("abcd", "6.8"))
        assert found["missed"] == [{"host": "d", "id": "fleet.peers.kernel", "status": "fail"}]

    def test_half_of_a_class_with_one_fault_turns_over_what_is_usual(self, tmp_path: Path) -> None:
        found = self.judged(tmp_path, {"fleet.peers.kernel": "fail"}, {"a": "6.8", "c": "6.5", "d": "6.5"}, "cd")
        assert (found["equal"], found["planted"]) == (True, 0)

    def test_too_few_hosts_to_compare_are_not_asked_for_it(self, tmp_path: Path) -> None:
        found = self.judged(tmp_path, {"fleet.peers.kernel": "fail"}, {"a": "6.8", "d": "6.5"})
        assert (found["equal"], found["planted"]) == (True, 0)
