# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every item of the checklist of a deploy can pass, fail and be unknown; the cases are data in ``checks_deploy``."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.module_utils.judge.results import verdict
from ansible_collections.muster.fleet.plugins.module_utils.release.service import parse
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import (
    checklist,
    deed,
    fleet,
    planning,
    preflight,
    record,
)

CASES = yaml.safe_load((Path(__file__).parents[2] / "checks_deploy" / "checklist.yml").read_text(encoding="utf-8"))
ITEMS = {item["id"]: item for item in checklist.shipped()}
REST = "title: t, what: w, by: node, severity: major, source: s, why: w, fix: f"
NAME, TAG, AT = "annotation_queue", "1.4.2", "2026-11-18T06:00:00Z"
RUNS = {"id": "x", "tag": TAG, "digest": "sha256:4711"}


def flat():
    for name, entry in CASES.items():
        for status, listed in entry.items():
            for number, case in enumerate(listed if isinstance(listed, list) else [listed]):
                yield pytest.param(name, status, case, id=f"{name}-{status}-{number}")


def service(case):
    return parse(NAME, {"image": "registry.example.com/queue", **case.get("service", {})})


def rows(name, case, base):
    """Take what a case states all the way that a host's answer takes, and return the rows of the item."""
    if "runs" in case:
        told = [
            {"name": f"n{n}", "release": {"service": NAME, "runs": runs, "asked": True}}
            for n, runs in enumerate(case["runs"])
        ]
        return fleet.beside(told, AT)
    described = service(case)
    for file, text in case.get("files", {}).items():
        (base / file).parent.mkdir(exist_ok=True, parents=True)
        (base / file).write_text(text)
    others = case.get("dependants", {})
    outcome = case.get("outcome", "deployed")
    reached = outcome != "unreachable"
    answers = preflight.answers(described, TAG, base) if reached else []
    answers += [preflight.env_answer(described, case["env"])] if "env" in case else []
    if "rendered" in case:
        status, message = ("pass", "") if case["rendered"] else ("fail", "template c.j2: no such variable")
        answers.append(planning._config(status, message, described))
    plan = {
        "service": NAME,
        "tag": TAG,
        "state": case.get("state", "present"),
        "to": 1,
        "from": "",
        "chain": [NAME, *others],
        "answers": answers,
    }
    done = deed.new("n1", outcome, "told", reached=reached, changed=True, answers=answered(name, case, outcome, others))
    done["check"] = "state" in case  # what is asked before a rollback is told by a dry run
    if case.get("settled"):
        done["settled"] = {"outcome": case["settled"], "message": "led back", "changed": True}
    made = record.record(plan, done, {NAME: described}, AT)
    return [row for row in made["results"] if row["id"] == name]


def answered(name, case, outcome, others):
    if outcome in ("unreachable", "not_attempted"):
        return []
    seen = [{"id": name, "status": status} for status in case.get("node", ())]
    first = {"service": NAME, "state": "present", "outcome": outcome, "checks": seen, "release": RUNS, "previous": RUNS}
    return [first, *({"service": other, "state": "restarted", "outcome": how} for other, how in others.items() if how)]


@pytest.mark.parametrize(("name", "status", "case"), list(flat()))
def test_case(name, status, case, tmp_path):
    found = rows(name, case, tmp_path)
    others = {row["status"] for row in found} - {"pass"}
    assert (others or {row["status"] for row in found}) == {status}, [row["message"] for row in found]
    assert verdict(found) != "ready" or status == "pass"
    assert all(row["message"] for row in found)


AFTER = sorted(name for name, item in ITEMS.items() if item["when"] == "post" and item["by"] == "node")


@pytest.mark.parametrize("name", AFTER)
def test_what_is_unchanged_has_been_judged(name, tmp_path):
    """A deploy of what runs already is no better answered than any other: who was not asked is unknown."""
    gate = {"http": {"url": "http://127.0.0.1/"}, "tcp": {"port": 1}, "command": ["x"], "advancing": {"file": "/o"}}
    case = {"service": {"gate": gate}, "outcome": "unchanged"}
    (row,) = rows(name, case, tmp_path)
    assert row["status"] == ("not_applicable" if ITEMS[name].get("optional") else "unknown")
    for status in ("pass", "fail"):
        (row,) = rows(name, {**case, "node": [status]}, tmp_path)
        assert row["status"] == status


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_item_can_go_every_way(name):
    assert [status for status in ("pass", "fail", "unknown") if not CASES.get(name, {}).get(status)] == []


def test_no_case_speaks_of_an_item_that_is_not_there():
    assert set(CASES) - set(ITEMS) == set()


@pytest.mark.parametrize("name", sorted(name for name, item in ITEMS.items() if item.get("asks")))
def test_what_a_service_does_not_ask_for_is_told_as_not_asked(name, tmp_path):
    off = {"postflight": {"log_lines": 0}, "gate": {"health": False}}
    (row,) = rows(name, {"service": off}, tmp_path)
    assert row["status"] == "not_applicable"
    assert row["reason"] == f"annotation_queue names no {ITEMS[name]['asks']}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {id: a.b, title: t}", "an item says by, covers"),
        (f"- {{id: a.b, when: never, covers: [], {REST}}}", "a.b: when is 'never'"),
        (f"- {{id: a.b, when: pre, covers: [x], {REST}}}", "a.b: covers is"),
    ],
)
def test_an_item_that_says_too_little_is_refused(tmp_path, text, said):
    (tmp_path / "items.yml").write_text(text)
    with pytest.raises(BadInput, match=said):
        checklist.items(tmp_path / "items.yml")
