# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The checklist of a deploy: its items are data, and each is answered for every service, or says why it is not.

What the node or the controller saw comes in as *answers* ``{id, item, status, observed, expected, message, source,
at}``. An item that was asked for and that nobody answered is unknown.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...module_utils.judge.catalogue import COVERS, ID, SEVERITIES
from ...module_utils.judge.results import FAIL, NOT_APPLICABLE, STATUSES, UNKNOWN
from ...module_utils.release.service import KINDS, Service
from ..files import ROLES, BadInput, Entry, entries

FILE = ROLES / "deploy" / "files" / "checklist.yml"
PHASE = 11  # lifecycle operations
REQUIRED = {"id", "title", "what", "when", "by", "severity", "covers", "source", "why", "fix"}
OPTIONAL = {"asks", "kinds", "optional", "evidence", "states"}
STATES = ("present", "rolled_back")
WHEN = ("pre", "stop", "post", "run", "fleet")
BY = ("controller", "node")
TOLD = ("title", "what", "severity", "source", "why", "fix", "covers")

Item = Mapping[str, Any]
Answer = Mapping[str, Any]


class Asked(NamedTuple):
    """What is asked of one service on one host, and why the items of a time were not reached, if they were not."""

    service: Service
    at: str
    skipped: Mapping[str, str]  # when -> why these items do not apply
    silent: str  # why an item without an answer has none
    state: str = "present"  # a rollback is not held to what is asked before a deploy


def items(path: Path = FILE) -> list[dict[str, Any]]:
    """Return the items; one that says too little, or what nobody knows, is an error that names file and line."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries(path):
        problem = _problem(entry) or ("the id is taken" if entry.value["id"] in found else None)
        if problem:
            raise BadInput(f"{entry.where}: {problem}")
        found[entry.value["id"]] = {"phase": PHASE, **entry.value}
    return list(found.values())


def _problem(entry: Entry) -> str | None:
    raw = entry.value
    if not isinstance(raw, dict) or set(raw) - OPTIONAL != REQUIRED:
        return f"an item says {', '.join(sorted(REQUIRED))}; it may say {', '.join(sorted(OPTIONAL))}"
    wrong = {
        "id": not ID.match(str(raw["id"])),
        "severity": raw["severity"] not in SEVERITIES,
        "when": raw["when"] not in WHEN,
        "by": raw["by"] not in BY,
        "covers": not isinstance(raw["covers"], list) or not all(COVERS.match(str(item)) for item in raw["covers"]),
        "kinds": bool(set(raw.get("kinds", ())) - {*KINDS}),
        "states": bool(set(raw.get("states", ())) - {*STATES}),
    }
    return next((f"{raw['id']}: {key} is {raw.get(key)!r}" for key, bad in wrong.items() if bad), None)


@functools.cache
def shipped() -> list[dict[str, Any]]:
    """Return the items of this collection, read once."""
    return items()


def told() -> dict[str, Any]:
    """Return what reports tell of the items, by id."""
    return {item["id"]: {"phase": PHASE, **{key: item[key] for key in TOLD}} for item in shipped()}


def rows(asked: Asked, answers: Iterable[Answer], when: Iterable[str]) -> list[dict[str, Any]]:
    """Return a result row for each item of these times, and for each answer to it."""
    by_id: dict[str, list[Answer]] = {}
    for answer in answers:
        by_id.setdefault(str(answer.get("id")), []).append(answer)
    meant = [item for item in shipped() if item["when"] in set(when) and asked.state in _states(item)]
    return [row for item in meant for row in _rows(item, asked, by_id.get(item["id"], []))]


def _states(item: Item) -> Iterable[str]:
    """Return the states that an item is asked for: what comes before a stop is a deploy's, unless it says otherwise."""
    return item.get("states") or (STATES if item["when"] != "pre" else STATES[:1])


def _rows(item: Item, asked: Asked, answers: list[Answer]) -> Iterator[dict[str, Any]]:
    if answers:
        yield from (_answered(item, asked, answer) for answer in answers)
        return
    name = asked.service.name
    reason = _not_asked(item, asked.service) or asked.skipped.get(item["when"])
    if reason is None and item.get("optional"):
        reason = "there is none"
    if reason is not None:
        yield row(item, name, NOT_APPLICABLE, f"{name}: {item['title']}: not asked: {reason}", asked.at, reason=reason)
    else:
        yield row(item, name, UNKNOWN, f"{name}: {item['title']}: {asked.silent}", asked.at, reason=asked.silent)


def _not_asked(item: Item, service: Service) -> str | None:
    if service.kind not in item.get("kinds", KINDS):
        return f"{service.name} is a {service.kind}"
    asks = item["asks"].split(" or ") if item.get("asks") else []
    named = any(_value(service, key) not in (None, "none", [], {}, 0) for key in asks)
    return f"{service.name} names no {item['asks']}" if asks and not named else None


def _value(service: Service, place: str) -> Any:
    value: Any = service.data()
    for key in place.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _answered(item: Item, asked: Asked, answer: Answer) -> dict[str, Any]:
    name = asked.service.name
    status = str(answer.get("status"))
    status = status if status in STATUSES else UNKNOWN
    label = str(answer.get("item") or name)
    label = label if label.startswith(name) else f"{name}: {label}"
    message = str(answer.get("message") or (_seen(answer) if status == FAIL else item["title"]))
    made = row(item, label, status, message if message.startswith(name) else f"{name}: {message}", asked.at)
    made |= {key: answer.get(key) for key in ("observed", "expected", "source")}
    made["reason"] = message if status in (UNKNOWN, NOT_APPLICABLE) else None
    return made | ({"at": answer["at"]} if answer.get("at") else {})


def _seen(answer: Answer) -> str:
    return f"{answer.get('observed')}, expected {answer.get('expected')}"


def row(item: Item, label: str, status: str, message: str, at: str, **more: Any) -> dict[str, Any]:
    """Return a result row of an item."""
    return {
        "id": item["id"],
        "item": label,
        "items": 1,
        "status": status,
        "severity": item["severity"],
        "phase": PHASE,
        "observed": None,
        "expected": None,
        "message": message,
        "source": None,
        "threshold_from": item["source"],
        "at": at,
        "reason": None,
        **more,
    }
