# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A profile from golden hosts: what all of them show is written, what they do not agree on is listed, never averaged.

Which fact a profile key stands for is what the catalogue says: a check whose subject is expected to equal
``profile.<key>``. Limits (at least, at most) and lists of what is wanted are a person's choice and are not captured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..module_utils.judge.catalogue import conditions
from ..module_utils.judge.operators import OPERATORS
from ..module_utils.judge.paths import look, tokens
from .fleet.samples import values

TAKEN: dict[str, Any] = {"eq": lambda value: value, "version_eq": lambda value: value, "count": len}
MARK = "# Captured by muster.fleet"
UNSHOWN = "shows no value"
Facts = Mapping[str, Mapping[str, Any]]  # host to its facts
Profile = Mapping[str, Any]


class Captured(NamedTuple):
    """``agreed``: key to value, what ``extends`` states already left out. ``differ``: key to host to what it shows."""

    agreed: dict[str, Any]
    differ: dict[str, dict[str, str]]
    stated: list[str]


def keys(checks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (profile key, operator, check) for each key that the catalogue holds a fact against."""
    for check in checks:
        for operator, operand in (check.get("expect") or {}).items():
            if operator in TAKEN and isinstance(operand, str) and operand.startswith("profile.") and "[" not in operand:
                yield operand.removeprefix("profile."), operator, check


def capture(checks: Iterable[Mapping[str, Any]], facts: Facts, extends: Profile) -> Captured:
    """Return what the hosts agree on and what they do not; ``extends`` is the profile that the new one builds on.

    What the new profile turns out to be (its vendor, its link layer) decides which checks it is for, so keys of the
    others are left out at the end.
    """
    found = Captured({}, {}, [])
    checks = list(checks)
    for key, path, check in sorted(_named_by_where(checks), key=lambda entry: (entry[0], entry[2]["id"])):
        where = _resolved({name: wanted for name, wanted in check["where"].items() if name != path}, extends, True)
        if key not in {*found.agreed, *found.differ} and look(extends["values"], key) is None and where is not None:
            law = {"subject": f"{check['subject'].rpartition('[*]')[0]}[*].{path}", "where": where, "by": []}
            shown = {host: _shown(law, host_facts, "eq") for host, host_facts in facts.items()}
            if any(shown.values()):
                _sort(found, key, shown, None)
    known = {"values": _with(extends["values"], found.agreed)}
    asked = sorted(keys(checks), key=lambda entry: (entry[0], entry[2]["id"]))
    for key, operator, check in asked:
        where = _resolved(check.get("where", {}), known)
        if key in {*found.agreed, *found.differ, *found.stated} or where is None:
            continue
        law = {"subject": check["subject"], "where": where, "by": []}
        shown = {host: _shown(law, host_facts, operator) for host, host_facts in facts.items()}
        if any(shown.values()):
            _sort(found, key, shown, look(extends["values"], key))
    meant = {key for key, unused, check in asked if _meant(key, check, found.agreed, extends)}
    meant |= {key for key, unused, check in _named_by_where(checks)}
    meant -= {key for key in meant if not _answerable(key, checks, known)}
    return Captured(
        {key: value for key, value in found.agreed.items() if key in meant},
        {key: value for key, value in found.differ.items() if key in meant},
        [key for key in found.stated if key in meant],
    )


def _named_by_where(checks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (profile key, path, check) where a check means the items whose ``path`` is what the profile names."""
    for check in checks:
        for path, wanted in (check.get("where") or {}).items():
            named = isinstance(wanted, str) and wanted.startswith("profile.") and "[" not in wanted
            if named and "[*]" in check.get("subject", ""):
                yield wanted.removeprefix("profile."), path, check


def _answerable(key: str, checks: Iterable[Mapping[str, Any]], known: Profile) -> bool:
    """Say whether no check that a key switches on asks which items are meant in words that nobody knows."""
    switched = [check for check in checks if any(condition.get("profile") == key for condition in conditions(check))]
    return all(_resolved(check.get("where") or {}, known) is not None for check in switched)


def _with(values: Mapping[str, Any], agreed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a profile's values with keys laid over them."""
    tree: dict[str, Any] = json.loads(json.dumps(values))
    for key, value in agreed.items():
        *parents, last = tokens(key)
        here = tree
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = value
    return tree


def left_out(found: Captured, broken: Mapping[str, list[str]]) -> tuple[Captured, dict[str, dict[str, str]]]:
    """Return what may be taken, and key to host to value of the rest.

    ``broken`` is part of a machine ("gpu") to hosts on which checks of that part failed: what they show of it may be
    the fault itself, so that nothing of it is written as wanted.
    """
    taken = {key: value for key, value in found.agreed.items() if tokens(key)[0] not in broken}
    rest = {
        key: dict.fromkeys(broken[tokens(key)[0]], _scalar(value))
        for key, value in found.agreed.items()
        if key not in taken
    }
    return found._replace(agreed=taken), rest


def _meant(key: str, check: Mapping[str, Any], agreed: Mapping[str, Any], extends: Profile) -> bool:
    """Say whether nothing that is known of the new profile keeps the check from applying to it."""
    for condition in conditions(check):
        path = condition.get("profile")
        value = agreed.get(path, look(extends["values"], path)) if path and path != key else None
        for operator, operand in condition.items():
            if value is not None and operator in OPERATORS and not OPERATORS[operator].holds(value, operand):
                return False
    return True


def _resolved(where: Mapping[str, Any], extends: Profile, partly: bool = False) -> dict[str, Any] | None:
    """Return ``where`` with the profile's values in it, or None when it refers to something that is not known here.

    ``partly`` leaves out what is not known.
    """
    resolved: dict[str, Any] = {}
    for path, wanted in where.items():
        stated = wanted if isinstance(wanted, dict) else {"eq": wanted}
        for operator, operand in stated.items():
            if isinstance(operand, str) and operand.startswith(("profile.", "fact.", "item.")):
                known = operand.startswith("profile.") and "[" not in operand
                operand = look(extends["values"], operand.removeprefix("profile.")) if known else None
                if operand is None and partly:
                    continue
                if operand is None:
                    return None
            resolved.setdefault(path, {})[operator] = operand
    return resolved


def _shown(law: Mapping[str, Any], facts: Mapping[str, Any], operator: str) -> list[Any]:
    """Return the different values of one host, in order; one that cannot be taken counts as none."""
    shown: list[Any] = []
    for value in values(law, facts):
        try:
            taken = None if value.missing else TAKEN[operator](value.value)
        except TypeError:
            taken = None
        if taken is not None and not any(_same(taken, known) for known in shown):
            shown.append(taken)
    return shown


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are one: 400 and 400.0 are, 1 and true are not."""
    if (isinstance(one, float) and isinstance(other, int)) or (isinstance(one, int) and isinstance(other, float)):
        return bool(one == other) and not isinstance(one, bool) and not isinstance(other, bool)
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _sort(found: Captured, key: str, shown: Mapping[str, list[Any]], stated: Any) -> None:
    first = next(iter(shown.values()))
    agreed = len(first) == 1 and all(len(mine) == 1 and _same(mine[0], first[0]) for mine in shown.values())
    if not agreed:
        found.differ[key] = {host: ", ".join(map(_scalar, mine)) or UNSHOWN for host, mine in shown.items()}
    elif _same(first[0], stated):
        found.stated.append(key)
    else:
        found.agreed[key] = first[0]


def _scalar(value: Any) -> str:
    """Return a value as YAML on one line; whatever a machine shows cannot leave its line."""
    return json.dumps(value, sort_keys=True)


def text(head: Mapping[str, Any], found: Captured) -> str:
    """Return the profile's file. ``head``: name, title, extends, run, hosts, simulated, not_ready, left_out."""
    hosts = ", ".join(head["hosts"])
    lines = ["---", f"{MARK} from run {head['run']}: {len(head['hosts'])} hosts ({hosts})."]
    if head["simulated"]:
        lines.append("# SIMULATED: machines of a simulated rack. It says nothing about real ones.")
    lines += [f"# Not ready in that run: {host}." for host in head["not_ready"]]
    lines += [f"name: {head['name']}", f"title: {_scalar(head['title'])}", f"extends: {head['extends']}"]
    source = f"captured from {len(head['hosts'])}{' SIMULATED' * head['simulated']} hosts, run {head['run']}"
    lines += _section(_tree(found.agreed), source)
    for title, listed in (
        ("The hosts do not agree on these.", found.differ),
        ("Checks of these parts failed on the hosts named, so what they show was not taken.", head.get("left_out", {})),
    ):
        lines += ["", f"# {title} Decide, and write the value above."] if listed else []
        for key, shown in listed.items():
            lines += [f"#   {key}:", *(f"#     {host}: {value}" for host, value in shown.items())]
    if found.stated:
        lines += ["", f"# As profile {head['extends']} states it: {', '.join(found.stated)}."]
    return "\n".join(lines) + "\n"


def _tree(agreed: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in agreed.items():
        *parents, last = tokens(key)
        here = tree
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = _Leaf(value)
    return tree


class _Leaf(NamedTuple):
    value: Any


def _section(tree: Mapping[str, Any], source: str, depth: int = 0) -> list[str]:
    lines = []
    for name, part in sorted(tree.items()):
        if isinstance(part, _Leaf):
            lines.append(f"{'  ' * depth}{name}: {{value: {_scalar(part.value)}, source: {_scalar(source)}}}")
        else:
            lines += [f"{'  ' * depth}{name}:", *_section(part, source, depth + 1)]
    return lines
