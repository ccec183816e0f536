# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check may say. The catalogue is YAML on the controller and JSON on the node; this is the law for both."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping

from .functions import FUNCTIONS
from .operators import OPERATORS
from .paths import tokens

REQUIRED = ("id", "title", "what", "phase", "severity", "covers", "source", "why", "fix")
OPTIONAL = ("subject", "expect", "using", "with", "where", "applies", "unit")
SEVERITIES = ("critical", "major", "minor", "info")
PHASES = range(13)
ID = re.compile(r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
COVERS = re.compile(
    r"^(piqc:\d+\.\d+|themisdb:[a-z0-9-]+\.\d+|azaion:[a-z0-9-]+\.\d+|gaudi3:[a-z0-9-]+\.\d+|seraphim:[a-z0-9-]+\.\d+)$"
)
MEASURED_APART = ("defined",)
ASK_FOR_NONE = ("eq", "subset_of")  # operators to which an empty list says that there must be none


class BadCatalogue(ValueError):
    """A check, override or waiver that cannot be used; the message says where it stands and why."""


def check_entry(raw: Any, where: str) -> Dict[str, Any]:
    """Return one check when it says all it must and nothing it may not; ``where`` (file and line) goes in the error."""
    if not isinstance(raw, dict):
        raise BadCatalogue(f"{where}: a check is a mapping, this is {type(raw).__name__}")
    name = raw.get("id", "a check without id")

    def refuse(problem: str) -> None:
        raise BadCatalogue(f"{where}: {name}: {problem}")

    for key in raw:
        if key not in REQUIRED + OPTIONAL:
            refuse(f"unknown key {key!r}; known are {', '.join(sorted(REQUIRED + OPTIONAL))}")
    for key in REQUIRED:
        if raw.get(key) in (None, ""):
            refuse(f"{key} is missing")
    for problem in _problems(raw):
        refuse(problem)
    return raw


def _problems(raw: Mapping[str, Any]) -> Iterable[str]:
    if not isinstance(raw["id"], str) or not ID.match(raw["id"]):
        yield "id is lower-case words parted by dots"
    if raw["severity"] not in SEVERITIES:
        yield f"severity {raw['severity']!r} is none of {', '.join(SEVERITIES)}"
    if raw["phase"] not in PHASES or isinstance(raw["phase"], bool):
        yield f"phase {raw['phase']!r} is not a number from 0 to 12"
    if not isinstance(raw["covers"], list) or not all(COVERS.match(str(entry)) for entry in raw["covers"]):
        yield "covers is a list of seed items such as piqc:5.2"
    if ("using" in raw) == ("subject" in raw):
        yield "a check has either subject and expect, or using"
    elif "using" in raw:
        if not isinstance(raw["using"], str) or raw["using"] not in FUNCTIONS:
            yield f"using names no registered function: {raw['using']!r}; known are {', '.join(sorted(FUNCTIONS))}"
    else:
        yield from _path_problems(raw["subject"])
        yield from _expect_problems(raw.get("expect"))
    for condition in conditions(raw):
        yield from _condition_problems(condition)
    yield from _where_problems(raw.get("where", {}))


def _where_problems(where: Any) -> Iterable[str]:
    if not isinstance(where, dict):
        yield "where is a mapping"
        return
    for wanted in where.values():
        for operator in wanted if isinstance(wanted, dict) else ():
            if operator not in OPERATORS or OPERATORS[operator].collective:
                yield f"where: unknown operator {operator!r}"


def conditions(raw: Mapping[str, Any]) -> List[Any]:
    """Return the ``applies`` conditions of a check as a list."""
    applies = raw.get("applies", [])
    return applies if isinstance(applies, list) else [applies]


def _path_problems(path: Any) -> Iterable[str]:
    try:
        tokens(path)
    except (TypeError, ValueError):
        yield f"not a path: {path!r}"


def _expect_problems(expect: Any) -> Iterable[str]:
    if not isinstance(expect, dict) or not expect:
        yield "expect is a mapping of operators"
        return
    for operator in expect:
        if operator not in OPERATORS:
            yield f"unknown operator {operator!r}; known are {', '.join(OPERATORS)}"
        elif operator.endswith("matches") and isinstance(expect[operator], str):
            yield from _pattern_problems(operator, expect[operator])
        elif expect[operator] == [] and operator not in ASK_FOR_NONE:
            yield f"{operator}: an empty list asks for nothing"
    together = [operator for operator in expect if operator in OPERATORS and OPERATORS[operator].collective]
    if together and len(expect) > 1:
        yield f"{together[0]} stands alone"


def _pattern_problems(operator: str, pattern: str) -> Iterable[str]:
    try:
        anything = re.search(pattern, "") is not None and operator == "matches"
    except re.error as error:
        yield f"{operator}: not a regular expression: {error}"
        return
    if anything and not pattern.startswith("profile."):
        yield f"{operator}: {pattern!r} matches everything, even nothing"


def _condition_problems(condition: Any) -> Iterable[str]:
    if not isinstance(condition, dict) or len({"profile", "fact"} & set(condition)) != 1:
        yield "applies asks one profile or fact path"
        return
    for key, value in condition.items():
        if key in ("profile", "fact"):
            yield from _path_problems(value)
        elif key not in OPERATORS and key not in MEASURED_APART:
            yield f"applies: unknown operator {key!r}"


def merge(checks: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return checks sorted by id; a later one with the same id takes the place of the earlier."""
    by_id = {check["id"]: dict(check) for check in checks}
    return [by_id[name] for name in sorted(by_id)]
