# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people decide before a go-live, in their ``golive.yml``: risks, plans, known issues, who signs off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .attestations import closed
from .files import BadInput, content, parsed

AREAS = ("technical", "security", "operational", "business")
SEVERITIES = ("critical", "high", "medium", "low")
STATES = ("open", "resolved", "workaround")
PLANS = ("mitigation", "rollback")
ROLES = ("Deployment Engineer", "QA Engineer", "Security Engineer", "Operations Manager", "Product Owner")
ATTESTED = tuple(f"themisdb:readiness-assessment.{number}" for number in (6, 7, 8))
APPROVALS = {
    "Technical": ("Deployment Engineer", "QA Engineer"),
    "Security": ("Security Engineer",),
    "Operations": ("Operations Manager",),
    "Business": ("Product Owner",),
}
KEYS = ("title", "risks", *PLANS, "issues", "signoffs", "attested", "not_required", "sole_signer")


def read(path: Path) -> dict[str, Any]:
    """Return what :func:`understood` does of a file; raise ``BadInput`` with file and line."""
    try:
        return understood(content(path), path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def understood(text: bytes, path: Path) -> dict[str, Any]:
    """Return ``{title, risks, mitigation, rollback, issues, signoffs, attested, not_required, sole_signer}``.

    ``text`` was read from ``path``. A risk that is not mentioned is not accepted, a plan that is not is missing, and
    ``issues`` is ``None`` when nobody said that there are none. ``not_required`` is what the site strikes out, by name,
    with why; ``sole_signer`` is who may sign in every role.
    """
    found = parsed(text, path)
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise BadInput(f"{path}:1: this file is one mapping of {', '.join(KEYS)}")
    raw, where = found[0]
    closed(raw, KEYS, (), where)
    risks = raw.get("risks") or {}
    closed(risks, AREAS, (), f"{where}: risks")
    signoffs = raw.get("signoffs", [{"role": role} for role in ROLES])
    if not signoffs:
        raise BadInput(f"{where}: signoffs: somebody has to sign off")
    return {
        "title": _text(raw, "title", where),
        "risks": {area: _risk(risk, f"{where}: risks: {area}") for area, risk in risks.items()},
        **{plan: _text(raw, plan, where) for plan in PLANS},
        "issues": _each(_issue, raw["issues"], f"{where}: issues") if raw.get("issues") is not None else None,
        "signoffs": _each(_signoff, signoffs, f"{where}: signoffs"),
        "attested": _each(_name, raw.get("attested", list(ATTESTED)), f"{where}: attested"),
        "not_required": _struck(raw.get("not_required") or {}, f"{where}: not_required"),
        "sole_signer": _text(raw, "sole_signer", where),
    }


def _struck(raw: Any, where: str) -> dict[str, str]:
    """Return what does not have to be approved or attested, each with a reason that the record shows."""
    closed(raw, (*APPROVALS, *ATTESTED), (), where)
    return {name: _name(reason, f"{where}: {name}: the reason") for name, reason in raw.items()}


def _each(law: Callable[[Any, str], Any], raw: Any, where: str) -> list[Any]:
    if not isinstance(raw, list):
        raise BadInput(f"{where} is a list, not {type(raw).__name__}")
    return [law(entry, f"{where}: {number}") for number, entry in enumerate(raw, 1)]


def _risk(raw: Any, where: str) -> dict[str, Any]:
    closed(raw, ("accepted", "by", "note"), (), where)
    if not isinstance(raw.get("accepted"), bool):
        raise BadInput(f"{where}: accepted is true or false, not {raw.get('accepted')!r}")
    if raw["accepted"] and not raw.get("by"):
        raise BadInput(f"{where}: by is missing: a risk is accepted by somebody")
    return {"accepted": raw["accepted"], "by": _text(raw, "by", where), "note": _text(raw, "note", where)}


def _issue(raw: Any, where: str) -> dict[str, Any]:
    closed(raw, ("title", "severity", "status", "resolution"), ("title", "severity", "status"), where)
    for key, words in (("severity", SEVERITIES), ("status", STATES)):
        if raw[key] not in words:
            raise BadInput(f"{where}: {key} is one of {', '.join(words)}, not {raw[key]!r}")
    if raw["status"] != "open" and not raw.get("resolution"):
        raise BadInput(f"{where}: resolution is missing: say how it was resolved or is worked around")
    return {key: _text(raw, key, where) for key in ("title", "severity", "status", "resolution")}


def _signoff(raw: Any, where: str) -> dict[str, Any]:
    closed(raw, ("role", "who"), ("role",), where)
    return {"role": _name(raw["role"], f"{where}: role"), "who": _each(_name, raw.get("who", []), f"{where}: who")}


def _name(raw: Any, where: str) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise BadInput(f"{where} is text, not {raw!r}")
    return raw.strip()


def _text(raw: dict[str, Any], key: str, where: str) -> str | None:
    return None if raw.get(key) is None else _name(raw[key], f"{where}: {key}")
