# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which facts there are, as ``node_facts`` documents them, and which paths of a check lead nowhere."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ...module_utils.judge.catalogue import conditions
from ...module_utils.judge.paths import EVERY, tokens
from ..files import Loader
from . import hint, profile

MODULES = sorted((Path(__file__).parents[2] / "modules").glob("*_facts.py"))
PREFIX = "muster_"
KINDS = ("profile", "fact", "item")
GROUPS = ("class", "rack", "item")  # of hosts, or by the thing's own name
REFERENCE = re.compile(r"[A-Za-z]\w*\.\w")
REACH: dict[str, Any] = {  # the controller's own
    "type": "dict",
    "contains": {"answered": {"type": "bool"}, "class_named": {"type": "bool"}},
}
Facts = Mapping[str, Any]  # a documented fact: type, elements, contains


@functools.cache
def documented() -> dict[str, Facts]:
    """Return the documented facts by domain, as the ``RETURN`` of the facts modules describes them."""
    found: dict[str, Facts] = {"reach": REACH}
    for path in MODULES:
        for name, facts in _returned(path).items():
            domain = name.removeprefix(PREFIX)
            if facts.get("contains") or domain not in found:
                found[domain] = facts
    return found


def _returned(path: Path) -> dict[str, Facts]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        name.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    returned: dict[str, Facts] = yaml.load(str(told["RETURN"]), Loader)["ansible_facts"]["contains"]  # noqa: S506
    return returned


def path_problems(check: Mapping[str, Any], by: Iterable[str] = ()) -> Iterator[str]:
    """Yield what is wrong with the facts and profile keys that a check names.

    ``by`` are the facts that make a group of hosts.
    """
    chain: list[Facts] = []
    if "subject" in check:
        chain, wrong = _follow(check["subject"])
        if wrong:
            yield f"subject {wrong}"
    for condition in conditions(check):
        if "fact" in condition:
            wrong = _follow(condition["fact"])[1]
            if wrong:
                yield f"applies: fact {wrong}"
        elif wrong := _unknown_key(condition["profile"]):
            yield f"applies: {wrong}"
    if chain:
        yield from (f"where: {wrong}" for path in check.get("where", {}) if (wrong := _beside(path, chain)))
    groups = [name for name in by if name not in GROUPS] if chain else []
    yield from (f"by: {wrong}" for name in groups if (wrong := _beside(name, chain)))
    said = [check.get("expect"), check.get("where"), check.get("with"), conditions(check)]
    yield from (wrong for reference in _references(said) if (wrong := _reference(reference, chain)))
    for text in _texts(said):
        word = text.partition(".")[0]
        if REFERENCE.match(text) and word not in KINDS and (near := hint(word.lower(), KINDS, 0.7)):
            yield f"{text}: refers to nothing{near}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def profile_keys(check: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the profile keys that a check reads."""
    for condition in conditions(check):
        if "profile" in condition:
            yield str(condition["profile"])
    for reference in _references([check.get("expect"), check.get("where"), check.get("with"), conditions(check)]):
        kind, path = reference.split(".", 1)
        if kind == "profile":
            yield path.split("[")[0]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, str) and value.split(".")[0] in ("profile", "fact", "item") and "." in value:
        yield value


def _reference(reference: str, chain: Sequence[Facts]) -> str:
    kind, path = reference.split(".", 1)
    if kind == "profile":
        return _unknown_key(path.split("[")[0])
    if kind == "fact":
        return f"fact {wrong}" if (wrong := _follow(path)[1]) else ""
    return f"item {wrong}" if chain and (wrong := _beside(path, chain)) else ""


def _unknown_key(path: str) -> str:
    known = {*profile.keys(), *profile.sections()}
    if path in known or path.partition(".")[0] == profile.OWN or _inside(path):
        return ""
    return f"profile.{path}: a profile has no such key{hint(path, known)}"


def _inside(path: str) -> bool:
    """Say whether a path leads into a declared key that holds a mapping."""
    for key, declared in profile.keys().items():
        if path.startswith(f"{key}."):
            inner = path.removeprefix(f"{key}.").split(".")
            fields = declared.fields or {}
            return declared.type.startswith("mapping") or inner[-1 if declared.keys else 0] in fields
    return False


def _follow(path: str) -> tuple[list[Facts], str]:
    """Return the documented facts along a path, the innermost first, and what is wrong with the path.

    There are none where the path leads into a mapping or list whose insides nobody documents.
    """
    names = tokens(path)
    domains = documented()
    if names[0] not in domains:
        return [], f"{path}: no facts of a domain {names[0]!r}{hint(names[0], domains)}"
    here = domains[names[0]]
    chain: list[Facts] = [here]
    for number, name in enumerate(names[1:], 1):
        if name == EVERY:
            if here.get("type") not in ("list", "dict"):
                return chain, f"{path}: {'.'.join(names[:number])} is no list"
            if not (here.get("contains") and here["type"] == "list"):
                return [], ""
            continue
        inside = here.get("contains")
        if not inside:
            if here.get("type") != "dict":
                return chain, f"{path}: {'.'.join(names[:number])} holds nothing further"
            return [], ""
        if name not in inside:
            return chain, f"{path}: no collector gives {name}{hint(name, inside)}"
        here = inside[name]
        chain.insert(0, here)
    return chain, ""


def _beside(path: str, chain: Sequence[Facts]) -> str:
    """Return what is wrong with a path that begins in one of the mappings around a judged value."""
    first, *rest = tokens(path)
    around = [facts["contains"] for facts in chain if facts.get("contains")]
    if not around:
        return ""
    here = next((inside[first] for inside in around if first in inside), None)
    if here is None:
        known = {name for inside in around for name in inside}
        return f"{path}: nothing of that name stands beside the value{hint(first, known)}"
    for name in rest:
        inside = here.get("contains")
        if not inside:
            return "" if here.get("type") == "dict" else f"{path}: {first} holds nothing further"
        if name not in inside:
            return f"{path}: no collector gives {name}{hint(name, inside)}"
        here = inside[name]
    return ""
