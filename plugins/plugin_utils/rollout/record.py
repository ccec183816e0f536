# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of a host in a run that deploys: its plan and what was done on it, as rows of the checklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...module_utils.judge.results import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, phases, verdict
from ...module_utils.release.service import Service
from . import checklist, deed

CATALOGUE = "deploy"  # the key under which the run keeps what reports tell of the items
NOT_STARTED = "nothing was started"
LOOKED = ("lease", "recover", "render", "resolve")  # phases in which nothing is touched yet
Deed = Mapping[str, Any]
Rows = list[dict[str, Any]]


def record(plan: Mapping[str, Any], done: Deed, services: Mapping[str, Service], at: str) -> dict[str, Any]:
    """Return the record that the report reads."""
    results = list(_rows(plan, done, services, at))
    reached = done["reached"]
    seen = verdict(results) if reached else "unknown"
    return {
        "name": done["host"],
        **{key: plan.get(key) for key in ("rack", "slot", "class")},
        "profile": None,
        "verdict": seen,
        "reached": reached,
        "reason": None if reached else _message(done),
        "simulated": False,
        "check_mode": bool(done["check"]),
        "planted": None,
        "phases": phases(results, False),
        "results": results,
        "took_s": done.get("took_s"),
        "facts_summary": summary(plan, done),
        "errors": [],
        "catalogue": CATALOGUE,
        "release": {
            "service": plan["service"],
            "runs": _runs(plan, done),
            "asked": bool(done["answers"]) or not reached,
        },
        "compared": False,  # it tells of one service, and nothing that hosts could be held beside each other by
    }


def _rows(plan: Mapping[str, Any], done: Deed, services: Mapping[str, Service], at: str) -> Iterator[dict[str, Any]]:
    by_id = {item["id"]: item for item in checklist.shipped()}
    yield _outcome(by_id["release.outcome"], plan, done, at)
    for name in plan["chain"] if done["reached"] or done["answers"] else ():  # who is silent is told of once
        if name in services:
            yield from _of_service(services[name], plan, done, at)
    yield _dependants(by_id["release.dependants"], plan, done, at)


def _of_service(service: Service, plan: Mapping[str, Any], done: Deed, at: str) -> Rows:
    """Answers before the stop are those of the deploy; afterwards those of the last that touched the service count."""
    mine = [answer for answer in done["answers"] if answer["service"] == service.name]
    first, last = (mine[0], mine[-1]) if mine else ({}, {})
    named = service.name == plan["service"]
    before = plan["state"] == "present" or done["check"]  # a rollback that was done is judged by what runs after it
    times = (("pre", "stop", "post") if before else ("stop", "post")) if named else ("post",)
    if not named and not mine:
        return []
    asked = checklist.Asked(service, at, _skipped(done, first, last), _silent(done), plan["state"])
    early = [row for row in first.get("checks") or [] if not _is_after(row)]
    late = [row for row in last.get("checks") or [] if _is_after(row)]
    controller = [row for row in plan["answers"] if named]
    return checklist.rows(asked, [*controller, *early, *late], times)


def _is_after(row: Mapping[str, Any]) -> bool:
    return str(row.get("id")).startswith("release.post.")


def _skipped(done: Deed, first: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, str]:
    """Return which times of the checklist do not apply, with the reason."""
    outcome, mine = last.get("outcome"), bool(first)
    if outcome == deed.UNCHANGED or (outcome == deed.FAILED and last.get("phase") in LOOKED):
        times = ("pre", "stop", *(("post",) if _unasked(last) else ()))
        return dict.fromkeys(times, "nothing was to be changed")
    if done["check"]:
        return {"stop": "dry run", "post": "dry run"}
    if outcome == deed.REFUSED or done["outcome"] in (deed.REFUSED, deed.NOT_ATTEMPTED):
        untouched = {} if mine else {"pre": "the host was not asked"}
        return {**untouched, "stop": NOT_STARTED, "post": NOT_STARTED}
    if first and not first.get("previous"):
        return {"stop": "nothing ran before"}
    return {}


def _unasked(last: Mapping[str, Any]) -> bool:
    """Whether the node was not asked how what runs is: only of what is to run is that known to be wanted."""
    return last.get("state") != "present" and not any(map(_is_after, last.get("checks") or []))


def _silent(done: Deed) -> str:
    if done["outcome"] in deed.GOOD:
        return "the node did not answer it"
    return f"not asked, the host is {done['outcome'].replace('_', ' ')}"


def _outcome(item: Mapping[str, Any], plan: Mapping[str, Any], done: Deed, at: str) -> dict[str, Any]:
    name = plan["service"]
    found = release(done, name)
    more = {"observed": told(found), "expected": wanted(plan), "source": "history of the service on the node"}
    message, status = _message(done), FAIL
    if done["settled"] is None and done["outcome"] in deed.GOOD:
        message = f"{name}: runs {told(found)}, {done['outcome'].replace('_', ' ')}" if found else message
        status = PASS
        if done["check"]:
            status, message = foreseen(plan, done)
            more["reason"] = message if status == NOT_APPLICABLE else None
    elif not done["reached"]:
        status, more["reason"], message = UNKNOWN, message, f"{name}: which release runs is not known"
    elif done["outcome"] in (deed.UNREACHABLE, deed.NO_ANSWER):
        status, more["reason"] = UNKNOWN, message
    return checklist.row(item, name, status, message, at, **more)


def _message(done: Deed) -> str:
    settled = done["settled"]
    if settled and done["outcome"] in deed.GOOD:  # that it was deployed is no longer so
        return deed.said({"msg": settled["message"]}, done["answers"][0]["service"], done["host"])
    return f"{done['message']}; {settled['message']}" if settled else str(done["message"])


def _dependants(item: Mapping[str, Any], plan: Mapping[str, Any], done: Deed, at: str) -> dict[str, Any]:
    name, others = plan["service"], plan["chain"][1:]
    mine = [answer for answer in done["answers"] if answer["service"] in others]
    last = {answer["service"]: answer for answer in mine}
    bad = {answer["service"]: answer for answer in mine if answer["outcome"] not in deed.GOOD}
    left = [other for other in others if other not in last]
    if bad:
        told_of = ", ".join(_failed_dependant(answer, last[other]) for other, answer in bad.items())
        return checklist.row(item, name, FAIL, f"{name}: dependants: {told_of}", at)
    if last and left:
        return checklist.row(item, name, UNKNOWN, f"{name}: dependants not restarted: {', '.join(left)}", at)
    if last:
        return checklist.row(item, name, PASS, f"{name}: restarted and verified: {', '.join(others)}", at)
    reason = "nothing was to be restarted" if others else "nothing depends on it"
    return checklist.row(item, name, NOT_APPLICABLE, f"{name}: {reason}", at, reason=reason)


def _failed_dependant(bad: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """Say that a dependant failed; that it is good again after the rollback does not make it one that passed."""
    again = f", and {last['outcome']} after the rollback" if last is not bad and last["outcome"] in deed.GOOD else ""
    return f"{bad['service']} is {bad['outcome']}{again}"


def release(done: Deed, service: str) -> Mapping[str, Any]:
    """Return what runs on the host now as far as is known: what the last answer for the service said."""
    known = [answer for answer in done["answers"] if answer["service"] == service and answer.get("release")]
    return known[-1]["release"] if known else {}


def _runs(plan: Mapping[str, Any], done: Deed) -> str | None:
    """Return what runs on the host in few words, or nothing where that is not known."""
    surely = done["reached"] and any(answer["outcome"] != deed.NO_ANSWER for answer in done["answers"])
    return told(release(done, plan["service"])) or ("nothing" if surely else None)


def foreseen(plan: Mapping[str, Any], done: Deed) -> tuple[str, str]:
    """Return what a dry run comes to: that nothing would change is known, what would run is not, as nothing ran."""
    name, now = plan["service"], told(release(done, plan["service"])) or "nothing"
    if done["outcome"] == deed.UNCHANGED:
        return PASS, f"{name}: dry run: would change nothing, {now} runs"
    target: Mapping[str, Any] = next((answer["target"] for answer in done["answers"] if answer.get("target")), {})
    verb = "deploy" if plan["state"] == "present" else "go back to"
    return NOT_APPLICABLE, f"{name}: dry run: would {verb} {told(target) or wanted(plan)}, {now} runs now"


def told(found: Mapping[str, Any]) -> str | None:
    """Return a release in few words: its tag, and its digest where it has one."""
    if not found.get("tag"):
        return None
    return f"{found['tag']} ({str(found['digest'])[:19]})" if found.get("digest") else str(found["tag"])


def wanted(plan: Mapping[str, Any]) -> str:
    """Return what was asked for."""
    if plan["state"] == "present":
        return str(plan["tag"])
    return "the last verified release" if plan["to"] == 1 else f"the verified release {plan['to']} steps back"


def summary(plan: Mapping[str, Any], done: Deed) -> dict[str, Any]:
    """Return the few facts that the report shows beside a host."""
    own = [answer for answer in done["answers"] if answer["service"] == plan["service"]]
    previous: Mapping[str, Any] = next((answer["previous"] for answer in reversed(own) if answer.get("previous")), {})
    warnings = [text for answer in done["answers"] for text in answer.get("warnings") or []]
    shown = {
        "service": plan["service"],
        "asked for": wanted(plan),
        "outcome": ("dry run: would be " if done["check"] else "")
        + (done["settled"] or done)["outcome"].replace("_", " "),
        "runs": told(release(done, plan["service"])),
        "way back": told(previous),
        "warnings": "; ".join(map(str, warnings))[:500] or None,
    }
    return {key: value for key, value in shown.items() if value}
