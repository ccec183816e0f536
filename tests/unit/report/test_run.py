# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Assembling: every expected host counted, no verdict better than its evidence, scores that silence cannot improve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.report import html
from ansible_collections.muster.fleet.tests.unit.report import sample

CHECKS = sample.catalogue()
PCIE = "gpu.pcie.width"


def assemble(*hosts: dict[str, Any], expected: list[str] | None = None, earlier: Any = None, **meta: Any) -> Any:
    names = [host["name"] for host in hosts] if expected is None else expected
    return runs.assemble(hosts, names, sample.meta(**{"inventory": {}} | meta), earlier)


def host(name: str = "n-a01-01", **more: Any) -> dict[str, Any]:
    return sample.record(name, CHECKS, **{"simulated": False, "planted": None} | more)


def finding(status: str = "fail", severity: str = "critical", **more: Any) -> dict[str, Any]:
    return sample.row(PCIE, CHECKS[PCIE] | {"severity": severity}, status, "GPU 3", **more)


@pytest.mark.parametrize("run", [sample.rack(), assemble(), assemble(expected=["gone"]), sample.fleet_of(9)])
def test_the_document_matches_its_schema(run: Any, checkout: Path) -> None:
    schema = json.loads((checkout / "docs" / "run.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(run, schema)


def test_the_schema_refuses_another_verdict(checkout: Path) -> None:
    schema = json.loads((checkout / "docs" / "run.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError, match="fine"):
        jsonschema.validate(sample.rack() | {"verdict": "fine"}, schema)


def test_a_host_that_did_not_answer_is_unknown_and_counted() -> None:
    run = assemble(host(), expected=["n-a01-01", "n-a01-02"], inventory={"n-a01-02": {"rack": "a01", "slot": 7}})
    missing = run["hosts"]["n-a01-02"]
    assert (missing["verdict"], missing["reached"], missing["reason"]) == ("unknown", False, "no result arrived")
    assert (missing["rack"], missing["slot"]) == ("a01", 7)
    assert run["counts"] == {"ready": 1, "degraded": 0, "not_ready": 0, "unknown": 1}
    assert run["racks"]["a01"] == {"verdict": "unknown", "counts": run["counts"]}
    assert run["verdict"] == "unknown"
    assert not runs.exit_ok(run)


def test_no_host_at_all_is_unknown_with_the_reason() -> None:
    run = assemble()
    assert (run["verdict"], run["reason"], runs.exit_ok(run)) == ("unknown", "no host matched", False)
    assert "no host matched" in runs.closing_lines(run)[0]


def test_an_inventory_cannot_claim_that_a_silent_host_is_ready() -> None:
    run = assemble(expected=["x"], inventory={"x": {"verdict": "ready", "reached": True, "reason": "fine"}})
    assert run["hosts"]["x"]["verdict"] == "unknown"
    assert run["hosts"]["x"]["reached"] is False


def test_the_last_record_of_a_host_counts() -> None:
    run = assemble(host(verdict="not_ready"), host())
    assert run["counts"]["ready"] == 1
    assert len(run["hosts"]) == 1


@pytest.mark.parametrize(
    ("verdicts", "fleet"),
    [
        (["ready", "ready"], "ready"),
        (["ready", "degraded"], "degraded"),
        (["degraded", "unknown"], "unknown"),
        (["unknown", "not_ready", "ready"], "not_ready"),
    ],
)
def test_the_fleet_is_as_its_worst_host(verdicts: list[str], fleet: str) -> None:
    hosts = [host(f"n-a01-{number}", verdict=verdict) for number, verdict in enumerate(verdicts)]
    assert assemble(*hosts)["verdict"] == fleet


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"results": []}, "unknown"),
        ({"reached": False}, "unknown"),
        ({"verdict": None}, "unknown"),
        ({"verdict": "splendid"}, "unknown"),
        ({"results": [finding()]}, "not_ready"),
        ({"results": [finding("unknown", "major")]}, "unknown"),
        ({"results": [finding(severity="minor"), finding("pass")]}, "degraded"),
        ({"results": [finding(severity="info")]}, "unknown"),
        ({"results": [finding(severity="info"), finding("pass")]}, "ready"),
        ({"results": [finding("unknown", "minor"), finding("pass")]}, "degraded"),
        ({"results": [finding("not_applicable")]}, "unknown"),
        ({"results": [finding("waived")]}, "ready"),
        ({"results": [finding("shrug")]}, "unknown"),
        ({"results": [finding(severity="meh")]}, "not_ready"),
    ],
)
def test_ready_is_not_believed_without_evidence(more: dict[str, Any], verdict: str) -> None:
    assert assemble(host(**more))["hosts"]["n-a01-01"]["verdict"] == verdict


def test_a_fleet_check_that_fails_makes_the_run_not_ready() -> None:
    run = assemble(host(), fleet=[finding(hosts=["n-a01-01"])])
    assert run["hosts"]["n-a01-01"]["verdict"] == "ready"
    assert run["verdict"] == "not_ready"
    assert not runs.exit_ok(run)


def test_values_that_json_lacks_become_text() -> None:
    rows = [finding(observed=float("nan"), expected={3})]
    run = assemble(host(results=rows))
    assert run["hosts"]["n-a01-01"]["results"][0]["observed"] == "nan"
    json.dumps(run, allow_nan=False)


def test_hosts_are_in_the_order_of_the_room() -> None:
    names = {"n-a02-1": 3, "n-a01-9": 10, "n-a01-8": 9, "n-a01-7": None}
    run = assemble(*(host(name, slot=slot) for name, slot in names.items()))
    assert list(run["hosts"]) == ["n-a01-8", "n-a01-9", "n-a01-7", "n-a02-1"]


class TestScores:
    """Per phase, one vote per check and host."""

    def test_one_bad_item_of_eight_fails_the_check(self) -> None:
        other = sample.row("gpu.count.pci", CHECKS["gpu.count.pci"])
        rows = [finding(), sample.row(PCIE, CHECKS[PCIE], items=7), other]
        assert assemble(host(results=rows))["scores"]["phase-5"] == {
            "ready_percent": 50.0, "applicable": 2, "pass": 1, "fail": 1, "unknown": 0, "waived": 0,
        }  # fmt: skip

    def test_waived_and_not_applicable_are_left_out(self) -> None:
        rows = [finding("waived"), sample.row("gpu.count.pci", CHECKS["gpu.count.pci"], "not_applicable")]
        assert assemble(host(results=rows))["scores"]["phase-5"]["ready_percent"] is None

    def test_a_silent_host_counts_against_the_score(self) -> None:
        known = {"n-a01-02": {"class": "hgx_h100"}}
        run = assemble(host(), expected=["n-a01-01", "n-a01-02"], inventory=known)
        score = run["scores"]["phase-5"]
        assert score["unknown"] == score["pass"] > 0
        assert score["ready_percent"] == 50.0

    def test_a_phase_not_reached_counts_against_the_score(self) -> None:
        stopped = host("n-a01-02", verdict="not_ready", phases={"5": "not_reached"})
        stopped["results"] = [row for row in stopped["results"] if row["phase"] < 5]
        assert assemble(host(), stopped)["scores"]["phase-5"]["ready_percent"] == 50.0

    def test_a_phase_that_nobody_reached_is_said_without_a_number(self) -> None:
        stopped = host(verdict="not_ready", phases={"5": "not_reached"})
        stopped["results"] = [row for row in stopped["results"] if row["phase"] < 5]
        score = assemble(stopped)["scores"]["phase-5"]
        assert (score["ready_percent"], score["applicable"]) == (None, 0)

    def test_a_class_without_checks_in_the_phase_does_not(self) -> None:
        other = host("n-a01-02", phases={"5": "no_checks"})
        other["results"] = [row for row in other["results"] if row["phase"] < 5]
        assert assemble(host(), other)["scores"]["phase-5"]["ready_percent"] == 100.0

    def test_a_hundred_means_all(self) -> None:
        hosts = [host(f"n-a01-{number}") for number in range(60)]
        hosts[0]["results"] = [row for row in hosts[0]["results"] if row["id"] != PCIE] + [finding()]
        assert assemble(*hosts)["scores"]["phase-5"]["ready_percent"] == 99.9


class TestChanges:
    """What is new, what is gone, and what only looks gone."""

    def test_without_an_earlier_run_nothing_is_said(self) -> None:
        assert assemble(host())["changes"] == {"since": None, "verdicts": [], "new": [], "cleared": []}

    def test_a_new_finding(self) -> None:
        earlier = assemble(host(), run_id="before")
        changes = assemble(host(verdict="not_ready", results=[finding()]), earlier=earlier)["changes"]
        assert changes["since"] == "before"
        assert changes["verdicts"] == [{"host": "n-a01-01", "before": "ready", "after": "not_ready"}]
        assert changes["new"] == [{"host": "n-a01-01", "id": PCIE, "item": "GPU 3", "status": "fail"}]
        assert changes["cleared"] == []

    def test_a_finding_that_was_repaired(self) -> None:
        changes = assemble(host(), earlier=assemble(host(results=[finding()])))["changes"]
        assert changes["cleared"] == [{"host": "n-a01-01", "id": PCIE, "item": "GPU 3", "status": "fail"}]

    def test_a_host_that_fell_silent_is_not_repaired(self) -> None:
        changes = assemble(expected=["n-a01-01"], earlier=assemble(host(results=[finding()])))["changes"]
        assert changes["cleared"] == []
        assert changes["verdicts"] == [{"host": "n-a01-01", "before": "not_ready", "after": "unknown"}]

    def test_a_finding_that_turned_unknown_is_new_and_not_cleared(self) -> None:
        earlier = assemble(host(results=[finding()]))
        changes = assemble(host(results=[finding("unknown")]), earlier=earlier)["changes"]
        assert [entry["status"] for entry in changes["new"]] == ["unknown"]
        assert changes["cleared"] == []

    def test_a_simulated_host_is_not_compared_with_a_real_one(self) -> None:
        changes = assemble(host(), earlier=assemble(host(simulated=True, results=[finding()])))["changes"]
        assert changes["cleared"] == []
        assert changes["verdicts"] == [{"host": "n-a01-01", "before": None, "after": "ready"}]


def beside(*names: str, status: str = "fail", check: str = "fleet.peers.kernel", **more: Any) -> dict[str, Any]:
    return finding(status) | {"id": check, "item": None, "hosts": list(names)} | more


class TestChangesBesideOthers:
    """What hosts show beside each other is new or gone like any finding, one entry for a row."""

    def changes(self, before: list[Any], after: list[Any], answering: str = "abc") -> tuple[list[Any], list[Any]]:
        every = [host(f"n-a01-{name}") for name in "abc"]
        earlier = assemble(*every, fleet=before)
        here = [entry for entry in every if entry["name"][-1] in answering]
        found = assemble(*here, expected=[entry["name"] for entry in every], fleet=after, earlier=earlier)["changes"]
        return found["new"], found["cleared"]

    A, B, C = "n-a01-a", "n-a01-b", "n-a01-c"
    SAME = {"id": "fleet.peers.kernel", "item": None, "status": "fail"}

    def test_what_stayed_is_not_told(self) -> None:
        assert self.changes([beside(self.A)], [beside(self.A)]) == ([], [])

    def test_only_the_hosts_for_which_it_is_new_or_gone_are_named(self) -> None:
        new, gone = self.changes([beside(self.A, self.B)], [beside(self.B, self.C)])
        assert new == [{"host": self.C, "hosts": [self.C], **self.SAME}]
        assert gone == [{"host": self.A, "hosts": [self.A], **self.SAME}]

    def test_many_hosts_are_one_entry(self) -> None:
        new, unused = self.changes([], [beside(self.B, self.A)])
        assert new == [{"host": "fleet", "hosts": [self.A, self.B], **self.SAME}]

    def test_a_host_that_fell_silent_is_not_repaired(self) -> None:
        good = beside(status="pass")
        assert self.changes([beside(self.A)], [good], "bc") == ([], [])
        assert self.changes([beside(self.A)], [good])[1][0]["host"] == self.A

    def test_what_was_not_compared_again_is_not_repaired(self) -> None:
        spared = beside(self.A, status="not_applicable")
        assert self.changes([beside(self.A)], []) == ([], [])
        assert self.changes([beside(self.A)], [beside(status="pass"), spared]) == ([], [])

    def test_what_turned_unknown_is_new_and_not_gone(self) -> None:
        new, gone = self.changes([beside(self.A)], [beside(self.A, status="unknown")])
        assert ([entry["status"] for entry in new], gone) == (["unknown"], [])

    def test_what_the_site_shows_has_no_hosts(self) -> None:
        missing, there = beside(check="site.a", status="unknown"), beside(check="site.a", status="pass")
        new, gone = self.changes([there], [missing])
        assert ([(entry["host"], entry["hosts"]) for entry in new], gone) == ([("fleet", [])], [])
        assert [entry["id"] for entry in self.changes([missing], [there])[1]] == ["site.a"]

    def test_drift_is_told_once_and_not_cured_by_being_old(self) -> None:
        drift = beside(self.A, check="fleet.drift.kernel", compare="drift")
        assert len(self.changes([], [drift])[0]) == 1
        assert self.changes([drift], [beside(check="fleet.drift.kernel", status="pass")]) == ([], [])

    def test_the_page_and_the_schema_take_them(self, checkout: Path) -> None:
        run = assemble(
            host(self.A), host(self.B), earlier=assemble(host(self.A), host(self.B)), fleet=[beside(self.A, self.B)]
        )
        jsonschema.validate(run, json.loads((checkout / "docs" / "run.schema.json").read_text()))
        assert "between hosts" in html.render(run)


def lab(results: Any = None, finds: Any = None, **more: Any) -> dict[str, Any]:
    made = host(simulated=True, planted={"faults": [], "finds": finds or {}}, **more)
    return made if results is None else made | {"results": results}


class TestPlanted:
    """The findings of a simulated rack must equal what was planted: no more, no less."""

    def test_exactly_what_was_planted(self) -> None:
        run = assemble(lab([finding(), finding() | {"item": "GPU 4"}], {PCIE: "fail"}, verdict="not_ready"))
        assert run["planted"] == {"equal": True, "planted": 1, "found": 1, "missed": [], "extra": []}
        assert runs.exit_ok(run)
        assert runs.closing_lines(run)[-1] == "simulated rack: 1 finding planted, 1 found, 0 missed, 0 extra"

    @pytest.mark.parametrize(
        ("found", "finds", "missed", "extra"),
        [
            ([], {PCIE: "fail"}, ["fail"], []),
            ([finding()], {}, [], ["fail"]),
            ([finding("unknown")], {PCIE: "fail"}, ["fail"], ["unknown"]),
            ([finding("waived")], {PCIE: "fail"}, ["fail"], []),
        ],
    )
    def test_a_difference_is_said_and_ends_red(self, found: Any, finds: Any, missed: Any, extra: Any) -> None:
        run = assemble(lab([*found, sample.row("gpu.count.pci", CHECKS["gpu.count.pci"])], finds))
        assert run["planted"]["equal"] is False
        assert [entry["status"] for entry in run["planted"]["missed"]] == missed
        assert [entry["status"] for entry in run["planted"]["extra"]] == extra
        assert not runs.exit_ok(run)
        assert any("missed" in line or "extra" in line for line in runs.closing_lines(run)[-2:])

    def test_a_phase_that_was_not_reached_is_not_asked_for(self) -> None:
        stopped = lab([sample.row("bmc.power.chassis", CHECKS["bmc.power.chassis"])], {PCIE: "fail"},
                      phases={"5": "not_reached"})  # fmt: skip
        assert assemble(stopped)["planted"]["equal"] is True

    def test_a_fleet_finding_counts_for_the_hosts_it_names(self) -> None:
        run = assemble(lab(finds={PCIE: "fail"}), fleet=[finding(hosts=["n-a01-01"])])
        assert run["planted"]["equal"] is True

    def test_hosts_that_declare_nothing_are_not_compared(self) -> None:
        assert assemble(host(results=[finding()]))["planted"] is None


@pytest.mark.parametrize(
    ("hosts", "ok"),
    [
        ([host()], True),
        ([host(verdict="degraded")], True),
        ([host(), host("n-a01-02", verdict="not_ready")], False),
        ([host(), host("n-a01-02", verdict="unknown")], False),
        ([lab()], True),
        ([lab([finding()], {PCIE: "fail"})], True),
        ([lab([finding()], {})], False),
        ([lab(finds={PCIE: "fail"})], False),  # everything looks ready because the fault was missed
        ([lab([finding()], {PCIE: "fail"}), host("n-a01-02")], False),  # one real host: verdicts decide
        ([host(simulated=True)], True),
        ([host(simulated=True, verdict="not_ready")], False),
        ([host(planted={"faults": [], "finds": {PCIE: "fail"}}, results=[finding()])], False),  # not simulated
    ],
)
def test_exit(hosts: list[dict[str, Any]], ok: bool) -> None:
    assert runs.exit_ok(assemble(*hosts)) is ok


def test_one_simulated_host_makes_the_run_simulated() -> None:
    run = assemble(host(), host("n-a01-02", simulated=True))
    assert run["simulated"] is True
    assert "SIMULATED" in runs.closing_lines(run)[0]


class TestSummary:
    """What a scheduler keeps of a run."""

    def test_it_stays_small_whatever_the_run(self) -> None:
        names = [f"{'x' * 400}{number}" for number in range(3000)]
        text = json.dumps(runs.summary(assemble(expected=names, run_id="r" * 9999, report="/" * 99999)))
        assert len(text) < 32 * 1024
        assert json.loads(text)["failed_hosts_cut"] == 2980

    def test_it_says_what_decides(self) -> None:
        told = runs.summary(sample.rack(), cap=2)
        assert told["verdict"] == "not_ready"
        assert told["simulated"] is True
        assert told["planted_equal"] is True
        assert len(told["failed_hosts"]) == 2
        assert told["failed_hosts_cut"] == 5
        assert told["counts"] == {"ready": 4, "degraded": 1, "not_ready": 5, "unknown": 2}


class TestClosingLines:
    """The end of the console output."""

    def test_the_verdict_comes_first_then_the_hosts(self) -> None:
        lines = runs.closing_lines(sample.rack())
        assert "NOT READY. 12 hosts: 4 ready, 1 degraded, 5 not ready, 2 unknown" in lines[0]
        text = "\n".join(lines)
        assert "GPU 3 (0000:4e:00.0): pcie width is 8, expected 16" in text
        assert "no result arrived" in text
        assert "report: reports/" in text
        assert "gpu-a01-05" not in text  # degraded passes muster
        assert len(lines) < 40

    def test_a_big_failure_stays_short(self) -> None:
        assert len(runs.closing_lines(assemble(expected=[f"n{number}" for number in range(500)]))) < 25

    def test_a_machine_cannot_write_to_the_terminal(self) -> None:
        evil = finding(message="\x1b[2J\x1b[31mready\r\nPASS\u202e")
        text = "\n".join(runs.closing_lines(assemble(host(results=[evil]))))
        assert "\x1b" not in text
        assert "\r" not in text
        assert "\u202e" not in text
