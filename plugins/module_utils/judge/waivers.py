# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waivers: a named person's decision, with a reason and an end, to live with a finding."""

from __future__ import annotations

import datetime
import fnmatch
from typing import Any, Dict, Iterable, List, Mapping

from .catalogue import BadCatalogue
from .results import FAIL, UNKNOWN, WAIVED, Result

REQUIRED = ("check", "owner", "reason", "expires")
OPTIONAL = ("hosts", "item")


def check_waiver(raw: Any, where: str, known: Iterable[str]) -> Dict[str, Any]:
    """Return a waiver when it is complete; ``where`` (file and line) goes into the error."""
    if not isinstance(raw, dict):
        raise BadCatalogue(f"{where}: a waiver is a mapping, this is {type(raw).__name__}")
    for key in raw:
        if key not in REQUIRED + OPTIONAL:
            raise BadCatalogue(f"{where}: waiver: unknown key {key!r}; known are {', '.join(REQUIRED + OPTIONAL)}")
    _check_texts(raw, where)
    if raw["check"] not in known:
        raise BadCatalogue(f"{where}: waiver of {raw['check']}: there is no such check")
    hosts = raw.get("hosts", ["*"])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise BadCatalogue(f"{where}: waiver of {raw['check']}: hosts is a list of names or patterns")
    expires = raw["expires"]
    try:
        day = expires if isinstance(expires, datetime.date) else datetime.date.fromisoformat(str(expires))
    except ValueError:
        raise BadCatalogue(
            f"{where}: waiver of {raw['check']}: expires is a date (YYYY-MM-DD), not {expires!r}"
        ) from None
    text = {key: str(raw[key]) for key in ("check", "owner", "reason")}
    return dict(text, hosts=hosts, item=raw.get("item"), expires=day.isoformat()[:10])


def _check_texts(raw: Dict[str, Any], where: str) -> None:
    """Refuse a waiver that lacks a part, or that names a check, item, owner or reason by anything but text."""
    for key in REQUIRED:
        if raw.get(key) in (None, ""):
            raise BadCatalogue(f"{where}: waiver of {raw.get('check', 'no check')}: {key} is missing")
    for key in ("check", "owner", "reason", "item"):
        if key in raw and not (isinstance(raw[key], str) and raw[key].strip()):
            raise BadCatalogue(f"{where}: waiver of {raw['check']}: {key} is a text, not {raw[key]!r}")


def apply(results: Iterable[Result], waivers: Iterable[Mapping[str, Any]], host: str, today: str) -> List[Result]:
    """Return the results with the waived ones marked; an expired one is only mentioned. ``today`` is YYYY-MM-DD."""
    own = [waiver for waiver in waivers if any(fnmatch.fnmatchcase(host, pattern) for pattern in waiver["hosts"])]
    return [_waived(row, own, today) for row in results]


def _waived(row: Result, waivers: List[Mapping[str, Any]], today: str) -> Result:
    if row["status"] not in (FAIL, UNKNOWN):
        return row
    expired = ""
    for waiver in waivers:
        if waiver["check"] != row["id"] or waiver["item"] not in (None, row["item"]):
            continue
        said = f"by {waiver['owner']} until {waiver['expires']}: {waiver['reason']}"
        if waiver["expires"] >= today:
            return dict(row, status=WAIVED, reason=f"waived {said}")
        expired = f"a waiver {said}, has expired"
    return dict(row, reason=expired) if expired else row
