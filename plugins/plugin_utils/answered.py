# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was asked of a machine beside what it answered: a domain without an answer leaves its checks unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils.judge.engine import Ground, unanswered

SOURCE = "answer"
BESIDE_FACTS = {"errors", "took_ms"}  # stand in a domain's answer without being facts
REASONS_SHOWN = 2
Facts = dict[str, Any]


def completed(facts: Any, asked: Iterable[str]) -> dict[str, Facts]:
    """Return the facts of every domain in ``asked``: one that is missing or malformed holds nothing but ``errors``."""
    given = facts if isinstance(facts, Mapping) else {}
    return {domain: _domain(domain, given) for domain in asked}


def _domain(domain: str, given: Mapping[str, Any]) -> Facts:
    found = given.get(domain)
    if domain not in given:
        reason = f"facts of {domain} were asked for and not answered"
    elif not isinstance(found, Mapping):
        reason = f"facts of {domain} are no mapping but {type(found).__name__}"
    elif not _well_formed(found.get("errors")):
        reason = f"facts of {domain} are malformed: errors is no list of source and reason"
    elif not found.keys() - {"took_ms"}:
        reason = f"facts of {domain} are empty"
    else:
        return dict(found)
    return {"errors": [{"source": SOURCE, "reason": reason}]}


def owed(facts: Mapping[str, Facts]) -> str | None:
    """Return what an answer leaves out, if anything: no collector does, whatever it could find."""
    errors = [entry for found in facts.values() for entry in found.get("errors") or []]
    return _some([entry["reason"] for entry in errors if entry["source"] == SOURCE]) or None


def _well_formed(errors: Any) -> bool:
    return errors is None or (
        isinstance(errors, list)
        and all(
            isinstance(entry, Mapping) and all(isinstance(entry.get(key), str) for key in ("source", "reason"))
            for entry in errors
        )
    )


def meant(checks: Iterable[Mapping[str, Any]], facts: Mapping[str, Facts], ground: Ground) -> list[Mapping[str, Any]]:
    """Return the checks that speak of the domains in ``facts``; those of a silent domain are settled as unknown.

    Silent is a domain without a single fact: not answered, or its collector broke or ran out of time. What the profile
    rules out stays ruled out.
    """
    silent = {domain: _why(domain, found) for domain, found in facts.items() if not found.keys() - BESIDE_FACTS}
    return [_settled(check, silent, ground) for check in checks if facts.keys() >= set(check["domains"])]


def _settled(check: Mapping[str, Any], silent: Mapping[str, str], ground: Ground) -> Mapping[str, Any]:
    reasons = [silent[domain] for domain in check["domains"] if domain in silent]
    if not reasons or "settled" in check:
        return check
    return {**check, "settled": unanswered(check, ground, "; ".join(reasons))}


def _why(domain: str, found: Facts) -> str:
    said = _some([f"{entry['source']}: {entry['reason']}" for entry in found.get("errors") or []])
    return f"no facts of {domain}" + (f" ({said})" if said else "")


def _some(reasons: list[str]) -> str:
    more = len(reasons) - REASONS_SHOWN
    return "; ".join(reasons[:REASONS_SHOWN]) + (f" and {more} more" if more > 0 else "")
