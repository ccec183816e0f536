# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The decision is APPROVE only when nothing at all speaks against it: every single thing that does is tried alone."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import golive, golive_text
from ansible_collections.muster.fleet.tests.unit.plugin_utils.ceremony import (
    NOW,
    RUN_ID,
    attested,
    document,
    row,
    wish,
)

SHA256 = "1" * 64
QA = golive.signoff_item(RUN_ID, "QA Engineer")
BACKUP = "themisdb:readiness-assessment.8"
PLAN = {"reference": "https://x", "flaw": None, "file": None}
WAIVED = {"status": "waived", "reason": "waived by j.doe until 2026-11-23: riser ordered"}


class All:
    """Everything that a decision is made from, all well."""

    def __init__(self) -> None:
        self.run, self.wish, self.attested = document(), wish(), attested(SHA256)
        self.expected = 2
        self.plans = {"mitigation": dict(PLAN), "rollback": dict(PLAN)}

    def host(self, **changed: Any) -> None:
        self.run["hosts"]["gpu-1"].update(changed)

    def finding(self, check: str, verdict: str | None = None, **changed: Any) -> None:
        rows = self.run["hosts"]["gpu-1"]["results"]
        rows[[entry["id"] for entry in rows].index(check)].update(changed)
        self.host(**({"verdict": verdict} if verdict else {}))

    def lose(self, check: str, *hosts: str) -> None:
        for name in hosts:
            rows = self.run["hosts"][name]["results"]
            self.run["hosts"][name]["results"] = [entry for entry in rows if entry["id"] != check]

    def decide(self, now: datetime.datetime = NOW, more: tuple[str, ...] = ()) -> dict[str, Any]:
        ground = golive.Ground(self.wish, self.attested, self.plans, SHA256, now, 24, self.expected)
        return golive.decide(self.run, ground, more)


def test_when_all_is_well_it_is_approved() -> None:
    record = All().decide()
    assert record["reasons"] == []
    assert record["decision"] == "APPROVE"
    rows = [row for key in ("readiness", "risks", "signoffs", "approvals") for row in record[key]]
    assert {row["status"] for row in rows} == {"pass"}
    assert record["run"]["sha256"] == SHA256


Spoil = Callable[[All], Any]
REFUSED: dict[str, tuple[Spoil, str]] = {
    # the run
    "critical red": (
        lambda a: a.finding("gpu.count", "not_ready", status="fail"),
        "critical check gpu.count is red on gpu-1",
    ),
    "critical unknown": (
        lambda a: a.finding("gpu.count", "unknown", status="unknown"),
        "critical check gpu.count is unknown on gpu-1",
    ),
    "critical red, verdict lies": (
        lambda a: a.finding("gpu.count", status="fail"),
        "critical check gpu.count is red on gpu-1",
    ),
    "critical red in the fleet": (
        lambda a: a.run["fleet"].append(row("gpu.count", status="fail", hosts=["gpu-2"], reason=None)),
        "critical check gpu.count is red on gpu-2",
    ),
    "major red": (lambda a: a.finding("nic.rate", "not_ready", status="fail"), "major check nic.rate is red on gpu-1"),
    "major unknown": (
        lambda a: a.finding("nic.rate", "unknown", status="unknown"),
        "major check nic.rate is unknown on gpu-1",
    ),
    "nobody judged a critical check": (
        lambda a: a.lose("gpu.count", "gpu-1", "gpu-2"),
        "critical check gpu.count was not judged on gpu-1, gpu-2",
    ),
    "one host lacks a critical check": (
        lambda a: a.lose("gpu.count", "gpu-2"),
        "critical check gpu.count was not judged on gpu-2",
    ),
    "host not reached": (
        lambda a: a.host(reached=False, verdict="unknown", reason="no route"),
        "gpu-1 was not reached: no route",
    ),
    "host not reached, verdict lies": (lambda a: a.host(reached=False, reason=None), "gpu-1 was not reached"),
    "host unknown": (lambda a: a.host(verdict="unknown"), "gpu-1 is unknown"),
    "host not ready": (lambda a: a.host(verdict="not_ready"), "gpu-1 is not ready"),
    "nothing judged": (lambda a: a.host(results=[]), "gpu-1: nothing was judged"),
    "expected host lost": (lambda a: a.run["hosts"].pop("gpu-2"), "gpu-2 was expected and is not in the run"),
    "no hosts": (lambda a: a.run["hosts"].clear(), "no host was judged in this run"),
    "verdict of the fleet": (lambda a: a.run.update(verdict="unknown"), "the verdict of the run is unknown"),
    "simulated run": (lambda a: a.run.update(simulated=True), "the run is simulated"),
    "simulated host": (lambda a: a.host(simulated=True), "the run is simulated"),
    "replayed host": (lambda a: a.host(replayed=True), "a recording answered for gpu-1, not the machine"),
    "too old": (lambda a: a.run.update(finished="2026-11-22T11:59:59Z"), "more than 24 hours ago"),
    "old evidence, reported again": (
        lambda a: a.finding("nic.rate", at="2026-11-22T11:59:59Z"),
        "evidence of 2026-11-22T11:59:59Z, more than 24 hours ago",
    ),
    "evidence without a time": (
        lambda a: a.finding("nic.rate", at="now"),
        "when the run was judged and ended is a time",
    ),
    "another number of hosts": (
        lambda a: setattr(a, "expected", 3),
        "the run has 2 hosts, golive_expected_hosts says 3",
    ),
    "from the future": (lambda a: a.run.update(finished="2026-11-23T12:06:00Z"), "the run ended in the future"),
    "never ended": (lambda a: a.run.update(finished=None), "when the run was judged and ended is a time"),
    "waiver expired since": (
        lambda a: a.finding("gpu.count", **{**WAIVED, "reason": "waived by j.doe until 2026-11-22: x"}),
        "the waiver of critical check gpu.count expired on 2026-11-22",
    ),
    "waiver of a major expired": (
        lambda a: a.finding("nic.rate", **{**WAIVED, "reason": "waived by j.doe until 2026-11-22: x"}),
        "the waiver of major check nic.rate expired on 2026-11-22",
    ),
    "waiver without end": (
        lambda a: a.finding("gpu.count", **{**WAIVED, "reason": "waived"}),
        "the waiver of critical check gpu.count names no end",
    ),
    # the sign-offs
    "no sign-off": (lambda a: a.attested.pop(QA), "sign-off QA Engineer: missing"),
    "sign-off not valid": (
        lambda a: a.attested[QA].update(valid=False, reason="it expired on 2026-11-01"),
        "sign-off QA Engineer: not valid: it expired",
    ),
    "sign-off of another run": (
        lambda a: a.attested[QA]["evidence"].update(sha256="2" * 64),
        "who-1 signed another state of the run",
    ),
    "sign-off without evidence": (
        lambda a: a.attested[QA].update(evidence={"url": "https://x"}),
        "who-1 signed another state of the run",
    ),
    "sign-off in another role": (lambda a: a.attested[QA].update(role="Intern"), "who-1 signs as Intern"),
    "sign-off by the wrong one": (
        lambda a: a.wish["signoffs"][1].update(who=["tess"]),
        "who-1 may not sign off in this role, only tess",
    ),
    "one role more": (lambda a: a.wish["signoffs"].append({"role": "Legal", "who": []}), "sign-off Legal: missing"),
    # what people decide and attest
    "risk not accepted": (
        lambda a: a.wish["risks"]["security"].update(accepted=False),
        "the security risk is not accepted",
    ),
    "risk not mentioned": (lambda a: a.wish["risks"].pop("business"), "the business risk is not accepted"),
    "no mitigation": (
        lambda a: a.plans["mitigation"].update(flaw="none is named"),
        "there is no mitigation plan: none is named",
    ),
    "no rollback": (
        lambda a: a.plans["rollback"].update(flaw="r.md is not there"),
        "there is no rollback plan: r.md is not there",
    ),
    "critical issue": (
        lambda a: a.wish["issues"].append(
            {"title": "Fire", "severity": "critical", "status": "open", "resolution": None}
        ),
        "critical issue is open: Fire",
    ),
    "high issue": (
        lambda a: a.wish["issues"].append({"title": "Smoke", "severity": "high", "status": "open", "resolution": None}),
        "high issue is open: Smoke",
    ),
    "issues not said": (lambda a: a.wish.update(issues=None), "nobody has said which issues are known"),
    "backup not attested": (lambda a: a.attested.pop(BACKUP), "Backup verified: nobody attests"),
    "attestation not valid": (
        lambda a: a.attested[BACKUP].update(valid=False, reason="it is not signed"),
        "the attestation of ops is not valid: it is not signed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_thing_alone_refuses_the_approval(case: str) -> None:
    spoil, reason = REFUSED[case]
    everything = All()
    spoil(everything)
    record = everything.decide()
    assert record["decision"] == "REJECT"
    assert any(reason in said for said in record["reasons"]), record["reasons"]


def test_what_others_hold_against_it_refuses_too() -> None:
    assert All().decide(more=("the record is not signed",))["decision"] == "REJECT"


ALLOWED: dict[str, Spoil] = {
    "minor red": lambda a: a.finding("time.offset", "degraded", status="fail"),
    "critical waived until today": lambda a: a.finding("gpu.count", **WAIVED),
    "low issue open": lambda a: a.wish["issues"].append(
        {"title": "Paint", "severity": "low", "status": "open"} | {"resolution": None}
    ),
    "high issue worked around": lambda a: a.wish["issues"].append(
        {"title": "x", "severity": "high", "status": "workaround"} | {"resolution": "y"}
    ),
    "not applicable": lambda a: a.finding("gpu.count", status="not_applicable"),
    "other classes have other checks": lambda a: (
        a.lose("gpu.count", "gpu-2"),
        a.run["hosts"]["gpu-2"].update(profile="cpu_only"),
    ),
    "answered for the fleet": lambda a: (
        a.lose("gpu.count", "gpu-1", "gpu-2"),
        a.run["fleet"].append(row("gpu.count", hosts=[], reason=None)),
    ),
    "exactly a day old": lambda a: a.run.update(finished="2026-11-22T12:00:00Z"),
    "fewer roles by decision": lambda a: (a.wish["signoffs"].pop(1), a.attested.pop(QA)),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_does_not_refuse(case: str) -> None:
    everything = All()
    ALLOWED[case](everything)
    assert everything.decide()["reasons"] == []


def test_every_reason_is_told_and_unknown_is_told_from_red() -> None:
    everything = All()
    everything.finding("gpu.count", "unknown", status="unknown")
    everything.attested.pop(QA)
    everything.wish["risks"]["technical"]["accepted"] = False
    record = everything.decide()
    assert len(record["reasons"]) == 4
    by_item = {row["item"]: row["status"] for key in ("readiness", "risks", "signoffs") for row in record[key]}
    assert by_item["themisdb:readiness-assessment.1"] == "unknown"
    assert by_item["themisdb:risk-assessment.1"] == "fail"
    assert by_item[QA] == "unknown"
    assert [row["status"] for row in record["approvals"]] == ["unknown", "pass", "pass", "pass"]


def test_waivers_are_listed_with_hosts_and_end() -> None:
    everything = All()
    everything.finding("gpu.count", **WAIVED)
    (waiver,) = everything.decide()["waivers"]
    assert (waiver["check"], waiver["hosts"], waiver["expires"]) == ("gpu.count", ["gpu-1"], "2026-11-23")
    assert everything.decide(NOW + datetime.timedelta(hours=13))["waivers"][0]["expired"] is True


def test_the_record_of_the_seed_is_complete() -> None:
    record = All().decide()
    sections = {item.split(".")[0] for key in ("readiness", "risks", "approvals") for item in _items(record[key])}
    assert sections >= {"themisdb:readiness-assessment", "themisdb:risk-assessment", "themisdb:final-approval"}
    assert len([item for item in _items(record["readiness"]) if item.startswith("themisdb")]) == 8
    assert len(record["risks"]) == 6
    assert len(record["approvals"]) == 4
    assert [row["title"] for row in record["signoffs"]] == [
        "Deployment Engineer", "QA Engineer", "Security Engineer", "Operations Manager", "Product Owner",
    ]  # fmt: skip


def _items(rows: list[dict[str, Any]]) -> list[str]:
    return [entry["item"] for entry in rows]


def test_texts_escape_what_came_from_machines_and_people() -> None:
    everything = All()
    hostile = "<script>alert(1)</script> | \x1b[31m @everyone"
    everything.finding("gpu.count", "not_ready", status="fail", message=hostile)
    everything.wish["title"] = hostile
    everything.wish["issues"].append({"title": hostile, "severity": "high", "status": "open", "resolution": None})
    record = everything.decide() | {"decided": "2026-11-23T12:00:00Z", "signed_by": hostile, "rests_on": []}
    text, lines = golive_text.markdown(record), golive_text.console(record, "golive.json")
    assert "<script>" not in text
    assert "\x1b" not in text + "".join(lines)
    assert "@everyone" not in text
    assert lines[0].startswith("DECISION: REJECT")
    assert "DECISION: REJECT" in text


def test_a_thousand_reasons_stay_readable() -> None:
    record = All().decide(more=tuple(f"reason {number}" for number in range(1000)))
    record |= {"decided": "2026-11-23T12:00:00Z", "signed_by": None, "rests_on": []}
    assert len(golive_text.console(record, "golive.json")) < 40
    assert "and 980 more reasons" in "\n".join(golive_text.console(record, "golive.json"))
    assert "800 more" in golive_text.markdown(record)
