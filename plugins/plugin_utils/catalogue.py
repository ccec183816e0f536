# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue and the waivers as people write them (YAML), made into what the judge takes (JSON)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..module_utils.judge.catalogue import BadCatalogue, check_entry, merge
from ..module_utils.judge.waivers import check_waiver
from .files import CHECKS, BadInput, Entry, entries, yaml_files
from .profiles import profile
from .schema import facts as fact_schema

__all__ = ["checks", "overridden", "profile", "waivers"]


def checks(directories: Iterable[Path] = ()) -> list[dict[str, Any]]:
    """Return the shipped checks, with those of ``directories`` added, put in their place by id, or laid over them."""
    found: list[dict[str, Any]] = []
    for directory in (CHECKS, *directories):
        found += _checks_of(directory, {check["id"]: check for check in found})
    return merge(found)


def _checks_of(directory: Path, below: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    places: dict[str, str] = {}
    found = []
    for path in yaml_files(directory):
        for entry in entries(path):
            check = _valid(check_entry, overridden(entry, below))
            for wrong in fact_schema.path_problems(check):
                raise BadInput(f"{entry.where}: {check['id']}: {wrong}")
            if check["id"] in places:
                raise BadInput(f"{entry.where}: {check['id']}: the id is taken at {places[check['id']]}")
            places[check["id"]] = entry.where
            found.append(check)
    return found


def overridden(entry: Entry, below: Mapping[str, Mapping[str, Any]]) -> Entry:
    """Return an entry that says ``override: ID`` laid over that check of ``below``; any other entry as it is."""
    if not isinstance(entry.value, dict) or "override" not in entry.value:
        return entry
    name = entry.value["override"]
    if not isinstance(name, str) or name not in below:
        near = difflib.get_close_matches(str(name), below, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadInput(f"{entry.where}: override: there is no check {name!r}{hint}")
    if "id" in entry.value:
        raise BadInput(f"{entry.where}: override of {name}: it has an id already")
    changed = {key: value for key, value in entry.value.items() if key != "override"}
    return Entry({**below[name], **changed}, entry.where)


def _valid(law: Any, entry: Entry, *more: Any) -> dict[str, Any]:
    try:
        result: dict[str, Any] = law(entry.value, entry.where, *more)
    except BadCatalogue as error:
        raise BadInput(str(error)) from error
    return result


def waivers(path: Path, known: Iterable[str], between_hosts: bool = False) -> list[dict[str, Any]]:
    """Return the waivers of a file; each must name a check, an owner, a reason and an end.

    One file holds those of both kinds of checks: of single hosts, and between hosts, whose ids begin with ``fleet.``.
    """
    names = set(known)
    meant = [entry for entry in entries(path) if _is_between_hosts(entry.value) == between_hosts]
    return [_valid(check_waiver, entry, names) for entry in meant]


def _is_between_hosts(raw: Any) -> bool:
    return isinstance(raw, dict) and str(raw.get("check", "")).startswith("fleet.")
