# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The same finding on many hosts: a rack, a class of machines or the whole fleet has one cause, and gets one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...module_utils.judge.results import FAIL as FAILED
from ..report.terms import FINDING, SEVERITIES
from .rows import FAIL, PASS, UNKNOWN, Check, Row, listed, row
from .samples import Member
from .scope import law, reach, say

ALIKE = 0.8  # findings whose hosts overlap by so much have one cause
Records = Mapping[str, Mapping[str, Any]]


class Cause:
    """Findings on nearly the same hosts."""

    def __init__(self, name: str, hit: set[str], asked: list[Member]):
        self.name, self.hit, self.asked = name, set(hit), asked
        self.ids: list[str] = []
        self.rows: list[Mapping[str, Any]] = []

    def takes(self, name: str, hit: set[str]) -> bool:
        """Say whether a finding on ``hit`` belongs here."""
        return name == self.name and len(self.hit & hit) >= ALIKE * len(self.hit | hit)


def judge(check: Check, records: Records) -> list[Row]:
    """Return a row for each cause that reaches as far as the check asks (rack, class or fleet)."""
    causes: list[Cause] = []
    for name, (asked, rows) in sorted(_by_check(records).items()):
        hit = set(rows)
        how_far = reach(hit, asked, law(check["options"])) if hit else None
        if how_far is None or how_far.scope != check["options"]["scope"] or len(hit) < check["options"]["min_hosts"]:
            continue
        cause = next((cause for cause in causes if cause.takes(how_far.name, hit)), None)
        if cause is None:
            cause = Cause(how_far.name, hit, asked)
            causes.append(cause)
        cause.ids.append(name)
        cause.rows += [row for found in rows.values() for row in found]
    return [_row(check, cause) for cause in causes] or [
        row(check, PASS, f"{check['what']}: none", items=max(1, len(records)))
    ]


def _by_check(records: Records) -> dict[str, tuple[list[Member], dict[str, list[Mapping[str, Any]]]]]:
    """Return check id to the hosts it applies to and the findings by host."""
    found: dict[str, tuple[list[Member], dict[str, list[Mapping[str, Any]]]]] = {}
    for name, record in records.items():
        rack = record.get("rack")
        member = Member(name, record.get("class"), None if rack is None else str(rack), False, {})
        for result in record.get("results") or []:
            if result["status"] == "not_applicable" or result["severity"] == "info":
                continue
            asked, rows = found.setdefault(result["id"], ([], {}))
            if not asked or asked[-1] is not member:
                asked.append(member)
            if result["status"] in FINDING:
                rows.setdefault(name, []).append(result)
    return found


def _row(check: Check, cause: Cause) -> Row:
    how_far = reach(cause.hit, cause.asked, law(check["options"]))
    same = f"the same {len(cause.ids)} findings" if len(cause.ids) > 1 else "the same finding"
    first = cause.rows[0].get("message") or cause.ids[0]
    status = FAIL if any(entry["status"] == FAILED for entry in cause.rows) else UNKNOWN
    said = f"{say(how_far, cause.hit, cause.asked)} have {same}: {listed(cause.ids)}; such as: {first}"
    return row(
        check,
        status,
        said,
        cause.hit,
        item=cause.name or None,
        items=len(cause.hit),
        scope=check["options"]["scope"],
        observed=listed(cause.ids),
        expected="no finding that hosts share",
        severity=min((entry["severity"] for entry in cause.rows), key=SEVERITIES.index),
        explains=cause.ids,
    )
