# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who signs off a run, and what follows for its approvals: by name, by key, and by what the site does without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .golive_input import APPROVALS

PASS, FAIL, UNKNOWN, NOT_REQUIRED = "pass", "fail", "unknown", "not_required"
Row = dict[str, Any]


def slug(role: str) -> str:
    """Return a role as it stands in the item of its sign-off."""
    return re.sub(r"[^a-z0-9]+", "-", role.lower()).strip("-")


def signoff_item(run_id: str, role: str) -> str:
    """Return the item under which a role signs off a run."""
    return f"golive:{run_id}:{slug(role)}"


def row(item: str, title: str, reasons: Iterable[str], good: str = "", bad: str = FAIL, **more: Any) -> Row:
    """Return a row of the record: a pass with ``good`` as its detail, or ``bad`` with the reasons."""
    found = list(reasons)
    return {"item": item, "title": title, "status": bad if found else PASS, "detail": good, "reasons": found, **more}


def struck_out(item: str, title: str, reason: str) -> Row:
    """Return the row of what the site decided to do without."""
    return row(item, title, [], f"not required here: {reason}") | {"status": NOT_REQUIRED}


def signers(signoffs: Iterable[Row]) -> dict[str, str]:
    """Return who validly signed off, each with the key they did it with (or the name, where no key is known)."""
    return {entry["who"]: entry["key"] or entry["who"] for entry in signoffs if entry["status"] == PASS}


def four_eyes(signed: Mapping[str, str], alone: str | None) -> Row:
    """Return whether more than one person signed off: one key is one person, whatever names it goes by.

    ``signed`` is what :func:`signers` returns, ``alone`` who may sign in every role.
    """
    people, reasons = set(signed.values()), []
    said = f"{len(people)} people"
    if len(people) == 1 and set(signed) == {alone}:
        said = f"{alone} alone, as the decisions allow (sole_signer)"
    elif not people:
        reasons = ["nobody signed off"]
    elif len(people) == 1:
        named = ", ".join(sorted(signed))
        reasons = [f"{named} signed off in every role: a second person has to, or sole_signer names the one who may"]
    return row("signoff.four_eyes", "More than one person signed off", reasons, said, UNKNOWN)


def signoff(run_id: str, entry: Mapping[str, Any], attested: Mapping[str, Any], run_sha256: str) -> Row:
    """Return the row of one sign-off that is required; ``attested`` are items of attestations."""
    role = entry["role"]
    item = signoff_item(run_id, role)
    found = attested.get(item)
    flaw = _signoff_flaw(found, entry, run_sha256)
    known = {key: found.get(key) if found else None for key in ("who", "when", "expires", "sha256", "key")}
    reasons = [f"sign-off {role}: {flaw}"] if flaw else []
    return row(item, role, reasons, found["statement"] if found else "", FAIL if found else UNKNOWN, **known)


def _signoff_flaw(found: Mapping[str, Any] | None, entry: Mapping[str, Any], run_sha256: str) -> str | None:
    if found is None:
        return "missing"
    if not found["valid"]:
        return f"not valid: {found['reason']} ({found['who']}, {found['file']})"
    if slug(found["role"]) != slug(entry["role"]):
        return f"{found['who']} signs as {found['role']}"
    if entry["who"] and found["who"] not in entry["who"]:
        return f"{found['who']} may not sign off in this role, only {', '.join(entry['who'])}"
    if found["evidence"].get("sha256") != run_sha256:
        return f"{found['who']} signed another state of the run"
    return None


def approvals(signoffs: list[Row], struck: Mapping[str, str]) -> list[Row]:
    """Return the final approvals, each as good as the sign-offs of its roles; reasons stand with the sign-offs.

    One of which no sign-off is required is unknown, and refuses, unless the site struck it out by name. A role whose
    sign-off the site decided not to require is not named among those that approved.
    """
    status = {slug(row["title"]): row["status"] for row in signoffs}
    rows = []
    for number, (name, roles) in enumerate(APPROVALS.items(), 1):
        item, title = f"themisdb:final-approval.{number}", f"{name} approval obtained"
        seen = [status[slug(role)] for role in roles if slug(role) in status]
        if name in struck and not seen:
            rows.append(struck_out(item, title, struck[name]))
            continue
        worst = FAIL if FAIL in seen else UNKNOWN if UNKNOWN in seen or not seen else PASS
        owed = f"{name} approval is unknown: no sign-off is required of {', '.join(roles)}; not_required strikes it out"
        asked = [role for role in roles if slug(role) in status]
        rows.append(row(item, title, [] if seen else [owed], ", ".join(asked)) | {"status": worst})
    return rows
