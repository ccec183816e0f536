# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a judgement stands on: facts, profile and time, and the values that a check's references lead to."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from .paths import Item, around, is_missing, look

REFERENCES = ("profile", "fact", "item")
REASONS_SHOWN = 2


class Ground(NamedTuple):
    """What a judgement stands on. ``at`` is a time in ISO 8601.

    ``profile`` is ``{"name", "values", "sources", "layers"}``; ``layers`` is a tree like ``values``, of layers' names.
    """

    facts: Mapping[str, Any]
    profile: Mapping[str, Any]
    at: str


class Operand(NamedTuple):
    """An expectation made concrete: its value, why it has none, and where it comes from."""

    value: Any
    missing: Optional[str]
    origin: Optional[str]


def operand(stated: Any, item: Optional[Item], ground: Ground) -> Operand:
    """Turn an operand of the catalogue into a value: a literal, or what a reference leads to."""
    if isinstance(stated, list):
        parts = [operand(part, item, ground) for part in stated]
        missing = next((part.missing for part in parts if part.missing), None)
        return Operand(
            [part.value for part in parts], missing, next((part.origin for part in parts if part.origin), None)
        )
    if not isinstance(stated, str) or stated.split(".")[0] not in REFERENCES or "." not in stated:
        return Operand(stated, None, None)
    kind, path = stated.split(".", 1)
    if kind == "item":
        value = around(item, path) if item else None
        return Operand(value, f"{path} has no value" if is_missing(value) else None, None)
    if kind == "fact":
        value = look(ground.facts, path, item)
        return Operand(value, f"{path} has no value" if is_missing(value) else None, None)
    value = look(ground.profile["values"], path, item)
    name = ground.profile["name"]
    origin = layer(look(ground.profile.get("layers"), path, item)) or f"profile {name}"
    stated_by = ground.profile.get("sources", {}).get(path)
    return Operand(
        value,
        f"profile {name} states no {path}" if value is None else None,
        f"{origin}: {stated_by}" if stated_by else origin,
    )


def layer(stated: Any) -> Optional[str]:
    """Name the layer of a profile's value, or the layers of a value that several of them state parts of."""
    if isinstance(stated, dict):
        return " and ".join(sorted({part for part in map(layer, stated.values()) if part})) or None
    return stated if isinstance(stated, str) else None


def because(ground: Ground, path: str) -> str:
    """Return what the collector said about the sources of a domain that could not answer."""
    domain = path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    facts = ground.facts.get(domain)
    if not isinstance(facts, dict):
        return f" ({domain} facts were not collected)"
    said = [
        f"{error.get('source')}: {error.get('reason')}"
        for error in facts.get("errors") or []
        if isinstance(error, Mapping)
    ]
    shown = "; ".join(said[:REASONS_SHOWN])
    more = f" and {len(said) - REASONS_SHOWN} more" if len(said) > REASONS_SHOWN else ""
    return f" ({shown}{more})" if said else ""
