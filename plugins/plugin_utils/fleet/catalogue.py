# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check between hosts may say. The closed schema of ``roles/verify/files/fleet/*.yml``.

``id title what phase severity covers source why fix`` are as in the catalogue of single hosts. Further:

``compare``
    ``same_as_peers`` (the value that most of the group have), ``outlier`` (median and MAD of the group), ``unique`` (no
    two hosts alike), ``cable_plan`` (neighbours as planned), ``drift`` (as in the last accepted run) or ``correlated``
    (findings of single hosts that one cause explains).
``subject``
    Path of a fact, as in the catalogue. All but ``correlated`` have one.
``by``
    What makes a group: ``class``, ``rack``, ``item`` (the thing's own name) or the name of a fact beside the value.
``where``
    Which items are meant, by the facts beside the value. ``unit`` goes behind the value in messages.
``options``
    Settings of ``compare``; see ``OPTIONS``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...module_utils.judge.catalogue import COVERS, ID, PHASES, SEVERITIES
from ...module_utils.judge.operators import OPERATORS
from ...module_utils.judge.paths import tokens
from ..catalogue import overridden
from ..files import ROLES, BadInput, entries, yaml_files
from ..schema import facts as fact_schema

FLEET = ROLES / "verify" / "files" / "fleet"
REQUIRED = ("id", "title", "what", "phase", "severity", "compare", "covers", "source", "why", "fix")
OPTIONAL = ("subject", "by", "where", "unit", "options")


class Option(NamedTuple):
    """A setting: what it must be, how that is said, and its default; a default of None makes it obligatory."""

    holds: Callable[[Any], bool]
    phrase: str
    default: Any


def _count(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _patterns(value: Any) -> bool:
    try:
        return isinstance(value, list) and all(re.search(part, "") is None for part in value)
    except (TypeError, re.error):
        return False


def _choice(*words: str) -> Callable[[Any], bool]:
    return lambda value: value in words


OPTIONS: dict[str, dict[str, Option]] = {
    "same_as_peers": {"min_hosts": Option(_count(3), "a number from 3", 3)},
    "outlier": {
        "min_hosts": Option(_count(4), "a number from 4", 5),
        "times": Option(_positive, "a number above 0", 3.5),  # robust deviations from the median
        "floor": Option(_positive, "a number above 0", None),  # what is nearer to the median never counts
        "direction": Option(_choice("high", "low", "both"), "high, low or both", "both"),
    },
    "unique": {"ignore": Option(_patterns, "a list of regular expressions", [])},
    "cable_plan": {"over": Option(_choice("lldp", "infiniband"), "lldp or infiniband", "lldp")},
    "drift": {"change": Option(_choice("version", "count", "part"), "version, count or part", None)},
    "correlated": {
        "scope": Option(_choice("rack", "class", "fleet"), "rack, class or fleet", None),
        "min_hosts": Option(_count(3), "a number from 3", 3),
        "most_percent": Option(_positive, "a number above 0", 60),
        "elsewhere_percent": Option(_positive, "a number above 0", 10),
    },
}


def checks(directories: Iterable[Path] = (FLEET,)) -> list[dict[str, Any]]:
    """Return the checks between hosts, sorted by id, their options complete; later directories add and replace."""
    found: dict[str, dict[str, Any]] = {}
    said: dict[str, dict[str, Any]] = {}  # as they were written, for overrides
    for directory in directories:
        places: dict[str, str] = {}
        for path in yaml_files(directory):
            for entry in entries(path):
                meant = overridden(entry, said)
                check = checked(meant.value, entry.where)
                for wrong in fact_schema.path_problems(meant.value, check["by"]):
                    raise BadInput(f"{entry.where}: {check['id']}: {wrong}")
                if check["id"] in places:
                    raise BadInput(f"{entry.where}: {check['id']}: the id is taken at {places[check['id']]}")
                places[check["id"]], found[check["id"]], said[check["id"]] = entry.where, check, meant.value
    return [found[name] for name in sorted(found)]


def checked(raw: Any, where: str) -> dict[str, Any]:
    """Return one check with its defaults filled in; ``where`` (file and line) goes into the error."""
    if not isinstance(raw, dict):
        raise BadInput(f"{where}: a check is a mapping, this is {type(raw).__name__}")
    for problem in _problems(raw):
        raise BadInput(f"{where}: {raw.get('id', 'a check without id')}: {problem}")
    known = OPTIONS[raw["compare"]]
    options = {name: option.default for name, option in known.items()} | (raw.get("options") or {})
    return {"by": ["class"], "where": {}, "unit": None, "subject": None, **raw, "options": options}


def _problems(raw: Mapping[str, Any]) -> Iterator[str]:
    for key in raw:
        if key not in REQUIRED + OPTIONAL:
            yield f"unknown key {key!r}; known are {', '.join(sorted(REQUIRED + OPTIONAL))}"
    for key in REQUIRED:
        if raw.get(key) in (None, ""):
            yield f"{key} is missing"
    if not isinstance(raw["id"], str) or not ID.match(raw["id"]) or not raw["id"].startswith("fleet."):
        yield "id is lower-case words parted by dots, the first of them fleet"
    if raw["severity"] not in SEVERITIES:
        yield f"severity {raw['severity']!r} is none of {', '.join(SEVERITIES)}"
    if raw["phase"] not in PHASES or isinstance(raw["phase"], bool):
        yield f"phase {raw['phase']!r} is not a number from 0 to 12"
    if not isinstance(raw["covers"], list) or not all(COVERS.match(str(entry)) for entry in raw["covers"]):
        yield "covers is a list of seed items such as piqc:5.2"
    if not isinstance(raw["compare"], str) or raw["compare"] not in OPTIONS:
        yield f"compare {raw['compare']!r} is none of {', '.join(OPTIONS)}"
        return
    yield from _subject_problems(raw)
    yield from _option_problems(raw)


def _subject_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    if (raw["compare"] == "correlated") == ("subject" in raw):
        yield f"{raw['compare']} has {'no' if 'subject' in raw else 'a'} subject"
    if "subject" in raw:
        try:
            tokens(raw["subject"])
        except (TypeError, ValueError):
            yield f"not a path: {raw['subject']!r}"
    by = raw.get("by", [])
    if not isinstance(by, list) or not all(isinstance(name, str) and name for name in by):
        yield "by is a list of names"
    where = raw.get("where", {})
    if not isinstance(where, dict):
        yield "where is a mapping"
        return
    for wanted in where.values():
        for operator in wanted if isinstance(wanted, dict) else ():
            if operator not in OPERATORS or OPERATORS[operator].collective:
                yield f"where: unknown operator {operator!r}"


def _option_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    options, known = raw.get("options", {}), OPTIONS[raw["compare"]]
    if not isinstance(options, dict):
        yield "options is a mapping"
        return
    for name, value in options.items():
        if name not in known:
            yield f"unknown option {name!r} of {raw['compare']}; known are {', '.join(sorted(known)) or 'none'}"
        elif not known[name].holds(value):
            yield f"option {name} is {known[name].phrase}, not {value!r}"
    for name, option in known.items():
        if option.default is None and name not in options:
            yield f"option {name} is missing ({option.phrase})"
