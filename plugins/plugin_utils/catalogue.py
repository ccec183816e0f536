# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue, the profiles and the waivers as people write them (YAML), made into what the judge takes (JSON)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..module_utils.judge.catalogue import BadCatalogue, check_entry, merge
from ..module_utils.judge.waivers import check_waiver
from .files import CHECKS, PROFILES, BadInput, Entry, entries, yaml_files
from .schema import facts as fact_schema
from .schema import profile as profile_schema


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


def profile(name: str, directories: Iterable[Path] = ()) -> dict[str, Any]:
    """Return ``{"name", "title", "values", "sources"}`` of a machine class, with what it extends laid below it.

    A value that does not say where it is from has the source that ``sources`` states for the nearest part around it.
    """
    places = [*directories, PROFILES]
    available = {path.stem: path for place in reversed(places) for path in yaml_files(place)}
    raw, seen = _profile(name, available, []), name
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, value in raw.items():
        if key not in profile_schema.HEAD:
            values[key] = _plain(value, key, sources)
    for path in _stated(values, ""):
        around = [stated for stated in raw.get("sources") or {} if path == stated or path.startswith(f"{stated}.")]
        if path not in sources and around:
            sources[path] = str(raw["sources"][max(around, key=len)])
    return {"name": seen, "title": raw.get("title", name), "values": values, "sources": sources}


def _profile(name: str, available: Mapping[str, Path], chain: list[str]) -> dict[str, Any]:
    if name not in available:
        near = difflib.get_close_matches(str(name), available, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        by = f" (extended by {chain[-1]})" if chain else ""
        raise BadInput(f"unknown profile {name!r}{by}{hint} Known are {', '.join(sorted(available))}")
    if name in chain:
        raise BadInput(f"{available[name]}: profiles extend each other in a circle: {' > '.join([*chain, name])}")
    found = entries(available[name])
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise BadInput(f"{available[name]}: a profile is one mapping")
    own = found[0].value
    if own.get("name") != name:
        raise BadInput(f"{found[0].where}: name is {own.get('name')!r}, the file says {name!r}")
    profile_schema.refuse(own, available[name])
    return _laid(_profile(own["extends"], available, [*chain, name]), own) if "extends" in own else own


def _laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        known = result.get(key)
        mappings = isinstance(value, dict) and isinstance(known, dict) and "value" not in value and "value" not in known
        result[key] = _laid(known, value) if mappings else value  # type: ignore[arg-type]
    return result


def _stated(value: Any, path: str) -> Iterable[str]:
    """Yield the path of every value, lists being one."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _stated(part, f"{path}.{key}" if path else str(key))
    elif value is not None:
        yield path


def _plain(value: Any, path: str, sources: dict[str, str]) -> Any:
    """Strip ``{value, source}`` to the value, keeping the source by path."""
    if isinstance(value, dict) and "value" in value and set(value) <= {"value", "source"}:
        if value.get("source"):
            sources[path] = str(value["source"])
        return value["value"]
    if isinstance(value, dict):
        return {str(key): _plain(part, f"{path}.{key}", sources) for key, part in value.items()}
    return value
