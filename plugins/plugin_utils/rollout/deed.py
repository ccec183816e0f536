# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was done on one host, and whether it was good; plain data, so that the next play can read it.

A deed: ``{host, outcome, message, reached, check, changed, answers: [{service, state, ...what the module returned}],
failed_at, settled}``. ``settled`` is what leading the host back came to, when that was tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DEPLOYED, UNCHANGED, RESTARTED, ROLLED_BACK = "deployed", "unchanged", "restarted", "rolled_back"
REFUSED, REVERTED, FAILED = "refused", "reverted", "failed"
NOT_ATTEMPTED, UNREACHABLE, NO_ANSWER = "not_attempted", "unreachable", "no_answer"
GOOD = (DEPLOYED, UNCHANGED, RESTARTED, ROLLED_BACK, "recovered")
UNTOUCHED = (UNCHANGED, REFUSED, NOT_ATTEMPTED)
UNCERTAIN = (UNREACHABLE, NO_ANSWER, FAILED)  # the node may have changed and could not say so, or could not go back

KEPT = (
    "outcome",
    "changed",
    "release",
    "previous",
    "current",
    "target",
    "phase",
    "phases",
    "warnings",
    "checks",
    "recovered",
    "msg",
)

Deed = dict[str, Any]


def new(host: str, outcome: str, message: str, **more: Any) -> Deed:
    """Return a deed."""
    return {
        "host": host,
        "outcome": outcome,
        "message": message,
        "reached": True,
        "check": False,
        "changed": False,
        "answers": [],
        "settled": None,
        **more,
    }


def answer(service: str, state: str, returned: Mapping[str, Any]) -> dict[str, Any]:
    """Return of what the module returned what is kept; without an outcome it gave no answer that can be trusted."""
    kept = {key: plain(returned[key]) for key in KEPT if returned.get(key) is not None}
    good = kept.get("outcome") in (*GOOD, REFUSED, REVERTED, FAILED)
    if not good or (returned.get("failed") and kept["outcome"] in GOOD):
        kept["outcome"] = NO_ANSWER
    return {"service": service, "state": state, **kept}


def good(answers: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether all of what was asked of a node came out well."""
    return all(answer["outcome"] in GOOD for answer in answers)


def committed(deed: Mapping[str, Any]) -> bool:
    """Say whether this run put a release on the host that runs there now, or may have."""
    if deed["check"] or deed["settled"] is not None or deed["outcome"] in (REVERTED, *UNTOUCHED):
        return False
    return bool(deed["changed"]) or deed["outcome"] in UNCERTAIN


def said(returned: Mapping[str, Any], service: str, host: str) -> str:
    """Return a node's message with service and host in it."""
    text = str(returned.get("msg") or returned.get("outcome") or "gave no answer").strip()
    text = text.removeprefix(f"service {service}").lstrip(": ").removeprefix(f"on {host}").lstrip(": ")
    return f"service {service} on {host}: {text}"[:800]


def _key(key: Any) -> Any:
    """Return a key as it is: what YAML made a number or true of is refused later, and not made text here."""
    return str(key) if isinstance(key, str) else plain(key)


def plain(value: Any) -> Any:
    """Return a value without what Ansible knows of it besides (where it stands, that it was a secret or a warning)."""
    if isinstance(value, Mapping):
        return {_key(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(getattr(getattr(value, "event", value), "msg", value))
