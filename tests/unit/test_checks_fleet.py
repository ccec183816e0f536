# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every check between hosts can pass, fail and be unknown; the cases are data in ``checks_fleet/<file>.yml``.

A case has ``hosts`` (facts by host, with dotted keys), and where they matter ``racks`` and ``classes`` (by host, else
a01 and c), ``accepted`` (facts of the run r0), ``plan``, ``fabric``, ``results`` (of single hosts, for causes), an
exact ``message``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.module_utils.judge.paths import tokens
from ansible_collections.muster.fleet.plugins.plugin_utils import fleet
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet.fabric import Fabric
from ansible_collections.muster.fleet.plugins.plugin_utils.fleet.samples import values

CASES = Path(__file__).parent / "checks_fleet"
NEEDED = ("pass", "fail", "unknown")
CHECKS = {check["id"]: check for check in fleet.checks()}
STATUS = {"P": "pass", "F": "fail", "U": "unknown"}


def load() -> dict[str, Any]:
    cases: dict[str, Any] = {}
    for path in sorted(CASES.glob("*.yml")):
        for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            assert name not in cases, f"{path.name}: {name} has cases in two files"
            cases[name] = entry
    return cases


ALL = load()


def unfold(facts: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in facts.items():
        here = tree
        *parents, last = tokens(path)
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = value
    return tree


def results(words: list[str]) -> list[dict[str, Any]]:
    """Return result rows from words: P, F or U of one check, P2, F2 or U2 of another."""
    return [
        {"id": "other.check" if word.endswith("2") else "some.check", "status": STATUS[word[0]], "severity": "major",
         "message": "other finding" if word.endswith("2") else "some finding"}
        for word in words
    ]  # fmt: skip


def judged(check: dict[str, Any], case: dict[str, Any]) -> list[dict[str, Any]]:
    records, members, accepted = {}, [], {}
    for name, words in case.get("results", {}).items():
        rack, klass, unused = name.split("-")
        records[name] = {"name": name, "rack": rack, "class": klass, "results": results(words)}
    for name, facts in case.get("hosts", {}).items():
        place = {"rack": case.get("racks", {}).get(name, "a01"), "class": case.get("classes", {}).get(name, "c")}
        records[name] = {"name": name, "results": [], **place}
        members.append(fleet.member(records[name], unfold(facts), [check]))
    for name, facts in case.get("accepted", {}).items():
        accepted[name] = "r0", {check["id"]: values(check, unfold(facts))}
    seen = Fabric(case["fabric"], None) if "fabric" in case else Fabric()
    ground = fleet.Ground(records, "2026-11-18T06:00:00Z", case.get("plan"), accepted, seen)
    return fleet.judge([check], members, ground)


def flat() -> Iterator[Any]:
    for name, entry in ALL.items():
        for status, cases in entry.items():
            for number, case in enumerate(cases):
                yield pytest.param(name, status, case, id=f"{name}-{status}-{number}")


@pytest.mark.parametrize(("name", "status", "case"), list(flat()))
def test_case(name: str, status: str, case: dict[str, Any]) -> None:
    assert name in CHECKS, f"{name}: cases for a check that does not exist"
    rows = judged(CHECKS[name], case)
    found = {row["status"] for row in rows if row["status"] not in ("pass", "not_applicable")}
    assert (found or {row["status"] for row in rows}) == {status}, [row["message"] for row in rows]
    if "message" in case:
        assert case["message"] in [row["message"] for row in rows]


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_check_can_go_every_way(name: str) -> None:
    assert name in ALL, f"{name} has no cases"
    assert [status for status in NEEDED if not ALL[name].get(status)] == []


@pytest.mark.parametrize("path", sorted(fleet.FLEET.glob("*.yml")), ids=lambda path: path.name)
def test_catalogue_is_sorted(path: Path) -> None:
    names = [entry["id"] for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert names == sorted(names)


def test_there_are_enough() -> None:
    assert len(CHECKS) >= 15
    assert {check["compare"] for check in CHECKS.values()} == {
        "same_as_peers", "outlier", "unique", "cable_plan", "drift", "correlated"
    }  # fmt: skip
