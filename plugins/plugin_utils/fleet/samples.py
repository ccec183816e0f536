# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is kept of a host's facts for comparing: the values that checks speak of, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ...module_utils.judge.operators import OPERATORS
from ...module_utils.judge.paths import Item, around, is_missing, items
from ...module_utils.judge.results import FAIL, GRAVE, UNKNOWN


class Value(NamedTuple):
    """One value of a host; ``group`` is what ``by`` says beside class and rack, ``missing`` why there is none."""

    item: str | None
    value: Any
    group: tuple[str, ...]
    missing: str | None


class Member(NamedTuple):
    """A host that answered. ``troubled``: its own findings are grave, and explain what it does not show."""

    name: str
    klass: str | None
    rack: str | None
    troubled: bool
    values: dict[str, tuple[Value, ...]]

    @property
    def source(self) -> str:
        """What stands in ``source`` of its rows."""
        return "facts of the run"


def member(record: Mapping[str, Any], facts: Mapping[str, Any], checks: Iterable[Mapping[str, Any]]) -> Member:
    """Return what checks between hosts need of one host; ``record`` is its entry in a run."""
    rows = record.get("results") or []
    troubled = any(row["severity"] in GRAVE and row["status"] in (FAIL, UNKNOWN) for row in rows)
    rack = record.get("rack")
    return Member(
        record["name"],
        record.get("class"),
        None if rack is None else str(rack),
        troubled,
        {check["id"]: values(check, facts) for check in checks if check["subject"]},
    )


def values(check: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Value, ...]:
    """Return the values that a check speaks of; where nothing is meant, one that is missing."""
    found = items(facts, check["subject"])
    meant = [(item, _meant(item, check["where"])) for item in found]
    kept = [_value(check, item, said) for item, said in meant if said is not False]
    return tuple(kept) or (Value(None, None, (), f"none of {len(found)} items of {check['subject']} is meant"),)


def _meant(item: Item, where: Mapping[str, Any]) -> bool | str:
    """Return True when ``where`` means the item, False when not, and a text when that cannot be known."""
    for path, wanted in where.items():
        value = around(item, path)
        if item.missing and not item.around:
            return True
        if is_missing(value):
            return f"{path} has no value"
        for operator, operand in (wanted if isinstance(wanted, dict) else {"eq": wanted}).items():
            try:
                if not OPERATORS[operator].holds(value, operand):
                    return False
            except (TypeError, ValueError) as error:
                return str(error)
    return True


def _value(check: Mapping[str, Any], item: Item, said: bool | str) -> Value:
    missing = said if isinstance(said, str) else item.missing
    group = []
    for name in check["by"]:
        if name in ("class", "rack"):
            continue
        beside = item.label if name == "item" else around(item, name)
        if is_missing(beside) and not missing:
            missing = f"{name} has no value"
        group.append(str(beside))
    return Value(item.label, item.value, tuple(group), missing)
