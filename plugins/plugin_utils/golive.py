# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The decision to go live: a finished run, what people attest and what they decided in, APPROVE or REJECT out. Pure.

Every section is a list of rows with a status; whatever is not a pass is a reason to reject, and unknown is no pass.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from .attestations import CLOCKS_APART, time
from .files import BadInput
from .golive_findings import expired, findings_of, unjudged, waivers_of
from .golive_input import AREAS, ATTESTED, PLANS
from .golive_people import (
    FAIL,
    UNKNOWN,
    Row,
    approvals,
    four_eyes,
    row,
    signers,
    signoff,
    signoff_item,
    slug,
    struck_out,
)
from .report.terms import PASSED_MUSTER

__all__ = ["APPROVE", "REJECT", "SCHEMA_VERSION", "Ground", "decide", "signoff_item", "slug"]

SCHEMA_VERSION = 1
APPROVE, REJECT = "APPROVE", "REJECT"
ATTESTED_TITLES = {
    "themisdb:readiness-assessment.6": "Team ready to support",
    "themisdb:readiness-assessment.7": "Monitoring active",
    "themisdb:readiness-assessment.8": "Backup verified",
}
GRAVE = ("critical", "high")


class Ground(NamedTuple):
    """What a decision stands on besides the run: ``plans`` is ``{name: {"reference", "flaw"}}``; ``now`` in UTC."""

    wish: Mapping[str, Any]  # of golive_input
    attested: Mapping[str, Any]  # items of attestations
    plans: Mapping[str, Mapping[str, Any]]
    run_sha256: str
    now: datetime.datetime
    max_age_h: float
    expected_hosts: int = 0  # how many hosts the run must have; zero expects nothing
    signed_by: str | None = None  # who signs the record
    wish_sha256: str | None = None  # of the very bytes that ``wish`` was understood from


def decide(run: Mapping[str, Any], ground: Ground, more_reasons: Iterable[str] = ()) -> dict[str, Any]:
    """Return the record of the decision, without when and by whom; ``more_reasons`` forbid an approval as well."""
    waivers = waivers_of(run, ground.now.date().isoformat())
    run_id, wish = str(run["run_id"]), ground.wish
    signoffs = [signoff(run_id, entry, ground.attested, ground.run_sha256) for entry in wish["signoffs"]]
    signed = signers(signoffs)
    sections: dict[str, list[Row]] = {
        "readiness": [
            *_of_run(run, ground),
            *_of_checks(run, waivers),
            *_of_issues(ground),
            *_of_people(ground),
            four_eyes(signed, wish.get("sole_signer")),
        ],
        "risks": [*_of_risks(wish["risks"], {*signed, ground.signed_by}), *_of_plans(ground.plans)],
        "signoffs": signoffs,
        "approvals": approvals(signoffs, wish.get("not_required") or {}),
    }
    reasons = [reason for rows in sections.values() for row in rows for reason in row["reasons"]]
    reasons += more_reasons
    return {
        "schema_version": SCHEMA_VERSION,
        "decision": REJECT if reasons else APPROVE,
        "reasons": reasons,
        "title": wish["title"],
        "run": {
            **{
                key: run.get(key)
                for key in ("run_id", "started", "finished", "collection_version", "verdict", "counts")
            },
            "simulated": bool(run.get("simulated")),
            "hosts": list(run["hosts"]),
            "sha256": ground.run_sha256,
        },
        **sections,
        "sole_signer": wish.get("sole_signer"),
        "findings": findings_of(run),
        "waivers": waivers,
        "issues": wish["issues"] or [],
    }


def _of_run(run: Mapping[str, Any], ground: Ground) -> list[Row]:
    simulated = [name for name, host in run["hosts"].items() if host.get("simulated")]
    made_up = ["the run is simulated: it says nothing about real machines"] if run.get("simulated") or simulated else []
    replayed = [name for name, host in run["hosts"].items() if host.get("replayed")]
    made_up += [f"a recording answered for {_names(replayed)}, not the machine"] if replayed else []
    bad = FAIL if any(host["verdict"] == "not_ready" for host in run["hosts"].values()) else UNKNOWN
    return [
        row("run.real", "The run is of real machines", made_up),
        row("run.recent", "The run is recent", _age(run, ground), f"finished {run.get('finished')}"),
        row("run.ready", "Every host was reached and is ready", _hosts(run, ground), f"{len(run['hosts'])} hosts", bad),
    ]


def _age(run: Mapping[str, Any], ground: Ground) -> list[str]:
    """Return why the evidence is not recent: its oldest piece counts, for reports may be written again much later."""
    rows = [row for host in run["hosts"].values() for row in host["results"]]
    times = {str(row.get("at")) for row in [*rows, *run["fleet"]] if row.get("at")} | {run.get("finished")}
    try:
        known = sorted(time(value, "when the run was judged and ended") for value in times)
    except BadInput as error:
        return [str(error)]
    first, last = (datetime.datetime.fromisoformat(value) for value in (known[0], known[-1]))
    if last > ground.now + CLOCKS_APART:
        return [f"the run ended in the future, {known[-1]}"]
    if ground.now - first > datetime.timedelta(hours=ground.max_age_h):
        return [f"the run has evidence of {known[0]}, more than {ground.max_age_h:g} hours ago"]
    return []


def _hosts(run: Mapping[str, Any], ground: Ground) -> list[str]:
    if not run["hosts"]:
        return ["no host was judged in this run"]
    reasons = []
    if ground.expected_hosts not in (0, len(run["hosts"])):
        reasons.append(f"the run has {len(run['hosts'])} hosts, golive_expected_hosts says {ground.expected_hosts}")
    reasons += [
        f"{name} was expected and is not in the run" for name in run["expected_hosts"] if name not in run["hosts"]
    ]
    for name, host in run["hosts"].items():
        if not host.get("reached"):
            reasons.append(f"{name} was not reached: {host.get('reason') or 'no reason is known'}")
        elif not host["results"]:
            reasons.append(f"{name}: nothing was judged")
        elif host["verdict"] not in PASSED_MUSTER:
            reasons.append(f"{name} is {str(host['verdict']).replace('_', ' ')}")
    if not reasons and run["verdict"] not in PASSED_MUSTER:
        reasons.append(f"the verdict of the run is {str(run['verdict']).replace('_', ' ')}")
    return reasons


def _of_checks(run: Mapping[str, Any], waivers: list[dict[str, Any]]) -> list[Row]:
    found = findings_of(run)
    rows = []
    for number, severity, title in (
        (1, "critical", "All critical checks passed"),
        (2, "major", "High-priority checks passed"),
    ):
        open_ones = [entry for entry in found if entry["severity"] == severity]
        reasons = [
            f"{severity} check {entry['id']} is {_red(entry)} on {_names(entry['hosts'])}" for entry in open_ones
        ]
        reasons += [
            f"{severity} check {check} was not judged on {_names(hosts)}" for check, hosts in unjudged(run, severity)
        ]
        reasons += expired(waivers, severity)
        bad = FAIL if any(entry["status"] == FAIL for entry in open_ones) else UNKNOWN
        waived = sum(1 for waiver in waivers if waiver["severity"] == severity)
        good = f"{waived} waived, see the waivers" if waived else ""
        rows.append(row(f"themisdb:readiness-assessment.{number}", title, reasons, good, bad))
    minor = [entry["id"] for entry in found if entry["severity"] in ("minor", "info")]
    good = (
        f"{len(minor)} minor checks with findings, listed; who signs off accepts them" if minor else "no minor finding"
    )
    return [*rows, row("themisdb:readiness-assessment.3", "Medium-priority issues acceptable", [], good)]


def _red(entry: Mapping[str, Any]) -> str:
    return "red" if entry["status"] == FAIL else "unknown"


def _names(hosts: list[str]) -> str:
    return ", ".join(hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")


def _of_issues(ground: Ground) -> list[Row]:
    issues = ground.wish["issues"]
    silent = ["nobody has said which issues are known, or that there are none"] if issues is None else []
    grave = [entry for entry in issues or [] if entry["severity"] in GRAVE and entry["status"] == "open"]
    reasons = [f"{entry['severity']} issue is open: {entry['title']}" for entry in grave]
    return [
        row(
            "themisdb:readiness-assessment.4", "Known issues documented", silent, f"{len(issues or [])} issues", UNKNOWN
        ),
        row("themisdb:readiness-assessment.5", "Workarounds in place", reasons),
    ]


def _of_people(ground: Ground) -> list[Row]:
    rows = []
    struck = ground.wish.get("not_required") or {}
    for item in dict.fromkeys([*ATTESTED, *ground.wish["attested"]]):
        if item in struck:
            rows.append(struck_out(item, ATTESTED_TITLES.get(item, item), struck[item]))
            continue
        found, title = ground.attested.get(item), ATTESTED_TITLES.get(item, item)
        if found is None:
            reasons = [f"{title}: nobody attests {item}"]
        else:
            reasons = (
                []
                if found["valid"]
                else [f"{title}: the attestation of {found['who']} is not valid: {found['reason']}"]
            )
        rows.append(row(item, title, reasons, f"attested by {found['who']}" if found else "", UNKNOWN))
    return rows


def _of_risks(risks: Mapping[str, Any], signed: Collection[str | None]) -> list[Row]:
    """Return a row for each risk; an acceptance counts when the person is seen to have signed something here."""
    rows = []
    for number, area in enumerate(AREAS, 1):
        risk = risks.get(area) or {"accepted": False, "by": None, "note": None}
        reasons = [] if risk["accepted"] else [f"the {area} risk is not accepted"]
        if risk["accepted"] and risk["by"] not in signed:
            reasons = [f"the {area} risk is accepted by {risk['by']}, unverified: they signed nothing here"]
        said = f"accepted by {risk['by']}" if risk["accepted"] else ""
        good = "; ".join(part for part in (said, risk["note"]) if part)
        rows.append(row(f"themisdb:risk-assessment.{number}", f"{area.title()} risks: acceptable", reasons, good))
    return rows


def _of_plans(plans: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    titles = {"mitigation": "Mitigation plans in place", "rollback": "Rollback plan ready"}
    rows = []
    for number, name in enumerate(PLANS, 5):
        plan = plans[name]
        reasons = [f"there is no {name} plan: {plan['flaw']}"] if plan["flaw"] else []
        rows.append(row(f"themisdb:risk-assessment.{number}", titles[name], reasons, plan["reference"] or "", UNKNOWN))
    return rows
