# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many items of the checklists that this collection answers to have an answer, computed from what is shipped.

An item that can be answered automatically counts as such only when a check's ``covers`` names it and a shipped
collector feeds that check, or when an item of the checklist of a deploy names it. Otherwise it counts as answered by
evidence or attestation when a shipped definition names it. An item that wants a document is not answered by a check:
the check adds what the machines show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..module_utils.collect.node import DOMAINS
from ..module_utils.judge.catalogue import conditions
from ..module_utils.judge.paths import tokens
from ..module_utils.judge.settled import settled
from . import catalogue, profiles, site
from .files import ROLES, BadInput, Entry, entries, yaml_files
from .rollout import checklist

SEEDS = ROLES / "verify" / "files" / "seeds"
ORDER = ("piqc", "themisdb", "azaion", "gaudi3", "seraphim")
ANSWERS = ("automatic", "evidence", "attestation")
KINDS = (*ANSWERS, "comment")  # a comment asks nothing; that it was read can be attested
FIELDS = {"id", "title", "section", "answer"}
DEPLOY = "checks_deploy"  # the directory of cases of the checklist of a deploy, beside that of the checks
NEEDED_CASES = {"pass", "fail", "unknown"}
FED = {*DOMAINS, "reach"}  # whether a machine was reached is known by having asked it

Check = Mapping[str, Any]


class Coverage(NamedTuple):
    """What answers which item of one checklist: ``answers`` maps item id to a kind of answer, or None when open.

    ``named`` are the automatic ones of which no shipped profile names what answers them: a site's profile has to.
    """

    seed: str
    answers: dict[str, str | None]
    named: frozenset[str] = frozenset()

    def count(self, kind: str) -> int:
        """Return how many items have this kind of answer."""
        return sum(answer == kind for answer in self.answers.values())

    def open(self) -> list[str]:
        """Return the ids without an answer; a section without any is named once, as ``section.*``."""
        sections: dict[str, list[str]] = {}
        for item in self.answers:
            sections.setdefault(item.rsplit(".", 1)[0], []).append(item)
        names: list[str] = []
        for section, members in sections.items():
            left = [item for item in members if self.answers[item] is None]
            names += [f"{section}.*"] if left == members else left
        return names


def seeds(directory: Path = SEEDS) -> dict[str, dict[str, dict[str, Any]]]:
    """Return seed -> item id -> item, in the order of the documents; an item that says too little is an error."""
    found = {path.stem: _items(path) for path in yaml_files(directory)}
    return {name: found[name] for name in sorted(found, key=lambda name: (*ORDER, name).index(name))}


def _items(path: Path) -> dict[str, dict[str, Any]]:
    items: dict[str, dict[str, Any]] = {}
    for entry in entries(path):
        problem = _problem(entry, path.stem)
        if problem or entry.value["id"] in items:
            raise BadInput(f"{entry.where}: {problem or 'the id stands twice'}")
        items[entry.value["id"]] = entry.value
    return items


def _problem(entry: Entry, seed: str) -> str | None:
    item = entry.value
    if not isinstance(item, dict) or set(item) - {"needs"} != FIELDS or item.get("needs", "bmc") != "bmc":
        return f"an item has {', '.join(sorted(FIELDS))}, and needs: bmc where only a BMC can answer"
    if not str(item["id"]).startswith(f"{seed}:"):
        return f"{item['id']} does not belong to {seed}"
    return None if item["answer"] in KINDS else f"answer {item['answer']!r} is none of {', '.join(KINDS)}"


def facts_read(check: Check) -> list[str]:
    """Return the paths of the facts that a check reads: its subject, its conditions, and what it compares with."""
    paths = [check["subject"]] if "subject" in check else []
    options = [value for value in check.get("with", {}).values() if isinstance(value, str)]
    paths += [value.removeprefix("fact.") for value in options if "." in value and not value.startswith("profile.")]
    paths += [condition["fact"] for condition in conditions(check) if "fact" in condition]
    paths += [value[5:] for value in check.get("expect", {}).values() if str(value).startswith("fact.")]
    return list(dict.fromkeys(paths))


def fed(check: Check) -> bool:
    """Say whether shipped collectors bring all facts that a check reads; a deploy answers its own checklist."""
    if check.get("by") in checklist.BY:
        return True
    read = {tokens(path)[0] for path in facts_read(check)}
    return bool(read) and read <= FED


def strangers(checks: Iterable[Check], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return ``check: item`` for everything covered that is no item of a checklist."""
    items = {item for seed in known.values() for item in seed}
    return [f"{check['id']}: {item}" for check in checks for item in check["covers"] if item not in items]


def asked_by(checks: Iterable[Check], profiles: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the checks that at least one of the profiles asks for; a deploy asks for those of its own checklist."""
    known = list(profiles)
    return {
        check["id"]
        for check in checks
        if check.get("by") in checklist.BY or any(settled(check, profile) is None for profile in known)
    }


def cover(
    known: Mapping[str, Mapping[str, Mapping[str, Any]]],
    checks: Iterable[Check],
    definitions: Iterable[Check],
    asked: set[str] | None = None,
) -> list[Coverage]:
    """Return the coverage of each checklist by these checks and these definitions of evidence and attestations.

    ``asked`` are the checks that a shipped profile asks for, all of them when it is None.
    """
    feeding = [check for check in checks if fed(check)]
    automatic = {item for check in feeding for item in check["covers"]}
    shipped = {item for check in feeding if asked is None or check["id"] in asked for item in check["covers"]}
    named: dict[str, set[str]] = {"evidence": set(), "attestation": set()}
    for definition in definitions:
        named[definition["kind"]] |= set(definition["covers"])

    def answer(item: Mapping[str, Any]) -> str | None:
        if item["answer"] == "automatic" and item["id"] in automatic:
            return "automatic"
        return next((kind for kind in ("evidence", "attestation") if item["id"] in named[kind]), None)

    def coverage(seed: str, items: Mapping[str, Mapping[str, Any]]) -> Coverage:
        answers = {name: answer(item) for name, item in items.items()}
        alone = frozenset(name for name, kind in answers.items() if kind == "automatic" and name not in shipped)
        return Coverage(seed, answers, alone)

    return [coverage(seed, items) for seed, items in known.items()]


def of_deploy() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the checklist of a deploy, and of its items those that are evidence which a service names."""
    items = checklist.items()
    return items, [{**item, "kind": "evidence"} for item in items if item.get("evidence")]


def line(coverage: Coverage) -> str:
    """Return the line that ``make coverage`` prints for a checklist."""
    counts = {kind: coverage.count(kind) for kind in ANSWERS}
    left = coverage.open()
    said = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    if coverage.named:
        said += f"; {len(coverage.named)} of the automatic ones only where a site's profile names what answers them"
    more = f"; open: {', '.join(left)}" if left else ""
    return f"coverage: {coverage.seed} {sum(counts.values())}/{len(coverage.answers)} ({said}{more})"


def proven(checks: Iterable[Check], cases: Path) -> int:
    """Return how many checks have a case for each of pass, fail and unknown in a directory of cases."""
    found: dict[str, Any] = {}
    for path in yaml_files(cases):
        found.update(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return sum(all((found.get(check["id"]) or {}).get(status) for status in NEEDED_CASES) for check in checks)


def lines(cases: Path) -> list[str]:
    """Return what ``make coverage`` prints; a covered item that no checklist has is an error."""
    known, checks, definitions = seeds(), catalogue.checks(), site.definitions()
    items, shown = of_deploy()
    wrong = strangers([*checks, *items, *definitions], known)
    if wrong:
        raise BadInput(f"no item of a checklist: {', '.join(wrong)}")
    every = [*checks, *items]
    asked = asked_by(every, [catalogue.profile(name) for name in profiles.names()])
    told = [line(coverage) for coverage in cover(known, every, [*definitions, *shown], asked)]
    deploy = (
        f"items of a deploy: {len(items)} (with pass, fail and unknown cases: {proven(items, cases.parent / DEPLOY)})"
    )
    return [*told, deploy, f"checks: {len(checks)} (with pass, fail and unknown cases: {proven(checks, cases)})"]
